"""What two fitted files say of who came between: every stored statistic of one beside the other's.

First, who: the numbers of records say how many left or joined, and each mean with its variance whether it was one
person. Then, what: each pair of statistics is one equation for the person's value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from undelete.adapters.stored.encodings import encoded
from undelete.adapters.stored.feature import Feature
from undelete.adapters.stored.given import RECORDS, Given, certain, extreme, extremes_of, number_of, within
from undelete.adapters.stored.leaving import Leaving, filled, leaving
from undelete.adapters.stored.shares import counted
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
    Statistic,
    Total,
    plain,
)
from undelete.adapters.stored.subtle import gram, words

_ROUND = 1e-9  # of a number, within which two files' are the same: a scaler before it was refitted
_EXACT = 1e-4  # of a column's deviation, the largest error of an exact value
_RELATIVE = 1e-6  # of a value, where the deviation is not known


@dataclass
class Change:
    """What two files say of who came between.

    Parameters
    ----------
    before, after : float or None
        Numbers of records; None where the files do not say, or disagree.
    number : float or None
        How many records more the larger file has.
    weight : float
        By how much one record counts: not a whole number where it had a weight in the fits.
    joined : bool
        Whether the second file has more records: what is given away is of who joined.
    one : bool or None
        Whether it is one person: None where no mean with its variance, or count, can tell.
    rows : list of Given
        Values.
    notes : list of str
        What speaks against one person.
    pairs : list of (str, Leaving)
        Each raw column's mean and variance, where two people changed.
    """

    before: float | None = None
    after: float | None = None
    number: float | None = None
    weight: float = 1.0
    joined: bool = False
    one: bool | None = None
    rows: list[Given] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    pairs: list[tuple[str, Leaving]] = field(default_factory=list)

    @property
    def own(self) -> list[Given]:
        """Values of the one person who came between; none where it was not one."""
        return self.rows if self.one is not False and self.number in (1, None) else []

    def deny(self, why: str) -> None:
        """Note that it was not one person."""
        self.one = False
        self.notes.append(why)


def compare(before: Sequence[Statistic], after: Sequence[Statistic]) -> Change:
    """Return what the statistics of two files say of who came between.

    Where no file says how many records it is of, the order is the one that gives more, and no contradiction.
    """
    before, after = counted(before, after)
    more = _more(before, after)
    if more is not None:
        return _compare(before, after, more, joined=more < 0)
    first, second = _compare(before, after, None, joined=False), _compare(before, after, None, joined=True)
    return max(first, second, key=lambda one: (one.one is not False, sum(row.exact for row in one.rows)))


def differ(before: Sequence[Statistic], after: Sequence[Statistic]) -> bool:
    """Return whether two files store any other number: they are two fits."""
    return len(before) != len(after) or any(
        not _same(vars(one), vars(other)) for one, other in zip(before, after, strict=True)
    )


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return bool(np.array_equal(np.asarray(one, dtype=object), np.asarray(other, dtype=object)))
    return bool(one == other or (one != one and other != other))


def _more(before: Sequence[Statistic], after: Sequence[Statistic]) -> float | None:
    """Return how many records more the first file has; None where they do not say."""
    first, second = number_of(before), number_of(after)
    if first is not None and second is not None:
        return first - second
    counts = [one.n - other.n for one, other in together(before, after)
              if isinstance(one, Count) and one.column not in ("", TARGET, "share")]  # fmt: skip
    if not counts:
        return None
    return max(counts, key=abs) if min(counts) >= 0 or max(counts) <= 0 else None  # missing cells are not counted


def _compare(before: Sequence[Statistic], after: Sequence[Statistic], more: float | None, *, joined: bool) -> Change:
    change = Change(number_of(before), number_of(after), None if more is None else abs(more), joined=joined)
    if more is not None and abs(more - round(more)) > 1e-6:
        change.number, change.weight = 1.0, abs(more)  # a record that counted for more or less, if means agree
    larger, smaller = (after, before) if joined else (before, after)
    shared = list(together(larger, smaller))
    if change.number is not None and change.number != 1:
        change.one = False
    numbers = number_of(larger), number_of(smaller)
    lone: list[Given] = []
    for big, small in shared:
        lone += _rows(big, small, numbers, change, [pair for pair in shared if pair[0] is not big])
    _contradiction(lone, change)
    settle = change.one is not False
    known = {row.column for row in lone if row.exact}
    change.rows = [
        row
        for row in (_counts(change), *lone)
        if row is not None and (settle or row.kind in _OF_MANY) and not (row.kind == "range" and row.column in known)
    ]
    return change


def _contradiction(rows: Sequence[Given], change: Change) -> None:
    """Note where two fields give one column two values: they are not of one person."""
    seen: dict[str, Given] = {}
    for row in rows:
        if change.number != 1 or not row.exact or row.kind in ("word", "count", "difference"):
            continue
        other = seen.setdefault(row.column, row)
        numbers = np.isfinite([row.low, row.high, other.low, other.high]).all()
        apart = row.low > other.high or row.high < other.low if numbers else str(row.value) != str(other.value)
        if apart and abs(row.low - other.low) > _EXACT * abs(other.low):
            change.deny(f"{row.source} and {other.source} give {row.column} two values")


_OF_MANY = ("count", "difference", "one of two", "mean of those who left", "mean of those who joined", "extreme",
            "category", "word", "magnitude", "class")  # fmt: skip


def _counts(change: Change) -> Given | None:
    if change.number is None:
        return None
    return certain(RECORDS, change.number * (1 if change.joined else -1), "count", "numbers of records")


def _key(one: Any) -> tuple[Any, ...]:
    if isinstance(one, Count):
        return type(one), one.source, one.column, one.group
    if isinstance(one, Extreme):
        return type(one), one.source, one.feature.label, one.side
    if isinstance(one, Moments | Total):
        return type(one), one.source, one.feature.label, one.group
    if isinstance(one, Quantiles):
        return type(one), one.source, one.feature.label
    if isinstance(one, Encoded):
        return type(one), one.source, one.column, one.group
    if isinstance(one, Known):
        return type(one), one.source, one.column
    return type(one), one.source


def together(larger: Sequence[Statistic], smaller: Sequence[Statistic]) -> Iterator[tuple[Any, Any]]:
    """Yield the statistics that both files have, the larger's first."""
    others = {_key(one): one for one in smaller}
    for one in larger:
        other = others.get(_key(one))
        if other is not None:
            yield one, other


def _rows(
    big: Any, small: Any, numbers: tuple[float | None, float | None], change: Change, others: Sequence[Any]
) -> list[Given]:
    """Return what one pair of statistics says."""
    if isinstance(big, Count):
        return _count(big, small, change)
    if isinstance(big, Moments):
        return _moments(big, small, numbers, change)
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


def comparable(big: Feature, small: Feature) -> bool:
    """Return whether a column means the same in both files, and only the person's own value moves it."""
    return big.column is not None and big.fills == small.fills and big.codes == small.codes


def _moments(big: Moments, small: Moments, numbers: tuple[float | None, float | None], change: Change) -> list[Given]:
    if _mean_filled(big) and _mean_filled(small):
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


def _mean_filled(one: Moments) -> bool:
    """Return whether the column's missing cells were filled with its mean."""
    fills, size = one.feature.fills, abs(one.mean) + np.sqrt(max(np.nan_to_num(one.variance), 0.0))
    return len(fills) == 1 and not isinstance(fills[0], str) and abs(fills[0] - one.mean) <= 1e-9 * size


def _filled(big: Moments, small: Moments, change: Change) -> list[Given]:
    n = big.n
    if n is None or change.number != 1 or big.feature.column is None or big.feature.codes is not None:
        return []
    own = filled(big, small, n)
    if own is None:
        return []
    change.one = True if change.one is None else change.one
    value, error, _ = own
    sure = error <= _EXACT * np.sqrt(max(big.variance, 0.0))
    return [Given(big.feature.column, plain(value, error), value - error, value + error, sure, "value", big.source)]


def _own_class(big: Moments, change: Change) -> bool:
    return bool(big.group) and change.number != 1


def _own(big: Moments, between: Leaving) -> list[Given]:
    """Return one person's value: a number, or of an indicator the category."""
    feature, value, error = big.feature, between.mean, between.mean_error
    if feature.category is not None:
        if abs(value - 1) > max(error, 1e-6):
            return []
        return [certain(str(feature.column), feature.category, "category", big.source)]
    if feature.codes is not None:
        place = round(value)
        known = abs(value - place) <= max(error, 1e-6) and 0 <= place < len(feature.codes) and error < 0.5
        return [certain(str(feature.column), feature.codes[place], "value", big.source)] if known else []
    kind = "value or missing" if value_in(feature.fills, value, error) else "value"
    return [_number(big, value, error, between, kind, exact=kind == "value")]


def value_in(fills: Sequence[Any], value: float, error: float) -> bool:
    """Return whether a value is one that an imputer puts in place of a missing cell."""
    return any(not isinstance(fill, str) and abs(fill - value) <= max(error, _ROUND * abs(value)) for fill in fills)


def _number(big: Moments, value: float, error: float, between: Leaving, kind: str, *, exact: bool = True) -> Given:
    deviation = between.deviation if np.isfinite(big.variance) else 0.0
    sure = error <= max(_EXACT * deviation, _RELATIVE * max(abs(value), abs(big.mean)))
    near = plain(value, error)
    return Given(str(big.feature.label), near, value - error, value + error, exact and sure, kind, big.source)


def _exchange(big: Moments, between: Leaving, change: Change) -> list[Given]:
    """Return by how much those who left and joined differ, where as many did."""
    if between.unchanged or big.feature.category is not None:
        return []
    return [_number(big, between.total, between.error, between, "difference", exact=False)]


def _two(big: Moments, between: Leaving, change: Change) -> list[Given]:
    if big.feature.category is not None:
        count = round(between.total)
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
    if n is None or change.number != 1 or abs(moved) <= _ROUND * abs(big.mean) * 1e-4:
        return []
    ends = sorted((big.mean, small.mean + n * moved))
    return [within(str(big.feature.column), ends[0], ends[1], big.source)]


def _total(big: Total, small: Total, change: Change, others: Sequence[Any]) -> list[Given]:
    if not comparable(big.feature, small.feature):
        return []
    number = next(
        (a.n - b.n for a, b in others if isinstance(a, Count) and a.group == big.group and a.column == TARGET
         and a.source.rpartition(".")[0] == big.source.rpartition(".")[0]), None,
    ) if big.group else change.number  # fmt: skip
    feature, moved = big.feature, big.value - small.value
    noise = _ROUND * max(abs(big.value), 1e-3)
    if number == 0 and abs(moved) > noise:
        change.deny(f"{big.source} of class {big.group}: as many records, other sums")
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
    tolerance = max(_ROUND * max(abs(big.value), abs(small.value)), big.feature.noise, small.feature.noise)
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
    noise = _ROUND * np.maximum(np.abs(big.values), np.abs(small.values)) + big.feature.noise + small.feature.noise
    fell, rose = small.values < big.values - noise, small.values > big.values + noise
    if len(big.values) == 1:
        sure_low, sure_high = big.values, big.values
    else:
        sure_low, sure_high = np.append(big.values[0], big.values[:-1]), np.append(big.values[1:], big.values[-1])
    if change.number is None or not (fell.any() or rose.any()):
        return rows
    ends = big.values[[0, -1]] if len(big.values) > 1 and abs(big.levels[0]) < _ROUND else np.array([-np.inf, np.inf])
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
    return [replace(certain(big.column, value, kind, big.source), exact=big.sure) for value in gone]
