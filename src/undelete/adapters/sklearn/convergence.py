"""What a fitted estimator says of its own fit: whether it stopped at its limit, and how near the optimum it may be."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.linear_model import (
    LogisticRegression,
    Ridge,
    RidgeClassifier,
)
from sklearn.svm import LinearSVC, LinearSVR

from undelete.adapters.sklearn.linear import Linear

# what the iterative solvers of a ridge compare with their tolerance
CRITERIA: dict[str, str] = {"sparse_cg": "moment", "lsqr": "residual", "sag": "step", "saga": "step"}
FIRST = "first"  # liblinear's trust region compares with the gradient that it began with
_SAG_STEPS = 1000  # epochs that SAG and SAGA of a ridge take at most where max_iter is None
COARSE = 1e-7  # tolerances above it leave an error as large as what one record of some thousands changes


def precision(estimator: Any) -> tuple[str, ...]:
    """Return a note on coefficients in single precision."""
    if getattr(estimator.coef_, "dtype", None) != np.float32:
        return ()
    return (
        f"{type(estimator).__name__} was fitted in single precision (its coefficients are float32): seven digits, of "
        "which one record among many may change the last ones only; refit both models on float64 columns",
    )


def solver_of(estimator: Any) -> str:
    """Return the solver that was used, if it says so."""
    return str(getattr(estimator, "solver_", getattr(estimator, "solver", "")))


def stopped_at(estimator: Any) -> str:
    """Return what says that a fit used up its iterations: n_iter_ equals max_iter; "" where it does not."""
    used, most = getattr(estimator, "n_iter_", None), _limit(estimator)
    if used is None or most is None or np.ravel(np.asarray(used, dtype=object))[0] is None:
        return ""
    counts, grid = np.atleast_1d(np.asarray(used)), np.ravel(getattr(estimator, "Cs_", ()))
    if counts.shape[-1] == grid.size > 0:  # of all penalties that were tried, the one that was chosen counts
        counts = counts[..., int(np.abs(grid - np.ravel(estimator.C_)[0]).argmin())]
    return f"n_iter_ = max_iter = {most}" if counts.max() >= most else ""


def unmoved(linear: Linear) -> str:
    """Return what says that a fit never left its start, zero: L-BFGS gives up there on columns of thousands."""
    iterative = linear.tolerance is not None and linear.criterion == "gradient" and linear.l1 == 0
    return "all coefficients are 0, where its solver begins" if iterative and not linear.coef.any() else ""


def _limit(estimator: Any) -> int | None:
    """Return how many iterations an estimator's solver makes at most; None where nothing says it."""
    most = getattr(estimator, "max_iter", None)
    return _SAG_STEPS if most is None and CRITERIA.get(solver_of(estimator)) == "step" else most


def convergence(estimator: Any) -> tuple[str, ...]:
    """Return notes on a fit that used up its iterations, or stopped at a tolerance that one record is lost in."""
    name = type(estimator).__name__
    notes = list(precision(estimator))
    if stopped_at(estimator):
        notes.append(f"{name} stopped at max_iter={_limit(estimator)} without converging")
    tol = float(getattr(estimator, "tol", 0.0))
    if tol <= COARSE:
        return tuple(notes)
    if isinstance(estimator, Ridge | RidgeClassifier):
        if solver_of(estimator) in CRITERIA:
            notes.append(
                f"{name} was fitted by the iterative solver {solver_of(estimator)!r} with tol={tol:g}, coarse beside "
                "the change that one record makes: what the two fits may have left over is in the error bars; "
                'solver="cholesky" or "svd" leave nothing (sparse input chooses sparse_cg by itself: '
                "ColumnTransformer(sparse_threshold=0) or OneHotEncoder(sparse_output=False) make it dense)"
            )
    elif isinstance(estimator, LogisticRegression | LinearSVC | LinearSVR):  # each of their solvers is iterative
        notes.append(
            f"{name} was fitted with tol={tol:g}, coarse beside the change that one record makes: what the two fits "
            "may have left over is in the error bars"
        )
    return tuple(notes)
