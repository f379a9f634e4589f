"""Reads scikit-learn's linear regressions that leave features out by another rule than a penalty: steps, or evidence.

In the features that they keep they are an optimum: orthogonal matching pursuit least squares, least angle regression
with |x_j'(y - z)| / n = alpha in each, automatic relevance determination a ridge with a penalty for each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.linear_model import (
    ARDRegression,
    Lars,
    LarsCV,
    OrthogonalMatchingPursuit,
    OrthogonalMatchingPursuitCV,
)

from undelete.adapters.sklearn.linear import Linear, coefficients
from undelete.errors import InputError

_NONE = 1e-9  # of the first correlation on the path: what is left at least squares itself


def _pursuit(estimator: Any) -> Linear:
    return Linear(type(estimator).__name__, "squared", *coefficients(estimator), l2=0.0, chosen=True)


def _angles(estimator: Any) -> Linear:
    name = type(estimator).__name__
    coef, intercept = coefficients(estimator)
    path = np.asarray(getattr(estimator, "coef_path_", np.zeros((0, 0))), dtype=np.float64)
    if len(coef) != 1 or path.ndim != 2 or path.shape[0] != coef.shape[1]:
        raise InputError(
            f"{name} has several outputs, or was fitted with fit_path=False: undelete reads it of one output, with the "
            "path, which says that no coefficient changed its sign"
        )
    turned = [j for j, steps in enumerate(path) if len(set(np.sign(steps[steps != 0]))) > 1]
    if turned:
        raise InputError(
            f"{name} has {len(turned)} coefficients that changed their sign on its path, after which it fits no "
            "features equally well: fit LassoLars, which leaves such a feature out"
        )
    alphas = np.ravel(np.asarray(estimator.alphas_, dtype=np.float64))
    alpha = float(getattr(estimator, "alpha_", alphas[-1]))
    done = alpha <= _NONE * float(alphas[0])
    return Linear(
        name, "squared", coef, intercept, l2=0.0, l1=0.0 if done else alpha, averaged=not done,
        chosen=not done or bool((coef == 0).any()),
    )  # fmt: skip


def _relevance(estimator: ARDRegression) -> Linear:
    precision = np.asarray(estimator.lambda_, dtype=np.float64)
    kept = precision < float(estimator.threshold_lambda)
    l2 = np.where(kept, precision, 0.0) / float(estimator.alpha_)
    coef, intercept = coefficients(estimator)
    return Linear("ARDRegression", "squared", coef, intercept, l2=l2, chosen=not kept.all())


CHOSEN: dict[type, Callable[[Any], Linear]] = {
    OrthogonalMatchingPursuit: _pursuit,
    OrthogonalMatchingPursuitCV: _pursuit,
    Lars: _angles,
    LarsCV: _angles,
    ARDRegression: _relevance,
}
