"""Where something stands in a CSV file: what a user looks for when a message speaks of a row."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO, cast

import pandas as pd

_MISSING = frozenset({"", "NA", "N/A", "NaN", "nan", "NULL", "null", "None", "#N/A"})


class Lines:
    """Finds the line of a cell in the file that a table was read from.

    Parameters
    ----------
    file : Path
        The CSV file. It is looked at again only when a line is asked for.
    """

    def __init__(self, file: Path) -> None:
        self.file = file

    def __deepcopy__(self, memo: dict[int, Any]) -> Lines:
        return self  # pandas copies what a table carries with each step

    def place(self, row: int, column: str, cell: Any) -> str | None:
        """Return where a cell is, in words: "line 3 of people.csv".

        Parameters
        ----------
        row : int
            Its row, counted from 0 below the header.
        column : str
            Its column.
        cell : object
            What is there. None is returned where the file has something else: the table was sorted or cut.
        """
        try:
            with _opened(self.file) as text:
                rows = _rows(text)
                at = next(rows)[1].index(column)
                for i, (line, cells) in enumerate(rows):
                    if i == row:
                        found = cells[at] if at < len(cells) else ""
                        return f"line {line} of {self.file.name}" if _same(found, cell) else None
        except (OSError, ValueError, csv.Error, EOFError, zlib.error, StopIteration):
            pass  # it is gone, or another one by now
        return None


def misfit(file: Path, otherwise: str) -> str:
    """Say which line has more cells than the header has names, or a quote that is never closed."""
    line = 1
    try:
        with _opened(file) as text:
            rows = _rows(text)
            _, names = next(rows)
            for line, cells in rows:
                if len(cells) > len(names) and not any("\n" in cell for cell in cells[len(names) - 1 :]):
                    return f"line {line} has {len(cells)} cells, and the header {len(names)} names"
    except (OSError, ValueError, csv.Error, EOFError, zlib.error, StopIteration):
        return otherwise
    return f"the quote opened in line {line} is never closed" if "EOF inside string" in otherwise else otherwise


def _opened(file: Path) -> TextIO:
    opened = gzip.open if file.name.lower().endswith(".gz") else open
    return cast(TextIO, opened(file, "rt", encoding="utf-8-sig", newline=""))


def _rows(text: TextIO) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that is not blank with the line on which it starts, as pandas counts rows."""
    reader, start = csv.reader(text), 1
    for row in reader:
        if row:
            yield start, row
        start = reader.line_num + 1


def _same(found: str, cell: Any) -> bool:
    """Return whether the text of a cell is what a table holds."""
    if pd.isna(cell):
        return found.strip() in _MISSING
    if found.strip() == str(cell).strip():
        return True
    try:
        return float(found) == float(cell)
    except ValueError:
        return found.strip().lower() == str(cell).lower()
