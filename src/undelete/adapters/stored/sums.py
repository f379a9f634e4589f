"""Sums over who left less those over who joined, from the means and variances of two files: maths (30), (32)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from undelete.adapters.stored.compare import together
from undelete.adapters.stored.feature import comparable
from undelete.adapters.stored.given import number_of
from undelete.adapters.stored.leaving import leaving
from undelete.adapters.stored.shares import counted
from undelete.adapters.stored.statistic import Moments, Statistic


@dataclass(frozen=True)
class Sums:
    """Of one raw column, or of one category of it: what left less what joined.

    Parameters
    ----------
    column : str
        Its name.
    category : anything
        Where the sums count one category's people; None where they are of numbers.
    total, error : float
        The sum and its largest error.
    square, square_error : float
        The sum of squares likewise; NaN where no variances are stored.
    number : float
        How many more left than joined, by the estimator's own count.
    fills : tuple
        What an imputer put in place of a missing cell in the first file and in the second; empty where none did. Where
        they differ, other people's missing cells are in the sums too.
    mark : anything
        Which cell it takes as missing.
    """

    column: str
    category: object
    total: float
    error: float
    square: float
    square_error: float
    number: float
    fills: tuple[Any, ...] = ()
    mark: Any = None


def sums(before: Sequence[Statistic], after: Sequence[Statistic]) -> list[Sums]:
    """Return the sums that two files tell; empty where they do not count their records.

    A column that other records move is left out, but for missing cells filled with another number; and an estimator
    that was kept: its numbers are the same to the last digit, and say nothing of who came between.
    """
    before, after = counted(before, after)
    numbers = number_of(before), number_of(after)
    found = []
    for old, new in together(before, after):
        if not isinstance(old, Moments) or old.group:
            continue
        fills = (*old.feature.fills, *new.feature.fills)
        if len(fills) not in (0, 2) or not (comparable(old.feature, new.feature) or _refilled(old, new)):
            continue
        n, later = (numbers[0] if old.n is None else old.n), (numbers[1] if new.n is None else new.n)
        if n is None or later is None or not np.isfinite([n, later]).all() or old.feature.codes is not None:
            continue
        if np.array_equal([n, old.mean, old.variance], [later, new.mean, new.variance], equal_nan=True):
            continue
        turned = later > n  # `leaving` takes the larger first
        sign = -1.0 if turned else 1.0
        big, small = (new, old) if turned else (old, new)
        one = leaving(big, small, max(n, later), min(n, later))
        d, m = one.number, big.mean
        middle = one.total / d - m if d else 0.0
        square = one.within + d * middle**2 + 2 * m * one.total - d * m**2
        slack = one.within_error + 2 * (abs(middle) + abs(m)) * one.error
        column, category = str(old.feature.column), old.feature.category
        mark = old.feature.marks[0] if fills else None
        found.append(Sums(column, category, sign * one.total, one.error, sign * square, slack, n - later, fills, mark))
    return found


def _refilled(old: Moments, new: Moments) -> bool:
    """Return whether a column of numbers differs by what its missing cells were filled with alone."""
    fills = (*old.feature.fills, *new.feature.fills)
    if any(isinstance(fill, str) for fill in fills) or old.feature.category is not None:
        return False
    return comparable(old.feature, replace(new.feature, fills=old.feature.fills))
