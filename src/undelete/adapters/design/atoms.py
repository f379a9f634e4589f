"""The values of a design's atoms over a table's cells."""

from __future__ import annotations

import numpy as np

from undelete.adapters.design.cells import Cells, Fills
from undelete.adapters.design.functions import applied
from undelete.adapters.design.polynomial import Atom, Category, Scaling
from undelete.errors import InputError
from undelete.maths.arrays import Floats, Indices


def atom_values(atom: Atom, cells: Cells, scaling: Scaling) -> Floats:
    """Return an atom for every record (n,): the standardised value, its function or code, or the indicator.

    Raises
    ------
    InputError
        For a missing cell that nothing imputes, a category without a code, and a number without a function's value.
    """
    if atom.indicator:
        result = np.zeros(cells.n)
        result[indicator_rows(atom, cells)] = 1.0
        return result
    values = _codes(atom, cells) if atom.codes is not None else filled_numbers(cells.numbers(atom.column), atom.fills)
    missing = np.flatnonzero(np.isnan(values))
    if len(missing):
        where = cells.place(atom.column, int(missing[0]))
        raise InputError(
            f"column {atom.column!r} is missing in {where} and the model has no imputer for it: fill the cell or drop "
            "the row"
        )
    if atom.function:
        values = _applied(atom, values, cells)
    centre, scale = scaling.get(atom, (0.0, 1.0))
    return (values - centre) / scale if (centre, scale) != (0.0, 1.0) else values


def _applied(atom: Atom, values: Floats, cells: Cells) -> Floats:
    found = applied(atom.function, values)
    without = np.flatnonzero(np.isnan(found))
    if len(without):
        at = int(without[0])
        raise InputError(
            f"column {atom.column!r} has {values[at]:g} in {cells.place(atom.column, at)}, of which the model's "
            f"{atom.function} is no number: correct the cell or drop the row"
        )
    return found


def filled_numbers(numbers: Floats, fills: Fills) -> Floats:
    """Return a number column after imputation."""
    for marker, value in fills:
        if isinstance(value, float) and not isinstance(marker, str):  # no number equals a text
            numbers = np.where(np.isnan(numbers) if marker is None else numbers == marker, value, numbers)
    return numbers


def indicator_rows(atom: Atom, cells: Cells) -> Indices:
    """Return the rows (ascending) in which an indicator is 1."""
    factor = cells.factor(atom.column, atom.fills)
    found = [factor.at(cell) for cell in atom.categories or ()]
    inside = [position for position in found if position is not None]
    if len(inside) == 1 and not atom.negated:
        return factor.rows(inside[0])
    return np.flatnonzero(np.isin(factor.codes, inside) != atom.negated)


def _codes(atom: Atom, cells: Cells) -> Floats:
    """Return the ordinal codes of a column's cells; NaN for missing ones without a code."""
    factor = cells.factor(atom.column, atom.fills)
    coded = dict(atom.codes or ())
    table = np.full(len(factor.position), np.nan)  # the last entry is the missing cell's, at position -1
    for cell, position in factor.position.items():
        if cell in coded:
            table[position] = coded[cell]
        elif cell is not None and atom.unseen is not None:
            table[position] = atom.unseen
    return table[factor.codes]


def refuse_unseen(column: str, fills: Fills, known: tuple[Category, ...], cells: Cells) -> None:
    """Raise InputError for a category that the model's encoder was not fitted with.

    The message names the column, the first such cell and its row.
    """
    factor = cells.factor(column, fills)
    seen = [position for position in map(factor.at, known) if position is not None]
    rows = np.flatnonzero(~np.isin(factor.codes, seen))
    if not len(rows):
        return
    shown = ", ".join(repr(cell) for cell in known[:5]) + (", ..." if len(known) > 5 else "")
    at = int(rows[0])
    raise InputError(
        f"column {column!r} has {cells.cell(column, at)} in {cells.place(column, at)}, a category that the "
        f"model's encoder does not know (it knows {shown}): correct the cell or drop the row"
    )
