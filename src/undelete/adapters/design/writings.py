"""What a cell of a table may be, in whatever way programs write it: a number, a logical, a word in another case."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable

import numpy as np

from undelete.adapters.design.polynomial import Category

# What programs write for a missing cell, and users for one they do not know.
MARKS = frozenset({
    "", "?", "NA", "N/A", "n/a", "n.a.", "N.A.", "NaN", "nan", "NULL", "null", "None", "none", "#N/A", "<NA>",
    ".", "-", "--",
})  # fmt: skip
LOGICAL = (("FALSE", "TRUE"), ("False", "True"), ("false", "true"), ("F", "T"))
WORDS = {word: bool(i) for pair in LOGICAL for i, word in enumerate(pair)}


def writings(cell: Category, *, logical: bool) -> Iterable[tuple[str, object]]:
    """Return what a cell may be, however it is written."""
    if isinstance(cell, str):
        word = bare(cell)
        yield "text", word
        number = _number(word)
        if number is not None:
            yield "number", number
        if word in WORDS:
            yield "logical", WORDS[word]
        if word not in MARKS:
            yield "folded", word.lower()  # last: MALE is male where nothing else is
    elif cell is not None:
        yield "number", cell
        if logical and cell in (0.0, 1.0):
            yield "logical", bool(cell)


def bare(cell: str) -> str:
    """Return a cell's text without blanks around it."""
    return unicodedata.normalize("NFC", cell.strip())  # two writings of an accent look alike


def apart(cells: Iterable[Category]) -> set[tuple[str, object]]:
    """Return what words that differ by case alone have in common: a table that has them both tells them apart."""
    folds = Counter(word.lower() for word in {bare(cell) for cell in cells if isinstance(cell, str)})
    return {("folded", word) for word, count in folds.items() if count > 1}


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if np.isfinite(number) else None
