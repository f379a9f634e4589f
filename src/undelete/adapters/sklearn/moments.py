"""Means and variances that estimators store, in the raw columns' units, with by how much they were rounded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from undelete.adapters.stored.inert import Part
from undelete.adapters.stored.statistic import Moments, Statistic
from undelete.adapters.stored.walk import Visit
from undelete.maths.arrays import Floats

Reader = Callable[[Visit], Iterator[Statistic]]
_DECIMALS = 10  # up to which a number is taken to have been rounded
_SAME = 1e-13  # relative to a number, by which its rounded form may differ


def rounding_unit(*arrays: Floats | None) -> Callable[[Floats], Floats]:
    """Return by how much the numbers of some arrays may have been rounded: to decimals, float32, or not at all.

    All arrays of one estimator are looked at together, for a mean of whole numbers is short by itself.
    """
    numbers = np.concatenate([np.ravel(a) for a in arrays if a is not None] or [np.zeros(0)])
    numbers = numbers[np.isfinite(numbers) & (numbers != 0)]
    if numbers.size and not (numbers == np.rint(numbers)).all():
        single = bool((numbers == numbers.astype(np.float32)).all())
        for digits in range(1, _DECIMALS + 1):
            slack = (2.0**-23 if single else _SAME) * np.abs(numbers)
            if (np.abs(np.round(numbers, digits) - numbers) <= slack).all():
                half = 0.5 * 10.0**-digits
                return lambda values: half + np.abs(values) * (2.0**-24 if single else 0.0)
        if single:
            return lambda values: np.abs(values) * 2.0**-24
    return lambda values: np.abs(values) * 2.0**-53


def place_of(visit: Visit, field: str) -> str:
    """Return where a field of an estimator stands, in words."""
    return f"{visit.source}.{field}"


def moments(
    visit: Visit, name: str, n: Any, mean: Floats | None, variance: Floats | None = None, *,
    group: str = "", further: Sequence[Floats | None] = (), noise: float = 0.0,
) -> Iterator[Moments]:  # fmt: skip
    """Yield a mean and variance for each column of an estimator, in the raw columns' units.

    Parameters
    ----------
    visit : Visit
        The estimator.
    name : str
        The field that stores the mean.
    n : number, array (d,) or None
        Of records.
    mean, variance : arrays (d,)
        As stored.
    group : str
        The class over which they are taken.
    further : sequence of arrays
        Other numbers of the same estimator, which say whether its numbers were rounded.
    noise : float
        Round-off of the variances besides, where they come from larger numbers.
    """
    if mean is None or mean.ndim != 1 or len(visit.features) != len(mean):
        return
    unit = rounding_unit(mean, variance, *further)
    counts = [None] * len(mean) if n is None else np.broadcast_to(np.asarray(n, dtype=float), mean.shape).tolist()
    spread = np.full(len(mean), np.nan) if variance is None or variance.shape != mean.shape else variance
    for feature, count, m, v in zip(visit.features, counts, mean, spread, strict=True):
        size = abs(feature.slope)
        yield Moments(
            place_of(visit, name), feature, count, feature.raw(float(m)), size**2 * float(v),
            size * float(unit(m)), size**2 * (float(unit(v)) + noise), group,
        )  # fmt: skip


def classes_of(part: Part) -> list[Any]:
    """Return a classifier's classes."""
    return [] if part["classes_"] is None else np.asarray(part["classes_"]).tolist()
