"""Huber's regression, whose scale s is fitted with the parameters, retrained exactly without one record.

    F(W, s) = n s + sum of s phi((y - z) / s) + 1/2 sum_j l2_j w_j^2,   phi(u) = u^2, or 2 e |u| - e^2 beyond the bend

F is convex in both together, and quadratic wherever nobody crosses the bend, so Newton's method ends in few steps.
Source: Huber, Robust Statistics (1981), Section 7.7; scikit-learn's HuberRegressor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from undelete.maintainer.leave_one_out import Deletions, Progress
from undelete.maintainer.sweep import rows_in_block
from undelete.maths.arrays import Floats, blocks
from undelete.maths.objective import Objective
from undelete.maths.robust import Huber
from undelete.maths.solvers import factor

_STEPS = 200
_SHORTEST = 40  # halvings
_FIXED = 12  # steps with the full model's Hessian
_NUMBERS = 128_000  # predictions held at a time
_LEAST = 1e-6  # of one: what a record may leave of H along itself, for its part to be left out of a step


@dataclass(frozen=True, eq=False)
class JointFit:
    """A fitted model.

    Parameters
    ----------
    W : array (d, 1)
        The parameters.
    scale : float
        Huber's.
    gradient_norm : float
        |gradient|_inf / n in both, in `Objective.unit`s and the scale's own.
    iterations : int
        Newton steps.
    """

    W: Floats
    scale: float
    gradient_norm: float
    iterations: int


def fit_joint(objective: Objective, start: Floats, scale: float, *, tol: float = 1e-10) -> JointFit:
    """Minimise an objective of one output and Huber's loss over parameters and scale, from (d, 1) and a scale.

    Cost 2 n d^2 flops a step.
    """
    assert isinstance(objective.loss, Huber)
    X, y, bend = objective.X, objective.Y[:, 0], objective.loss.epsilon
    a, unit = _weights(objective), _units(objective)
    theta = np.append(start[:, 0], scale)
    taken = 0
    for taken in range(_STEPS):  # noqa: B007
        u = (y - X @ theta[:-1]) / theta[-1]
        pull = np.clip(u, -bend, bend)
        gradient = np.append(-2 * X.T @ (a * pull) + objective.l2 * theta[:-1], a.sum() - a @ pull**2)
        norm = float((np.abs(gradient) / unit).max() / len(y))
        if norm <= 0.1 * tol:
            break
        moved = _along(objective, a, theta, -factor(_hessian(objective, theta)).solve(gradient[:, None])[:, 0])
        if moved is None:
            break
        theta = moved
    return JointFit(theta[:-1, None], float(theta[-1]), norm, taken)


def _weights(objective: Objective) -> Floats:
    return np.ones(objective.n) if objective.weights is None else np.asarray(objective.weights)


def _units(objective: Objective) -> Floats:
    return np.append(objective.unit[:, 0], 1.0)


def _hessian(objective: Objective, theta: Floats) -> Floats:
    """Return the Hessian (d + 1, d + 1) in parameters and scale."""
    assert isinstance(objective.loss, Huber)
    a, s = _weights(objective), theta[-1]
    u = (objective.Y[:, 0] - objective.X @ theta[:-1]) / s
    inner = np.abs(u) < objective.loss.epsilon
    own = np.column_stack([objective.X[inner], u[inner]])
    H = own.T @ (a[inner, None] * own) * 2 / s
    H[:-1, :-1] += np.diag(objective.l2)
    return np.asarray(H)


def _along(objective: Objective, a: Floats, theta: Floats, direction: Floats) -> Floats | None:
    """Return the point along a step that does not go up; None where rounding leaves none."""
    value, length = _value(objective, a, theta), 1.0
    for _ in range(_SHORTEST):
        moved = theta + length * direction
        if moved[-1] > 0 and _value(objective, a, moved) <= value * (1 + 1e-14):
            return np.asarray(moved)
        length /= 2
    return None


def _value(objective: Objective, a: Floats, theta: Floats) -> float:
    assert isinstance(objective.loss, Huber)
    loss = Huber(objective.loss.epsilon, float(theta[-1]))
    each = loss.value(objective.Y, objective.X @ theta[:-1, None])
    return float(a @ each + a.sum() * theta[-1] + objective.l2 @ theta[:-1] ** 2 / 2)


def retrain_joint(
    objective: Objective, W: Floats, rows: NDArray[np.int64], *, tol: float = 1e-9, has_constant: bool = True,
    progress: Progress | None = None,
) -> Deletions:  # fmt: skip
    """Retrain Huber's regression without each of some rows, scale and all; parameters as of `retrain_without`.

    Newton's method with the full model's Hessian less the row's own part, for a block of deletions at once. The first
    step needs no pass over the data, and is the answer where it leaves everybody on their side of the bend; the next
    ones take 4 n d flops a deletion. Who has not converged then is fitted alone.
    """
    assert isinstance(objective.loss, Huber)
    rows = np.asarray(rows, dtype=np.int64)
    start = np.append(W[:, 0], objective.loss.scale)
    steps, found = _Steps.of(objective, start, rows), np.tile(start, (len(rows), 1))
    found -= steps.step(_gradients(objective, start[None]) - _own(objective, found, rows), np.arange(len(rows)))
    norm, taken = np.full(len(rows), np.inf), np.ones(len(rows), dtype=np.int64)
    for block in blocks(len(rows), rows_in_block(objective.n)):
        left = np.arange(len(rows))[block]
        for _ in range(_FIXED):
            gradient = _gradients(objective, found[left]) - _own(objective, found[left], rows[left])
            norm[left] = (np.abs(gradient) / _units(objective)).max(axis=1) / (objective.n - 1)
            still = ~(norm[left] <= 0.1 * tol)
            left = left[still]
            if not left.size:
                break
            found[left] -= steps.step(gradient[still], left)
            taken[left] += 1
        if progress is not None:
            progress(block.stop, len(rows))
    for i in np.flatnonzero(~(norm <= tol)):
        alone = fit_joint(objective.take(np.delete(np.arange(objective.n), rows[i])), W, start[-1], tol=tol)
        found[i], norm[i] = np.append(alone.W[:, 0], alone.scale), alone.gradient_norm
        taken[i] += alone.iterations
    return Deletions(
        rows=rows, W=found[:, :-1, None], gradient_norm=norm, iterations=taken, converged=norm <= tol,
        certified=np.zeros(len(rows), dtype=np.bool_), has_constant=has_constant, scale=found[:, -1],
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Steps:
    """Newton's steps with the full model's Hessian H less each row's own part v v' (b rows).

    Parameters
    ----------
    solve : callable
        Of H, from (d + 1, b) to (d + 1, b).
    v, turned : array (b, d + 1)
        The root of a row's part, 0 beyond the bend, and H^-1 v.
    left : array (b,)
        1 - v H^-1 v.
    """

    solve: Callable[[Floats], Floats]
    v: Floats
    turned: Floats
    left: Floats

    @classmethod
    def of(cls, objective: Objective, theta: Floats, rows: NDArray[np.int64]) -> _Steps:
        """Prepare them at a model on all records."""
        assert isinstance(objective.loss, Huber)
        solve, X = factor(_hessian(objective, theta)).solve, objective.X[rows]
        u = (objective.Y[rows, 0] - X @ theta[:-1]) / theta[-1]
        root = np.where(np.abs(u) < objective.loss.epsilon, np.sqrt(2 * _weights(objective)[rows] / theta[-1]), 0.0)
        v = root[:, None] * np.column_stack([X, u])
        turned = solve(v.T).T
        return cls(solve, v, turned, 1 - (v * turned).sum(axis=1))

    def step(self, gradient: Floats, which: NDArray[np.int64]) -> Floats:
        """Return the steps of some of the rows, from their gradients (r, d + 1)."""
        whole = self.solve(gradient.T).T
        left = self.left[which]
        more = np.where(left > _LEAST, (self.v[which] * whole).sum(axis=1) / np.maximum(left, _LEAST), 0.0)
        return np.asarray(whole + more[:, None] * self.turned[which])


def _own(objective: Objective, theta: Floats, rows: NDArray[np.int64]) -> Floats:
    """Return what each of some rows adds to the gradient (b, d + 1) at parameters and scales (b, d + 1)."""
    assert isinstance(objective.loss, Huber)
    bend, a, X = objective.loss.epsilon, _weights(objective)[rows], objective.X[rows]
    pull = np.clip((objective.Y[rows, 0] - (X * theta[:, :-1]).sum(axis=1)) / theta[:, -1], -bend, bend)
    return np.column_stack([-2 * (a * pull)[:, None] * X, a * (1 - pull**2)])


def _gradients(objective: Objective, theta: Floats) -> Floats:
    """Return the gradients (b, d + 1) over all rows at parameters and scales (b, d + 1)."""
    assert isinstance(objective.loss, Huber)
    bend, a = objective.loss.epsilon, _weights(objective)
    X, y = objective.X, objective.Y[:, 0]
    found = np.column_stack([theta[:, :-1] * objective.l2, np.full(len(theta), a.sum())])
    for part in blocks(objective.n, max(1, _NUMBERS // len(theta))):
        pull = np.clip((y[part, None] - X[part] @ theta[:, :-1].T) / theta[:, -1], -bend, bend)
        weighed = a[part, None] * pull
        found[:, :-1] -= 2 * weighed.T @ X[part]
        found[:, -1] -= np.einsum("rb,rb->b", weighed, pull)
    return found
