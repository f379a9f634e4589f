"""The most probable record behind a network's gradient: Levenberg and Marquardt's method, maths (23).

With L L' = C the covariance of the estimated gradient G, mu and S the public records' mean and covariance,

    min over u of 1/2 |L^-1 (G + grad loss(theta; x, y))|^2 + 1/2 |u|^2,   x = mu + T u,   T T' = S,

for each class y, or with a number y as one more entry of x. Many starts go side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from undelete.attacker.networks.estimate import GradientEstimate
from undelete.maths.arrays import Floats
from undelete.maths.network import torch
from undelete.release.networks import NetworkRelease

_NEAREST = 4  # public records from which the search starts
_SCOUT = 8  # steps from every start, of every class
_LIKELY = 2  # classes that are gone on with
_FAR = 30.0  # of the objective above the lowest, from which a class or a start is not
_STEPS = 40
_DONE = 1e-5  # of the objective that a step gains, under which a start has arrived
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
    jacobian : array (p, q)
        Of the whitened gradient by u.
    """

    point: Floats
    label: int
    value: float
    misfit: float
    log_evidence: float
    jacobian: Floats

    def precision(self, weight: float = 1.0) -> Floats:
        """Return the inverse covariance of u (q, q), the prior counted `weight` times."""
        J = self.jacobian
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
        starts = np.clip(self.prior.coordinates(self._starts(estimate)), -10.0, 10.0)
        problems = {label: Problem(release, estimate, label, self.prior) for label in labels}
        ends = {label: self._search(problems[label], starts, _SCOUT) for label in labels}
        lowest = min(float(end.value.min()) for end in ends.values())
        likely = [label for label in labels if ends[label].value.min() < lowest + _FAR]
        for label in sorted(likely, key=lambda label: float(ends[label].value.min()))[:_LIKELY]:
            order = np.argsort(ends[label].value, kind="stable")
            near = order[ends[label].value[order] < ends[label].value.min() + _FAR]
            ends[label] = self._search(problems[label], ends[label].u[near], _STEPS)
        found = [self._found(label, ends[label]) for label in labels]
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

    def _search(self, problem: Problem, u: Floats, steps: int) -> _Ends:
        """Return where Levenberg and Marquardt's method gets from some starts u (r, q) in some steps."""
        ends = _Ends(u, *problem.at(u))
        damping, active, eye = np.full(len(u), _DAMPING[0]), np.ones(len(u), dtype=bool), np.eye(u.shape[1])
        for _ in range(steps):
            rows = np.flatnonzero(active)
            J, off = ends.jacobian[rows], ends.residual[rows]
            A = J.transpose(0, 2, 1) @ J + eye
            slope = np.einsum("rpq,rp->rq", J, off) + ends.u[rows]
            scale = damping[rows, None, None] * np.einsum("rqq->rq", A)[:, :, None] * eye
            step = np.linalg.solve(A + scale, slope[:, :, None])[:, :, 0]
            tried = _Ends(ends.u[rows] - step, *problem.at(ends.u[rows] - step))
            better = tried.value < ends.value[rows]
            gained = np.where(better, ends.value[rows] - tried.value, np.inf)
            ends.take(rows[better], tried, better)
            damping[rows] *= np.where(better, _DAMPING[1], _DAMPING[2])
            active[rows[gained < _DONE * ends.value[rows]]] = False
            active &= damping < _DAMPING[3]
            if not active.any():
                break
        return ends

    def _found(self, label: int, ends: _Ends) -> Found:
        """Return the best of a class's ends."""
        best = int(np.argmin(ends.value))
        u, J = ends.u[best], ends.jacobian[best]
        share = self.shares[label] if self.release.classes else 1.0
        bend = float(np.linalg.slogdet(J.T @ J + np.eye(len(u)))[1])
        evidence = -float(ends.value[best]) - 0.5 * bend + float(np.log(max(share, 1e-6)))
        point, misfit = self.prior.mean + self.prior.axes @ u, float((ends.residual[best] ** 2).sum())
        return Found(point, label, float(ends.value[best]), misfit, evidence, J)


@dataclass(eq=False)
class _Ends:
    """Where a search stands, from each of its starts: u (r, q), objective (r,), residuals (r, p), J (r, p, q)."""

    u: Floats
    value: Floats
    residual: Floats
    jacobian: Floats

    def take(self, rows: NDArray[np.int64], other: _Ends, which: NDArray[np.bool_]) -> None:
        """Put some of another's ends in place of own ones."""
        for name in ("u", "value", "residual", "jacobian"):
            getattr(self, name)[rows] = getattr(other, name)[which]


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

        self._residual, self._both = t.func.vmap(residual), t.func.vmap(both)

    def residuals(self, points: Floats) -> Floats:
        """Return the whitened residuals (r, p) at points (r, e)."""
        return np.asarray(self._residual(self.release.network.tensor(points)).detach().numpy())

    def at(self, u: Floats) -> tuple[Floats, Floats, Floats]:
        """Return objective (r,), residuals (r, p) and their derivatives by u (r, p, q)."""
        off, J = (part.detach().numpy() for part in self._both(self.release.network.tensor(u)))
        value = 0.5 * (off**2).sum(axis=1) + 0.5 * (u**2).sum(axis=1)
        return np.where(np.isfinite(value), value, np.inf), np.array(off), np.array(J)


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
