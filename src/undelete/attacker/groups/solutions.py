"""All sets of whole numbers of one sum and one sum of squares."""

from __future__ import annotations

import numpy as np

from undelete.maths.arrays import Indices

_WORK = 60_000_000  # beginnings that are looked at: some three seconds
_STEP = 500_000  # at a time


def solutions(whole: Indices, people: int, total: int, square: int, *, most: int) -> Indices | None:
    """Return the positions (w, people) of all sets with these sums, each falling; None where too many begin alike.

    Parameters
    ----------
    whole : array (V,) of int
        The values, rising.
    people : int
        How many values a set has, two at least.
    total, square : int
        Sum and sum of squares.
    most : int
        Sets from which there are too many.

    Notes
    -----
    The greatest value first, then the next: what m further values between a and b leave must have
    S² / m ≤ Q ≤ (a + b) S - m a b. The last two are the roots of a quadratic equation.

    Examples
    --------
    >>> solutions(np.arange(10), 3, 9, 41, most=100).tolist()
    [[5, 4, 0], [6, 2, 1]]
    """
    looked_at, found = 0, 0
    parts: list[Indices] = []
    one = np.array([[len(whole) - 1], [total], [square]], dtype=np.int64)
    waiting = [(people - 1, np.zeros((1, 0), dtype=np.int64), *one)]
    while waiting:
        m, chosen, last, left, rest = waiting.pop()
        if m == 1:
            parts.append(_pairs(whole, chosen, last, left, rest))
            found += len(parts[-1])
        else:
            looked_at += int((last + 1).sum())
            for part in np.array_split(np.arange(len(last)), 1 + int((last + 1).sum()) // _STEP):
                waiting.append((m - 1, *_further(whole, m, chosen[part], last[part], left[part], rest[part])))
        if looked_at > _WORK or found > most:
            return None
    return np.concatenate(parts)


def _further(
    whole: Indices, m: int, chosen: Indices, last: Indices, left: Indices, rest: Indices
) -> tuple[Indices, Indices, Indices, Indices]:
    """Return beginnings one value longer that m more may complete."""
    row = np.repeat(np.arange(len(last)), last + 1)
    value = np.arange(len(row)) - np.repeat(np.cumsum(last + 1) - last - 1, last + 1)
    own = whole[value]
    left, rest = left[row] - own, rest[row] - own**2
    good = (left**2 <= m * rest) & (rest <= (own + whole[0]) * left - m * own * whole[0])
    row, value = row[good], value[good]
    return np.column_stack([chosen[row], value]), value, left[good], rest[good]


def _pairs(whole: Indices, chosen: Indices, last: Indices, left: Indices, rest: Indices) -> Indices:
    inside = 2 * rest - left**2
    root = np.round(np.sqrt(np.maximum(inside, 0))).astype(np.int64)
    good = (inside >= 0) & (root**2 == inside) & ((left + root) % 2 == 0)
    chosen, last, left, root = chosen[good], last[good], left[good], root[good]
    first, second = (position(whole, (left + sign * root) // 2) for sign in (1, -1))
    good = (second >= 0) & (first >= 0) & (first <= last)
    return np.column_stack([chosen, first, second])[good]


def position(whole: Indices, values: Indices) -> Indices:
    """Return where values stand in a rising list; -1 for those that are not in it."""
    place = np.minimum(np.searchsorted(whole, values), len(whole) - 1)
    return np.where(whole[place] == values, place, -1)
