"""Reads linear regressions, ridges and ridge classifiers: the squared loss."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.linear_model import (
    LinearRegression,
    Ridge,
    RidgeClassifier,
    RidgeClassifierCV,
    RidgeCV,
)

from undelete.adapters.sklearn.convergence import COARSE, CRITERIA, convergence, precision, solver_of
from undelete.adapters.sklearn.linear import Linear, classes_of, coefficients, one_penalty

_LSQR = 1e-6  # tol of LinearRegression before it could be set


def read_least_squares(estimator: LinearRegression) -> Linear:
    """Return the parts of a LinearRegression."""
    # of directions that were left out the public gradient tells whether they matter
    notes = (*precision(estimator), *_exactness(estimator))
    tolerance = None if hasattr(estimator, "rank_") else float(getattr(estimator, "tol", _LSQR))
    return Linear(
        "LinearRegression", "squared", *coefficients(estimator), l2=0.0, notes=notes, tolerance=tolerance,
        criterion="residual",
    )  # fmt: skip


def _exactness(estimator: LinearRegression) -> tuple[str, ...]:
    """Return notes on a fit that left directions of its columns out, or stopped at a tolerance."""
    notes, tol = [], float(getattr(estimator, "tol", _LSQR))
    singular = np.asarray(getattr(estimator, "singular_", ()), dtype=np.float64)
    rank = getattr(estimator, "rank_", None)
    if rank is None and tol > COARSE:
        notes.append(
            f"LinearRegression has no rank_, so it was fitted on sparse columns by lsqr, which stopped at tol={tol:g}: "
            "what the two fits may have left over is in the error bars; dense columns leave nothing "
            "(ColumnTransformer(sparse_threshold=0) or OneHotEncoder(sparse_output=False))"
        )
    elif rank is not None and 0 < rank < singular.size:
        rounding = max(singular.size, 100) * np.finfo(np.float64).eps * singular[0]
        cut = int((singular[int(rank) :] > rounding).sum())  # what is smaller is nothing but rounding
        if cut:
            notes.append(
                f"LinearRegression left {cut} of {singular.size} directions of its columns out: its rank_ counts only "
                f"singular values above {tol:g} of the largest (its tol), and columns of large numbers beside 0 and 1 "
                "fall below. That is not the optimum, by as much as one record moves it: scale the columns "
                "(StandardScaler), and refit both models"
            )
    return tuple(notes)


def read_ridge(estimator: Ridge | RidgeCV) -> Linear:
    """Return the parts of a Ridge, or of the one that cross-validation chose."""
    name = type(estimator).__name__
    alpha = estimator.alpha_ if hasattr(estimator, "alpha_") else estimator.alpha
    return _solved(
        estimator,
        Linear(name, "squared", *coefficients(estimator), l2=one_penalty(alpha, name), notes=convergence(estimator)),
    )


def read_ridge_classifier(estimator: RidgeClassifier | RidgeClassifierCV) -> Linear:
    """Return the parts of a RidgeClassifier: the squared loss of labels of +1 and -1."""
    name = type(estimator).__name__
    alpha = estimator.alpha_ if hasattr(estimator, "alpha_") else estimator.alpha
    linear = Linear(
        name,
        "squared",
        *coefficients(estimator),
        l2=one_penalty(alpha, name),
        classes=classes_of(estimator),
        notes=convergence(estimator),
    )
    return _solved(estimator, linear)


def _solved(estimator: Any, linear: Linear) -> Linear:
    """Return a ridge with what its solver compares with its tolerance, where it has one."""
    criterion = CRITERIA.get(solver_of(estimator))
    return linear if criterion is None else replace(linear, tolerance=float(estimator.tol), criterion=criterion)
