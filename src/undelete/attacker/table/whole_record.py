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

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from undelete.attacker.table.lattice import Lattice
from undelete.attacker.table.term_likelihood import TermLikelihood
from undelete.attacker.table.thinning import TURN, seen, thinned
from undelete.maths.arrays import Floats, Indices
from undelete.release.columns import Column

_WINDOW = 40.0  # squared distance of a value beyond its column's nearest, up to which it is looked at


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
    frame: Frame

    def of(self, codes: Indices) -> tuple[float, Floats, float]:
        """Return any one record's probability, its point (p,) and its misfit.

        Parameters
        ----------
        codes : array (columns,) of int
            In the search's order of columns.
        """
        own, points, _, misfit, _ = self.frame.judged(*self.frame.whole(codes[None]))
        return (
            float(np.exp(min(float(own[0]) + self.frame.likelihood.offset - self.log_evidence, 0.0))),
            points[0],
            float(misfit[0]),
        )

    @property
    def drawn(self) -> float:
        """Share of the probability that lies on records which also stand for others."""
        return float(self._for_others.sum())

    @property
    def unseen(self) -> float:
        """What a value may have that none of the records has which were drawn: the share of one more draw."""
        weight = self._for_others
        total = float(weight.sum())
        return total / (total**2 / float((weight**2).sum()) + 1) if total > 0 else 0.0

    @property
    def _for_others(self) -> Floats:
        """The weights of records which also stand for others."""
        return self.weight[self.probability < self.weight * (1 - 1e-9)]


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
    frame = Frame(lattice, likelihood, target, correction)
    codes = np.zeros((1, lattice.target + 1), dtype=np.int64)  # zero where not decided yet
    codes[:, lattice.target] = target
    b = likelihood.constant[None]  # whitened terms of the columns so far
    first = slice(0, len(likelihood.data) - likelihood.matrix.shape[1])  # the constant's own row, where it has one
    A, B = b[:, first] @ likelihood.data[first], (b[:, first] ** 2).sum(axis=1)
    log_weight = own = np.zeros(1) if likelihood.scaled else likelihood.log(A, B)  # stands for, and has itself
    prior = np.zeros(1)
    for place, (j, column) in enumerate(zip(lattice.order, lattice.columns, strict=True)):
        rows, part = frame.place(place)
        left = lattice.allowed.get(j)
        some = seen(log_weight)
        values = frame.shortlist(column, A[some], B[some], b[some], rows, part, left)
        moved = column.terms[values] @ likelihood.matrix[:, part].T  # (values, s)
        here = b[:, None, rows] + moved[None, :, rows]
        A_new, B_new = A[:, None] + here @ likelihood.data[rows], B[:, None] + (here**2).sum(axis=2)
        prior_new = prior[:, None] + lattice.prior[j].log_distribution(codes)[:, values]
        own_new = prior_new + likelihood.log(A_new, B_new)
        keep, log_weight = thinned((log_weight - own)[:, None] + own_new, room, place * TURN % 1.0)
        parent, value = np.unravel_index(keep, own_new.shape)
        A, B, prior, own = (array[parent, value] for array in (A_new, B_new, prior_new, own_new))
        codes, b = codes[parent], b[parent] + moved[value]
        codes[:, j] = values[value]
    return frame.posterior(codes, b, prior, log_weight - own)


@dataclass(frozen=True, eq=False)
class Frame:
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

    def whole(self, codes: Indices) -> tuple[Indices, Floats, Floats]:
        """Return some records' codes (r, all columns), whitened terms (r, s) and log-priors (r,); `codes` (r, columns).

        In the search's order of columns.
        """
        lattice, rows = self.lattice, np.arange(len(codes))
        every = np.zeros((len(codes), lattice.target + 1), dtype=np.int64)
        every[:, lattice.target] = self.target
        every[:, list(lattice.order)] = codes
        prior = np.zeros(len(codes))
        for j in lattice.order:
            prior += lattice.prior[j].log_distribution(every)[rows, every[:, j]]
        terms = np.hstack([column.terms[own] for column, own in zip(lattice.columns, codes.T, strict=True)])
        return every, self.likelihood.constant + terms @ self.likelihood.matrix.T, prior

    def place(self, column: int) -> tuple[slice, slice]:
        """Return the rows of the whitened data that one column decides, and its terms among all."""
        sizes = [one.terms.shape[1] for one in self.lattice.columns[: column + 1]]
        part = slice(sum(sizes[:-1]), sum(sizes))
        skipped = len(self.likelihood.data) - self.likelihood.matrix.shape[1]
        return slice(part.start + skipped, part.stop + skipped), part

    def shortlist(
        self, column: Column, A: Floats, B: Floats, b: Floats, rows: slice, part: slice, left: Indices | None
    ) -> Indices:
        """Return the column's values worth looking at: those that its own rows do not all but exclude.

        Of a record's own rows the data are rho (b + moved); with rho about A / B that leaves a range of values. Where
        something is known beforehand, of those that are `left`.
        """
        if left is not None and len(left) == 1:
            return left
        data = self.likelihood.data[rows]
        rho = np.ones(len(b)) if self.likelihood.scaled else A / B
        moved = (column.terms if left is None else column.terms[left]) @ self.likelihood.matrix[rows, part].T
        off = data - rho[:, None, None] * (b[:, None, rows] + moved)
        width = 1.0 if self.likelihood.scaled else 1 + ((data**2).sum() / (A**2 / B).min())
        distance = (off**2).sum(axis=2)
        near = distance <= distance.min(axis=1, keepdims=True) + _WINDOW * width
        return np.flatnonzero(near.any(axis=0)) if left is None else left[near.any(axis=0)]

    def posterior(
        self, codes: Indices, b: Floats, prior: Floats, extra: Floats, evidence: float | None = None
    ) -> Posterior:
        """Return what is known; `extra` (r,) is by how much each stands for more than itself.

        Its evidence is the sum over these records, if none is given.
        """
        own, points, rho, misfit, chances = self.judged(codes, b, prior)
        log_weight = own + extra
        top = log_weight.max()
        weight = np.exp(log_weight - top)
        offset = self.likelihood.offset
        evidence = float(top + np.log(weight.sum())) if evidence is None else evidence - offset
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
            log_evidence=evidence + offset,
            chances=[chance[best] for chance in chances],
            frame=self,
        )
