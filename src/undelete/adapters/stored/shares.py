"""Shares of classes that a discriminant analysis stores in place of counts: two files' shares say both.

Without one record of class c the share of every other class grows by n / (n - 1), and n is a whole number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from undelete.adapters.stored.statistic import TARGET, Count, Moments, Statistic

_WHOLE = 1e-4  # of a record, within which a count is whole
_DIGITS = 1e-15  # of a share


def counted(before: Sequence[Statistic], after: Sequence[Statistic]) -> tuple[list[Statistic], list[Statistic]]:
    """Return two files' statistics with class counts in place of shares, where these follow."""
    lists = [list(before), list(after)]
    places = [{(s.source, s.group): s for s in one if isinstance(s, Count) and s.column == "share"} for one in lists]
    for source in sorted({source for source, _ in places[0]}):
        shares = [{group: s.n for (place, group), s in own.items() if place == source} for own in places]
        numbers = numbers_of(shares[0], shares[1])
        for one, own, n in zip(lists, shares, numbers or (None, None), strict=True):
            _write(one, source, own, n)
    return lists[0], lists[1]


def numbers_of(before: dict[str, float], after: dict[str, float]) -> tuple[float, float] | None:
    """Return how many records two files' shares of classes are of, if they differ by one; None where they do not.

    Examples
    --------
    >>> numbers_of({"a": 0.6, "b": 0.4}, {"a": 5 / 9, "b": 4 / 9})
    (10.0, 9.0)
    """
    if before.keys() != after.keys() or len(before) < 2:
        return None
    found = []
    for first, second, turned in ((before, after, False), (after, before, True)):
        ratio = max(second[label] / first[label] for label in first)
        if ratio <= 1:
            continue
        n = round(ratio / (ratio - 1))
        if n > 1 and _whole(first, n) and _whole(second, n - 1):
            counts = [round(first[label] * n) - round(second[label] * (n - 1)) for label in first]
            if sorted(counts) == [0] * (len(counts) - 1) + [1]:
                found.append((float(n - 1), float(n)) if turned else (float(n), float(n - 1)))
    return found[0] if len(found) == 1 else None


def _whole(shares: dict[str, float], n: int) -> bool:
    counts = np.array(list(shares.values())) * n
    return bool((np.abs(counts - np.rint(counts)) <= max(_WHOLE, n * _DIGITS)).all()) and n < 1e8


def _write(one: list[Statistic], source: str, shares: dict[str, float], n: float | None) -> None:
    """Put counts in place of the shares of one estimator, and give them to its means; or leave both out."""
    holder = source.rpartition(".")[0]
    for place, statistic in enumerate(one):
        if isinstance(statistic, Count) and statistic.source == source and statistic.column == "share" and n:
            one[place] = Count(source, round(statistic.n * n), TARGET, statistic.group)
        elif isinstance(statistic, Moments) and statistic.source == f"{holder}.means_" and statistic.group in shares:
            count = None if n is None else float(round(shares[statistic.group] * n))
            one[place] = replace(statistic, n=np.nan if count is None else count)
    if n is not None:
        one.append(Count(source, n))
