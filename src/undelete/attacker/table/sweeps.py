"""More of a posterior than a search can keep: records that go on from its own, a column at a time; maths (13).

Of records that millions share the probability with, a search keeps a few thousand at most, and each further column
thins them again: of the columns that were taken first few different values are left, and they look surer than they are.
Sweeps mend that. Records drawn from the search are changed one column after the other, each to a value drawn from its
distribution given all the others. Where the records began as a fair sample they stay one, and what they had in common
by their descent is lost in a few sweeps. Where columns hang together so closely that none can move alone it is not, and
they still resemble what they began as: that is seen.

Source: Geman and Geman, *Stochastic relaxation, Gibbs distributions, and the Bayesian restoration of images* (1984),
Section XI.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undelete.attacker.table.lattice import Lattice
from undelete.attacker.table.whole_record import Frame, Posterior
from undelete.maths.arrays import Floats, Indices

_RECORDS = 64  # that go on side by side
_BEFORE = 8  # sweeps until what they had in common is lost
_KEPT = 16  # sweeps after which each is kept
_LOST = 0.3  # correlation with what they began as, below which it is


def swept(start: Posterior) -> Posterior | None:
    """Return the posterior by 16 times 64 records that go on from those of a search; None if they remember these.

    Parameters
    ----------
    start : Posterior
        What the search says; its evidence stays.

    Notes
    -----
    Cost 24 sweeps; each for every column 64 times its values times those of the columns that depend on it, and as much
    for the likelihood as it has coordinates. What the likelihood lacks (`Frame.judged`) is put in as a weight at last.
    """
    frame, order = start.frame, list(start.frame.lattice.order)
    along = np.searchsorted(np.cumsum(start.weight), (np.arange(_RECORDS) + 0.5) / _RECORDS)
    records = _Records(frame, frame.whole(start.codes[np.minimum(along, len(start.codes) - 1)])[0])
    free = [place for place, closed in enumerate(records.closed) if len(closed) + 1 < len(records.moved[place])]
    kept, begun, rng = [], records.codes.copy(), np.random.default_rng(0)
    for sweep in range(_BEFORE + _KEPT):
        for place in free:
            records.draw(place, rng)
        if sweep + 1 == _BEFORE and _memory(begun, records.codes) > _LOST:
            return None
        if sweep >= _BEFORE:
            kept.append(records.codes.copy())
    found, times = np.unique(np.concatenate(kept)[:, order], axis=0, return_counts=True)
    codes, b, prior = frame.whole(found)
    plain = prior + frame.likelihood.log(b @ frame.likelihood.data, (b**2).sum(axis=1))  # what they were drawn from
    return frame.posterior(codes, b, prior, np.log(times) - plain, start.log_evidence)


def _memory(before: Indices, after: Indices) -> float:
    """Return the mean correlation of columns' codes (r, c) before and after, over those that differ among records."""
    one, other = (codes - codes.mean(axis=0) for codes in (before, after))
    size = np.sqrt((one**2).sum(axis=0) * (other**2).sum(axis=0))
    varied = size > 0
    return float(((one * other).sum(axis=0)[varied] / size[varied]).mean()) if varied.any() else 1.0


@dataclass(frozen=True, eq=False)
class _Child:
    """A column that depends on another one: by what, as it is and as exponentials of it."""

    place: int
    column: int
    table: Floats  # (the other's values, its own)
    factor: Floats  # its exponential


class _Records:
    """Some whole records, and what their next values hang on.

    `scores` are, of each column, the logarithms (r, values) of its prior given its parents, not normalised.
    """

    def __init__(self, frame: Frame, codes: Indices) -> None:
        lattice, self.likelihood = frame.lattice, frame.likelihood
        self.codes, self.order = codes, list(lattice.order)
        parts = [frame.place(place)[1] for place in range(len(self.order))]
        self.moved = [
            column.terms @ self.likelihood.matrix[:, part].T
            for column, part in zip(lattice.columns, parts, strict=True)
        ]
        self.along = [moved @ self.likelihood.data for moved in self.moved]
        self.square = [(moved**2).sum(axis=1) for moved in self.moved]
        self.b = self.likelihood.constant + sum(
            moved[codes[:, j]] for j, moved in zip(self.order, self.moved, strict=True)
        )
        self.scores, self.children = _family(lattice, codes)
        self.closed = [_others(lattice, j, len(moved)) for j, moved in zip(self.order, self.moved, strict=True)]

    def draw(self, place: int, rng: np.random.Generator) -> None:
        """Give one column of each record a value drawn from its distribution given all the others."""
        j, moved = self.order[place], self.moved[place]
        old = self.codes[:, j].copy()
        without = self.b - moved[old]
        A = (without @ self.likelihood.data)[:, None] + self.along[place]
        B = (without**2).sum(axis=1)[:, None] + 2 * without @ moved.T + self.square[place]
        score = self.scores[place] + self.likelihood.log(A, B)
        for child in self.children[place]:
            rest = self.scores[child.place] - child.table[old]
            rest -= rest.max(axis=1, keepdims=True)
            score += child.table[:, self.codes[:, child.column]].T - np.log(np.exp(rest) @ child.factor.T)
        score[:, self.closed[place]] = -np.inf
        new = (score + rng.gumbel(size=score.shape)).argmax(axis=1)
        rows = np.flatnonzero(new != old)
        for child in self.children[place]:
            self.scores[child.place][rows] += child.table[new[rows]] - child.table[old[rows]]
        self.b, self.codes[:, j] = without + moved[new], new


def _family(lattice: Lattice, codes: Indices) -> tuple[list[Floats], list[list[_Child]]]:
    """Return what each column's parents say of its values in some records, and which columns it is a parent of."""
    places = {j: place for place, j in enumerate(lattice.order)}
    scores, children = [], [list[_Child]() for _ in lattice.order]
    for place, j in enumerate(lattice.order):
        own = lattice.prior[j]
        score = np.tile(own.base, (len(codes), 1))
        for parent, table in own.tables.items():
            score += table[codes[:, parent]]
            if parent in places:
                children[places[parent]].append(_Child(place, j, table, np.exp(table)))
        scores.append(score)
    return scores, children


def _others(lattice: Lattice, j: int, values: int) -> Indices:
    """Return the values of a column that are excluded beforehand."""
    left = lattice.allowed.get(j)
    return np.zeros(0, dtype=np.int64) if left is None else np.setdiff1d(np.arange(values), left)
