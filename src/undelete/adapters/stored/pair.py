"""What one stored statistic of two files says of who came between: each pair is an equation for the person's value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from undelete.adapters.stored.change import ROUND, Change
from undelete.adapters.stored.encodings import encoded
from undelete.adapters.stored.feature import comparable
from undelete.adapters.stored.given import Given, certain, extreme, extremes_of, or_missing, within
from undelete.adapters.stored.means import moments_of
from undelete.adapters.stored.statistic import (
    TARGET,
    Count,
    Encoded,
    Extreme,
    Frequencies,
    Gram,
    Known,
    Moments,
    Quantiles,
    Total,
)
from undelete.adapters.stored.subtle import gram, words


def rows_of(
    big: Any, small: Any, numbers: tuple[float | None, float | None], change: Change, others: Sequence[Any]
) -> list[Given]:
    """Return what one pair of statistics says; of a cell that an imputer may have filled, that it may be missing."""
    rows = _rows_of(big, small, numbers, change, others)
    feature = getattr(big, "feature", None)
    fills = big.fills if isinstance(big, Known | Encoded) else () if feature is None else feature.fills
    if feature is not None and feature.codes is not None:
        rows = [row for row in rows if row.kind != "range"]  # of codes, which are no values
    return [or_missing(row, fills) for row in rows] if fills else rows


def _rows_of(
    big: Any, small: Any, numbers: tuple[float | None, float | None], change: Change, others: Sequence[Any]
) -> list[Given]:
    if isinstance(big, Count):
        return _count(big, small, change)
    if isinstance(big, Moments):
        return moments_of(big, small, numbers, change)
    if isinstance(big, Total):
        return _total(big, small, change, others)
    if isinstance(big, Extreme):
        return _extreme(big, small, change)
    if isinstance(big, Quantiles):
        return _quantiles(big, small, numbers, change)
    if isinstance(big, Known):
        return _known(big, small, change)
    if isinstance(big, Frequencies):
        return words(big, small, change)
    if isinstance(big, Encoded):
        return encoded(big, small, change)
    return gram(big, small, change) if isinstance(big, Gram) else []


def _count(big: Count, small: Count, change: Change) -> list[Given]:
    """Return the class of the person, or that its cell of a column is missing."""
    if big.column == TARGET and big.n != small.n:
        if change.number == 1 and big.n - small.n != 1:
            change.deny(f"{big.source} of class {big.group} does not differ by one record")
        return [certain(TARGET, big.group, "class", big.source)] if big.n - small.n == 1 else []
    if big.column not in ("", TARGET, "share") and change.number == 1 and big.n == small.n:
        return [certain(big.column, None, "missing", big.source)]
    return []


def _total(big: Total, small: Total, change: Change, others: Sequence[Any]) -> list[Given]:
    if not comparable(big.feature, small.feature):
        return []
    number = next(
        (a.n - b.n for a, b in others if isinstance(a, Count) and a.group == big.group and a.column == TARGET
         and a.source.rpartition(".")[0] == big.source.rpartition(".")[0]), None,
    ) if big.group else change.number  # fmt: skip
    feature, moved = big.feature, big.value - small.value
    noise = ROUND * max(abs(big.value), 1e-3)
    if number == 0 and abs(moved) > noise:
        change.deny(f"{big.source} of class {big.group}: as many records, other sums")
    if number == 1 and abs(moved) <= noise and feature.other is not None:
        return [certain(str(feature.column), feature.other, "category", big.source)]
    if number != 1 or (abs(moved) <= noise and (feature.word or feature.category is not None)):
        return []
    if feature.category is not None:
        return [certain(str(feature.column), feature.category, "category", big.source)]
    if feature.word:
        return [certain("(words)", feature.column, "word", big.source)]
    return [certain(str(feature.column), moved if abs(moved) > noise else 0.0, "value", big.source)]


def _extreme(big: Extreme, small: Extreme, change: Change) -> list[Given]:
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


def _quantiles(
    big: Quantiles, small: Quantiles, numbers: tuple[float | None, float | None], change: Change
) -> list[Given]:
    """Return the range in which a value lies that left: above the quantiles that fell, below those that rose.

    A quantile is interpolated between two records, and who left may be one of them: of all but the median the next
    one is the sure end.
    """
    if not comparable(big.feature, small.feature) or len(big.values) != len(small.values):
        return []
    n = numbers[0]  # of all columns' records, at most
    if (n is None and np.isfinite(big.most)) or (n is not None and n > big.most):
        return []  # a random part of the records was used, another in each file
    rows: list[Given] = []
    for one, other in zip(extremes_of(big), extremes_of(small), strict=True):
        rows += _extreme(one, other, change)
    if change.number not in (1, None) or change.one is False:
        return rows
    noise = ROUND * np.maximum(np.abs(big.values), np.abs(small.values)) + big.feature.noise + small.feature.noise
    fell, rose = small.values < big.values - noise, small.values > big.values + noise
    if len(big.values) == 1:
        sure_low, sure_high = big.values, big.values
    else:
        sure_low, sure_high = np.append(big.values[0], big.values[:-1]), np.append(big.values[1:], big.values[-1])
    if change.number is None or not (fell.any() or rose.any()):
        return rows
    ends = big.values[[0, -1]] if len(big.values) > 1 and abs(big.levels[0]) < ROUND else np.array([-np.inf, np.inf])
    low = float(sure_low[fell].max(initial=ends[0]))
    high = float(sure_high[rose].min(initial=ends[1]))
    if low > high:
        change.deny(f"{big.source} of {big.feature.column}: quantiles do not move as by one record")
        return rows
    if not any(row.exact for row in rows):
        rows.append(within(str(big.feature.column), low, high, big.source))
    return rows


def _known(big: Known, small: Known, change: Change) -> list[Given]:
    held, others = set(map(str, big.values)), set(map(str, small.values))
    gone = [value for value in big.values if str(value) not in others]
    if [value for value in small.values if str(value) not in held] and change.number == 1 and big.sure:
        change.deny(f"{big.source} of {big.column}: the file of fewer records knows more")
    if len(gone) > 1 and not big.word and change.number == 1:
        change.deny(f"{big.source} of {big.column}: {len(gone)} values are gone, and one record has one")
    kind = "word" if big.word else "category"
    sure = big.sure and list(map(str, big.fills)) == list(map(str, small.fills))  # else filled cells changed too
    return [replace(certain(big.column, value, kind, big.source), exact=sure) for value in gone]
