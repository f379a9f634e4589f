"""What is minimised to find the record behind a network's gradient, maths (23): its prior, residuals, derivatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from undelete.attacker.networks.estimate import GradientEstimate
from undelete.maths.arrays import Floats
from undelete.maths.network import torch
from undelete.release.networks import NetworkRelease

_VARIES = 1e-9  # of the largest variance, under which a direction is the same for all
_FURTHEST = 6.0  # logarithm of a factor that is tried
WEAK = 100.0  # by how much the prior is widened where another one takes its place


@dataclass(frozen=True, eq=False)
class Prior:
    """A normal distribution of what is looked for: the record, and after it a number that is its target.

    Parameters
    ----------
    mean : array (e,)
        The public mean.
    axes : array (e, q)
        T: directions that vary, each as long as its deviation.
    """

    mean: Floats
    axes: Floats

    @classmethod
    def of(cls, release: NetworkRelease) -> Prior:
        """Return that of the public records."""
        known = release.X_public if release.classes else np.hstack([release.X_public, release.Y_public])
        return cls._from(known.mean(axis=0), np.cov(known.T, bias=True).reshape(known.shape[1], -1))

    @classmethod
    def _from(cls, mean: Floats, covariance: Floats) -> Prior:
        values, vectors = np.linalg.eigh(covariance)
        varies = values > _VARIES * max(float(values.max()), np.finfo(float).tiny)
        axes = vectors[:, varies] * np.sqrt(values[varies])
        axes[np.diag(covariance) == 0] = 0.0  # where no spread is left, a rounding error would outweigh all else
        return cls(mean, axes)

    def towards(self, points: Floats) -> Prior:
        """Return that of some of the points (r, e): their mean, and their covariance as far as so many say it."""
        if not len(points):
            return self
        share = len(points) / (len(points) + points.shape[1])
        own = np.cov(points.T, bias=True).reshape(points.shape[1], -1)
        return self._from(points.mean(axis=0), share * own + (1 - share) * self.axes @ self.axes.T)

    def coordinates(self, points: Floats) -> Floats:
        """Return u (r, q) of points (r, e)."""
        return np.asarray((points - self.mean) @ self.axes / (self.axes**2).sum(axis=0))


class Problem:
    """One deletion and one class: whitened residuals and their derivatives, for many points at once."""

    def __init__(self, release: NetworkRelease, estimate: GradientEstimate, label: int, prior: Prior) -> None:
        self.release, self.prior, self.label = release, prior, label
        network, t = release.network, torch()
        self._theta = network.tensor(release.theta_before)
        self._G, self._whitening = network.tensor(estimate.gradient), network.tensor(estimate.whitening)
        d = release.X_public.shape[1]
        target = t.tensor(label) if network.whole else network.tensor(np.array([float(label)]))

        def residual(point: Any) -> Any:
            y = target if release.classes else point[d:]
            return self._whitening @ (self._G + t.func.grad(network.record_loss)(self._theta, point[:d], y))

        mean, axes = network.tensor(prior.mean), network.tensor(prior.axes)
        directions = t.eye(axes.shape[1], dtype=t.float64)

        def both(u: Any) -> tuple[Any, Any]:
            def of(v: Any) -> Any:
                return residual(mean + axes @ v)

            J = t.func.vmap(lambda v: t.func.jvp(of, (u,), (v,))[1])(directions)
            return of(u), J.T

        def by_target(point: Any) -> tuple[Any, Any]:
            def of(y: Any) -> Any:
                return residual(t.cat([point[:d], y]))

            y = point[d:]
            ones = t.eye(len(y), dtype=t.float64)
            return of(y), t.func.vmap(lambda one: t.func.jvp(of, (y,), (one,))[1], out_dims=1)(ones)

        self._residual, self._both = t.func.vmap(residual), t.func.vmap(both)
        self._by_target = t.func.vmap(by_target)

    @property
    def given(self) -> Floats:
        """The whitened estimate (p,)."""
        return np.asarray((self._whitening @ self._G).numpy())

    def residuals(self, points: Floats) -> Floats:
        """Return the whitened residuals (r, p) at points (r, e)."""
        return np.asarray(self._residual(self.release.network.tensor(points)).detach().numpy())

    def by_target(self, points: Floats) -> tuple[Floats, Floats]:
        """Return whitened residuals (r, p) at points (r, e), and their derivatives (r, p, k) by the k targets."""
        off, slope = self._by_target(self.release.network.tensor(points))
        return np.asarray(off.detach().numpy()), np.asarray(slope.detach().numpy())

    def at(self, u: Floats) -> tuple[Floats, Floats, Floats]:
        """Return objective (r,), residuals (r, p) and their derivatives by u (r, p, q)."""
        off, J = (part.detach().numpy() for part in self._both(self.release.network.tensor(u)))
        value = 0.5 * (off**2).sum(axis=1) + 0.5 * (u**2).sum(axis=1)
        return np.where(np.isfinite(value), value, np.inf), np.array(off), np.array(J)


class Scaled:
    """A `Problem` in which the record's gradient is exp(wide v) times its own: v is one more entry of u, at its end.

    With `wide` the deviation of the factor's logarithm, v is a priori standard normal, as u is.
    """

    def __init__(self, problem: Problem, wide: float) -> None:
        self._problem, self._wide = problem, wide

    def at(self, u: Floats) -> tuple[Floats, Floats, Floats]:
        """Return objective (r,), residuals (r, p) and their derivatives by u (r, p, q + 1)."""
        _, off, J = self._problem.at(u[:, :-1])
        factor = np.exp(np.clip(self._wide * u[:, -1], -_FURTHEST, _FURTHEST))[:, None]
        given = self._problem.given
        own = factor * (off - given)
        off, J = given + own, np.concatenate([factor[:, :, None] * J, self._wide * own[:, :, None]], axis=2)
        value = 0.5 * (off**2).sum(axis=1) + 0.5 * (u**2).sum(axis=1)
        return np.where(np.isfinite(value), value, np.inf), off, J
