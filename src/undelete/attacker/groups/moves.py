"""Moves of several people at once: what one of them gains another may lose, and one alone would not move.

All keep the posterior as it is: Gibbs' draws of some values given all else, and Metropolis's rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from undelete.attacker.groups.exchange import another, exchange, redraw
from undelete.attacker.groups.people import People, drawn
from undelete.attacker.groups.solutions import position
from undelete.maths.arrays import Floats, Indices

_BOTH = 40  # values of a column up to which two people's are drawn together
OPTIONS = 64  # of three people's values that have one sum and one sum of squares, looked at together


@dataclass(frozen=True, eq=False)
class Held:
    """What files say of a column: which values are there, though not whose.

    Parameters
    ----------
    begin : array (w, t) of int
        Ways for the people to have them.
    whole : array (values,) of int or None
        The column's values, where of three people and more only sum and sum of squares are known; None where the values
        themselves are.
    sets : array (w, t) of int or None
        Sets of values with these sums, each falling; None where some left and some joined.
    all_sets : bool
        Whether these are all there are.
    owed : pair of arrays of int, or None
        Values that one of those who left has at least, and one of those who joined: all else is free.
    """

    begin: Indices
    whole: Indices | None = None
    sets: Indices | None = None
    all_sets: bool = False
    owed: tuple[Indices, Indices] | None = None

    def stays(self, people: People, i: int, j: int) -> NDArray[np.bool_] | None:
        """Return in which guesses (R,) person i is the last of theirs with a value that is owed."""
        if self.owed is None:
            return None
        own = people.codes[:, np.flatnonzero(people.side == people.side[i]), j]
        now = people.codes[:, i, j]
        last = (own == now[:, None]).sum(axis=1) == 1
        return np.asarray(np.isin(now, self.owed[people.side[i]]) & last)


def sweep(people: People, held: Mapping[int, Held]) -> None:
    """Move everything once."""
    t, c = people.codes.shape[1], people.codes.shape[2] - 1
    if people.known.labels is None:
        people.resume(range(t), people.rest(range(t)))
    for i in people.rng.permutation(t).tolist():
        for j in people.rng.permutation([j for j in range(c) if j not in held or held[j].owed is not None]).tolist():
            people.move(i, j, stay=held[j].stays(people, i, j) if j in held else None)
        if people.known.labels is not None:
            people.relabel(i)
    pairs = [(a, b) for a in range(t) for b in range(a)]
    for j in people.rng.permutation(c).tolist() if pairs else ():
        a, b = pairs[int(people.rng.integers(len(pairs)))]
        if people.signs[a] == people.signs[b]:
            swap(people, a, b, j)
        if j not in held:
            (_both if _small(people, j) else _alike)(people, a, b, j)
        else:
            _other_values(people, j, held[j])
    alike = [(a, b) for a, b in pairs if people.signs[a] == people.signs[b]] if held else []
    for place in people.rng.permutation(len(alike))[:t]:
        exchange(people, *alike[place])


def _other_values(people: People, j: int, held: Held) -> None:
    """Move a column whose sums are known to other values, where there are others."""
    if held.whole is None or (held.all_sets and held.sets is not None and len(held.sets) == 1):
        return
    for _ in range(1 if held.all_sets else max(1, people.codes.shape[1] // 3)):
        _three(people, j, held.whole)
    if held.sets is not None:
        another(people, j, held.sets)


def swap(people: People, a: int, b: int, j: int) -> None:
    """Try to give two people each other's value in column j."""
    people.put((a, b), j, people.codes[:, [b, a], j])


def _small(people: People, j: int) -> bool:
    k, V, _ = people.known.terms[j].shape
    return V <= _BOTH and (k == 1 or people.known.labels is not None)


def _both(people: People, a: int, b: int, j: int) -> None:
    """Draw two people's values in column j together, given all else: their pulls may cancel there."""
    known, rest = people.known, people.rest((a, b))
    sides = [people.with_values(i, j, slice(None)) for i in (a, b)]
    prior = [people.lattice.given_others(people.codes[:, i], j) for i in (a, b)]
    score = prior[0][:, :, None] + prior[1][:, None, :]
    if known.labels is None:
        score = score + _both_free(people, rest, sides[0][0], sides[1][0])
    else:
        pull = [np.einsum("ivk,ivkr->ivr", rho, white) for white, _, rho in sides]
        own = [(one @ rest[:, :, None])[..., 0] - 0.5 * (one**2).sum(axis=2) for one in pull]
        score = score + people.power * (own[0][:, :, None] + own[1][:, None, :] - pull[0] @ pull[1].transpose(0, 2, 1))
    flat = drawn(score.reshape(len(score), -1), people.rng)
    new = np.stack(np.unravel_index(flat, score.shape[1:]), axis=1)
    for p, i in enumerate((a, b)):
        at = people.every, new[:, p]
        people.white[:, i], people.score[:, i], people.rho[:, i] = (one[at] for one in sides[p])
        people.codes[:, i, j] = new[:, p]
    people.resume((a, b), rest)


def _both_free(people: People, rest: Floats, first: Floats, second: Floats) -> Floats:
    """Return the log-likelihood of each pair of values (R, V, V) of two people whose sizes are free, one output."""
    one, other = first[:, :, 0], second[:, :, 0]
    unit = people.known.spread[0] ** -2.0
    a, c = (people.power * (side**2).sum(axis=2) + unit for side in (one, other))
    b = people.power * one @ other.transpose(0, 2, 1)
    f, g = (people.power * (side @ rest[:, :, None])[..., 0] for side in (one, other))
    a, f, c, g = a[:, :, None], f[:, :, None], c[:, None, :], g[:, None, :]
    determinant = a * c - b**2
    return np.asarray(0.5 * (c * f**2 - 2 * b * f * g + a * g**2) / determinant - 0.5 * np.log(determinant))


def _alike(people: People, a: int, b: int, j: int) -> None:
    """Try to give two people who have one value in column j another one together."""
    now, share = people.codes[:, [a, b], j], np.exp(people.lattice.prior[j].base)
    tried = people.rng.choice(len(share), size=len(now), p=share / share.sum())
    values = np.where((now[:, 0] == now[:, 1])[:, None], tried[:, None], now)
    people.put((a, b), j, values, np.log(share[now[:, 0]]) - np.log(share[values[:, 0]]))


def _three(people: People, j: int, whole: Indices) -> None:
    """Draw three people's values in column j among those of the same sum and sum of squares."""
    t = people.codes.shape[1]
    three = people.rng.permutation(t)[:3]
    most = np.median(people.signs[three])  # the last two have one sign
    trio: list[int] = sorted(three.tolist(), key=lambda i: bool(people.signs[i] != most), reverse=True)
    now = people.codes[:, trio, j]
    options = np.concatenate([now[:, None], _options(people, trio, now, whole)], axis=1)  # (R, K, 3), -1 for none
    there = np.asarray((options >= 0).all(axis=2))
    redraw(people, trio, j, np.where(there[:, :, None], options, now[:, None]), np.where(there, 0.0, -np.inf))


def _options(people: People, trio: Sequence[int], now: Indices, whole: Indices) -> Indices:
    """Return other values (R, K, 3) of three people with the same sums; -1 where there are none more."""
    signs = people.signs[list(trio)]
    values = whole[now]
    total, square = ((signs * values**power).sum(axis=1) for power in (1, 2))
    found = trios(whole, signs, total, square)  # (R, 2 V, 3)
    valid = (found >= 0).all(axis=2) & ~(found == now[:, None]).all(axis=2)
    order = np.argsort(np.where(valid, people.rng.random(valid.shape), 2.0), axis=1)[:, :OPTIONS]
    most = max(1, int(valid.sum(axis=1).max(initial=1)))
    order = order[:, :most]
    picked = np.take_along_axis(found, order[:, :, None], axis=1)
    return np.where(np.take_along_axis(valid, order, axis=1)[:, :, None], picked, -1)


def trios(whole: Indices, signs: Floats, total: Floats, square: Floats) -> Indices:
    """Return the positions (R, 2 V, 3) of three values with given sums; -1 where there is none.

    The last two have one sign. With the first one given they are the two roots of a quadratic equation.

    Parameters
    ----------
    whole : array (V,) of int
        The values, rising.
    signs : array (3,)
        1 or -1.
    total, square : arrays (R,)
        Sum and sum of squares, with the signs.
    """
    s = signs[2] * (total[:, None] - signs[0] * whole)
    q = signs[2] * (square[:, None] - signs[0] * whole.astype(float) ** 2)
    inside = np.round(2 * q - s**2).astype(np.int64)
    root = np.round(np.sqrt(np.maximum(inside, 0))).astype(np.int64)
    s = np.round(s).astype(np.int64)
    good = (inside >= 0) & (root**2 == inside) & ((s + root) % 2 == 0)
    first, second = (position(whole, (s + sign * root) // 2) for sign in (1, -1))
    own = np.broadcast_to(np.arange(len(whole)), s.shape)
    found = np.concatenate([np.stack([own, first, second], axis=2), np.stack([own, second, first], axis=2)], axis=1)
    good = np.concatenate([good, good & (root > 0)], axis=1)
    return np.where(good[:, :, None] & (found >= 0), found, -1)
