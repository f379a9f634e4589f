"""The most probable record behind a network's gradient: Levenberg and Marquardt's method, maths (23).

With L L' = C the covariance of the estimated gradient G, mu and S the public records' mean and covariance,

    min over u of 1/2 |L^-1 (G + grad loss(theta; x, y))|^2 + 1/2 |u|^2,   x = mu + T u,   T T' = S,

for each class y, or with a number y as one more entry of x. Many starts go side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from undelete.attacker.networks.estimate import GradientEstimate
from undelete.attacker.networks.network import torch
from undelete.attacker.networks.release import NetworkRelease
from undelete.maths.arrays import Floats

_NEAREST = 4  # public records from which the search starts
_STEPS = 40
_DONE = 1e-6  # of the objective that a step gains, under which a start has arrived
_VARIES = 1e-9  # of the largest variance, under which a direction is the same for all
_ROW = 1e-3  # of a row's mean variance, added to all
_DAMPING = (1e-2, 0.3, 4.0, 1e8)  # at first, times after a step that helped, after one that did not, and the end
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
        mean, offset = known.mean(axis=0), known - known.mean(axis=0)
        values, vectors = np.linalg.eigh(offset.T @ offset / len(offset))
        varies = values > _VARIES * max(float(values.max()), np.finfo(float).tiny)
        return cls(mean, vectors[:, varies] * np.sqrt(values[varies]))

    def coordinates(self, points: Floats) -> Floats:
        """Return u (r, q) of points (r, e)."""
        return np.asarray((points - self.mean) @ self.axes / (self.axes**2).sum(axis=0))


@dataclass(frozen=True, eq=False)
class Found:
    """One deleted record, with one class.

    Parameters
    ----------
    point : array (e,)
        The record, and after it the target where that is a number.
    label : int
        The class, 0 where the target is a number.
    value : float
        The objective at its end.
    misfit : float
        |L^-1 (G + grad loss)|^2 there: about chi-squared of as many degrees of freedom as there are parameters less
        what was fitted.
    log_evidence : float
        Logarithm of the density of G given the class, by Laplace's method, but for what all classes share.
    jacobian : array (p, e)
        Of the whitened gradient by the point.
    """

    point: Floats
    label: int
    value: float
    misfit: float
    log_evidence: float
    jacobian: Floats

    def precision(self, prior: Prior, weight: float = 1.0) -> Floats:
        """Return the inverse covariance of u (q, q), the prior counted `weight` times."""
        J = self.jacobian @ prior.axes
        return np.asarray(J.T @ J + weight * np.eye(J.shape[1]))


class Decoder:
    """What all deletions of one release share: the prior, and the public records' own gradients as places to start.

    Parameters
    ----------
    release : NetworkRelease
        What the attacker sees.
    own : array (m, p)
        The public records' own gradients at the old model.
    """

    def __init__(self, release: NetworkRelease, own: Floats) -> None:
        self.release, self.own = release, own
        self.prior = Prior.of(release)
        self.first = first_layer(release)
        place = release.as_class(release.Y_public)
        self.shares = np.bincount(place, minlength=max(1, release.classes)) / len(place)

    def nearest(self, estimate: GradientEstimate, count: int = 1) -> list[int]:
        """Return the public records whose gradients explain the estimate best, the best first."""
        off = (self.own + estimate.gradient) @ estimate.whitening.T
        distance = (off**2).sum(axis=1)
        return [int(j) for j in np.argsort(distance, kind="stable")[:count]]

    def decode(self, estimate: GradientEstimate) -> list[Found]:
        """Return the best record of each class, the most probable class first; of a number only one."""
        release = self.release
        labels = list(range(release.classes)) if release.classes else [0]
        starts = self._starts(estimate)
        found = [self._search(estimate, label, starts) for label in labels]
        return sorted(found, key=lambda one: -one.log_evidence)

    def _starts(self, estimate: GradientEstimate) -> Floats:
        """Return points (r, e) from which to search: the average record, the nearest ones, the first layer's."""
        release, rows = self.release, self.nearest(estimate, _NEAREST)
        known = release.X_public if release.classes else np.hstack([release.X_public, release.Y_public])
        starts = [self.prior.mean, *known[rows]]
        x = read_first_layer(release, estimate, self.first)
        if x is not None:
            point = self.prior.mean.copy()
            point[: len(x)] = x
            starts.append(point)
        return np.stack(starts)

    def _search(self, estimate: GradientEstimate, label: int, starts: Floats) -> Found:
        """Return the best end of all starts, for one class."""
        problem = Problem(self.release, estimate, label, self.prior)
        u = np.clip(self.prior.coordinates(starts), -10.0, 10.0)
        value, residual, J = problem.at(u)
        damping = np.full(len(u), _DAMPING[0])
        active = np.ones(len(u), dtype=bool)
        eye = np.eye(u.shape[1])
        for _ in range(_STEPS):
            A = np.einsum("rpq,rps->rqs", J[active], J[active]) + eye
            slope = np.einsum("rpq,rp->rq", J[active], residual[active]) + u[active]
            scale = damping[active, None, None] * np.einsum("rqq->rq", A)[:, :, None] * eye
            step = np.linalg.solve(A + scale, slope[:, :, None])[:, :, 0]
            rows = np.flatnonzero(active)
            tried, off, slopes = problem.at(u[rows] - step)
            better = tried < value[rows]
            gained = np.where(better, value[rows] - tried, np.inf)
            good = rows[better]
            u[good] -= step[better]
            value[good], residual[good], J[good] = tried[better], off[better], slopes[better]
            damping[rows] *= np.where(better, _DAMPING[1], _DAMPING[2])
            active[rows[gained < _DONE * value[rows]]] = False
            active &= damping < _DAMPING[3]
            if not active.any():
                break
        best = int(np.argmin(value))
        misfit = float((residual[best] ** 2).sum())
        A = J[best].T @ J[best] + eye
        share = self.shares[label] if self.release.classes else 1.0
        evidence = -float(value[best]) - 0.5 * float(np.linalg.slogdet(A)[1]) + float(np.log(max(share, 1e-6)))
        point = self.prior.mean + self.prior.axes @ u[best]
        return Found(point, label, float(value[best]), misfit, evidence, problem.jacobian(point[None])[1][0])


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

        self._residual = t.func.vmap(residual)
        self._both = t.func.vmap(lambda point: (residual(point), t.func.jacfwd(residual)(point)))

    def residuals(self, points: Floats) -> Floats:
        """Return the whitened residuals (r, p) at points (r, e)."""
        return np.asarray(self._residual(self.release.network.tensor(points)).detach().numpy())

    def jacobian(self, points: Floats) -> tuple[Floats, Floats]:
        """Return the whitened residuals (r, p) and their derivatives by the points (r, p, e)."""
        off, J = self._both(self.release.network.tensor(points))
        return np.asarray(off.detach().numpy()), np.asarray(J.detach().numpy())

    def at(self, u: Floats) -> tuple[Floats, Floats, Floats]:
        """Return objective (r,), residuals (r, p) and their derivatives by u (r, p, q)."""
        off, J = self.jacobian(self.prior.mean + u @ self.prior.axes.T)
        value = 0.5 * (off**2).sum(axis=1) + 0.5 * (u**2).sum(axis=1)
        return np.where(np.isfinite(value), value, np.inf), off, J @ self.prior.axes


def first_layer(release: NetworkRelease) -> tuple[str, str] | None:
    """Return the names of weight and bias of a dense layer that reads the record itself; None without one."""
    network = release.network
    seen: list[Any] = []
    linear = [(name, part) for name, part in network.module.named_modules() if type(part).__name__ == "Linear"]
    if not linear:
        return None
    hooks = [part.register_forward_hook(lambda own, taken, _, name=name: seen.append((name, taken[0].detach())))
             for name, part in linear]  # fmt: skip
    try:
        network.outputs(release.theta_before, release.X_public[:1])
    finally:
        for hook in hooks:
            hook.remove()
    for name, taken in seen:
        prefix = f"{name}." if name else ""
        names = f"{prefix}weight", f"{prefix}bias"
        flat = taken.numpy().reshape(1, -1)
        same = flat.shape == release.X_public[:1].shape and np.allclose(flat, release.X_public[:1])
        if same and set(names) <= set(network.moved):
            return names
    return None


def read_first_layer(
    release: NetworkRelease, estimate: GradientEstimate, names: tuple[str, str] | None
) -> Floats | None:
    """Return the record (d,) that the first dense layer's gradient says, maths (12): its rows are delta_h [x, 1].

    Rows are added up with weights delta_h over their own error's variance.
    """
    if names is None:
        return None
    G = release.network.named(estimate.gradient)
    variance = release.network.named(np.diag(estimate.covariance))
    weight, bias = G[names[0]], G[names[1]]
    error = variance[names[1]] + _ROW * float(variance[names[1]].mean()) + np.finfo(float).tiny
    v = bias / error
    total = float(v @ bias)
    return np.asarray(v @ weight / total) if total > 0 else None
