"""Reads a table's cells as the model's encoders know them: `01` as 1, ` north` as north, TRUE as True, `?` as missing.

The file that a model was trained from and the one that is given here may be read by different rules. An encoder that
ignores what it does not know makes zeros of such cells, and nobody is told. So each cell that is none of the model's
categories is tried in other writings; what is left over is counted, and said.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from undelete.adapters.design.polynomial import Atom, Category, category
from undelete.adapters.design.writings import LOGICAL, MARKS, WORDS, apart, bare, writings
from undelete.errors import InputError
from undelete.maths.arrays import Flags

if TYPE_CHECKING:
    from undelete.adapters.design.design import Design
    from undelete.adapters.design.encoding import Encoding


@dataclass(frozen=True)
class Use:
    """What a model makes of one raw column.

    Parameters
    ----------
    known : tuple
        The categories that it tells apart; empty for a column of numbers.
    closed : bool
        Whether any other cell is nothing to it (an encoder's), or may be a category without an indicator of its own (as
        in the names of a plain file).
    fills : bool
        Whether a missing cell is read.
    number : bool
        Whether the cell's value is read.
    """

    known: tuple[Category, ...]
    closed: bool
    fills: bool
    number: bool


def uses(design: Design) -> dict[str, Use]:
    """Return what a design makes of each raw column."""
    found = {}
    encoders: dict[str, list[Encoding]] = {column: [] for column in design.raw}
    read: dict[str, list[Atom]] = {column: [] for column in design.raw}
    for encoding in design.encodings:
        encoders[encoding.column].append(encoding)
    for atom in design.atoms:
        read[atom.column].append(atom)
    for column in design.raw:
        encodings, atoms = encoders[column], read[column]
        fills = {marker for a in atoms for marker, _ in a.fills} | {m for e in encodings for m, _ in e.fills}
        known = dict.fromkeys(cell for e in encodings for cell in e.known)
        if not encodings:
            known = dict.fromkeys(cell for a in atoms for cell in a.categories or () if cell is not None)
        found[column] = Use(
            (*known, *(m for m in fills if m is not None and known and m not in known)),
            bool(encodings),
            None in fills or None in known or any(a.fills_missing for a in atoms),
            any(not a.indicator and a.codes is None for a in atoms),
        )
    return found


def conformed(table: pd.DataFrame, by_column: dict[str, Use]) -> pd.DataFrame:
    """Return a table with the cells of some columns written as the model knows them; the table itself if all are."""
    changed = {}
    for j, name in enumerate(table.columns):
        use = by_column.get(str(name))
        if use is not None:
            series = table.iloc[:, j]
            new = _known(series, use) if use.known else _numbers(series, use)
            if new is not series:
                changed[j] = new
    if not changed:
        return table
    table = table.copy(deep=False)
    for j, new in changed.items():
        table.isetitem(j, new.array)
    return table


def unknown(table: pd.DataFrame, by_column: dict[str, Use]) -> list[str]:
    """Say which columns of a conformed table have cells that are no category the model knows.

    Raises
    ------
    InputError
        When no cell of a column is one: the model then sees nothing of that column.
    """
    told = []
    for j, name in enumerate(table.columns):
        use = by_column.get(str(name))
        if use is None or not use.known or use.number:
            continue
        codes, distinct = pd.factorize(table.iloc[:, j])
        counts = np.bincount(codes[codes >= 0], minlength=len(distinct))
        lookup = _Lookup(use)
        odd = [(int(n), cell) for n, cell in zip(counts, map(category, distinct), strict=True) if not lookup.has(cell)]
        missing = 0 if use.fills or not use.closed else int((codes < 0).sum())
        outside, total = sum(n for n, _ in odd) + missing, len(table)
        shown = ", ".join(repr(cell) for _, cell in sorted(odd, key=lambda item: -item[0])[:3])
        words = f"{outside:,} of {total:,} cells of column {str(name)!r}"
        which = f" ({shown})" if shown else " (empty ones)"
        known = ", ".join(repr(cell) for cell in use.known[:5]) + (", ..." if len(use.known) > 5 else "")
        if total and outside == total and use.closed:
            raise InputError(
                f"{words}{which} are no category the model knows (it knows {known}): the model sees nothing of this "
                "column; write its cells as they were for the training"
            )
        if outside and (use.closed or outside == total):
            told.append(
                f"{words}{which} are no category the model knows (it knows {known}): to the model these cells are "
                "nothing at all. If they were written otherwise for the training, give them so."
            )
    return told


def folded(table: pd.DataFrame, by_column: dict[str, Use]) -> list[str]:
    """Say which columns of a raw table have categories that are read in another case than they are written in."""
    told = []
    for j, name in enumerate(table.columns):
        use = by_column.get(str(name))
        if use is None or not use.known:
            continue
        was, new = table.iloc[:, j], _known(table.iloc[:, j], use)
        if new is was:
            continue
        pairs = pd.DataFrame({"was": was.to_numpy(object), "new": new.to_numpy(object)}).drop_duplicates()
        both = [(a, b) for a, b in zip(pairs.was, pairs.new, strict=True) if isinstance(a, str) and isinstance(b, str)]
        cased = [f"{a!r} as {b!r}" for a, b in both if bare(a) != bare(b) and bare(a).lower() == bare(b).lower()]
        if cased:
            told.append(f"Column {str(name)!r} is read without regard to case: {', '.join(cased[:3])}.")
    return told


def outside(table: pd.DataFrame, by_column: dict[str, Use]) -> Flags:
    """Return which records (m,) of a conformed table have a cell, not a missing one, that is no category known."""
    odd: Flags = np.zeros(len(table), dtype=bool)
    for j, name in enumerate(table.columns):
        use = by_column.get(str(name))
        if use is not None and use.closed and use.known and not use.number:
            codes, distinct = pd.factorize(table.iloc[:, j])
            lookup = _Lookup(use)
            try:
                known = np.array([lookup.has(category(cell)) for cell in distinct] + [True])  # the last: a missing cell
            except TypeError:
                continue  # dates and the like: refused where they are read
            odd |= ~known[codes]
    return odd


class _Lookup:
    """The categories of a column by all their writings."""

    def __init__(self, use: Use) -> None:
        known = list(use.known)
        if not use.closed:  # R names TRUE and leaves FALSE out
            known += [other for pair in LOGICAL for word, other in (pair, pair[::-1]) if word in known]
        self.use, self.known = use, frozenset(known)
        numbers = all(cell is None or cell in (0.0, 1.0) for cell in known)
        self.by: dict[tuple[str, object], Category] = {}
        twice: set[tuple[str, object]] = set()
        for cell in self.known:
            for writing in writings(cell, logical=numbers):
                if self.by.setdefault(writing, cell) != cell:
                    twice.add(writing)
        for writing in twice:  # it could be either
            del self.by[writing]

    def has(self, cell: Category) -> bool:
        """Return whether a cell is a category as it stands, or read as a number in a plain file."""
        return cell in self.known or (not self.use.closed and ("number", cell) in self.by)

    def read(self, cell: Category, logical: bool, alike: Collection[tuple[str, object]] = ()) -> Category:
        """Return the category that a cell is, or the cell where it is none; `alike` are folds of several."""
        if cell in self.known:
            return cell
        for writing in writings(cell, logical=logical):
            if writing[0] == "folded" and (not self.use.closed or writing in alike):
                continue
            # a number stays one where the names of a plain file tell numbers apart by text
            if writing in self.by and (self.use.closed or logical or isinstance(cell, str)):
                return self.by[writing]
        if isinstance(cell, str) and self.use.fills and cell.strip() in MARKS:
            return None
        return cell

    def missing(self) -> Category:
        """Return the category that stands for an empty cell, where empty cells are not read as such."""
        words = sorted(cell for cell in self.known if isinstance(cell, str) and cell.strip() in MARKS)
        return words[0] if len(words) == 1 and not self.use.fills else None


def _known(series: pd.Series[Any], use: Use) -> pd.Series[Any]:
    """Return a column with each cell written as the category that it is; the column itself where all are."""
    codes, distinct = pd.factorize(series)
    try:
        cells = [category(cell) for cell in distinct]
    except TypeError:
        return series  # dates and the like: refused where they are read
    lookup = _Lookup(use)
    logical = is_logical(series) or ({*cells} <= {0.0, 1.0} and lookup.known <= WORDS.keys())
    alike = apart(cells)
    read = [lookup.read(cell, logical, alike) for cell in cells]
    empty = lookup.missing() if (codes < 0).any() else None
    if read == cells and empty is None:
        return series
    held = np.empty(len(read) + 1, dtype=object)
    held[:] = [np.nan if cell is None else cell for cell in (*read, empty)]  # a missing cell has the last position
    return pd.Series(held[codes], index=series.index).infer_objects()


def _numbers(series: pd.Series[Any], use: Use) -> pd.Series[Any]:
    """Return a column of numbers that are written as text, and where missing ones are read, by marks, as numbers."""
    if not use.number or pd.api.types.is_numeric_dtype(series) or pd.api.types.infer_dtype(series) != "string":
        return series
    text = series.str.strip()
    marked = (text.isin(MARKS) if use.fills else text == "").fillna(False).astype(bool)
    text = text.mask(marked)
    words = text.isin(WORDS)
    numbers = text.map(WORDS) if (words | text.isna()).all() else pd.to_numeric(text, errors="coerce")
    return series if (numbers.isna() & ~marked & series.notna()).any() else numbers.astype("float64")


def is_logical(series: pd.Series[Any]) -> bool:
    """Return whether a column's cells are True and False, apart from missing ones."""
    if pd.api.types.is_bool_dtype(series.dtype):
        return True
    return series.dtype == object and pd.api.types.infer_dtype(series, skipna=True) == "boolean"
