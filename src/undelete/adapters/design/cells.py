"""The cells of a user's table, read strictly: a number is a number, and what is not is named with its row.

`Cells` wraps a DataFrame for one evaluation of a `Design`. Columns are read when first asked for and kept, so
that 800 indicators of one column cost one pass over its cells.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from undelete.adapters.design.conform import is_logical
from undelete.adapters.design.polynomial import Category, category
from undelete.errors import InputError
from undelete.maths.arrays import Floats, Indices

Fills = tuple[tuple[Category, Category], ...]


class Factor:
    """One column's cells as positions in a list of distinct values; -1 where the cell is missing."""

    def __init__(self, codes: Indices, position: dict[Category, int]) -> None:
        self.codes = codes  # (n,)
        self.position = position
        self.numeric = all(not isinstance(cell, str) for cell in position)
        self._order: Indices | None = None
        self._start: Indices | None = None

    @classmethod
    def of(cls, values: NDArray[Any], column: str) -> Factor:
        """Factorise a column's cells."""
        codes, distinct = pd.factorize(values)
        cells = distinct.tolist() if values.dtype.kind == "f" else map(category, distinct)
        try:
            position: dict[Category, int] = {cell: i for i, cell in enumerate(cells)}
        except TypeError as error:
            raise InputError(
                f"column {column!r} has {error}: only numbers and text can be read; convert the column"
            ) from error
        return cls(np.asarray(codes, dtype=np.int64), {**position, None: -1})

    def filled(self, fills: Fills) -> Factor:
        """Return the column after imputation."""
        codes, position = self.codes, dict(self.position)
        for marker, value in fills:
            source = self.at(marker)
            if source is not None:
                target = position.setdefault(value, len(position) - 1)
                codes = np.where(codes == source, target, codes)
        return Factor(codes, position)

    def at(self, cell: Category) -> int | None:
        """Return the position of a cell, None when no record has it."""
        found = self.position.get(cell)
        if found is None and isinstance(cell, str) and self.numeric:
            # the plain file form writes categories as text, whatever the column holds
            try:
                found = self.position.get(float(cell))
            except ValueError:
                return None
        return found

    def rows(self, position: int) -> Indices:
        """Return the rows whose cell is the one at `position`, ascending."""
        if self._order is None or self._start is None:
            self._order = np.argsort(self.codes, kind="stable")
            self._start = np.searchsorted(self.codes[self._order], np.arange(-1, len(self.position) + 1))
        return self._order[self._start[position + 1] : self._start[position + 2]]


class Cells:
    """The raw columns of a table, each read once.

    Parameters
    ----------
    table : DataFrame (n, columns)
        The user's records. Column labels are compared as text.

    Raises
    ------
    InputError
        When two columns have the same name.
    """

    def __init__(self, table: pd.DataFrame) -> None:
        names = [str(label) for label in table.columns]
        twice = sorted(name for name, count in Counter(names).items() if count > 1)
        if twice:
            raise InputError(f"the table has several columns named {twice[0]!r}: rename or drop them")
        self.n = len(table)
        self._lines = table.attrs.get("lines")
        self._have = table.attrs.get("columns", names)  # of a file also those that were not read
        self._series = {name: table.iloc[:, j] for j, name in enumerate(names)}
        self._numbers: dict[str, Floats] = {}
        self._factors: dict[tuple[str, Fills], Factor] = {}

    def require(self, columns: tuple[str, ...]) -> None:
        """Raise InputError that names the columns the table lacks."""
        missing = [column for column in columns if column not in self._series]
        if missing:
            wanted = ", ".join(repr(name) for name in columns[:12]) + (", ..." if len(columns) > 12 else "")
            if len(missing) == len(columns) and self._is_array():
                raise InputError(
                    "the table was given as an array, whose columns have no names, and the model was fitted on named "
                    f"ones: give a DataFrame with the columns {wanted}"
                )
            shown = ", ".join(repr(name) for name in missing[:5]) + (", ..." if len(missing) > 5 else "")
            have = ", ".join(repr(name) for name in self._have[:12])
            raise InputError(
                f"the table has no column {shown}, which the model reads; it has {have}: "
                "give a table with the model's raw columns"
            )

    def _is_array(self) -> bool:
        """Return whether the names are those that an array gets (0, 1, ... or x0, x1, ...), but for a target's."""
        names = list(self._series)
        counted = [i for i, name in enumerate(names) if name in (str(i), f"x{i}")]
        return 0 < len(names) - 1 <= len(counted)

    def place(self, column: str, row: int) -> str:
        """Return where a cell is, in words: its line in the file that the table was read from, or its row."""
        return place(self._series[column], column, row, self._lines)

    def has(self, column: str) -> bool:
        """Return whether the table has the column."""
        return column in self._series

    def finite(self, column: str) -> Floats:
        """Return a number column without its missing and infinite cells."""
        numbers = np.asarray(_array(self._series[column]), dtype=np.float64)
        return numbers[np.isfinite(numbers)]

    def is_text(self, column: str) -> bool:
        """Return whether the column holds anything but numbers."""
        return _array(self._series[column]).dtype.kind not in "fiub"

    def is_logical(self, column: str) -> bool:
        """Return whether the column holds True and False, and missing cells at most."""
        return is_logical(self._series[column])

    def numbers(self, column: str) -> Floats:
        """Return the column as float64, NaN where a cell is missing.

        Raises
        ------
        InputError
            When a cell is not a number or is infinite: the column, the first such cell and its row.
        """
        if column not in self._numbers:
            self._numbers[column] = _numbers(self._series[column], column, self._lines)
        return self._numbers[column]

    def factor(self, column: str, fills: Fills = ()) -> Factor:
        """Return the column's cells, after imputation, as positions among its distinct values."""
        if (column, fills) not in self._factors:
            if fills:
                self._factors[column, fills] = self.factor(column).filled(fills)
            else:
                values = _array(self._series[column])
                if values.dtype.kind in "fiub":
                    values = self.numbers(column)
                self._factors[column, fills] = Factor.of(values, column)
        return self._factors[column, fills]

    def cell(self, column: str, row: int) -> str:
        """Return a cell as it is shown in a message."""
        value = self._series[column].iloc[row]
        return repr(value.item() if isinstance(value, np.generic) else value)


def _array(series: pd.Series[Any]) -> NDArray[Any]:
    """Return a column's values: a float, integer or boolean array where it is one, objects otherwise."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(object).infer_objects()
    if series.dtype == object and is_logical(series):  # True, False and missing ones
        return series.astype("boolean").to_numpy(dtype=np.float64, na_value=np.nan)
    if pd.api.types.is_complex_dtype(series.dtype):
        return series.to_numpy(dtype=object)
    if pd.api.types.is_numeric_dtype(series.dtype):
        plain = isinstance(series.dtype, np.dtype)
        return series.to_numpy() if plain else series.to_numpy(dtype=np.float64, na_value=np.nan)
    return series.to_numpy(dtype=object)


def place(series: pd.Series[Any], column: str, row: int, lines: Any) -> str:
    """Return where a cell is, in words; `lines` is what a table read from a file carries in `attrs`, or None."""
    found = None
    if lines is not None and isinstance(series.index, pd.RangeIndex) and series.index.step == 1:
        found = lines.place(series.index.start + row, column, series.iloc[row])
    return str(found or f"row {row}")


def _numbers(series: pd.Series[Any], column: str, lines: Any) -> Floats:
    values = _array(series)
    if values.dtype.kind in "fiub":
        numbers = values.astype(np.float64)
    else:
        if pd.api.types.is_datetime64_any_dtype(series.dtype):
            raise InputError(
                f"column {column!r} holds dates and the model reads numbers: convert it as was done for the model"
            )
        numbers = np.asarray(pd.to_numeric(pd.Series(values), errors="coerce"), dtype=np.float64)
        bad = np.flatnonzero(np.isnan(numbers) & ~np.asarray(pd.isna(values)))
        if len(bad):
            where = place(series, column, int(bad[0]), lines)
            raise InputError(
                f"column {column!r} has {str(values[bad[0]])!r} in {where}, which is not a number, and the model reads "
                "numbers there: correct the cell or drop the row, or say that it stands for a missing one (--missing)"
            )
    infinite = np.flatnonzero(np.isinf(numbers))
    if len(infinite):
        where = place(series, column, int(infinite[0]), lines)
        raise InputError(
            f"column {column!r} is infinite in {where}: no model can use that; correct the cell or drop the row"
        )
    return numbers
