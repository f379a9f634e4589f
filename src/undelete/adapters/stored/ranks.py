"""What extremes and quantiles of two files say: on which side of each of them the value lies of who left.

A quantile of level p stands at place P = p (n - 1) among n sorted records, at a share f of the way from record a to the
next, and without one of them at P - p among the others. A record further up that leaves lets it fall, one further down
lets it rise, and one of those between which it stands may do either: maths (50).
"""

from __future__ import annotations

import numpy as np

from undelete.adapters.stored.change import ROUND, Change
from undelete.adapters.stored.feature import comparable
from undelete.adapters.stored.given import Given, certain, extreme, extremes_of, within
from undelete.adapters.stored.statistic import Extreme, Quantiles
from undelete.maths.arrays import Floats

# methods whose quantiles are records, or lie in the middle of two: nobody between moves one towards himself
_OF_RECORDS = ("inverted_cdf", "averaged_inverted_cdf")
_LINEAR = ("linear", "warn")
_WHOLE = 1e-6  # of a place among the records, which is taken for a whole number
_APART = 2.0  # records between two quantiles, of which some may have had a missing cell


def extremes(big: Extreme, small: Extreme, change: Change) -> list[Given]:
    """Return the least or greatest value where another one is after a record less: some record's own."""
    if not comparable(big.feature, small.feature) or big.feature.category is not None:
        return []
    side = big.side or 1
    ahead = side * (big.value - small.value)
    tolerance = max(ROUND * max(abs(big.value), abs(small.value)), big.feature.noise, small.feature.noise)
    if ahead < -tolerance and change.number == 1:
        change.deny(f"{big.source} of {big.feature.column} is further out in the file of fewer records")
    if abs(ahead) <= tolerance:
        return []
    own = big if ahead > 0 else small
    if big.feature.codes is not None:
        place = round(own.value)
        known = 0 <= place < len(big.feature.codes)
        return [certain(str(own.feature.column), big.feature.codes[place], "extreme", own.source)] if known else []
    return [extreme(own)]


def quantiles(
    big: Quantiles, small: Quantiles, numbers: tuple[float | None, float | None], change: Change
) -> list[Given]:
    """Return the range in which a value lies that left: above the quantiles that fell, below those that rose."""
    if not comparable(big.feature, small.feature) or len(big.values) != len(small.values):
        return []
    n = numbers[0]  # of all columns' records, at most
    if (n is None and np.isfinite(big.most)) or (n is not None and n > big.most):
        return []  # a random part of the records was used, another in each file
    rows: list[Given] = []
    for one, other in zip(extremes_of(big), extremes_of(small), strict=True):
        rows += extremes(one, other, change)
    if change.number not in (1, None) or change.one is False:
        return rows
    noise = ROUND * np.maximum(np.abs(big.values), np.abs(small.values)) + big.feature.noise + small.feature.noise
    fell, rose = small.values < big.values - noise, small.values > big.values + noise
    if change.number is None or not (fell.any() or rose.any()):
        return rows
    least, most = sure_ends(big, n)
    ends = big.values[[0, -1]] if len(big.values) > 1 and abs(big.levels[0]) < ROUND else np.array([-np.inf, np.inf])
    low = float(least[fell].max(initial=ends[0]))
    high = float(most[rose].min(initial=ends[1]))
    if low > high + noise.max():
        change.deny(f"{big.source} of {big.feature.column}: quantiles do not move as by one record")
        return rows
    if not any(row.exact for row in rows):
        rows.append(within(str(big.feature.column), min(low, high), max(low, high), big.source))
    return rows


def sure_ends(one: Quantiles, n: float | None) -> tuple[Floats, Floats]:
    """Return how low a value (q,) may be whose leaving lets a quantile fall, and how high one that lets it rise.

    `n` is how many records there are; None where that is not known.

    Examples
    --------
    >>> from undelete.adapters.stored.feature import Feature
    >>> thirds = Quantiles("", Feature("x", "x"), np.array([0, 0.5, 1]), np.array([1.0, 4.5, 9.0]), whole=True)
    >>> sure_ends(thirds, 101)[0].tolist(), sure_ends(thirds, None)[0].tolist()
    ([1.0, 4.5, 9.0], [1.0, 1.0, 4.5])
    """
    levels, values = one.levels, one.values
    if len(values) == 1 or one.method in _OF_RECORDS:
        return values, values
    if n is not None and not one.whole and float(np.diff(levels).min()) * (n - 1) < _APART:
        return np.full(len(values), -np.inf), np.full(len(values), np.inf)
    if n is None or not one.whole or one.method not in _LINEAR:
        return np.append(values[0], values[:-1]), np.append(values[1:], values[-1])
    place = levels * (n - 1)
    place = np.where(np.abs(place - np.rint(place)) < _WHOLE, np.rint(place), place)
    record = np.floor(place)
    f = place - record
    down = values[np.searchsorted(place, record, side="right") - 1]  # no more than the record below, a
    up = values[np.minimum(np.searchsorted(place, record + 1), len(values) - 1)]  # no less than the one above
    sure = f == 0
    inside = np.where(sure, 0.5, f)
    lower = np.where(sure | (f >= levels), values, np.maximum(down, (values - f * up) / (1 - inside)))
    upper = np.where(sure | (f < levels), values, np.minimum(up, (values - (1 - f) * down) / inside))
    return lower, upper
