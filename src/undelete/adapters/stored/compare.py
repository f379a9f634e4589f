"""What two fitted files say of who came between: every stored statistic of one beside the other's.

First, who: the numbers of records say how many left or joined, and each mean with its variance whether it was one
person. Then, what: each pair of statistics is one equation for the person's value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from undelete.adapters.stored.change import EXACT, Change
from undelete.adapters.stored.given import OR_MISSING, RECORDS, Given, certain, number_of
from undelete.adapters.stored.pair import rows_of
from undelete.adapters.stored.shares import counted
from undelete.adapters.stored.statistic import (
    TARGET,
    Count,
    Encoded,
    Extreme,
    Known,
    Moments,
    Quantiles,
    Statistic,
    Total,
)

_DEALT = re.compile(r"(CalibratedClassifierCV\.calibrated_classifiers_|Bagging(Classifier|Regressor)\.estimators_)\[")


def compare(before: Sequence[Statistic], after: Sequence[Statistic], n: int | None = None) -> Change:
    """Return what the statistics of two files say of who came between.

    Where no file says how many records it is of, the order is the one that gives more, and no contradiction; unless `n`
    is known, how many the first is of, and that one of them left.
    """
    before, after = counted(_of_all(before), _of_all(after))
    more = _more(before, after)
    numbers = number_of(before), number_of(after)
    if n is not None and more in (1, None) and numbers in ((None, None), (n, n - 1)):
        more, numbers = 1.0, (float(n), n - 1.0)
    if more is not None:
        return _compare(before, after, numbers, more, joined=more < 0)
    first, second = (_compare(before, after, numbers, None, joined=order) for order in (False, True))
    return max(first, second, key=lambda one: (one.one is not False, sum(row.exact for row in one.rows)))


def _of_all(statistics: Sequence[Statistic]) -> list[Statistic]:
    """Leave out those of a fold or a sample, which a deletion deals anew: other people come and go there."""
    return [one for one in statistics if _DEALT.search(one.source) is None]


def differ(before: Sequence[Statistic], after: Sequence[Statistic]) -> bool:
    """Return whether two files store any other number: they are two fits."""
    return len(before) != len(after) or any(
        not _same(vars(one), vars(other)) for one, other in zip(before, after, strict=True)
    )


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, np.ndarray | list | tuple) or isinstance(other, np.ndarray | list | tuple):
        first, second = np.asarray(one, dtype=object), np.asarray(other, dtype=object)
        if first.shape != second.shape:
            return False
        return bool(np.all((first == second) | ((first != first) & (second != second))))  # not a number, in both
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


def _compare(
    before: Sequence[Statistic],
    after: Sequence[Statistic],
    counts: tuple[float | None, float | None],
    more: float | None,
    *,
    joined: bool,
) -> Change:
    change = Change(*counts, None if more is None else abs(more), joined=joined)
    if more is not None and abs(more - round(more)) > 1e-6:
        change.number, change.weight = 1.0, abs(more)  # a record that counted for more or less, if means agree
    larger, smaller = (after, before) if joined else (before, after)
    shared = list(together(larger, smaller))
    if change.number is not None and change.number != 1:
        change.one = False
    numbers = counts[::-1] if joined else counts
    lone: list[Given] = []
    for big, small in shared:
        lone += rows_of(big, small, numbers, change, [pair for pair in shared if pair[0] is not big])
    _contradiction(lone, change)
    settle = change.one is not False
    known = {row.column for row in lone if row.exact}
    change.rows = [
        row
        for row in (_counts(change), *lone)
        if row is not None
        and (settle or row.kind.removesuffix(OR_MISSING) in _OF_MANY)
        and not (row.kind == "range" and row.column in known)
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
        if apart and abs(row.low - other.low) > EXACT * abs(other.low):
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
