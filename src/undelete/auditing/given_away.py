"""Puts values that the preprocessing gives away exactly into the record that an attack shows."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np

from undelete.adapters.design.polynomial import Category
from undelete.maths.arrays import Floats
from undelete.release.columns import Column
from undelete.release.reconstruction import Reconstruction
from undelete.release.seen import Seen

_NEAR = 1e-3  # of the step to the next value, or of a continuous column's deviation: round-off is far below


def with_exact(release: Seen, found: Reconstruction, values: Mapping[str, Category]) -> Reconstruction:
    """Return the reconstruction of one deletion with some columns' values known, each with probability 1.

    The other columns, and the record in the model's space, stay as the attack has them.
    """
    places = {j: values[c.name] for j, c in enumerate(release.columns) if c.name in values}
    if not places or found.codes is None or found.values is None or found.status[0] == "unchanged":
        return found
    codes, numbers = np.array(found.codes), np.array(found.values)
    probability = np.full(codes.shape, np.nan) if found.probability is None else np.array(found.probability)
    error = np.full(codes.shape, np.nan) if found.error is None else np.array(found.error)
    agreed = True
    for j, value in places.items():
        code = _code(release.columns[j], value)
        agreed = agreed and code == codes[0, j] >= 0
        codes[0, j], probability[0, j] = code, 1.0
        if not isinstance(value, str):
            numbers[0, j], error[0, j] = value, 0.0
    whole = found.record_probability
    if whole is not None and not agreed:  # that record is none any more: take its other columns by themselves
        whole = np.array([np.nanprod(probability[0])])
    candidates = chances = None
    if found.candidates is not None and found.candidate_probability is not None:
        candidates, chances = np.array(found.candidates), np.array(found.candidate_probability)
        for j in places:
            candidates[0, j], chances[0, j] = -1, np.nan
            candidates[0, j, 0], chances[0, j, 0] = codes[0, j], 1.0
    return dataclasses.replace(
        found,
        codes=codes,
        values=numbers,
        probability=probability,
        error=error,
        low=_known(found.low, places),
        high=_known(found.high, places),
        record_probability=whole,
        candidates=candidates,
        candidate_probability=chances,
    )


def _known(ends: Floats | None, places: Iterable[int]) -> Floats | None:
    """Return the ends of ranges (b, c) without those of known columns, whose errors of zero say them."""
    if ends is None:
        return None
    kept = np.array(ends)
    kept[:, list(places)] = np.nan
    return kept


def _code(column: Column, value: Category) -> int:
    """Return the position of a value among a column's; -1 where it is none of them."""
    if column.kind == "continuous" or not len(column.values):
        return -1
    if column.kind == "categorical" or isinstance(value, str):
        same = np.flatnonzero(column.values.astype(str) == str(value))
        return int(same[0]) if same.size else -1
    distance = np.abs(column.values.astype(float) - value)
    steps = np.diff(np.unique(column.values.astype(float)))
    return int(distance.argmin()) if distance.min() <= _NEAR * steps.min(initial=np.inf) else -1
