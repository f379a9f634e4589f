"""Values that the files give away by themselves, as what the search is not free in: the rest is decoded given them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from undelete.attacker.table.lattice import Lattice
from undelete.attacker.table.prior import Conditional
from undelete.maths.arrays import Floats
from undelete.release.columns import Column
from undelete.release.release import Release

_NOTHING = Conditional(np.zeros(1), {}, 0.0)  # of one value there is nothing to know


def known_columns(given: Floats | None) -> tuple[int, ...]:
    """Return the columns of which something is given (b, c) of every deletion."""
    return () if given is None else tuple(np.flatnonzero(np.isfinite(given).all(axis=0)).tolist())


class Knowing(Protocol):
    """A release of linear models or of networks, and what is known of its records."""

    @property
    def columns(self) -> Sequence[Column]: ...  # noqa: D102
    @property
    def given(self) -> Floats | None: ...  # noqa: D102


def conditioned(lattice: Lattice, release: Knowing, i: int) -> Lattice:
    """Return a lattice on which deletion i's given values are the only ones.

    A column on the lattice has its code. A continuous one in a single line joins it as a column of one value: its term
    is then known, and what the gradient's errors have in common with it goes into the others.
    """
    if release.given is None:
        return lattice
    row, alone, allowed = release.given[i], [], dict(lattice.allowed)
    for j in known_columns(release.given):
        column = release.columns[j]
        if j in lattice.order:
            alike = column.alike
            allowed[j] = np.flatnonzero(alike == alike[int(row[j])])
        elif on_a_line(column) and lattice.whole:
            alone.append(j)
            allowed[j] = np.zeros(1, dtype=np.int64)
    if len(allowed) == len(lattice.allowed):
        return lattice
    single = [one_value(release.columns[j], float(row[j])) for j in alone]
    return dataclasses.replace(
        lattice,
        columns=[*single, *lattice.columns],
        order=[*alone, *lattice.order],
        projection=np.hstack([*(release.columns[j].projection for j in alone), lattice.projection]),
        prior={**lattice.prior, **dict.fromkeys(alone, _NOTHING)},
        mixed=[atoms for atoms in lattice.mixed if atoms.place not in alone],
        allowed=allowed,
    )


def bounded(lattice: Lattice, release: Release, i: int) -> Lattice:
    """Return a lattice whose numbers lie between the ends that the files say of deletion i, where some do."""
    if release.within is None:
        return lattice
    allowed = dict(lattice.allowed)
    for j, column in zip(lattice.order, lattice.columns, strict=True):
        low, high = release.within[i, j]
        if column.kind != "discrete" or np.isnan(low) or j in allowed:
            continue
        own = column.values.astype(float)
        left = np.flatnonzero((own >= low) & (own <= high))  # a missing cell is in no range
        if 0 < left.size < len(own):
            allowed[j] = left
    return dataclasses.replace(lattice, allowed=allowed)


def on_a_line(column: Column) -> bool:
    """Return whether a continuous column's only term is a line in its value."""
    return column.kind == "continuous" and column.projection.shape[1] == 1 and not len(column.values)


def one_value(column: Column, value: float) -> Column:
    """Return a continuous column as one that has this value alone."""
    term = (value - column.offset) / column.slope
    return dataclasses.replace(
        column, kind="discrete", values=np.array([value]), terms=np.array([[term]]), frequency=np.ones(1)
    )


def write_given(release: Knowing, lattice: Lattice, arrays: Mapping[str, Floats], i: int) -> None:
    """Put deletion i's given numbers into what is shown: continuous, and without an error."""
    if release.given is None:
        return
    for j in lattice.allowed:
        if release.columns[j].kind == "continuous":
            arrays["codes"][i, j] = -1
            arrays["values"][i, j], arrays["error"][i, j], arrays["probability"][i, j] = release.given[i, j], 0.0, 1.0
            arrays["candidates"][i, j], arrays["candidate_probability"][i, j] = -1, np.nan
            for name in ("low", "high", "range_probability"):
                arrays[name][i, j] = np.nan
