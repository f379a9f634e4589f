"""What a network's gradient says of a record about one point: a line in the record, so that it is normal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undelete.attacker.networks.problem import WEAK, Problem
from undelete.attacker.networks.record import Decoder
from undelete.attacker.table.term_likelihood import TermLikelihood
from undelete.attacker.table.whole_record import Posterior
from undelete.maths.arrays import Floats

_FLOOR = 1e-6  # of a term's public variance, added to its error's


@dataclass(frozen=True, eq=False)
class View:
    """The gradient's likelihood made a line in the record about one point: normal, with a mean and a covariance.

    Parameters
    ----------
    problem : Problem
        The deletion and its class.
    centre, covariance : arrays (e,), (e, e)
        Of the record, and of the target after it where that is a number.
    axes : array (d, q)
        The public records' covariance, a factor of it.
    d : int
        How many they are.
    line : arrays (q,), (p,), (p, q)
        The point, by the prior's coordinates, the whitened residual there, and its derivatives.
    """

    problem: Problem
    centre: Floats
    covariance: Floats
    axes: Floats
    d: int
    line: tuple[Floats, Floats, Floats]

    @classmethod
    def about(cls, decoder: Decoder, problem: Problem, point: Floats, d: int) -> View:
        """Return the likelihood about a point (e,), with a prior wide enough to say nothing."""
        prior = decoder.prior
        u = prior.coordinates(point[None])[0]
        _, off, jacobian = problem.at(u[None])
        J = jacobian[0]
        inverse = np.linalg.inv(J.T @ J + np.eye(J.shape[1]) / WEAK)
        end = u - inverse @ (J.T @ off[0] + u / WEAK)
        return cls(problem, prior.mean + prior.axes @ end, prior.axes @ inverse @ prior.axes.T,
                   prior.axes[:d], d, (u, off[0], J))  # fmt: skip

    def terms(self, projection: Floats) -> TermLikelihood:
        """Return what the gradient says of terms (d, q) of the record."""
        d = self.d
        error, centre = self.covariance[:d, :d], self.centre[:d]
        cross = error @ projection
        floor = _FLOOR * (projection**2).T @ (self.axes**2).sum(axis=1) + np.finfo(float).tiny
        inverse = np.linalg.inv(np.linalg.cholesky(projection.T @ cross + np.diag(floor)))
        gain = inverse @ cross.T
        return TermLikelihood(
            data=inverse @ (centre @ projection), constant=np.zeros(len(inverse)), matrix=inverse, scaled=True,
            centre=centre, gain=gain, left=error - gain.T @ gain, offset=0.0,
        )  # fmt: skip

    @property
    def slope(self) -> Floats:
        """By how much the target follows the record (d, e - d)."""
        d = self.d
        return np.asarray(np.linalg.pinv(self.covariance[:d, :d], hermitian=True) @ self.covariance[:d, d:])

    @property
    def left(self) -> Floats:
        """What is left of the target's variance when the record is known (e - d, e - d)."""
        d = self.d
        return np.asarray(self.covariance[d:, d:] - self.covariance[d:, :d] @ self.slope)

    def rest(self, records: Floats) -> Floats:
        """Return the target (r, e - d) that goes with each record (r, d)."""
        return np.asarray(self.centre[self.d :] + (records - self.centre[: self.d]) @ self.slope)

    def along(self, points: Floats) -> Floats:
        """Return the squared distances (r,) from the estimate that points (r, e) would have if the line were right."""
        u, off, J = self.line
        return np.asarray(((off + (self.problem.prior.coordinates(points) - u) @ J.T) ** 2).sum(axis=1))

    def correction(self, points: Floats, misfit: Floats) -> Floats:
        """Return what the log-likelihoods of records (r, d) lack where the gradient is not a line in them."""
        off = self.problem.residuals(np.hstack([points, self.rest(points)]))
        return np.asarray(0.5 * misfit - 0.5 * (off**2).sum(axis=1))

    def remaining(self, posterior: Posterior, projection: Floats) -> float:
        """Return what numbers off the lattice, terms (d, c), take from the density: their error beside their spread."""
        if not projection.shape[1]:
            return 0.0
        spread = projection.T @ self.axes
        S = spread @ spread.T
        left = projection.T @ posterior.covariance @ projection
        told = np.linalg.inv(np.linalg.inv(S) + np.linalg.inv(left + _FLOOR * np.diag(np.diag(S))))
        return 0.5 * float(np.linalg.slogdet(told)[1] - np.linalg.slogdet(S)[1])
