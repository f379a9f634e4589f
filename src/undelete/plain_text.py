"""A stranger's text in one's own terminal: nothing in it may move the cursor, start a line or hide another."""

from __future__ import annotations

import re
import unicodedata

# Other, control; format (also what turns the direction of writing); surrogate; private use; separators of lines
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}

_NAMED = r"(?:columns?|target|feature|named|option|step)\s"
_QUOTED = re.compile(rf"(?P<name>{_NAMED})?(?P<text>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")")
_NUMBER = re.compile(
    r"(?P<place>\b(?:row|record|line)\s)?(?<![\w./-])-?\d+(?:,\d{3})*(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w-])"
)


def escaped(text: str) -> str:
    r"""Return the text with every character that is no print written out.

    Examples
    --------
    >>> escaped("a\nVerdict  NOT EXPOSED\x1b[2K")
    'a\\nVerdict  NOT EXPOSED\\x1b[2K'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_written(c) if unicodedata.category(c) in _UNSEEN else c for c in text)


def _written(character: str) -> str:
    code = ord(character)
    name = f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
    return _SHORT.get(character, name)


def masked(message: str) -> str:
    """Return a message without the cells that it quotes; names of columns and numbers of rows stay.

    Examples
    --------
    >>> masked("column 'colour' has 'mauve' in row 3, a category that ...")
    "column 'colour' has ... in row 3, a category that ..."
    """
    text = _QUOTED.sub(lambda found: found[0] if found["name"] else "...", message)
    return _NUMBER.sub(lambda found: found[0] if found["place"] else "...", text)
