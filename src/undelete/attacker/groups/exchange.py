"""Moves that keep what files sum: two people exchange any of their columns, a column's values become another set."""

from __future__ import annotations

from collections.abc import Sequence
from math import factorial

import numpy as np

from undelete.attacker.groups.people import People, drawn
from undelete.maths.arrays import Floats, Indices

_WAYS = 2_000_000  # numbers that all ways of exchanging columns make
_SETS = 64  # of values of one sum and one sum of squares, looked at together


def exchange(people: People, a: int, b: int) -> None:
    """Draw which of two people has which of their values, in all columns at once where that is not too much."""
    known, (R, k, r) = people.known, people.white[:, a].shape
    classes = known.labels is not None
    columns = people.codes.shape[2] - (not classes)
    most = max(1, int(np.log2(max(2, _WAYS // (R * k * r)))))
    picked = people.rng.permutation(columns)[: min(most, columns - 1)]  # one stays, since people have no order
    bits = (np.arange(2 ** len(picked))[:, None] >> np.arange(len(picked))) & 1  # (K, q)
    terms, scores, side = known.terms, known.scores, people.side[a]
    one, other = people.codes[:, a], people.codes[:, b]
    white, z = np.zeros((R, len(picked), k, r)), np.zeros((R, len(picked), k))
    for place, j in enumerate(picked.tolist()):
        if j < len(terms):
            white[:, place] = (terms[j][:, other[:, j]] - terms[j][:, one[:, j]]).transpose(1, 0, 2)
            z[:, place] = scores[j][side][other[:, j]] - scores[j][side][one[:, j]]
    moved = (bits @ white.reshape(R, len(picked), k * r)).reshape(R, -1, k, r)
    further = bits @ z
    target = np.flatnonzero(picked == len(terms))
    turned = bits[:, target[0]] if len(target) else np.zeros(len(bits), dtype=np.int64)
    labels = np.where(turned, other[:, -1:], one[:, -1:]), np.where(turned, one[:, -1:], other[:, -1:])
    sides = [
        _sized(people, i, people.white[:, i][:, None] + sign * moved, people.score[:, i][:, None] + sign * further, own)
        for i, sign, own in ((a, 1, labels[0]), (b, -1, labels[1]))
    ]
    new = _take(people, (a, b), sides, _more_likely(people, one, other, picked, bits))
    swapped = np.zeros((R, people.codes.shape[2]), dtype=bool)
    swapped[:, picked] = bits[new] == 1
    people.codes[:, a], people.codes[:, b] = np.where(swapped, other, one), np.where(swapped, one, other)


def _more_likely(people: People, one: Indices, other: Indices, picked: Indices, bits: Indices) -> Floats:
    """Return by how much the log-prior of two people gains (R, K) where some columns are exchanged."""
    every = np.zeros((len(bits), one.shape[1]), dtype=np.int64)
    every[:, picked] = bits
    gain, apart = [np.zeros(len(one))], [np.zeros(len(bits))]
    for j, own in people.lattice.prior.items():
        for parent, table in own.tables.items():
            p, q, x, y = one[:, parent], other[:, parent], one[:, j], other[:, j]
            gain.append(table[p, y] + table[q, x] - table[p, x] - table[q, y])
            apart.append(every[:, j] != every[:, parent])
    return np.asarray(np.column_stack(gain) @ np.array(apart, dtype=float))


def another(people: People, j: int, sets: Indices) -> None:
    """Draw one of the sets of values (w, t) that column j may have, each person's rank among them kept."""
    R, t = people.codes.shape[:2]
    now, rng = people.codes[:, :, j], people.rng
    order = np.argsort(now + 0.5 * rng.random(now.shape), axis=1)[:, ::-1]  # equal values: in any order
    others = np.argsort(rng.random((R, len(sets))), axis=1)[:, :_SETS]
    ranked = np.concatenate([np.take_along_axis(now, order, axis=1)[:, None], sets[others]], axis=1)  # (R, K, t)
    same = (ranked[:, 1:] == ranked[:, :1]).all(axis=2)
    stays = ~np.isin(ranked[:, 0] @ _named(t), sets @ _named(t))[:, None]  # from outside the list there is no way back
    score = np.concatenate([np.zeros((R, 1)), np.where(same | stays, -np.inf, 0.0)], axis=1) - _ways_alike(ranked)
    options = np.empty_like(ranked)
    np.put_along_axis(options, np.broadcast_to(order[:, None], options.shape), ranked, axis=2)
    redraw(people, range(t), j, options, score)


def _named(t: int) -> Indices:
    """Return what makes one number of t values, hardly ever the same of others."""
    return np.asarray(np.random.default_rng(t).integers(2**62, size=t))


def _ways_alike(ranked: Indices) -> Floats:
    """Return the logarithm of how many orders of these values (..., t) are the same."""
    counts = (ranked[..., :, None] == ranked[..., None, :]).sum(axis=-1)  # of each value, once for each who has it
    table = np.log([1.0, *(factorial(n) for n in range(1, ranked.shape[-1] + 1))])
    return np.asarray((table[counts] / counts).sum(axis=-1))


def redraw(people: People, who: Sequence[int], j: int, options: Indices, score: Floats) -> None:
    """Draw some people's values in column j among options (R, K, p), likelier by `score` (R, K) beforehand."""
    who, every = list(who), people.every[:, None]
    sides = [people.with_values(i, j, options[:, :, p]) for p, i in enumerate(who)]
    for p, i in enumerate(who):
        score = score + people.lattice.given_others(people.codes[:, i], j)[every, options[:, :, p]]
    new = _take(people, who, sides, score)
    people.codes[:, who, j] = options[people.every, new]


def _sized(people: People, i: int, white: Floats, z: Floats, labels: Indices) -> tuple[Floats, Floats, Floats]:
    if people.known.labels is None:
        return white, z, np.broadcast_to(people.rho[:, i][:, None], z.shape)
    return white, z, people.pull(z, people.known.labels[labels], people.signs[i])


def _take(people: People, who: Sequence[int], sides: Sequence[tuple[Floats, Floats, Floats]], score: Floats) -> Indices:
    """Draw what some people are, given all else, of white, scores and sizes for each; return which (R,)."""
    who, known = list(who), people.known
    rest = people.rest(who)
    if known.labels is None:
        flat = np.concatenate([white for white, _, _ in sides], axis=2)  # (R, K, p k, r)
        along, square = np.einsum("ivar,ir->iva", flat, rest), flat @ np.swapaxes(flat, 2, 3)
        score = score + people.free(along, square, np.tile(known.spread, len(who)))
    else:
        made = sum(np.einsum("ivk,ivkr->ivr", rho, white) for white, _, rho in sides)
        score = score - 0.5 * people.power * ((rest[:, None] - made) ** 2).sum(axis=2)
    new = drawn(score, people.rng)
    for i, (white, z, rho) in zip(who, sides, strict=True):
        people.white[:, i], people.score[:, i] = white[people.every, new], z[people.every, new]
        people.rho[:, i] = rho[people.every, new]
    people.resume(who, rest)
    return new
