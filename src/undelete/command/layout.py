"""Lines of at most 80 columns."""

from __future__ import annotations

import textwrap

from undelete.plain_text import escaped

WIDTH = 80
SIDE_BY_SIDE = 5


def wrap(name: str, text: str) -> list[str]:
    """Return a text of several lines under its name."""
    return textwrap.wrap(f"{name:<9}{escaped(text)}", WIDTH, subsequent_indent=" " * 9) or [name]
