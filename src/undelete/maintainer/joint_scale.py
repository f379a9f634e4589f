"""Huber's regression, whose scale s is fitted with the parameters, retrained exactly without one record.

    F(W, s) = n s + sum of s phi((y - z) / s) + 1/2 sum_j l2_j w_j^2,   phi(u) = u^2, or 2 e |u| - e^2 beyond the bend

F is convex in both together, and quadratic wherever nobody crosses the bend, so Newton's method ends in few steps.
Source: Huber, Robust Statistics (1981), Section 7.7; scikit-learn's HuberRegressor.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from undelete.maintainer.leave_one_out import Deletions, Progress
from undelete.maintainer.one_by_one import retrain_one_by_one
from undelete.maths.arrays import Floats
from undelete.maths.objective import Objective
from undelete.maths.robust import Huber
from undelete.maths.solvers import factor

_STEPS = 200
_SHORTEST = 40  # halvings


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
    a = np.ones(len(y)) if objective.weights is None else np.asarray(objective.weights)
    unit = np.append(objective.unit[:, 0], 1.0)
    theta = np.append(start[:, 0], scale)
    taken = 0
    for taken in range(_STEPS):  # noqa: B007
        u = (y - X @ theta[:-1]) / theta[-1]
        inner = np.abs(u) < bend
        pull = np.clip(u, -bend, bend)
        gradient = np.append(-2 * X.T @ (a * pull) + objective.l2 * theta[:-1], a.sum() - a @ pull**2)
        norm = float((np.abs(gradient) / unit).max() / len(y))
        if norm <= 0.1 * tol:
            break
        own = X[inner]
        cross = own.T @ (a[inner] * u[inner])
        H = np.empty((len(theta), len(theta)))
        H[:-1, :-1] = own.T @ (a[inner, None] * own) + np.diag(objective.l2) * theta[-1] / 2
        H[:-1, -1] = H[-1, :-1] = cross
        H[-1, -1] = a[inner] @ u[inner] ** 2
        moved = _along(objective, a, theta, -factor(H * 2 / theta[-1]).solve(gradient[:, None])[:, 0])
        if moved is None:
            break
        theta = moved
    return JointFit(theta[:-1, None], float(theta[-1]), norm, taken)


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
    """Retrain Huber's regression without each of some rows, scale and all; parameters as of `retrain_without`."""
    assert isinstance(objective.loss, Huber)
    scale = objective.loss.scale
    deletions, found = retrain_one_by_one(
        objective, rows, lambda rest: fit_joint(rest, W, scale, tol=tol), tol=tol, has_constant=has_constant,
        progress=progress,
    )  # fmt: skip
    return replace(deletions, scale=np.array([one.scale for one in found]))
