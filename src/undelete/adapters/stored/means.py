"""What the means and variances of two files say of who came between: n times one less n - 1 times the other."""

from __future__ import annotations

import numpy as np

from undelete.adapters.stored.change import EXACT, ROUND, Change
from undelete.adapters.stored.feature import comparable
from undelete.adapters.stored.given import Given, certain, within
from undelete.adapters.stored.leaving import Leaving, filled, leaving, refilled
from undelete.adapters.stored.shortest import plain
from undelete.adapters.stored.statistic import TARGET, ClassMeans, Moments

_COUNTS = 0.25  # largest error of a sum of indicators that says how many have the category
_SAFE = 1e-14  # of two means, some hundred times their rounding
_RELATIVE = 1e-6  # of a value, where the deviation is not known
_MOVED = 1e-10  # of a column's largest mean, beyond which a class's is another: one of a million records does more


def moments_of(big: Moments, small: Moments, numbers: tuple[float | None, float | None], change: Change) -> list[Given]:
    """Return the value that two means of a column say, or what of it: a sum of two, a range, a difference."""
    moved = big.feature.fills != small.feature.fills and _refilled(big) and _refilled(small)
    if moved or (_mean_filled(big) and _mean_filled(small)):
        return _filled(big, small, change)
    if not comparable(big.feature, small.feature):
        return []
    n, fewer = (numbers[0] if big.n is None else big.n), (numbers[1] if small.n is None else small.n)
    if n is None or fewer is None:
        return []
    if np.isnan(n):
        return _mean_of_some(big, small, numbers, change)
    between = leaving(big, small, n, fewer)
    alone = abs(between.number - change.weight) <= 1e-9 * n
    if between.number == 0:
        return _exchange(big, between, change)
    if alone and between.one is not None and not _own_class(big, change):
        if between.one:
            change.one = True if change.one is None else change.one
            change.proved.add(str(big.feature.label))
        else:
            change.deny(f"{big.source} of {big.feature.column}: mean and variance do not differ as by one record")
    if between.number == 2 and not big.group:
        return _two(big, between, change)
    if not alone:
        who = "joined" if change.joined else "left"
        return [_number(big, between.mean, between.mean_error, between, f"mean of those who {who}", exact=False)]
    if between.one is False:
        return [_number(big, between.total, between.error, between, "difference", exact=False)]
    return _own(big, between)


def class_moved(big: ClassMeans, small: ClassMeans) -> list[Given]:
    """Return the class of whoever came between: the one whose means moved.

    How many they were, and so their values, does not follow: one record moves a mean of n by as much as two others may.
    """
    pairs = list(zip(big.features, small.features, strict=False))
    alike = [j for j, (one, other) in enumerate(pairs) if comparable(one, other) and one.label == other.label]
    if list(big.groups) != list(small.groups) or big.means.shape != small.means.shape or not alike:
        return []
    first, second = big.means[:, alike], small.means[:, alike]
    noise = np.array([100 * (big.features[j].noise + small.features[j].noise) for j in alike])  # of being scaled back
    moved = np.abs(first - second) > _MOVED * np.maximum(np.abs(first), np.abs(second)).max(axis=0) + noise
    own = np.flatnonzero(moved.any(axis=1))
    return [certain(TARGET, big.groups[int(own[0])], "class", big.source)] if len(own) == 1 else []


def _mean_filled(one: Moments) -> bool:
    """Return whether the column's missing cells were filled with its mean."""
    fills, size = one.feature.fills, abs(one.mean) + np.sqrt(max(np.nan_to_num(one.variance), 0.0))
    return len(fills) == 1 and not isinstance(fills[0], str) and abs(fills[0] - one.mean) <= 1e-9 * size


def _refilled(one: Moments) -> bool:
    """Return whether the column's missing cells were filled with one number."""
    fills = one.feature.fills
    return len(fills) == 1 and not isinstance(fills[0], str) and not one.group and one.feature.category is None


def _filled(big: Moments, small: Moments, change: Change) -> list[Given]:
    n = big.n
    if n is None or change.number != 1 or big.feature.column is None or big.feature.codes is not None:
        return []
    fills = big.feature.fills[0], small.feature.fills[0]
    own = filled(big, small, n) if _mean_filled(big) and _mean_filled(small) else refilled(big, small, n, *fills)
    if own is None:
        return []
    change.one = True if change.one is None else change.one
    change.proved.add(big.feature.column)
    value, error, _ = own
    sure = error <= EXACT * np.sqrt(max(big.variance, 0.0))
    return [Given(big.feature.column, plain(value, error), value - error, value + error, sure, "value", big.source)]


def _own_class(big: Moments, change: Change) -> bool:
    return bool(big.group) and change.number != 1


def _own(big: Moments, between: Leaving) -> list[Given]:
    """Return one person's value: a number, or of an indicator the category."""
    feature, value, error = big.feature, between.mean, between.mean_error
    if feature.category is not None:
        near = max(error, 1e-6)
        if near >= _COUNTS:
            return []
        if abs(value) <= near and feature.other is not None:
            return [certain(str(feature.column), feature.other, "category", big.source)]
        if abs(value - 1) > near:
            return []
        return [certain(str(feature.column), feature.category, "category", big.source)]
    if feature.codes is not None:
        place = round(value)
        known = abs(value - place) <= max(error, 1e-6) and 0 <= place < len(feature.codes) and error < 0.5
        return [certain(str(feature.column), feature.codes[place], "value", big.source)] if known else []
    return [_number(big, value, error, between, "value")]


def _number(big: Moments, value: float, error: float, between: Leaving, kind: str, *, exact: bool = True) -> Given:
    deviation = between.deviation if np.isfinite(big.variance) else 0.0
    sure = error <= max(EXACT * deviation, _RELATIVE * max(abs(value), abs(big.mean)))
    near = plain(value, error)
    return Given(str(big.feature.label), near, value - error, value + error, exact and sure, kind, big.source)


def _exchange(big: Moments, between: Leaving, change: Change) -> list[Given]:
    """Return by how much those who left and joined differ, where as many did."""
    if between.unchanged or big.feature.category is not None:
        return []
    return [_number(big, between.total, between.error, between, "difference", exact=False)]


def _two(big: Moments, between: Leaving, change: Change) -> list[Given]:
    if big.feature.category is not None:
        count = round(between.total) if between.error < _COUNTS else -1
        own = [certain(str(big.feature.column), big.feature.category, "one of two", big.source)]
        return own * count if 0 <= count <= 2 else []
    pair = between.pair
    if pair is None:
        if between.one is not None:
            change.deny(f"{big.source} of {big.feature.column}: mean and variance do not differ as by two records")
        return []
    change.pairs.append((big.feature.label, between))
    low, high, error = pair
    return [_number(big, value, error, between, "one of two") for value in (low, high)]


def _mean_of_some(
    big: Moments, small: Moments, numbers: tuple[float | None, float | None], change: Change
) -> list[Given]:
    """Return between what the value lies if the mean is over 1 to n cells: m' + n (m - m')."""
    n, moved = numbers[0], big.mean - small.mean
    if n is None or change.number != 1 or abs(moved) <= ROUND * abs(big.mean) * 1e-4:
        return []
    ends = sorted((big.mean, small.mean + n * moved))
    error = _SAFE * n * (abs(big.mean) + abs(small.mean))  # of such a product's rounding
    return [within(str(big.feature.column), ends[0] - error, ends[1] + error, big.source)]
