"""What files say of a column of several people: where their search begins, and from which it does not stray."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, permutations, product
from typing import Any

import numpy as np

from undelete.attacker.groups.moves import Held, trios
from undelete.attacker.groups.solutions import solutions
from undelete.errors import InputError
from undelete.maths.arrays import Floats, Indices
from undelete.release.columns import Column

_WAYS = 720
_TRIES, _BATCHES = 3000, 20
_SETS = 20_000  # of values with given sums, up to which all are looked at


@dataclass(frozen=True, eq=False)
class Told:
    """Of one column.

    Parameters
    ----------
    values : sequence or None
        Everybody's value, those who left before those who joined, in no order within either; None where not known.
    total, square : float
        Sum and sum of squares of whole numbers, less those of who joined.
    some : pair of sequences
        Values that at least one of those who left has, and one of those who joined; of the others nothing is said.
    """

    values: Sequence[Any] | None = None
    total: float = float("nan")
    square: float = float("nan")
    some: tuple[Sequence[Any], Sequence[Any]] = ((), ())

    @property
    def listed(self) -> Sequence[Any]:
        """All values that are known to be there."""
        return self.values if self.values is not None else [*self.some[0], *self.some[1]]


def unlisted(columns: Sequence[Column], told: Mapping[int, Told]) -> dict[int, Floats]:
    """Return the numbers among what is told that a column's list does not have."""
    found = {}
    for j, one in told.items():
        if not one.listed or columns[j].kind == "categorical":
            continue
        own = np.asarray(one.listed, dtype=float)
        own = own[~np.isnan(own)]  # a missing cell is a value of its own, where a column has it
        if len(own) and (columns[j].kind == "continuous" or not np.isin(own, columns[j].values.astype(float)).all()):
            found[j] = np.unique(own)
    return found


def held(
    columns: Sequence[Column], told: Mapping[int, Told], signs: Floats, rng: np.random.Generator
) -> dict[int, Held]:
    """Return what the search is held to; columns of which only sums are known that cannot be held are left free.

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

    Raises
    ------
    InputError
        Where somebody has a value that the column has not.
    """
    found = {}
    for j, one in told.items():
        column = columns[j]
        if one.values is not None:
            places = [_place(column, value) for value in one.values]
            if min(places) >= 0:
                found[j] = Held(_orders(places, signs))
            continue
        if one.listed:
            owed = tuple(np.array([_place(column, value) for value in values], dtype=np.int64) for values in one.some)
            if min(places.min(initial=0) for places in owed) < 0:
                raise InputError(f"somebody has a value of column {column.name!r} that no public record can have")
            found[j] = Held(_with(owed, column.frequency, signs, rng), owed=(owed[0], owed[1]))
            continue
        whole = column.values.astype(float) if column.kind == "discrete" else np.zeros(0)
        if len(signs) < 3 or not len(whole) or (whole % 1 != 0).any():
            continue
        sets = _sets(whole.astype(np.int64), one, signs)
        every = sets is not None
        if sets is None:
            begin = _begin(whole.astype(np.int64), column.frequency, one, signs, rng)
            sets = np.unique(np.sort(begin, axis=1), axis=0)[:, ::-1] if (signs == signs[0]).all() else None
        else:
            begin = rng.permuted(np.tile(sets, (1 + _WAYS // max(1, len(sets)), 1)), axis=1)
        if len(begin):
            found[j] = Held(begin, whole.astype(np.int64), sets, every)
    return found


def _place(column: Column, value: Any) -> int:
    if column.kind == "categorical":
        same = np.flatnonzero(column.values.astype(str) == str(value))
    else:
        own, number = column.values.astype(float), float(value)
        same = np.flatnonzero(np.isnan(own) if np.isnan(number) else own == number)
    return int(same[0]) if same.size else -1


def _orders(places: Sequence[int], signs: Floats) -> Indices:
    """Return the different ways (w, t) in which people of one sign may have these values, 720 at most."""
    left, came = ([p for p, s in zip(places, signs, strict=True) if (s > 0) == who] for who in (True, False))
    every = product(permutations(left), permutations(came))
    return np.unique(np.array([[*a, *b] for a, b in islice(every, _WAYS)]), axis=0)


def _with(owed: Sequence[Indices], share: Floats, signs: Floats, rng: np.random.Generator) -> Indices:
    """Return ways (w, t) in which some people, drawn, have the values that are owed, and the others any."""
    share = share + 1e-6
    begin = rng.choice(len(share), size=(_WAYS, len(signs)), p=share / share.sum()).astype(np.int64)
    for places, who in zip(owed, (np.flatnonzero(signs > 0), np.flatnonzero(signs < 0)), strict=True):
        drawn = rng.permuted(np.tile(who, (_WAYS, 1)), axis=1)[:, : len(places)]
        np.put_along_axis(begin, drawn, np.broadcast_to(places, drawn.shape), axis=1)
    return begin


def _sets(whole: Indices, told: Told, signs: Floats) -> Indices | None:
    """Return all sets of values (w, t) with the sums; None where some left and some joined, or there are too many."""
    if (signs != signs[0]).any():
        return None
    return solutions(whole, len(signs), round(signs[0] * told.total), round(signs[0] * told.square), most=_SETS)


def adds(column: Column, more: Floats, told: Told, signs: Floats) -> bool:
    """Return whether people may have other sets of values where some more join a column's, as far as sums say it."""
    own = column.values.astype(float)
    if told.listed or (own % 1 != 0).any():
        return True
    few, many = (
        _sets(np.unique(values).astype(np.int64), told, signs) for values in (own, np.concatenate([own, more]))
    )
    return few is None or many is None or len(few) != len(many)


def _begin(whole: Indices, share: Floats, told: Told, signs: Floats, rng: np.random.Generator) -> Indices:
    """Return ways (w, t) for people to have whole numbers of this sum and sum of squares: some hundreds, if in time."""
    parts = [_some(whole, share, told, signs, rng)]
    while len(signs) > 3 and sum(map(len, parts)) < _WAYS and len(parts) < _BATCHES:
        parts.append(_some(whole, share, told, signs, rng))
    found = np.concatenate(parts)
    return rng.permuted(found, axis=1) if (signs == signs[0]).all() else found


def _some(whole: Indices, share: Floats, told: Told, signs: Floats, rng: np.random.Generator) -> Indices:
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
