"""Minimises many smooth functions of the same kind at once: L-BFGS, each with its own steps and memory.

One evaluation serves all of them, so a batch costs large matrix products where one function after the other would
cost small ones. Who has reached the tolerance leaves the batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from undelete.maths.arrays import Floats, Indices

Objective = Callable[[Floats, Indices], tuple[Floats, Floats]]

_MEMORY = 10  # pairs of steps and gradient changes
_SUFFICIENT = 1e-4  # of the decrease that the slope promises (Armijo)
_SHORTEN = 0.4
_TRIALS = 20


@dataclass(frozen=True, eq=False)
class Minimum:
    """Where b minimisations ended.

    Parameters
    ----------
    U : array (b, p)
        The points.
    value : array (b,)
        The functions' values there.
    promise : array (b,)
        ||gradient||^2 relative to the value: what one more step promises where the Hessian is near one.
    iterations : array (b,) of int
        Steps taken.
    converged : array (b,) of bool
        Whether `promise` is at most the tolerance.
    """

    U: Floats
    value: Floats
    promise: Floats
    iterations: Indices
    converged: NDArray[np.bool_]


def minimise(objective: Objective, start: Floats, *, tol: float, max_iterations: int) -> Minimum:
    """Minimise b functions of p coordinates by L-BFGS with backtracking.

    Parameters
    ----------
    objective : callable
        (U (a, p), which (a,)) -> values (a,) and gradients (a, p) of the functions `which`. Coordinates should be
        scaled so that the Hessian is about the identity: the first step is the gradient's, and `tol` speaks of it.
    start : array (b, p)
        Where to start.
    tol : float
        Stop a function when ||gradient||^2 <= tol * value; values are not negative.
    max_iterations : int
        Steps at most.

    Returns
    -------
    Minimum
        No function ends above its start. Not converged is a value, not an error.

    Notes
    -----
    About 1.1 evaluations and 40 p flops a function and step. Source: Liu and Nocedal 1989; Nocedal and Wright,
    Numerical Optimization, Algorithm 7.4.

    Examples
    --------
    >>> bowl = lambda U, which: (((U - which[:, None]) ** 2).sum(axis=1) / 2, U - which[:, None])
    >>> minimise(bowl, np.zeros((3, 2)), tol=1e-12, max_iterations=20).U.round(6).tolist()
    [[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]
    """
    b = len(start)
    U, value, gradient = start.copy(), np.empty(b), np.empty_like(start)
    value[:], gradient[:] = objective(U, np.arange(b))
    iterations = np.zeros(b, dtype=np.int64)
    pairs: list[tuple[Floats, Floats, Floats]] = []
    open_rows = np.arange(b)
    for _ in range(max_iterations):
        more = (gradient[open_rows] ** 2).sum(axis=1) > tol * value[open_rows]
        if not more.all():
            pairs = [(s[more], y[more], curvature[more]) for s, y, curvature in pairs]
            open_rows = open_rows[more]
        if not open_rows.size:
            break
        direction = _direction(pairs, gradient[open_rows])
        at, new_value, new_gradient = _search(
            objective, open_rows, U[open_rows], value[open_rows], gradient[open_rows], direction
        )
        s, y = at - U[open_rows], new_gradient - gradient[open_rows]
        pairs = [*pairs[-_MEMORY + 1 :], (s, y, (s * y).sum(axis=1))]
        U[open_rows], value[open_rows], gradient[open_rows] = at, new_value, new_gradient
        iterations[open_rows] += 1
        moved = s.any(axis=1)
        if not moved.all():  # no step lowers the value any more: rounding
            pairs = [(s[moved], y[moved], curvature[moved]) for s, y, curvature in pairs]
            open_rows = open_rows[moved]
    left = (gradient**2).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        promise = np.where(left > 0, left / value, 0.0)
    return Minimum(U, value, promise, iterations, left <= tol * value)


def _direction(pairs: list[tuple[Floats, Floats, Floats]], gradient: Floats) -> Floats:
    """Return the quasi-Newton directions (a, p) by the two-loop recursion; pairs of no positive curvature count not."""
    q, factors = -gradient, []
    scale = np.ones(len(gradient))
    for s, y, curvature in reversed(pairs):
        rho = _inverse(curvature)
        factor = rho * (s * q).sum(axis=1)
        q = q - factor[:, None] * y
        factors.append((rho, factor))
    if pairs:
        _, y, curvature = pairs[-1]
        scale = np.where(curvature > 0, curvature * _inverse((y * y).sum(axis=1)), 1.0)
    q = q * scale[:, None]
    for (s, y, _), (rho, factor) in zip(pairs, reversed(factors), strict=True):
        q = q + (factor - rho * (y * q).sum(axis=1))[:, None] * s
    uphill = (q * gradient).sum(axis=1) >= 0
    return np.where(uphill[:, None], -gradient, q)


def _inverse(number: Floats) -> Floats:
    """Return 1 / number, and 0 where it is not positive."""
    positive = number > 0
    return np.where(positive, 1.0 / np.where(positive, number, 1.0), 0.0)


def _search(
    objective: Objective, rows: Indices, U: Floats, value: Floats, gradient: Floats, direction: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return points (a, p) that lower the values enough, with value and gradient; where none is found, U itself."""
    slope = (direction * gradient).sum(axis=1)
    length = np.ones(len(rows))
    at, at_value, at_gradient = U.copy(), value.copy(), gradient.copy()
    waiting = np.arange(len(rows))
    for _ in range(_TRIALS):
        trial = U[waiting] + length[waiting, None] * direction[waiting]
        trial_value, trial_gradient = objective(trial, rows[waiting])
        good = trial_value <= value[waiting] + _SUFFICIENT * length[waiting] * slope[waiting]
        done = waiting[good]
        at[done], at_value[done], at_gradient[done] = trial[good], trial_value[good], trial_gradient[good]
        waiting = waiting[~good]
        if not waiting.size:
            break
        length[waiting] *= _SHORTEN
    return at, at_value, at_gradient
