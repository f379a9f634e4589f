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
        targets = release.network.targets(release.theta_before, release.X_public)
        self._expected = None if targets is None else (
            targets, release.network.gradients(release.theta_before, release.X_public, targets))  # fmt: skip
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
            Whether public records are weighed; None: where their leave-one-out error says that it pays, and the old
            model is an optimum.
        """
        release, m, n = self.release, len(self.own), self.release.n
        s = self.summands(i) if way == "answers" else self._by_hessian(i)
        ridge, along = self._chosen(s, weighed)
        left = self._left(s, along, ridge)
        mean, public = s.mean(axis=0), left
        if way == "answers" and weighed is None and self._expected is not None:
            middle, public = self._by_expectation(i, s, along, ridge)
            mean = mean + middle
        if ridge is not None:
            mean = mean + (self._missing @ self._axes) @ (along / self._bend(ridge)[:, None])
        share = release.penalty_before * release.theta_before - release.penalty_after * release.theta_after[i]
        G = (n - 1) * mean + share
        count = min(_FOLDS[release.network.parameters > _MANY], m)
        parts = np.stack([a.T @ a / m + b.T @ b / (n - 1) for a, b in ((public[k::count], left[k::count])
                                                                       for k in range(count))])  # fmt: skip
        parts *= (n - 1) ** 2 / max(1, m - 1)
        if release.error is not None:
            parts += release.error / count
        covariance = parts.sum(axis=0)
        expected = float(np.sqrt(np.trace(covariance)))
        usual = float(np.sqrt((self.own**2).sum() / m))
        size = float(np.linalg.norm(G))
        relative = np.array([expected / size if size > 0 else np.inf])
        return GradientEstimate(
            Difference(G[None, :, None], way, relative), covariance, expected / usual if usual > 0 else np.inf,
            ridge is not None, parts=parts * count,
        )  # fmt: skip

    def _bend(self, ridge: float) -> Floats:
        return np.asarray(self._values + ridge * float(self._values.mean()) + np.finfo(float).tiny)

    def _chosen(self, s: Floats, weighed: bool | None) -> tuple[float | None, Floats]:
        """Return the ridge with the least error where weights pay, None where not, and s along the own gradients."""
        if weighed is False or (weighed is None and not self.release.optimal):
            return None, np.zeros_like(self._axes)
        m, along = len(s), self._turned.T @ s
        some = slice(None, None, -(-m // _JUDGED))
        errors = [float((self._left(s, along, ridge, some) ** 2).sum()) for ridge in RIDGES]
        plain = float((self._left(s, along, None, some) ** 2).sum()) * (m / (m - 1)) ** 2
        pays = min(errors) < plain * (1.0 if weighed else _PAYS)
        return RIDGES[int(np.argmin(errors))] if pays else None, along

    def _left(self, s: Floats, along: Floats, ridge: float | None, some: slice = slice(None)) -> Floats:
        """Return what is left (r, p) of some rows of s, regressed on the own gradients with the row left out."""
        if ridge is None:
            return np.asarray(s[some] - s[some].mean(axis=0))
        turned, bend = self._turned[some], self._bend(ridge)
        left = s[some] - turned @ (along / bend[:, None])
        left /= np.maximum(1 - (turned**2) @ (1 / bend), 1e-3)[:, None]
        return np.asarray(left - left.mean(axis=0))

    def _by_expectation(self, i: int, s: Floats, along: Floats, ridge: float | None) -> tuple[Floats, Floats]:
        """Return what targets as the old network expects them add to the mean (p,), and what is then left (m, p).

        What public targets happen to be is an error that the expectation does not have, and the network's bias one
        that it has: of their difference as much is kept as exceeds its sampling error (James and Stein's factor).
        """
        release, m = self.release, len(s)
        assert self._expected is not None
        after = release.network.gradients(release.theta_after[i], release.X_later, self._expected[0])
        chance = s - (self._expected[1] - after)  # what the targets' chance does to s
        if ridge is not None:
            chance -= (self.own - self._expected[1]) @ self._axes @ (along / self._bend(ridge)[:, None])
        middle = chance.mean(axis=0)
        noise = float(((chance - middle) ** 2).sum()) / m**2
        gone = min(1.0, noise / max(float(middle @ middle), np.finfo(float).tiny))
        left = self._left(s, along, ridge)
        scale = 1.0
        if ridge is not None:
            scale = 1 / np.maximum(1 - (self._turned**2) @ (1 / self._bend(ridge)), 1e-3)[:, None]
        return -gone * middle, left - gone * scale * (chance - middle)

    def _by_hessian(self, i: int) -> Floats:
        """Return each record's Hessian times the change of the parameters (m, p)."""
        release = self.release
        return release.network.gradients_along(
            release.theta_before, release.X_public, release.Y_network, release.theta_before - release.theta_after[i]
        )
