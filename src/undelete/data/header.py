"""What the names of a table's columns must be, whatever the kind of file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from undelete.errors import InputError


def check_header(file: Path, names: Sequence[str]) -> None:
    """Raise InputError for no names, names that are one name with separators, or a name given twice."""
    if not names:
        raise InputError(f"{file} is empty (no column names): export the table again")
    if len(names) == 1:
        for separator, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
            if separator in names[0]:
                raise InputError(f"{file} separates its columns by {word}: save it with commas")
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise InputError(
            f"{file} has more than one column named {repeated[0]!r}: rename one, columns are told apart by name"
        )


def line(error: BaseException) -> str:
    """Return an error of a parser as a part of a sentence."""
    return " ".join(str(error).split()).rstrip(".")[:200] or type(error).__name__
