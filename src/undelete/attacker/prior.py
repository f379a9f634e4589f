"""What public records say of a record before any model is looked at: a smoothed chain over the columns.

Columns are taken in a given order; each depends on up to two earlier ones, its parents. With N the public
counts, a the smoothing and q the distribution one parent simpler,

    p(v | parents) = (N(v, parents) + a q(v)) / (N(parents) + a).

Parents and smoothing are chosen by the likelihood of public records that were held out from the counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
Floats = NDArray[np.float64]

_SMOOTHING = (3.0, 30.0, 300.0)
_MARGINAL = 0.5  # pseudo-count of each value in a column's own distribution
_PARENTS = 2
_GAIN = 0.002  # nats a record that a further parent must bring on held-out records


@dataclass(frozen=True, eq=False)
class Conditional:
    """One column's distribution given its parents.

    Parameters
    ----------
    values : int
        Number of the column's values.
    parents : tuple of int
        Columns it depends on.
    smoothing : tuple of float
        One for each parent.
    tables : tuple of dict
        For each number of parents (0, 1, ...) the counts (values,) by the parents' codes.
    """

    values: int
    parents: tuple[int, ...]
    smoothing: tuple[float, ...]
    tables: tuple[dict[tuple[int, ...], Floats], ...]

    @cached_property
    def _known(self) -> dict[tuple[int, ...], Floats]:
        return {}

    def log_distribution(self, codes: Indices) -> Floats:
        """Return log p(v | parents) (values,); computed once for equal parents."""
        key = tuple(int(codes[j]) for j in self.parents)
        if key not in self._known:
            self._known[key] = np.log(self.distribution(codes))
        return self._known[key]

    def distribution(self, codes: Indices) -> Floats:
        """Return p(v | parents) (values,) for a record whose earlier columns have these codes."""
        counts = self.tables[0][()]
        p = (counts + _MARGINAL) / (counts.sum() + _MARGINAL * self.values)
        for level, a in enumerate(self.smoothing, 1):
            found = self.tables[level].get(tuple(int(codes[j]) for j in self.parents[:level]))
            if found is not None:
                p = (found + a * p) / (found.sum() + a)
        return np.asarray(p)


def _tables(
    codes: Indices, column: int, parents: tuple[int, ...], values: int
) -> tuple[dict[tuple[int, ...], Floats], ...]:
    tables = []
    for level in range(len(parents) + 1):
        keys, where = np.unique(codes[:, list(parents[:level])], axis=0, return_inverse=True)
        counts = np.zeros((len(keys), values))
        np.add.at(counts, (where.ravel(), codes[:, column]), 1.0)
        tables.append({tuple(map(int, key)): counts[i] for i, key in enumerate(keys)})
    return tuple(tables)


def _held_out(train: Indices, test: Indices, column: int, model: Conditional) -> float:
    """Return the mean log-likelihood of held-out records, evaluated once per distinct parents."""
    keys, where = np.unique(test[:, list(model.parents)], axis=0, return_inverse=True)
    full = np.zeros(test.shape[1], dtype=np.int64)
    total = 0.0
    for i, key in enumerate(keys):
        full[list(model.parents)] = key
        total += float(np.log(model.distribution(full)[test[where.ravel() == i, column]]).sum())
    return total / len(test)


def learn(
    codes: Indices, sizes: Sequence[int], order: Sequence[int], given: Sequence[int] = ()
) -> dict[int, Conditional]:
    """Learn the chain from public records.

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

    Returns
    -------
    dict of int to Conditional
        For each column of `order`.
    """
    test = np.arange(len(codes)) % 4 == 3
    train, held = codes[~test], codes[test]
    chain: dict[int, Conditional] = {}
    earlier = list(given)
    for column in order:
        parents, smoothing = _choose(train, held, column, sizes[column], earlier)
        chain[column] = Conditional(sizes[column], parents, smoothing, _tables(codes, column, parents, sizes[column]))
        earlier.append(column)
    return chain


def _choose(
    train: Indices, held: Indices, column: int, values: int, earlier: Sequence[int]
) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Add the parent that helps most on held-out records, as long as one helps."""
    parents: tuple[int, ...] = ()
    smoothing: tuple[float, ...] = ()
    best = _held_out(train, held, column, Conditional(values, (), (), _tables(train, column, (), values)))
    for _ in range(_PARENTS):
        tried = []
        for parent in [j for j in earlier if j not in parents]:
            tables = _tables(train, column, (*parents, parent), values)
            for a in _SMOOTHING:
                model = Conditional(values, (*parents, parent), (*smoothing, a), tables)
                tried.append((_held_out(train, held, column, model), model.parents, model.smoothing))
        if not tried:
            break
        score, new_parents, new_smoothing = max(tried)
        if score < best + _GAIN:
            break
        best, parents, smoothing = score, new_parents, new_smoothing
    return parents, smoothing


def entropy(codes: Indices, chain: dict[int, Conditional]) -> float:
    """Return the mean of -log2 prior over some records: the bits a record holds before any attack."""
    total = 0.0
    for column, model in chain.items():
        total -= _held_out(codes, codes, column, model) / np.log(2)
    return total
