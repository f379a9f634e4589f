"""Minus the deleted record's gradient of a network, with its covariance: maths (9), (22).

Both models are optima, so minus the deleted record's gradient at the old one is the sum over the records that remain
of s_i = grad_i(theta) - grad_i(theta'), and the penalty's share, exactly. Public records estimate the sum. Most of
what they miss goes with their own gradients g_j at theta, of which the private sum is known, since theta is the
optimum: minus the penalty's gradient. So public records are weighed to have that optimum too, maths (22).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from undelete.attacker.gradient.difference import Difference, Way
from undelete.maths.arrays import Floats
from undelete.release.networks import NetworkRelease

RIDGES = (1e-8, 1e-6, 1e-4, 1e-2, 1.0)  # of the mean eigenvalue of g'g: which is best, public records say
FLOOR = 1e-3  # of the mean eigenvalue of the covariance, added to all: of dead units nothing is known so well
_PAYS = 0.98  # of the plain mean's expected square error, under which weights are used
_JUDGED = 4000  # public records on which the ridge is chosen
_FOLDS = (4, 2)  # parts of the public records whose errors are kept apart: of up to some parameters, and beyond
_MANY = 2000  # that many


@dataclass(frozen=True, eq=False)
class GradientEstimate:
    """Minus the gradient of one deleted record.

    Parameters
    ----------
    difference : Difference
        The estimate (1, p, 1), and its expected error relative to itself.
    covariance : array (p, p)
        Of its sampling error, without a floor.
    usual : float
        The expected error beside the root mean square of the public records' own gradients.
    weighed : bool
        Whether the public records were weighed to have the private optimum, maths (22).
    parts : array (k, p, p) or None
        The covariance as each of k parts of the public records has it; None where it is known.
    floor : float
        What is added to all of its eigenvalues, of their mean.
    wider : float
        By how much it is too small, `held_out.widened`.
    """

    difference: Difference
    covariance: Floats
    usual: float
    weighed: bool
    parts: Floats | None = None
    floor: float = FLOOR
    wider: float = 1.0

    @property
    def gradient(self) -> Floats:
        """The estimate (p,)."""
        return np.asarray(self.difference.gradient[0, :, 0])

    @cached_property
    def factor(self) -> Floats:
        """The covariance's Cholesky factor L (p, p), the floor in it."""
        return np.asarray(np.linalg.cholesky(self.wider * floored(self.covariance, self.floor)))

    @cached_property
    def whitening(self) -> Floats:
        """The inverse of L (p, p)."""
        return np.asarray(np.linalg.inv(self.factor))


def floored(covariance: Floats, floor: float) -> Floats:
    """Return a covariance (p, p) with a floor under its eigenvalues, of their mean."""
    p = len(covariance)
    return np.asarray(covariance + (floor * float(np.trace(covariance)) / p + np.finfo(float).tiny) * np.eye(p))


class Estimator:
    """What all deletions of one release share: the public records' own gradients at the old model, and their weights.

    Parameters
    ----------
    release : NetworkRelease
        With the targets of the public records.

    Notes
    -----
    Cost m p^2 flops for m public records and p parameters, once and again for each deletion; m p numbers twice.
    """

    def __init__(self, release: NetworkRelease) -> None:
        self.release = release
        self.own = release.network.gradients(release.theta_before, release.X_public, release.Y_network)  # (m, p)
        values, self._axes = np.linalg.eigh(self.own.T @ self.own)
        self._values = np.maximum(values, 0.0)
        self._turned = self.own @ self._axes
        # the sum over all private records is known: minus the penalty's gradient
        self._missing = -release.penalty_before * release.theta_before / release.n - self.own.mean(axis=0)

    def means(self, i: int) -> tuple[Floats, Floats]:
        """Return the public mean of the Hessian times the change (p,), and of the change of the gradients (p,)."""
        release, m = self.release, len(self.own)
        seen = release.X_public, release.Y_network
        change = release.theta_before - release.theta_after[i]
        first = release.network.hessian_vector(release.theta_before, *seen, change) / m
        return first, self.own.mean(axis=0) - release.network.gradient(release.theta_after[i], *seen) / m

    def plain(self, i: int, mean: Floats) -> GradientEstimate:
        """Return the paper's estimate (12) from the mean of H D (p,): all records alike, and no error bars."""
        G = self.release.n * mean
        return GradientEstimate(Difference(G[None, :, None], "hessian"), np.eye(len(G)), np.nan, False)

    def summands(self, i: int) -> Floats:
        """Return s_j (m, p) of deletion i."""
        release = self.release
        after = release.network.gradients(release.theta_after[i], release.X_later, release.Y_network)
        return np.asarray(self.own - after)

    def estimate(self, i: int, *, way: Way = "answers", weighed: bool | None = None) -> GradientEstimate:
        """Return minus the gradient of deletion i.

        Parameters
        ----------
        i : int
            Which deletion.
        way : {"answers", "hessian"}
            By the change of the gradients, maths (9), or to first order by the Hessian, maths (4).
        weighed : bool, optional
            Whether public records are weighed; None: where their leave-one-out error says that it pays.
        """
        release, m, n = self.release, len(self.own), self.release.n
        s = self.summands(i) if way == "answers" else self._by_hessian(i)
        mean, off = s.mean(axis=0), s - s.mean(axis=0)
        best, shift, used = off, np.zeros(len(mean)), False
        if weighed is not False:
            along = self._turned.T @ s
            some = slice(None, None, -(-m // _JUDGED))
            errors = [float((self._left(s, along, ridge, some) ** 2).sum()) for ridge in RIDGES]
            plain = float((off[some] ** 2).sum()) * (m / (m - 1)) ** 2
            if min(errors) < plain * (1.0 if weighed else _PAYS):
                ridge, used = RIDGES[int(np.argmin(errors))], True
                best = self._left(s, along, ridge, slice(None))
                shift = (self._missing @ self._axes) @ (along / self._bend(ridge)[:, None])
        share = release.penalty_before * release.theta_before - release.penalty_after * release.theta_after[i]
        G = (n - 1) * (mean + shift) + share
        count = min(_FOLDS[self.release.network.parameters > _MANY], m)
        parts = np.stack([best[k::count].T @ best[k::count] for k in range(count)])
        scale = (n - 1) ** 2 * (1 / m + 1 / (n - 1))
        covariance = scale * parts.sum(axis=0) / max(1, m - 1)
        expected = float(np.sqrt(np.trace(covariance)))
        usual = float(np.sqrt((self.own**2).sum() / m))
        size = float(np.linalg.norm(G))
        relative = np.array([expected / size if size > 0 else np.inf])
        return GradientEstimate(
            Difference(G[None, :, None], way, relative), covariance, expected / usual if usual > 0 else np.inf, used,
            parts=parts * (scale * count / m),
        )  # fmt: skip

    def _bend(self, ridge: float) -> Floats:
        return np.asarray(self._values + ridge * float(self._values.mean()) + np.finfo(float).tiny)

    def _left(self, s: Floats, along: Floats, ridge: float, some: slice) -> Floats:
        """Return what is left (r, p) of some rows of s, regressed on the own gradients with the row left out."""
        turned, bend = self._turned[some], self._bend(ridge)
        left = s[some] - turned @ (along / bend[:, None])
        left /= np.maximum(1 - (turned**2) @ (1 / bend), 1e-3)[:, None]
        return np.asarray(left - left.mean(axis=0))

    def _by_hessian(self, i: int) -> Floats:
        """Return each record's Hessian times the change of the parameters (m, p)."""
        release = self.release
        return release.network.gradients_along(
            release.theta_before, release.X_public, release.Y_network, release.theta_before - release.theta_after[i]
        )
