"""The protected model of the type that was given."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from undelete.adapters.model import LinearModel
from undelete.errors import InputError
from undelete.maths.arrays import Floats


def with_parameters(
    estimator: BaseEstimator | LinearModel, model: LinearModel, W: Floats
) -> BaseEstimator | LinearModel:
    """Return a copy of a fitted model with released parameters (d, k) in place of its own."""
    coef = W[:-1].T if model.has_constant else W.T
    if isinstance(estimator, LinearModel):
        return dataclasses.replace(estimator, coef=coef, intercept=W[-1] if model.has_constant else None)
    copied = copy.deepcopy(estimator)
    last = copied
    while not hasattr(last, "coef_"):
        inner = last.steps[-1][1] if isinstance(last, Pipeline) else getattr(last, "best_estimator_", None)
        if inner is None:
            raise InputError(
                f"a {type(last).__name__} has no coefficients of its own to replace: give the linear model and its "
                "preprocessing as a Pipeline"
            )
        last = inner
    if np.size(last.coef_) != coef.size:
        raise InputError(
            f"the {type(last).__name__} has {np.size(last.coef_)} coefficients and the protected model {coef.size}: "
            "save the protected model as a LinearModel"
        )
    last.coef_ = coef.reshape(np.shape(last.coef_))
    if model.has_constant and np.ndim(getattr(last, "intercept_", 0.0)) == 0:
        last.intercept_ = float(W[-1, 0])
    elif model.has_constant:
        last.intercept_ = W[-1].reshape(np.shape(last.intercept_))
    return copied
