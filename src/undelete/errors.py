"""The one exception that means: the input could not be used, and here is why."""


class InputError(ValueError):
    """The user's input cannot be used.

    The message is one line: what was seen, why it matters, what to do. The command line prints it and
    ends with status 2; it never prints a traceback for it.
    """


class NotAttacked(InputError):
    """Two models that no attack compares, whatever else is given with them; what their files store is not touched."""
