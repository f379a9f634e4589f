"""What files say of a column of several people: where their search begins, and from which it does not stray."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, permutations, product
from typing import Any

import numpy as np

from undelete.attacker.groups.moves import Held, trios
from undelete.maths.arrays import Floats, Indices
from undelete.release.columns import Column

_WAYS = 720
_TRIES = 3000


@dataclass(frozen=True, eq=False)
class Told:
    """Of one column.

    Parameters
    ----------
    values : sequence or None
        Everybody's value, those who left before those who joined, in no order within either; None where not known.
    total, square : float
        Sum and sum of squares of whole numbers, less those of who joined.
    """

    values: Sequence[Any] | None = None
    total: float = float("nan")
    square: float = float("nan")


def unlisted(columns: Sequence[Column], told: Mapping[int, Told]) -> dict[int, Floats]:
    """Return the numbers among what is told that a column's list does not have."""
    found = {}
    for j, one in told.items():
        if one.values is None or columns[j].kind == "categorical":
            continue
        own = np.asarray(one.values, dtype=float)
        if columns[j].kind == "continuous" or not np.isin(own, columns[j].values.astype(float)).all():
            found[j] = np.unique(own)
    return found


def held(
    columns: Sequence[Column], told: Mapping[int, Told], signs: Floats, rng: np.random.Generator
) -> dict[int, Held]:
    """Return what the search is held to; columns of which that cannot be are left free.

    Parameters
    ----------
    columns : sequence of Column
        Each with a list of values, among them all that is told.
    told : mapping of int to Told
        By column.
    signs : array (t,)
        1 for who left, -1 for who joined.
    rng : numpy.random.Generator
        Draws where to begin.
    """
    found = {}
    for j, one in told.items():
        column = columns[j]
        if one.values is not None:
            places = [_place(column, value) for value in one.values]
            if min(places) >= 0:
                found[j] = Held(_orders(places, signs))
            continue
        whole = column.values.astype(float) if column.kind == "discrete" else np.zeros(0)
        if len(signs) < 3 or not len(whole) or (whole % 1 != 0).any():
            continue
        begin = _begin(whole.astype(np.int64), column.frequency, one, signs, rng)
        if len(begin):
            found[j] = Held(begin, whole.astype(np.int64))
    return found


def _place(column: Column, value: Any) -> int:
    if column.kind == "categorical":
        same = np.flatnonzero(column.values.astype(str) == str(value))
    else:
        same = np.flatnonzero(column.values.astype(float) == float(value))
    return int(same[0]) if same.size else -1


def _orders(places: Sequence[int], signs: Floats) -> Indices:
    """Return the different ways (w, t) in which people of one sign may have these values, 720 at most."""
    left, came = ([p for p, s in zip(places, signs, strict=True) if (s > 0) == who] for who in (True, False))
    every = product(permutations(left), permutations(came))
    return np.unique(np.array([[*a, *b] for a, b in islice(every, _WAYS)]), axis=0)


def _begin(whole: Indices, share: Floats, told: Told, signs: Floats, rng: np.random.Generator) -> Indices:
    """Return ways (w, t) for people to have whole numbers of this sum and sum of squares."""
    t, order = len(signs), np.argsort(-signs * np.sign(signs.sum() or 1.0), kind="stable")[::-1]
    rest = t - 3  # drawn as public people have them; the last three follow, two of which have one sign
    drawn = rng.choice(len(whole), size=(_TRIES if rest else 1, rest), p=(share + 1e-6) / (share + 1e-6).sum())
    first, three = order[:rest], order[rest:]
    last: list[int] = sorted(three.tolist(), key=lambda i: bool(signs[i] != np.median(signs[three])), reverse=True)
    value = whole[drawn].astype(float)
    total, square = told.total - value @ signs[first], told.square - value**2 @ signs[first]
    found = trios(whole, signs[last], total, square)
    row, option = np.nonzero((found >= 0).all(axis=2))
    if len(row) > _WAYS:
        kept = rng.permutation(len(row))[:_WAYS]
        row, option = row[kept], option[kept]
    begin = np.empty((len(row), t), dtype=np.int64)
    begin[:, first], begin[:, last] = drawn[row], found[row, option]
    return begin
