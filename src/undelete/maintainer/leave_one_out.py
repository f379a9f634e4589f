"""Exact retraining without one record, for many records at once.

Newton's method on the objective without record i, started at the full model, maths (3). The Hessian at
the full model, without record i, is a rank-one change of one matrix that is factored once, so a step for
a block of deletions costs two matrix products. It is kept fixed: a deletion moves the parameters by about
1/n, so each step shrinks the error by about n, and two or three reach the tolerance. A deletion counts as
retraining only when the gradient over the remaining records is measured and small.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from undelete.errors import InputError
from undelete.maintainer.fit import fit
from undelete.maths.arrays import Array, blocks, namespace, take_columns, take_rows, to_numpy
from undelete.maths.losses import Squared
from undelete.maths.objective import Objective, accumulate, predict
from undelete.maths.solvers import Factored, factor

Progress = Callable[[int, int], None]

_STEPS = 12  # with a fixed Hessian; what has not converged by then is fitted by itself
_SHARE = 1e-6  # largest remaining gradient, relative to the deleted record's own
_BLOCK_NUMBERS = 16_000_000  # numbers in one block's predictions: 128 MB in float64


@dataclass(frozen=True, eq=False)
class Deletions:
    """The models after b deletions, one record each.

    Parameters
    ----------
    rows : array (b,) of int
        The deleted rows.
    W : array (b, d, k)
        The retrained parameters.
    gradient_norm : array (b,)
        |gradient|_inf / n over the remaining records, penalty included, measured at W.
    iterations : array (b,) of int
        Newton steps.
    converged : array (b,) of bool
        Whether gradient_norm <= tol.
    has_constant : bool
        Whether the last feature is the constant, so that its parameters are the intercept.
    """

    rows: NDArray[np.int64]
    W: Array
    gradient_norm: NDArray[np.float64]
    iterations: NDArray[np.int64]
    converged: NDArray[np.bool_]
    has_constant: bool = True

    @property
    def coef(self) -> Array:
        """Coefficients (b, k, d) without the intercept, as scikit-learn shapes them."""
        W = self.W[:, :-1, :] if self.has_constant else self.W
        return namespace(W).matrix_transpose(W)

    @property
    def intercept(self) -> Array:
        """Intercepts (b, k); zeros when the model has none."""
        xp = namespace(self.W)
        return self.W[:, -1, :] if self.has_constant else xp.zeros_like(self.W[:, 0, :])


def retrain_without(
    objective: Objective,
    W: Array,
    rows: NDArray[np.int64],
    *,
    tol: float = 1e-9,
    has_constant: bool = True,
    progress: Progress | None = None,
) -> Deletions:
    """Retrain the model exactly without each of some rows.

    Parameters
    ----------
    objective : Objective
        All n private records.
    W : array (d, k)
        The model fitted on all of them.
    rows : array (b,) of int
        The rows to delete, one at a time.
    tol : float
        Largest |gradient|_inf / n over the remaining records that counts as retrained.
    has_constant : bool
        Whether the last feature is the constant; only shapes `Deletions.intercept`.
    progress : callable, optional
        Called as progress(done, total) after each block.

    Raises
    ------
    InputError
        When a row has leverage 1: without it the solution is not unique.

    Notes
    -----
    Squared loss: O(n d^2 + b d^2), maths (2), no pass over the data per deletion. Other losses: 4 n d
    flops per deletion and Newton step, b predictions of n records in memory in blocks of 128 MB.
    """
    rows = np.asarray(rows, dtype=np.int64)
    size = max(1, _BLOCK_NUMBERS // objective.n)
    outputs, xp = objective.Y.shape[1], namespace(W)
    retrain = _squared if isinstance(objective.loss, Squared) else _newton
    columns, norms, steps = [], [], []
    for j in range(outputs):
        one = Objective(objective.X, objective.Y[:, j : j + 1], objective.loss, objective.l2)
        solver = _Downdated(one, W[:, j : j + 1])
        parts = []
        for block in blocks(len(rows), size):
            parts.append(retrain(solver, rows[block], tol))
            if progress is not None:
                progress(j * len(rows) + block.stop, outputs * len(rows))
        columns.append(xp.concat([part[0] for part in parts], axis=0))
        norms.append(np.concatenate([part[1] for part in parts]))
        steps.append(np.concatenate([part[2] for part in parts]))
    norm = np.max(norms, axis=0)
    return Deletions(
        rows=rows,
        W=xp.concat(columns, axis=2),
        gradient_norm=norm,
        iterations=np.max(steps, axis=0),
        converged=norm <= tol,
        has_constant=has_constant,
    )


class _Downdated:
    """One output's objective without record i, near the full model w (d, 1)."""

    def __init__(self, objective: Objective, w: Array) -> None:
        self.objective = objective
        self.w = w
        self.z = predict(objective.X, w)
        self.curvature = objective.loss.curvature(objective.Y, self.z)[:, 0]
        self.hessian = objective.hessian(w, 0)
        self.factored: Factored = factor(self.hessian)

    def solve(self, rows: NDArray[np.int64], G: Array) -> Array:
        """Apply the inverse of H - c_i x_i' x_i to G (d, b), column i with its own row: Sherman-Morrison."""
        xp = namespace(G)
        x = xp.matrix_transpose(take_rows(self.objective.X, rows))  # (d, b)
        hx = self.factored.solve(x)
        c = take_rows(self.curvature, rows)
        slack = 1 - c * xp.sum(x * hx, axis=0)  # one minus the leverage
        if not bool(xp.all(slack > 1e-10)):
            row = int(rows[int(xp.argmin(slack))])
            raise InputError(
                f"record {row} has leverage 1: without it the solution is not unique, so there is no model "
                "after its deletion to compare with; fit with a penalty, or leave this record out"
            )
        hg = self.factored.solve(G)
        return hg + hx * (c * xp.sum(hx * G, axis=0) / slack)

    def gradient(self, rows: NDArray[np.int64], W: Array) -> Array:
        """Return the gradient (d, b) at W (d, b) over the records that remain: one pass over the data."""
        problem, xp = self.objective, namespace(W)
        residual = problem.loss.residual(problem.Y, problem.X @ W)  # (n, b)
        x = xp.matrix_transpose(take_rows(problem.X, rows))
        own = problem.loss.residual(take_rows(problem.Y, rows)[:, 0], xp.sum(x * W, axis=0))
        return accumulate(problem.X, residual) - x * own + problem.l2[:, None] * W


def _squared(
    solver: _Downdated, rows: NDArray[np.int64], tol: float
) -> tuple[Array, NDArray[np.float64], NDArray[np.int64]]:
    """Retrain a ridge model: closed form, and the gradient from the sufficient statistics."""
    problem, xp = solver.objective, namespace(solver.w)
    x = xp.matrix_transpose(take_rows(problem.X, rows))
    y = take_rows(problem.Y, rows)[:, 0]
    moment = accumulate(problem.X, problem.Y)  # (d, 1)
    W = solver.w + xp.zeros_like(x)

    def remaining(W: Array) -> Array:
        return solver.hessian @ W - moment - x * (xp.sum(x * W, axis=0) - y)

    for _ in range(2):  # the second step removes the rounding of the first
        W = W - solver.solve(rows, remaining(W))
    norm = xp.max(xp.abs(remaining(W)), axis=0) / problem.n
    return xp.matrix_transpose(W)[:, :, None], to_numpy(norm), np.full(len(rows), 2, dtype=np.int64)


def _newton(
    solver: _Downdated, rows: NDArray[np.int64], tol: float
) -> tuple[Array, NDArray[np.float64], NDArray[np.int64]]:
    """Retrain by Newton steps with the downdated Hessian of the full model, until each gradient is small."""
    problem, xp = solver.objective, namespace(solver.w)
    x = xp.matrix_transpose(take_rows(problem.X, rows))
    own = x * problem.loss.residual(take_rows(problem.Y, rows), take_rows(solver.z, rows))[:, 0]
    gradient = problem.gradient(solver.w) - own  # at the full model, no pass needed
    pull = to_numpy(xp.max(xp.abs(own), axis=0)) / problem.n
    # small beside what the record itself contributed, or the change of the model drowns; never below rounding
    goal = np.maximum(np.minimum(0.1 * tol, _SHARE * pull), 1e-15)
    W = solver.w + xp.zeros_like(x)
    norm = to_numpy(xp.max(xp.abs(gradient), axis=0)) / problem.n
    steps = np.zeros(len(rows), dtype=np.int64)
    # a record without a gradient (no support vector) changes nothing: it is done as it stands
    still, done = np.flatnonzero(pull > 0.0), [np.flatnonzero(pull == 0.0)]
    finished = [take_columns(W, done[0])]
    W, gradient = take_columns(W, still), take_columns(gradient, still)
    while still.size:
        W = W - solver.solve(rows[still], gradient)
        gradient = solver.gradient(rows[still], W)
        norm[still] = to_numpy(xp.max(xp.abs(gradient), axis=0)) / problem.n
        steps[still] += 1
        ready = (norm[still] <= goal[still]) | (steps[still] >= _STEPS)
        finished.append(take_columns(W, np.flatnonzero(ready)))
        done.append(still[ready])
        W, gradient = (take_columns(array, np.flatnonzero(~ready)) for array in (W, gradient))
        still = still[~ready]
    W = take_columns(xp.concat(finished, axis=1), np.argsort(np.concatenate(done)))
    return _fit_alone(problem, rows, xp.matrix_transpose(W)[:, :, None], norm, steps, tol)


def _fit_alone(
    problem: Objective,
    rows: NDArray[np.int64],
    W: Array,
    norm: NDArray[np.float64],
    steps: NDArray[np.int64],
    tol: float,
) -> tuple[Array, NDArray[np.float64], NDArray[np.int64]]:
    """Fit each deletion that the fixed Hessian did not bring under the tolerance by itself; few or none."""
    failed = np.flatnonzero(norm > tol)
    if not failed.size:
        return W, norm, steps
    models = [W[i, :, :] for i in range(len(rows))]
    for i in failed:
        rest = np.delete(np.arange(problem.n), rows[i])
        remaining = Objective(take_rows(problem.X, rest), take_rows(problem.Y, rest), problem.loss, problem.l2)
        alone = fit(remaining, tol=0.1 * tol, start=models[i])
        if alone.gradient_norm < norm[i]:
            models[i], norm[i] = alone.W, alone.gradient_norm
        steps[i] += alone.iterations
    return namespace(W).stack(models, axis=0), norm, steps
