"""The values that each person of a group may have in each column, and how likely public records make them together.

A record's columns hang together by the public prior of maths (13): one conditional distribution a column. Several
people are searched by moving one value at a time, which needs a column given *all* others: the tables of the prior
as they stand, without the constants that make each conditional sum to one. What is left out is put back at the end.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from undelete.attacker.table.learnt import target_codes
from undelete.attacker.table.prior import Conditional, learn
from undelete.errors import InputError
from undelete.maths.arrays import Floats, Indices
from undelete.release.columns import Column
from undelete.release.release import Release

_GRID = 96  # values that stand for a continuous column's
_SAME = 1e-6  # of a record's own size, by which its columns' terms must give it back


@dataclass(frozen=True, eq=False)
class GroupLattice:
    """What people can be.

    Parameters
    ----------
    columns : sequence of Column
        All of the release's, a continuous one on a grid of its public values.
    codes : array (m, c) of int
        The public records on them.
    targets : array (m,) of int
        The public records' classes, as the prior's last column; zeros where the prior does not know them.
    prior : mapping of int to Conditional
        By column.
    tables : sequence of lists of (int, array)
        For each column each other one (the target is the last) that tells something of it, and the table
        (the other's values, its own) of what it adds.
    back : array (q + 1, d)
        From all columns' terms and the constant 1 to records.
    starts : array (c + 1,) of int
        Where each column's terms begin.
    """

    columns: Sequence[Column]
    codes: Indices
    targets: Indices
    prior: Mapping[int, Conditional]
    tables: Sequence[Sequence[tuple[int, Floats]]]
    back: Floats
    starts: Indices

    def log_prior(self, whole: Indices) -> Floats:
        """Return the log-prior (r,) of records (r, c + 1), the target last."""
        every = np.arange(len(whole))
        parts = [one.log_distribution(whole)[every, whole[:, j]] for j, one in self.prior.items()]
        return np.asarray(np.sum(parts, axis=0))

    def loose(self, whole: Indices) -> Floats:
        """Return the same without the constants: what the moves of one value take (r,)."""
        total = np.zeros(len(whole))
        for j, one in self.prior.items():
            total += one.base[whole[:, j]]
            for parent, table in one.tables.items():
                total += table[whole[:, parent], whole[:, j]]
        return total

    def given_others(self, whole: Indices, j: int) -> Floats:
        """Return the loose log-prior (r, values) of column j's values, the other columns as they are."""
        score = np.tile(self.prior[j].base, (len(whole), 1))
        for other, table in self.tables[j]:
            score += table[whole[:, other]]
        return score


_last: list[tuple[tuple[object, ...], tuple[tuple[float, ...], ...], GroupLattice]] = []


def group_lattice(release: Release, extra: Mapping[int, Floats] | None = None) -> GroupLattice:
    """Return the lattice of a release, the one before if that had the same public records.

    Parameters
    ----------
    release : Release
        With raw columns that together make the whole record.
    extra : mapping of int to array, optional
        Numbers that join a column's values: such as files give away.

    Raises
    ------
    InputError
        Where the columns do not make the record, or have values that no list holds.
    """
    extra = extra or {}
    key = (release.public_codes, release.Y_public, release.X_public, release.columns)
    more = tuple((j, *values.tolist()) for j, values in sorted(extra.items()))
    if not (_last and _last[0][1] == more and all(a is b for a, b in zip(_last[0][0], key, strict=True))):
        _last[:] = [(key, more, _made(release, extra))]
    return _last[0][2]


def _made(release: Release, extra: Mapping[int, Floats]) -> GroupLattice:
    if not release.columns or release.constant is None or release.embedding is not None:
        raise InputError("several people are told apart in raw columns of a model with a constant")
    columns, coded = [], []
    for j in range(len(release.columns)):
        column, codes = _on_a_grid(release, j, extra.get(j))
        columns.append(column)
        coded.append(codes)
    codes = np.column_stack(coded)
    M = np.column_stack([*(column.projection for column in columns), release.constant])
    back = np.linalg.pinv(M, rcond=1e-10)
    seen = release.X_public[:: max(1, len(release.X_public) // 64)]
    if np.abs((seen @ M) @ back - seen).max() > _SAME * np.abs(seen).max():
        raise InputError("several people are told apart where the raw columns make the whole record")
    targeted = release.Y_public is not None and release.target_kind == "class"
    targets = target_codes(release, release.Y_public if targeted else None, len(codes))
    whole = np.hstack([codes, targets[:, None]])
    order = sorted(range(len(columns)), key=lambda j: len(columns[j].values))
    sizes = [len(c.values) for c in columns] + [int(targets.max(initial=0)) + 1]
    numbers = [j for j in order if columns[j].kind == "discrete"]
    prior = learn(whole, sizes, order, given=[len(columns)], numbers=numbers)
    tables: list[list[tuple[int, Floats]]] = [[] for _ in range(len(columns) + 1)]
    for j, one in prior.items():
        for parent, table in one.tables.items():
            tables[j].append((parent, np.ascontiguousarray(table)))
            tables[parent].append((j, np.ascontiguousarray(table.T)))
    sizes_of_terms = [0, *(column.terms.shape[1] for column in columns)]
    return GroupLattice(columns, codes, targets, prior, tables, back, np.cumsum(sizes_of_terms))


def _on_a_grid(release: Release, j: int, extra: Floats | None) -> tuple[Column, Indices]:
    """Return a column whose values are a list, and the public records' positions in it."""
    column = release.columns[j]
    assert release.public_codes is not None
    assert release.public_values is not None
    codes = np.array(release.public_codes[:, j])
    if column.kind != "continuous":
        if not len(column.values) or (codes < 0).any():
            raise InputError(f"column {column.name!r} has public values that are not on a list")
        new = [] if extra is None else [v for v in np.unique(extra) if not np.isin(v, column.values)]
        for value in new:
            longer = column.with_value(float(value))
            if longer is None:
                raise InputError(f"column {column.name!r} has no value {value:g}: no public record has it")
            column, place = longer
            codes += codes >= place
        return column, codes
    numbers = release.public_values[:, j]
    if column.projection.shape[1] != 1 or len(column.values) or not np.isfinite(numbers).all():
        raise InputError(f"column {column.name!r} is no line in its value: several people are not told apart there")
    grid = np.unique(np.quantile(numbers, (np.arange(_GRID) + 0.5) / _GRID, method="nearest"))
    if extra is not None:
        grid = np.unique(np.concatenate([grid, extra]))
    near = np.abs(np.searchsorted((grid[1:] + grid[:-1]) / 2, numbers))
    share = np.bincount(near, minlength=len(grid)) / len(near)
    terms = ((grid - column.offset) / column.slope)[:, None]
    return dataclasses.replace(column, kind="discrete", values=grid, terms=terms, frequency=share), near
