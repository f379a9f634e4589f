"""What public records say of a record before any model is looked at: log-linear, one column after the other.

Columns are taken in a given order. Each depends on all earlier ones, its parents, through one table a parent:

    log p(v | parents) = base(v) + sum over parents e of table_e(u_e, v) - log Z

`base` is the logarithm of the column's own smoothed frequencies. A table is a weighted sum of log lifts,
log [p(u, v) / p(u) p(v)] with counts smoothed by a pseudo-count: as they are, and where a column is a number of
many values also spread over its neighbours, since neighbouring ages or codes of occupation behave alike. The
weights maximise the likelihood of public records that were held out from the counts, a convex problem.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from undelete.maths.arrays import Floats, Indices

_MARGINAL = 0.5  # pseudo-count of each value in a column's own distribution
_PSEUDO = 1.0  # of each pair of values in a lift
_WIDTH = 3.0  # values over which a number's lift is spread: the kernel falls by e in that many
_SPREAD_FROM = 24  # values from which a number is spread
_PARENTS = 12  # of a column, those that tell most about it
_PAIRS = 300_000  # of values, up to which a parent is considered: a table of 2 MB
_GROUPS = 12  # into which a number's values are put to see whether it tells anything
_TELLING = 2.0  # standard deviations of chance that a parent's information must exceed
_RECORDS = 100_000  # public ones that the prior is learnt from: more change no frequency that matters
_HELD_OUT = 100_000  # held-out records times values that the weights are chosen on
_LEAST_HELD_OUT = 600  # records
_STEPS = 20  # of Newton's method for the weights
_TOLERANCE = 1e-4  # nats a record that another step would gain


@dataclass(frozen=True, eq=False)
class Conditional:
    """One column's distribution given the columns before it.

    Parameters
    ----------
    base : array (values,)
        Logarithm of the column's own distribution.
    tables : dict of int to array (values of that column, values)
        For each parent what its value adds.
    bits : float
        Mean of -log2 p over held-out records: what there is to know of the column once its parents are known.
    """

    base: Floats
    tables: Mapping[int, Floats]
    bits: float

    def log_distribution(self, codes: Indices) -> Floats:
        """Return log p(v | parents) (r, values) for records whose parents' codes are in `codes` (r, c)."""
        score = np.tile(self.base, (len(codes), 1))
        for parent, table in self.tables.items():
            score += table[codes[:, parent]]
        score -= score.max(axis=1, keepdims=True)
        return np.asarray(score - np.log(np.exp(score).sum(axis=1, keepdims=True)))


def learn(
    codes: Indices, sizes: Sequence[int], order: Sequence[int], given: Sequence[int] = (), numbers: Sequence[int] = ()
) -> dict[int, Conditional]:
    """Learn the prior from public records.

    Parameters
    ----------
    codes : array (m, c) of int
        The public records' codes, none of them -1 in the columns used.
    sizes : sequence of int
        Number of values of each column.
    order : sequence of int
        Columns in the order in which they will be decoded.
    given : sequence of int
        Columns that are known before (the label): any column may depend on them.
    numbers : sequence of int
        Columns whose values are numbers, in rising order.

    Returns
    -------
    dict of int to Conditional
        For each column of `order`.

    Notes
    -----
    Cost for a column of q values and p parents: a count of the m records each, of which 100,000 at most are looked at,
    and Newton steps on at most about 100,000 times 2 p numbers.
    """
    codes = codes[:: -(-len(codes) // _RECORDS)]
    held = np.arange(len(codes)) % 4 == 3
    grouped = _grouped(codes, [j for j in numbers if sizes[j] > _GROUPS])
    train, test = (codes[~held], codes[held]) if held.any() else (codes, codes)
    kernels = {j: _kernel(sizes[j]) for j in numbers if sizes[j] > _SPREAD_FROM}
    chain: dict[int, Conditional] = {}
    earlier = list(given)
    for column in order:
        q = sizes[column]
        parents = _telling(grouped, column, [e for e in earlier if sizes[e] * q <= _PAIRS])
        seen = test[: max(_LEAST_HELD_OUT, _HELD_OUT // q)]
        lifts = _lifts(train, column, parents, sizes, kernels)
        terms = np.empty((len(seen), q, 1 + len(lifts)), dtype=np.float32)
        terms[:, :, 0] = _marginal(train, column, q)
        for place, (parent, lift) in enumerate(lifts, start=1):
            terms[:, :, place] = lift[seen[:, parent]]
        weights, bits = _weights(terms, seen[:, column])
        tables: dict[int, Floats] = {}
        # counted again over all records, with the weights that a part of them chose
        for weight, (parent, lift) in zip(weights[1:], _lifts(codes, column, parents, sizes, kernels), strict=True):
            tables[parent] = tables.get(parent, 0.0) + weight * lift
        chain[column] = Conditional(weights[0] * _marginal(codes, column, q), tables, bits)
        earlier.append(column)
    return chain


def _kernel(size: int) -> Floats:
    place = np.arange(size)
    return np.asarray(np.exp(-np.abs(place[:, None] - place) / _WIDTH))


def _marginal(codes: Indices, column: int, values: int) -> Floats:
    """Return the logarithm of the column's own distribution."""
    counts = np.bincount(codes[:, column], minlength=values) + _MARGINAL
    return np.asarray(np.log(counts / counts.sum()))


def _pairs(codes: Indices, parent: int, column: int, sizes: Sequence[int]) -> Floats:
    """Return how many records have each pair of values (parent's, column's)."""
    shape = (sizes[parent], sizes[column])
    together = codes[:, parent] * shape[1] + codes[:, column]
    return np.bincount(together, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)


def _lifts(
    codes: Indices, column: int, parents: Sequence[int], sizes: Sequence[int], kernels: Mapping[int, Floats]
) -> list[tuple[int, Floats]]:
    """Return (parent, log lift of each pair of values): as counted, and spread where one of the two is a number."""
    own = np.exp(_marginal(codes, column, sizes[column]))
    found = []
    for parent in parents:
        together = _pairs(codes, parent, column, sizes)
        apart = together.sum(axis=1)[:, None] * own
        found.append((parent, np.log((together + _PSEUDO) / (apart + _PSEUDO))))
        if parent in kernels or column in kernels:
            for side, kernel in ((0, kernels.get(parent)), (1, kernels.get(column))):
                if kernel is not None:
                    together, apart = (kernel @ N if side == 0 else N @ kernel for N in (together, apart))
            found.append((parent, np.log((together + _PSEUDO) / (apart + _PSEUDO))))
    return found


def _grouped(codes: Indices, numbers: Sequence[int]) -> Indices:
    """Return the codes with each of some numbers in about twelve groups of as many records."""
    grouped = codes.copy()
    for j in numbers:
        below = np.cumsum(np.bincount(codes[:, j])) / len(codes)
        grouped[:, j] = np.minimum((below * _GROUPS).astype(np.int64), _GROUPS - 1)[codes[:, j]]
    return grouped


def _telling(codes: Indices, column: int, parents: Sequence[int]) -> list[int]:
    """Return at most `_PARENTS` of the parents: those whose information about the column is largest, beyond chance."""
    information = {}
    sizes = codes.max(axis=0) + 1
    for parent in parents:
        p = _pairs(codes, parent, column, sizes.tolist()) / len(codes)
        apart = p.sum(axis=1)[:, None] * p.sum(axis=0)
        there = p > 0
        degrees = (there.any(axis=1).sum() - 1) * (there.any(axis=0).sum() - 1)
        # counts alone make independent columns look dependent: 2 m information is chi-squared of these degrees
        beyond = float((p[there] * np.log(p[there] / apart[there])).sum()) - degrees / (2 * len(codes))
        if beyond > _TELLING * np.sqrt(2 * degrees) / (2 * len(codes)):
            information[parent] = beyond
    return sorted(sorted(information, key=information.__getitem__, reverse=True)[:_PARENTS])


def _weights(terms: NDArray[np.float32], codes: Indices) -> tuple[Floats, float]:
    """Return the terms' weights (k,), and the bits of one held-out record's column.

    Newton's method on the likelihood, which is concave. The first term, the column's own distribution, is expected
    to count once and the others not at all, each give or take one: a normal prior, which few records do not overrule.
    """
    rows, _, k = terms.shape
    expected = np.eye(k)[0]
    own = terms[np.arange(rows), codes].mean(axis=0, dtype=np.float64)

    def loss(weights: Floats) -> tuple[float, float, NDArray[np.float32]]:
        """Return the penalised and the plain loss a record, and p(v | parents) (rows, values)."""
        score = terms @ weights.astype(np.float32)
        top = score.max(axis=1, keepdims=True)
        p = np.exp(score - top)
        total = p.sum(axis=1, keepdims=True)
        plain = float((np.log(total) + top).mean(dtype=np.float64) - own @ weights)
        return plain + float(((weights - expected) ** 2).sum()) / (2 * rows), plain, p / total

    weights = expected
    value, plain, p = loss(weights)
    for _ in range(_STEPS):
        mean = np.matmul(p[:, None, :], terms)[:, 0]  # (rows, k)
        square = terms.reshape(-1, k).T @ (terms * p[:, :, None]).reshape(-1, k)
        curvature = ((square - mean.T @ mean) + np.eye(k)) / rows
        step = np.linalg.solve(curvature, own - mean.mean(axis=0) - (weights - expected) / rows)
        tried = loss(weights + step)
        while tried[0] > value and np.abs(step).max() > _TOLERANCE:
            step = step / 2
            tried = loss(weights + step)
        if tried[0] > value - _TOLERANCE:
            break
        weights, (value, plain, p) = weights + step, tried
    return weights, plain / np.log(2)
