"""Whole numbers beyond all public ones, where the people that a search found pile up at a column's first or last value.

Who has more children than any public person would be told the most that these have, and surely.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence

import numpy as np

from undelete.attacker.groups.search import Samples
from undelete.maths.arrays import Floats
from undelete.release.columns import Column
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release

_PILED = 0.5  # probability of somebody's being at the end from which it is looked beyond
_MOST = 100  # values that join a column at one end


def beyond(columns: Sequence[Column], found: Samples, known: Collection[int] = ()) -> dict[int, Floats]:
    """Return by column the whole numbers that follow where somebody is at an end: as many as it has, a hundred at most.

    Parameters
    ----------
    columns : sequence of Column
        As the search had them, but for continuous ones, which have no ends.
    found : Samples
        What it found.
    known : collection of int
        Columns of which everybody's value is known.
    """
    further = {}
    for j, column in enumerate(columns):
        own = np.zeros(0) if j in known else column.counted
        if not len(own):
            continue
        ends = np.searchsorted(column.values.astype(float), own[[0, -1]])
        share = [float((found.weight @ (found.codes[:, :, j] == end)).max()) for end in ends]
        room = min(own[-1] - own[0], _MOST)
        low, high = own[0] - room, own[-1] + room
        low = max(low, 0.0) if own[0] >= 0 else low
        more = [*np.arange(low, own[0])] * (share[0] >= _PILED) + [*np.arange(own[-1] + 1, high + 1)] * (
            share[1] >= _PILED
        )
        if more and column.with_value(more[0]) is not None:
            further[j] = np.array(more)
    return further


def in_common(
    release: Release, parts: Sequence[tuple[Release, Reconstruction]]
) -> tuple[Release, list[Reconstruction]]:
    """Return a release whose columns have all values that any part's have, and the parts' records in its codes.

    Parameters
    ----------
    release : Release
        With the fewest values.
    parts : sequence of (Release, Reconstruction)
        Decoded with more values of some columns.
    """
    if release.public_codes is None:
        return release, [found for _, found in parts]
    columns, codes = list(release.columns), np.array(release.public_codes)
    written = [None if found.codes is None else np.array(found.codes) for _, found in parts]
    for j, column in enumerate(release.columns):
        if column.kind != "discrete":
            continue
        for value in np.unique(np.concatenate([own.columns[j].values.astype(float) for own, _ in parts])):
            if np.isfinite(value) and not np.isin(value, columns[j].values):
                longer = columns[j].with_value(float(value))
                columns[j] = columns[j] if longer is None else longer[0]
        if columns[j] is column:
            continue
        codes[:, j] = _places(column, columns[j])[codes[:, j]]
        for (own, _), one in zip(parts, written, strict=True):
            if one is not None:
                one[:, j] = _places(own.columns[j], columns[j])[one[:, j]]
    found = [dataclasses.replace(one, codes=new) for (_, one), new in zip(parts, written, strict=True)]
    return dataclasses.replace(release, columns=columns, public_codes=codes), found


def _places(few: Column, many: Column) -> np.ndarray:
    """Return where one column's numbers (c,) are among another's."""
    own, others = (column.values.astype(float) for column in (few, many))
    return np.array([np.flatnonzero((others == v) | (np.isnan(others) & np.isnan(v)))[0] for v in own], dtype=np.int64)
