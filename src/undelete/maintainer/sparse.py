"""Models with an l1 penalty, fitted and retrained exactly: Newton's method on the features that are not at zero.

    F(W) = sum of losses + 1/2 sum_j l2_j w_j^2 + sum_j l1_j |w_j|,   one output

At the optimum |gradient of the rest|_j <= l1_j where w_j is zero, and equals -l1_j sign(w_j) elsewhere. A step that
would take a coordinate through zero stops there and leaves it out; one whose gradient is larger than l1 comes in.
Source: the active-set method, as in Osborne, Presnell and Turlach, On the LASSO and its dual (2000).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from undelete.errors import InputError
from undelete.maintainer.leave_one_out import Deletions, Progress
from undelete.maintainer.one_by_one import retrain_one_by_one
from undelete.maths.arrays import Floats
from undelete.maths.objective import Objective
from undelete.maths.solvers import factor

_ROUNDS = 500
_SHORTEST = 30  # halvings of a step
_DEPENDENT = 1e-10  # of the least eigenvalue where all features have length one


@dataclass(frozen=True, eq=False)
class SparseFit:
    """A fitted model.

    Parameters
    ----------
    W : array (d, 1)
        The parameters.
    gradient_norm : float
        By how much the conditions of the optimum are missed, |.|_inf / n in `Objective.unit`s.
    iterations : int
        Newton steps.
    """

    W: Floats
    gradient_norm: float
    iterations: int


def fit_sparse(objective: Objective, l1: Floats, start: Floats, *, tol: float = 1e-10) -> SparseFit:
    """Minimise an objective of one output with an l1 penalty (d,) besides, from parameters (d, 1).

    Cost 2 n a^2 flops a step for a features that are not at zero, and few steps from near by.
    """
    w = np.array(start[:, 0], dtype=np.float64)
    sign = np.where(l1 > 0, np.sign(w), 0.0)
    inside = (w != 0) | (l1 == 0)
    norm, gradient = _missed(objective, l1, w)
    for step in range(_ROUNDS):
        pull = np.where(inside, gradient + l1 * sign, 0.0)
        if (np.abs(pull) / objective.unit[:, 0]).max() <= 0.1 * tol * objective.n:
            over = np.where(inside, 0.0, (np.abs(gradient) - l1) / objective.unit[:, 0])
            worst = int(over.argmax())
            if over[worst] <= 0.1 * tol * objective.n:
                return SparseFit(w[:, None], norm, step)
            inside[worst], sign[worst] = True, -np.sign(gradient[worst])
            pull[worst] = gradient[worst] + l1[worst] * sign[worst]
        at = np.flatnonzero(inside)
        H = objective.hessian(w[:, None], 0)[np.ix_(at, at)]
        direction = np.zeros(len(w))
        direction[at] = -factor(H).solve(pull[at][:, None])[:, 0]
        w, out = _along(objective, l1, w, sign, direction)
        if out is not None:
            inside[out], sign[out], w[out] = False, 0.0, 0.0
        norm, gradient = _missed(objective, l1, w)
    return SparseFit(w[:, None], norm, _ROUNDS)


def _along(objective: Objective, l1: Floats, w: Floats, sign: Floats, direction: Floats) -> tuple[Floats, int | None]:
    """Return the point along a step, and the coordinate that it takes to zero there, if one would change its sign."""
    turning = (sign != 0) & ((w + direction) * sign < 0)
    length, out = 1.0, None
    if turning.any():
        lengths = np.where(turning, -w / np.where(turning, direction, 1.0), np.inf)
        out = int(lengths.argmin())
        length = float(lengths[out])
    value = _value(objective, l1, w)
    for _ in range(_SHORTEST):
        moved = w + length * direction
        if _value(objective, l1, moved) <= value * (1 + 1e-12) + 1e-300:
            return moved, out
        length, out = length / 2, None
    return moved, out


def _value(objective: Objective, l1: Floats, w: Floats) -> float:
    return float(objective.value(w[:, None])) + float(l1 @ np.abs(w))


def _missed(objective: Objective, l1: Floats, w: Floats) -> tuple[float, Floats]:
    """Return by how much the conditions of the optimum are missed, and the gradient of the smooth part (d,)."""
    gradient = np.asarray(objective.gradient(w[:, None])[:, 0])
    off = np.where(w != 0, np.abs(gradient + l1 * np.sign(w)), np.maximum(np.abs(gradient) - l1, 0.0))
    return float((off / objective.unit[:, 0]).max()) / objective.n, gradient


def refuse_dependent(objective: Objective, kind: str) -> None:
    """Refuse features of which some are sums of others, where the fit is not the optimum but what a path came to."""
    X = np.asarray(objective.X, dtype=np.float64)
    X = X / np.maximum(np.sqrt((X**2).sum(axis=0)), np.finfo(float).tiny)
    if np.linalg.eigvalsh(X.T @ X)[0] < _DEPENDENT:
        raise InputError(
            f"some features of this {kind} are sums of others, as the indicators of all categories of a column are: "
            "scikit-learn then drops features that the optimum keeps, and others without a record, so that a refit is "
            'not the exact model; encode with drop="first", or fit Lasso'
        )


def retrain_sparse(
    objective: Objective,
    l1: Floats,
    W: Floats,
    rows: NDArray[np.int64],
    *,
    tol: float = 1e-9,
    has_constant: bool = True,
    progress: Progress | None = None,
) -> Deletions:
    """Retrain a model with an l1 penalty without each of some rows; parameters as of `retrain_without`.

    Parameters
    ----------
    objective : Objective
        All records, with the penalty l2 and the weights that the others have afterwards; one output.
    l1 : array (d,)
        The l1 penalty afterwards.
    W, rows, tol, has_constant, progress
        As of `retrain_without`.

    Notes
    -----
    Cost some passes over the data a deletion, and 2 n a^2 flops a step.
    """
    return retrain_one_by_one(
        objective, rows, lambda rest: fit_sparse(rest, l1, W, tol=tol), tol=tol, has_constant=has_constant,
        progress=progress,
    )[0]  # fmt: skip
