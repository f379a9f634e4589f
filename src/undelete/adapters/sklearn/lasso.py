"""Reads scikit-learn's linear regressions with other penalties than the ridge's: the lasso's kind, and a Bayesian's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.linear_model import (
    BayesianRidge,
    ElasticNet,
    ElasticNetCV,
    Lasso,
    LassoCV,
    LassoLars,
    LassoLarsCV,
    LassoLarsIC,
    MultiTaskElasticNet,
    MultiTaskElasticNetCV,
    MultiTaskLasso,
    MultiTaskLassoCV,
)

from undelete.adapters.sklearn.linear import Linear, coefficients

_COARSE = 1e-7  # gradient left over, above which it is as large as what one record of some thousands changes


def _descent(estimator: Any) -> Linear:
    """Return the parts of a model of coordinate descent: 1/2n |y - z|^2 + alpha (rho |w|_1 + (1 - rho)/2 |w|^2)."""
    name = type(estimator).__name__
    alpha = float(getattr(estimator, "alpha_", getattr(estimator, "alpha", 0.0)))
    share = float(getattr(estimator, "l1_ratio_", getattr(estimator, "l1_ratio", 1.0)))
    # the value is off by the duality gap at most, so the gradient along a feature of size one by the root of twice it
    gap = float(np.max(np.ravel(getattr(estimator, "dual_gap_", 0.0))))
    left = float(np.sqrt(2 * max(gap, 0.0)))
    notes: tuple[str, ...] = ()
    if left > _COARSE:
        notes = (
            f"{name} was fitted with tol={float(estimator.tol):g}, which left a duality gap of {gap:.1e}, coarse "
            "beside the change that one record makes: what the two fits may have left over is in the error bars",
        )
    ridge, coef, intercept = alpha * (1 - share), *coefficients(estimator)
    if name.startswith("MultiTask"):  # alpha rho |w|_2 of a feature's coefficients: a ridge, but where they are zero
        length = np.sqrt((coef**2).sum(axis=0))
        pull = np.divide(alpha * share, length, out=np.zeros(len(length)), where=length > 0)
        return Linear(name, "squared", coef, intercept, l2=ridge + pull, averaged=True, notes=notes,
                      tolerance=left or None, chosen=True)  # fmt: skip
    return Linear(
        name, "squared", coef, intercept, l2=ridge, l1=alpha * share, averaged=True, notes=notes, tolerance=left or None
    )


def _angles(estimator: Any) -> Linear:
    """Return the parts of a lasso by least angle regression, which is exact."""
    alpha = float(np.ravel(getattr(estimator, "alpha_", getattr(estimator, "alpha", 0.0)))[0])
    coef, intercept = coefficients(estimator)
    return Linear(type(estimator).__name__, "squared", coef, intercept, l2=0.0, l1=alpha, averaged=True)


def _bayesian(estimator: BayesianRidge) -> Linear:
    """Return the parts of a Bayesian ridge, whose penalty is a ratio of two precisions that it estimated."""
    l2 = float(estimator.lambda_) / float(estimator.alpha_)
    return Linear("BayesianRidge", "squared", *coefficients(estimator), l2=l2)


LASSOS: dict[type, Callable[[Any], Linear]] = {
    Lasso: _descent,
    LassoCV: _descent,
    ElasticNet: _descent,
    ElasticNetCV: _descent,
    LassoLars: _angles,
    LassoLarsCV: _angles,
    LassoLarsIC: _angles,
    MultiTaskElasticNet: _descent,
    MultiTaskElasticNetCV: _descent,
    MultiTaskLasso: _descent,
    MultiTaskLassoCV: _descent,
    BayesianRidge: _bayesian,
}
