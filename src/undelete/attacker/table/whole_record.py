"""The posterior of one deletion's whole record: prior times likelihood, by sequential Monte Carlo, maths (13).

The posterior of a record v is proportional to prior(v) times the likelihood of its terms a(v), `TermLikelihood`.
Columns are taken one after the other along the Cholesky factor of the error's covariance, so that each one's error is
predicted from those of the columns before it. Partial records are kept with their weights. Where there are more than
there is room for, the heaviest are kept as they are and of the others a few are drawn to stand for all of them, with
weights that leave every sum right on average: where a few records hold all of the probability the result is exact, and
where millions share it the few that are kept are a fair sample of them. Source of the draw: Fearnhead and Clifford,
*On-line inference for hidden Markov models via particle filters* (2003), Section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from undelete.attacker.table.atoms import Atoms
from undelete.attacker.table.prior import Conditional
from undelete.attacker.table.term_likelihood import TermLikelihood
from undelete.maths.arrays import Floats, Indices
from undelete.release.columns import Column

_SEEN = 16  # records that say which of the next column's values are looked at
_WINDOW = 40.0  # squared distance of a value beyond its column's nearest, up to which it is looked at
_TAIL = 40.0  # log-weight under the best at which a record is dropped
# of the places at which records are drawn, from one column to the next and from one record to the next: even in both,
# and without chance (the sequence R2 of Roberts 2018)
_TURN, _SPACED = 0.7548776662, 0.5698402910


@dataclass(frozen=True, eq=False)
class Lattice:
    """What all deletions share: the columns that are decoded, where their terms stand, and the prior.

    Parameters
    ----------
    columns : sequence of Column
        Those on a lattice, in the order of the search.
    order : sequence of int
        Their positions among the release's columns.
    projection : array (d, q)
        From the model's space to the columns' terms, in that order.
    target : int
        The position of the target's class or tenth, after those of all columns.
    prior : dict of int to Conditional
        By the columns' positions.
    bits : float
        The prior's entropy, the target's class or tenth included.
    whole : bool
        Whether the whole record is estimated; of a model of many features it is the terms only.
    mixed : sequence of Atoms
        Continuous columns that many public records have a value of in common; none where not all is estimated.
    fixed : mapping of int to int
        Columns whose code is known beforehand.
    """

    columns: Sequence[Column]
    order: Sequence[int]
    projection: Floats
    target: int
    prior: Mapping[int, Conditional]
    bits: float
    whole: bool
    mixed: Sequence[Atoms] = ()
    fixed: Mapping[int, int] = field(default_factory=dict)

    @property
    def terms(self) -> Floats:
        """From the likelihood's coordinates to the columns' terms (p, q)."""
        if self.whole:
            return self.projection
        q = self.projection.shape[1]
        return np.eye(q + 1, q)


@dataclass(frozen=True, eq=False)
class Posterior:
    """What is known of one deleted record: r records that stand for all.

    Parameters
    ----------
    codes : array (r, columns) of int
        Records in the search's order of columns, the most probable first.
    weight : array (r,)
        Their shares of all records: sums over them estimate the posterior's.
    probability : array (r,)
        Each one's own probability: its weight, or less where it also stands for others.
    entropy : float
        Of the posterior, in bits.
    points : array (r, p)
        Where they lie in the likelihood's coordinates: their terms are their own, the rest follows as far as errors go
        together.
    covariance : array (p, p)
        What is left of a point's error.
    misfit : array (r,)
        Squared distance of each from the likelihood's mean, in the metric of S.
    log_evidence : float
        Logarithm of the density of the gradient: the sum of prior times likelihood over all records.
    chances : sequence of arrays (r, a + 1)
        Of each column with atoms, how probable each of them is in each record.
    """

    codes: Indices
    weight: Floats
    probability: Floats
    entropy: float
    points: Floats
    covariance: Floats
    misfit: Floats
    log_evidence: float
    chances: Sequence[Floats]
    frame: _Frame

    def of(self, codes: Indices) -> tuple[float, Floats, float]:
        """Return any one record's probability, its point (p,) and its misfit.

        Parameters
        ----------
        codes : array (columns,) of int
            In the search's order of columns.
        """
        own, points, _, misfit, _ = self.frame.judged(*self.frame.one(codes))
        return (
            float(np.exp(min(float(own[0]) + self.frame.likelihood.offset - self.log_evidence, 0.0))),
            points[0],
            float(misfit[0]),
        )

    @property
    def drawn(self) -> float:
        """Share of the probability that lies on records which also stand for others."""
        return float(self.weight[self.probability < self.weight * (1 - 1e-9)].sum())


Correction = Callable[[Floats, Floats], Floats]


def search(
    lattice: Lattice, likelihood: TermLikelihood, target: int, room: int, correction: Correction | None = None
) -> Posterior:
    """Return the posterior of one deleted record.

    Parameters
    ----------
    lattice : Lattice
        Columns and prior.
    likelihood : TermLikelihood
        What the gradient says.
    target : int
        Code of the target's class or tenth, for the prior.
    room : int
        Records that are kept after each column.
    correction : callable, optional
        From points (r, p) and their misfits (r,) to what has to be added to their log-likelihoods (r,).

    Notes
    -----
    Cost for each column: the records kept times its values times its parents, in additions.
    """
    frame = _Frame(lattice, likelihood, target, correction)
    codes = np.zeros((1, lattice.target + 1), dtype=np.int64)  # zero where not decided yet
    codes[:, lattice.target] = target
    b = likelihood.constant[None]  # whitened terms of the columns so far
    first = slice(0, len(likelihood.data) - likelihood.matrix.shape[1])  # the constant's own row, where it has one
    A, B = b[:, first] @ likelihood.data[first], (b[:, first] ** 2).sum(axis=1)
    log_weight = own = np.zeros(1) if likelihood.scaled else likelihood.log(A, B)  # stands for, and has itself
    prior = np.zeros(1)
    for place, (j, column) in enumerate(zip(lattice.order, lattice.columns, strict=True)):
        rows, part = frame.place(place)
        known = lattice.fixed.get(j)
        some = _seen(log_weight)
        values = frame.shortlist(column, A[some], B[some], b[some], rows, part) if known is None else np.array([known])
        moved = column.terms[values] @ likelihood.matrix[:, part].T  # (values, s)
        here = b[:, None, rows] + moved[None, :, rows]
        A_new, B_new = A[:, None] + here @ likelihood.data[rows], B[:, None] + (here**2).sum(axis=2)
        prior_new = prior[:, None] + lattice.prior[j].log_distribution(codes)[:, values]
        own_new = prior_new + likelihood.log(A_new, B_new)
        keep, log_weight = _thinned((log_weight - own)[:, None] + own_new, room, place * _TURN % 1.0)
        parent, value = np.unravel_index(keep, own_new.shape)
        A, B, prior, own = (array[parent, value] for array in (A_new, B_new, prior_new, own_new))
        codes, b = codes[parent], b[parent] + moved[value]
        codes[:, j] = values[value]
    return frame.posterior(codes, b, prior, log_weight - own)


@dataclass(frozen=True, eq=False)
class _Frame:
    """One deletion's search: what is looked for, and by what it is judged."""

    lattice: Lattice
    likelihood: TermLikelihood
    target: int
    correction: Correction | None

    def judged(
        self, codes: Indices, b: Floats, prior: Floats
    ) -> tuple[Floats, Floats, Floats, Floats, Sequence[Floats]]:
        """Return log-posteriors (r,) but for a constant, points (r, p), scales (r,), misfits (r,), atoms' chances."""
        A, B = b @ self.likelihood.data, (b**2).sum(axis=1)
        points, rho = self.likelihood.points(b)
        misfit = self.likelihood.misfit(A, B)
        own = prior + self.likelihood.log(A, B)
        if self.correction is not None:
            own = own + self.correction(points, misfit)
        chances = []
        for atoms in self.lattice.mixed:
            added, chance = atoms.chances(codes, points, self.likelihood.left, rho)
            own = own + added
            chances.append(chance)
        return own, points, rho, misfit, chances

    def one(self, codes: Indices) -> tuple[Indices, Floats, Floats]:
        """Return one record's codes (1, all columns), whitened terms (1, s) and log-prior (1,); `codes` (columns,)."""
        lattice = self.lattice
        whole = np.zeros((1, lattice.target + 1), dtype=np.int64)
        whole[:, lattice.target] = self.target
        whole[0, list(lattice.order)] = codes
        every = zip(lattice.order, lattice.columns, codes, strict=True)
        prior = sum(float(lattice.prior[j].log_distribution(whole)[0, code]) for j, _, code in every)
        terms = np.concatenate([column.terms[code] for column, code in zip(lattice.columns, codes, strict=True)])
        return whole, (self.likelihood.constant + self.likelihood.matrix @ terms)[None], np.array([prior])

    def place(self, column: int) -> tuple[slice, slice]:
        """Return the rows of the whitened data that one column decides, and its terms among all."""
        sizes = [one.terms.shape[1] for one in self.lattice.columns[: column + 1]]
        part = slice(sum(sizes[:-1]), sum(sizes))
        skipped = len(self.likelihood.data) - self.likelihood.matrix.shape[1]
        return slice(part.start + skipped, part.stop + skipped), part

    def shortlist(self, column: Column, A: Floats, B: Floats, b: Floats, rows: slice, part: slice) -> Indices:
        """Return the column's values worth looking at: those that its own rows do not all but exclude.

        Of a record's own rows the data are rho (b + moved); with rho about A / B that leaves a range of values.
        """
        data = self.likelihood.data[rows]
        rho = np.ones(len(b)) if self.likelihood.scaled else A / B
        moved = column.terms @ self.likelihood.matrix[rows, part].T
        off = data - rho[:, None, None] * (b[:, None, rows] + moved)
        width = 1.0 if self.likelihood.scaled else 1 + ((data**2).sum() / (A**2 / B).min())
        distance = (off**2).sum(axis=2)
        near = distance <= distance.min(axis=1, keepdims=True) + _WINDOW * width
        return np.flatnonzero(near.any(axis=0))

    def posterior(self, codes: Indices, b: Floats, prior: Floats, extra: Floats) -> Posterior:
        """Return what is known; `extra` (r,) is by how much each stands for more than itself."""
        own, points, rho, misfit, chances = self.judged(codes, b, prior)
        log_weight = own + extra
        top = log_weight.max()
        weight = np.exp(log_weight - top)
        evidence = float(top + np.log(weight.sum()))
        probability = np.minimum(np.exp(own - evidence), 1.0)
        best = np.argsort(-probability, kind="stable")
        weight, likely = weight[best] / weight.sum(), probability[best] > 0
        return Posterior(
            codes=codes[best][:, list(self.lattice.order)],
            weight=weight,
            probability=probability[best],
            entropy=-float(weight[likely] @ np.log2(probability[best][likely])),
            points=points[best],
            covariance=self.likelihood.left / rho[best[0]] ** 2,
            misfit=misfit[best],
            log_evidence=evidence + self.likelihood.offset,
            chances=[chance[best] for chance in chances],
            frame=self,
        )


def _thinned(scores: Floats, room: int, offset: float) -> tuple[Indices, Floats]:
    """Return which records are kept, at most `room`, and their log-weights.

    With c such that the sum of min(1, weight / c) is `room`, those above c are kept as they are. The others are put
    one after the other, weight / c long each, and one is drawn at a place of its own in every unit of that length, to
    weigh c. The order stays: records that begin alike are neighbours, so that a beginning's share changes by no more
    than the one record at either end of it, however many columns follow. And the places differ from unit to unit: at
    the same one in each, records of equal weight would all go on with the same value.
    """
    score = scores.ravel()
    top = float(score.max())
    keep = np.flatnonzero(score > top - _TAIL)
    if len(keep) <= room:
        return keep, score[keep]
    weight = np.exp(score[keep] - top)
    heavy = np.argpartition(weight, -room)[-room:]
    heavy = heavy[np.argsort(-weight[heavy], kind="stable")]
    rest = weight.sum() - np.cumsum(weight[heavy]) + weight[heavy]  # of each and all lighter ones
    sure = int(np.argmax(weight[heavy] * (room - np.arange(room)) <= rest))
    c = float(rest[sure]) / (room - sure)
    light = np.ones(len(keep), dtype=bool)
    light[heavy[:sure]] = False
    places = np.arange(room - sure) + (offset + np.arange(room - sure) * _SPACED) % 1.0
    along = np.cumsum(weight[light])
    drawn, times = np.unique(np.searchsorted(along, places * (along[-1] / (room - sure))), return_counts=True)
    drawn = np.flatnonzero(light)[np.minimum(drawn, len(along) - 1)]
    kept = np.concatenate([heavy[:sure], drawn])
    weights = np.concatenate([score[keep[heavy[:sure]]], np.log(c * times) + top])
    order = np.argsort(kept)
    return keep[kept[order]], weights[order]


def _seen(log_weight: Floats) -> Indices:
    """Return which records say what values of the next column are looked at: the heaviest, and some of all."""
    heaviest = np.argsort(-log_weight, kind="stable")[: _SEEN // 2]
    evenly = np.linspace(0, len(log_weight) - 1, _SEEN // 2).astype(int)
    return np.unique(np.concatenate([heaviest, evenly]))
