"""How each raw column of the public table is carried by a design's features.

For every monomial of one raw column alone (its indicators, or its value and powers) the design's span is
asked for a v with x @ v equal to that monomial; those v are the column's projection. The values that a column may
turn out to have are those of the public records, the categories that the model knows, and the whole numbers in and
around a measured range: the deleted record may be the only one with its value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from undelete.adapters.design.atoms import atom_values
from undelete.adapters.design.cells import Cells
from undelete.adapters.design.column_values import Reading
from undelete.adapters.design.polynomial import Atom, Category, Monomial
from undelete.adapters.design.values import key_of, label_of, listed, written_as
from undelete.maths.arrays import Floats, Indices
from undelete.release.columns import Column

if TYPE_CHECKING:
    from undelete.adapters.design.design import Design
    from undelete.adapters.design.probed import Probed


_GRID = 257  # values of a continuous column on which its terms are given


def raw_columns(design: Design, public: pd.DataFrame) -> tuple[Column, ...]:
    """Return one Column for each raw column that the design reads, in the table's order."""
    cells = Cells(design.conformed(public))
    cells.require(design.raw)
    names = [str(label) for label in public.columns if str(label) in set(design.raw)]
    return tuple(_column(design, cells, name) for name in names)


def _column(design: Design, cells: Cells, name: str) -> Column:
    reading = Reading.of(design, cells, name)
    kind = reading.kind()
    index = {monomial: i for i, monomial in enumerate(design.monomials)}
    own: list[Monomial] = [m for m in design.monomials if m and all(atom.column == name for atom, _ in m)]
    if kind == "continuous":
        own = [m for m in own if _is_value(m)][:1] or [m for m in own if m[0][0].function]
    wanted = np.zeros((len(index), len(own)))
    wanted[[index[m] for m in own], np.arange(len(own))] = 1.0
    V, shift, met = design.solve(wanted)
    kept = [m for m, ok in zip(own, met, strict=True) if ok]
    projection, shift = V[:, met], shift[met]
    if kind == "continuous":
        return _continuous(design, reading, kept, projection, shift)
    values, frequency = reading.candidates()
    filled, filled_as = reading.filled()
    if len(values) == 1:  # one value is no finding: nothing is read off the features, and no probability given
        kept, projection, shift = [], projection[:, :0], shift[:0]
    return Column(
        name=name,
        kind=kind,
        projection=projection,
        values=listed(values, reading.text, reading.logical),
        terms=_terms(design, name, values, kept, reading.text) + shift,
        frequency=frequency,
        filled=label_of(filled, reading.logical) if filled is not None and reading.text else filled,
        filled_as=filled_as,
        logical=reading.logical and not reading.text,
    )


def _continuous(design: Design, reading: Reading, kept: list[Monomial], projection: Floats, shift: Floats) -> Column:
    """Return a column that is read off its linear term, value = centre + scale * u, or off functions of it."""
    atom = kept[0][0][0] if kept else Atom(reading.column)
    centre, scale = design.scaling.get(atom, (0.0, 1.0))
    offset = centre - scale * float(shift[0]) if kept else 0.0
    numbers = reading.numbers()
    values, terms = np.zeros(0), np.zeros((0, len(kept)))
    if atom.function:
        values, offset, scale = on_grid(numbers), 0.0, 1.0
        tried: list[Category] = [*values.tolist()]
        terms = _terms(design, reading.column, tried, kept, reading.text) + shift
    least, greatest = possible(numbers)
    filled, filled_as = reading.filled()
    return Column(
        name=reading.column,
        kind="continuous",
        projection=projection,
        values=values,
        terms=terms,
        frequency=np.zeros(0),
        offset=offset,
        slope=scale,
        spread=float(np.nanstd(numbers)),
        least=least,
        greatest=greatest,
        filled=filled,
        filled_as=filled_as,
    )


def on_grid(numbers: Floats) -> Floats:
    """Return some of a continuous column's numbers, in order, from the least to the greatest."""
    known = np.unique(numbers[np.isfinite(numbers)])
    return np.asarray(known[np.unique(np.linspace(0, len(known) - 1, _GRID).round().astype(int))])


def possible(numbers: Floats) -> tuple[float, float]:
    """Return the least and the greatest number that a column with these can hold, as far as they tell."""
    least, greatest = float(np.nanmin(numbers)), float(np.nanmax(numbers))
    if least >= 0 and greatest <= 1:  # a share
        return 0.0, 1.0
    return (0.0 if least >= 0 else -np.inf), (0.0 if greatest <= 0 else np.inf)


def _terms(design: Design, name: str, values: list[Category], kept: list[Monomial], text: bool) -> Floats:
    """Return the monomials (values, q) of a column for each value that it can take."""
    held: list[Any] = [np.nan if v is None else v for v in values]
    candidates = Cells(pd.DataFrame({name: pd.Series(held, dtype=object if text else np.float64)}))
    terms = np.ones((len(values), len(kept)))
    used = dict.fromkeys(atom for monomial in kept for atom, _ in monomial)
    at = {atom: atom_values(atom, candidates, design.scaling) for atom in used}
    for j, monomial in enumerate(kept):
        for atom, power in monomial:
            terms[:, j] *= at[atom] ** power
    return terms


def encode_table(
    design: Design | Probed, table: pd.DataFrame, columns: tuple[Column, ...]
) -> tuple[NDArray[np.int64], Floats]:
    """Return positions in each column's values and the numbers of continuous ones, both (n, columns)."""
    cells = Cells(design.conformed(table))
    cells.require(tuple(column.name for column in columns))
    codes = np.full((cells.n, len(columns)), -1, dtype=np.int64)
    values = np.full((cells.n, len(columns)), np.nan)
    for j, column in enumerate(columns):
        reading = Reading.of(design, cells, column.name)
        if column.kind == "continuous":
            values[:, j] = reading.numbers()
            continue
        found, inverse = reading.distinct()
        at = {key_of(value): i for i, value in enumerate(column.values.tolist())}
        text = column.values.dtype.kind == "U"
        if text and reading.logical:
            found = [label_of(v, True) for v in found]
        codes[:, j] = np.array([at.get(key_of(written_as(v, text)), -1) for v in found], dtype=np.int64)[inverse]
        codes[:, j] = _filled(design, table, column, codes[:, j])
    return codes, values


def _filled(design: Design | Probed, table: pd.DataFrame, column: Column, codes: Indices) -> Indices:
    """Return a column's codes (n,), those of missing cells by what fills each where that is not always the same."""
    ways = np.flatnonzero(column.alike == len(column.values) - 1)
    missing = np.flatnonzero(codes == len(column.values) - 1)
    if len(ways) < 2 or not len(missing):
        return codes
    terms = design.transform(table.iloc[missing]) @ column.projection
    codes[missing] = ways[cKDTree(column.terms[ways]).query(terms)[1]]
    return codes


def _is_value(monomial: Monomial) -> bool:
    return len(monomial) == 1 and all(power == 1 and atom.is_value for atom, power in monomial)
