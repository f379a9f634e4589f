"""How a command ends: its status, and one line for whatever went wrong. A verdict is never made of an accident.

0 done, 1 the gate tripped, 2 the input or the place could not be used, 3 a fault or too little memory, 128 and the
signal's number when stopped by one.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from types import FrameType
from typing import NoReturn, TextIO

from undelete.errors import InputError
from undelete.plain_text import escaped, masked

FAULT = 3
_LONGEST = 2000  # characters of a line of trouble: a name in a file may have millions


class Stopped(KeyboardInterrupt):
    """A signal asked the process to end.

    Its own class, since Python ends a process by SIGINT itself, whatever its status, where a plain `KeyboardInterrupt`
    passed through an `exec` of text under `python -m` (every data class that an import makes has one).
    """


class Terminal:
    """Where a command writes: streams that may be closed, full or of another encoding, or close half-way.

    What cannot be said changes no status but 0, and that only where it was lost, not where the reader had enough.
    """

    def __init__(self) -> None:
        self.debug = False
        self.redact = False
        self.lost: OSError | ValueError | None = None
        self._silent = False
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")

    def say(self, text: str) -> None:
        """Print a line, or several, to stdout."""
        if self._silent or sys.stdout is None:
            return
        try:
            print(text, flush=True)
        except BrokenPipeError:
            self._silence()
        except (OSError, ValueError) as error:
            self.lost = error
            self._silence()

    def complain(self, text: str, error: BaseException | None = None) -> None:
        """Print one line to stderr; with --debug the traceback before it."""
        if self.debug and error is not None:
            where = traceback.format_tb(error.__traceback__) if self.redact else traceback.format_exception(error)
            _stderr("".join(where))
        line = masked(text) if self.redact else text
        line = escaped(line)
        _stderr(f"undelete: {line if len(line) <= _LONGEST else line[:_LONGEST] + ' ...'}\n")

    def _silence(self) -> None:
        self._silent = True
        silence(sys.stdout)


def _stderr(text: str) -> None:
    if sys.stderr is not None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except (OSError, ValueError):
            silence(sys.stderr)


def silence(stream: TextIO | None) -> None:
    """Let what is still in a stream's buffer go nowhere, so that nothing fails when the process ends."""
    try:
        if stream is not None:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
    except (OSError, ValueError):
        pass  # a stream without a file, as in tests


def ended(work: Callable[[Terminal], int]) -> int:
    """Do a command's work and return the exit status, whatever happens."""
    terminal = Terminal()
    try:
        status = work(terminal)
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001 - this is where everything ends
        return trouble(error, terminal)
    if terminal.lost is not None:
        why = getattr(terminal.lost, "strerror", None) or terminal.lost
        terminal.complain(f"the output could not be printed ({why}); the files are whole", terminal.lost)
        return status or 2
    return status


def trouble(error: BaseException, terminal: Terminal) -> int:
    """Say in one line what ended the work, and return its status."""
    if _received or isinstance(error, KeyboardInterrupt):  # an interrupted import may fail in any way
        number = _received[0] if _received else signal.SIGINT
        terminal.complain(f"stopped by {signal.Signals(number).name}; files that were written are whole", error)
        return 128 + number
    if isinstance(error, InputError):
        terminal.complain(str(error), error)
        return 2
    if isinstance(error, MemoryError):
        detail = f" ({error})" if str(error) else ""
        terminal.complain(f"not enough memory for this{detail}: give fewer records or columns, or more memory", error)
    elif isinstance(error, ImportError):
        terminal.complain(f"a package is missing or broken ({error}): install undelete again, with its extras", error)
    elif isinstance(error, OSError) and error.strerror:
        place = "" if error.filename is None else f" {os.fspath(error.filename)!r}"
        terminal.complain(f"cannot read or write{place} ({error.strerror}): free or choose another place", error)
        return 2
    else:
        detail = "" if terminal.redact or not str(error) else f": {error}"
        terminal.complain(
            f"a fault in undelete, no verdict ({type(error).__name__}{detail}): --debug shows where; please report it",
            error,
        )
    return FAULT


_received: list[int] = []  # signals that came, the first one first


def _stop(number: int, _: FrameType | None) -> NoReturn:
    _received.append(number)
    raise Stopped


def entry(main: Callable[[], int]) -> NoReturn:
    """Run the command as a process of its own: signals end it tidily, closed streams do not change its status."""
    stopping = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    stopping = [number for number in stopping if signal.getsignal(number) not in (signal.SIG_IGN, None)]
    for number in stopping:
        signal.signal(number, _stop)
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # of other packages: they quote cells, and what matters is in the result
    try:
        status = main()
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else int(error.code is not None) * 2
    except Stopped:  # a second one, before the first was told
        status = 128 + _received[0]
    for number in stopping:
        signal.signal(number, signal.SIG_IGN)
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except BrokenPipeError:
            silence(stream)
        except (OSError, ValueError):
            silence(stream)
            status = status or 2
    sys.exit(status)
