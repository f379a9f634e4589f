"""What a user does today for a deletion: fit again without the record. And how far two answers differ."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.svm import LinearSVC

from undelete.maintainer.fit import fit, gradient_norm
from undelete.maths.arrays import Floats
from undelete.maths.objective import Objective

Refit = Callable[[Objective], Floats]  # from the records to W (d, k)
REFIT_TOL = 1e-10  # |gradient|_inf per record that refits are asked for: what the engine stops at


@dataclass(frozen=True, eq=False)
class Refits:
    """Fits without a record each: median time in s, parameters (b, d, k), and the largest gradient per record."""

    seconds: float
    W: Floats
    gradient: float


def refit_each(objective: Objective, rows: NDArray[np.int64], refit: Refit) -> Refits:
    """Fit without each of some rows; copying the remaining records is not counted."""
    times, models, norms = [], [], []
    for row in rows:
        remaining = objective.take(np.delete(np.arange(objective.n), row))
        start = time.perf_counter()
        models.append(refit(remaining))
        times.append(time.perf_counter() - start)
        norms.append(gradient_norm(remaining, models[-1]))
    return Refits(float(np.median(times)), np.stack(models), max(norms))


def difference(before: Floats, ours: Floats, theirs: Floats) -> float:
    """Return the largest relative difference of what a deletion changes, in the maximum norm, over deletions.

    Shifting all classes of a softmax model alike means nothing, so their mean is taken out.
    """

    def change(after: Floats) -> Floats:
        D = before - after
        return D - D.mean(axis=-1, keepdims=True) if D.shape[-1] > 1 else D

    change_ours, change_theirs = change(ours), change(theirs)
    size = np.abs(change_ours).max(axis=(1, 2))
    apart = np.abs(change_ours - change_theirs).max(axis=(1, 2))
    moved = size > 0  # a record outside its margin changes nothing, and has no relative difference
    return float((apart[moved] / size[moved]).max()) if moved.any() else 0.0


def ridge(objective: Objective) -> Floats:
    """Fit scikit-learn's Ridge."""
    model = Ridge(alpha=_penalty(objective)).fit(objective.X[:, :-1], objective.Y[:, 0])
    return np.append(model.coef_, model.intercept_)[:, None]


def logistic(solver: str, start: Floats | None = None) -> Refit:
    """Return scikit-learn's LogisticRegression, two classes or several, from scratch or from W (d, k)."""

    def refit(objective: Objective) -> Floats:
        k = objective.Y.shape[1]
        y = objective.Y[:, 0] if k == 1 else np.argmax(objective.Y, axis=1)
        model = LogisticRegression(
            C=1 / _penalty(objective), solver=solver, tol=REFIT_TOL, max_iter=10_000, warm_start=start is not None
        )
        if start is not None:
            model.coef_, model.intercept_ = start[:-1].T.copy(), start[-1].copy()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the gradient that was reached is in the table
            model.fit(objective.X[:, :-1], y)
        return np.vstack([model.coef_.T, model.intercept_])

    return refit


def hinge(tol: float) -> Refit:
    """Return scikit-learn's LinearSVC, whose constant is one more penalised feature."""

    def refit(objective: Objective) -> Floats:
        model = LinearSVC(C=1 / _penalty(objective), dual=False, fit_intercept=False, tol=tol, max_iter=10_000)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return np.asarray(model.fit(objective.X, objective.Y[:, 0]).coef_.T)

    return refit


def hinge_tolerance(objective: Objective) -> float:
    """Return the loosest of LinearSVC's tolerances that reaches its smallest gradient, or the refits' tolerance."""
    tolerances = [10.0**-e for e in range(3, 13)]
    norms = [gradient_norm(objective, hinge(tol)(objective)) for tol in tolerances]
    goal = max(REFIT_TOL, 1.01 * min(norms))
    return next(tol for tol, norm in zip(tolerances, norms, strict=True) if norm <= goal)


def our_fit(start: Floats | None = None) -> Refit:
    """Return this project's own Newton fit."""
    return lambda objective: np.asarray(fit(objective, tol=REFIT_TOL, start=start).W)


def warm_lbfgs(start: Floats, goal: float, seconds: float) -> Refit:
    """Return SciPy's L-BFGS from W, until the gradient per record is at the goal or the time is over.

    scikit-learn's `lbfgs` is this code, but stops at its own bound on the decrease of the value, before the goal.
    """

    def refit(objective: Objective) -> Floats:
        end = time.perf_counter() + seconds

        def both(w: Floats) -> tuple[float, Floats]:
            W = w.reshape(start.shape)
            return float(objective.value(W)) / objective.n, objective.gradient(W).ravel() / objective.n

        def stop(intermediate_result: object) -> None:
            if time.perf_counter() > end:
                raise StopIteration

        options = {"gtol": goal, "ftol": 0.0, "maxiter": 100_000, "maxfun": 1_000_000, "maxls": 50}
        found = minimize(both, start.ravel(), jac=True, method="L-BFGS-B", options=options, callback=stop)
        return np.asarray(found.x.reshape(start.shape))

    return refit


def _penalty(objective: Objective) -> float:
    return float(objective.l2[0])
