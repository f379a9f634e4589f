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
        # J' J of few parameters is hardly positive, and its inverse may be not at all
        _, sizes, axes = np.linalg.svd(J, full_matrices=len(J) < J.shape[1])
        square = np.append(sizes**2, np.zeros(len(axes) - len(sizes)))
        root = axes.T / np.sqrt(square + 1 / WEAK)
        end, spread = u - root @ (root.T @ (J.T @ off[0] + u / WEAK)), prior.axes @ root
        return cls(problem, prior.mean + prior.axes @ end, spread @ spread.T, prior.axes[:d], d, (u, off[0], J))

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

    def rest(self, records: Floats) -> Floats:
        """Return the target (r, e - d) that goes with each record (r, d)."""
        return np.asarray(self.centre[self.d :] + (records - self.centre[: self.d]) @ self.slope)

    def along(self, points: Floats) -> Floats:
        """Return the squared distances (r,) from the estimate that points (r, e) would have if the line were right."""
        u, off, J = self.line
        return np.asarray(((off + (self.problem.prior.coordinates(points) - u) @ J.T) ** 2).sum(axis=1))

    def complete(self, record: Floats) -> Floats:
        """Return a record (d,) with its targets (e,)."""
        return record if self.d == len(self.centre) else np.append(record, self.targets(record[None])[0])

    def targets(self, records: Floats) -> tuple[Floats, Floats]:
        """Return the targets (r, e - d) by which each record explains the gradient best, and their covariances.

        The line's target is that of a record near the point. Another one's is a step of Newton's method from there,
        which is exact where the loss is linear in the target.
        """
        start = self.rest(records)
        off, slope = self.problem.by_target(np.hstack([records, start]))
        left = np.linalg.inv(slope.transpose(0, 2, 1) @ slope + np.diag(1 / (WEAK * self._spread)))
        return np.asarray(start - np.einsum("rkl,rpl,rp->rk", left, slope, off)), np.asarray(left)

    @property
    def _spread(self) -> Floats:
        """The public targets' variances (e - d,)."""
        return np.asarray((self.problem.prior.axes[self.d :] ** 2).sum(axis=1) + np.finfo(float).tiny)

    def log_volume(self, left: Floats) -> Floats:
        """Return half the log-determinants (r,) of covariances of targets, beside the public variances."""
        return np.asarray(0.5 * np.linalg.slogdet(left)[1] - 0.5 * np.log(self._spread).sum())

    def correction(self, points: Floats, misfit: Floats) -> Floats:
        """Return what the log-likelihoods of records (r, d) lack where the gradient is not a line in them.

        Targets that are numbers are integrated over, about each record's own.
        """
        more = np.zeros(len(points))
        if self.d < len(self.centre):
            targets, left = self.targets(points)
            points, more = np.hstack([points, targets]), self.log_volume(left)
        off = self.problem.residuals(points)
        return np.asarray(0.5 * misfit - 0.5 * (off**2).sum(axis=1) + more)

    def remaining(self, posterior: Posterior, projection: Floats) -> float:
        """Return what numbers off the lattice, terms (d, c), take from the density: their error beside their spread."""
        if not projection.shape[1]:
            return 0.0
        spread = projection.T @ self.axes
        S = spread @ spread.T
        left = projection.T @ posterior.covariance @ projection
        told = np.linalg.inv(np.linalg.inv(S) + np.linalg.inv(left + _FLOOR * np.diag(np.diag(S))))
        return 0.5 * float(np.linalg.slogdet(told)[1] - np.linalg.slogdet(S)[1])
