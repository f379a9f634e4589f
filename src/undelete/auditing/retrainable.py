"""A user's estimator as a model that can be retrained exactly, or why not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from undelete.adapters.model import LinearModel
from undelete.adapters.offset import Offset, agreed
from undelete.adapters.sklearn.pipeline import from_sklearn
from undelete.adapters.statsmodels import from_statsmodels, is_result
from undelete.adapters.weights import BALANCED, record_weights
from undelete.auditing.records import fitted_on
from undelete.errors import InputError
from undelete.maths.arrays import Floats
from undelete.maths.losses import loss_of
from undelete.maths.robust import Huber

_LEFT = 0.1  # of the records that a preprocessing counts, up to which others may have left since


def retrainable(
    estimator: BaseEstimator | LinearModel,
    X: pd.DataFrame,
    y: ArrayLike,
    public: pd.DataFrame | None,
    weights: Floats | None,
    offset: Offset | None,
) -> LinearModel:
    """Return an estimator with its training records as a model that can be refitted on them, as `Problem.of` has them.

    Raises
    ------
    InputError
        When it cannot be read, or not be retrained.
    """
    if isinstance(estimator, LinearModel):
        model = estimator.of_columns(X)
    elif is_result(estimator):
        named = [str(name) for name in [getattr(y, "name", None), *getattr(y, "columns", ())] if name is not None]
        model = from_statsmodels(estimator, X, [*named, *(() if offset is None else offset.columns)])
        if model.kind == "NegativeBinomial":
            raise InputError(
                "the NegativeBinomial fits its dispersion with the coefficients, and retraining holds it: fit GLM "
                "with family NegativeBinomial(alpha) at that dispersion, or audit two results"
            )
    else:
        model = from_sklearn(fitted_on(estimator, X, y, weights), X if public is None else public, None)
        model = _counted(model, len(X))
    if (common := agreed([model.offset], offset)) != model.offset:
        model = replace(model, offset=common)
    if model.n is not None and model.n != len(X):
        raise InputError(
            f"the model says that it was fitted on {model.n:,} records and the table has {len(X):,}: give the "
            "table that it was trained on"
        )
    if model.weights is not None and (weights is None or not np.allclose(np.sort(weights), np.sort(model.weights))):
        raise InputError(
            f"the {model.kind} was fitted with weights of its records: give them, in the order of the table "
            "(sample_weight=, --sample-weight)"
        )
    if model.l2 is None:
        raise InputError(
            f"the penalty of this {model.kind} is not known, so it cannot be retrained: give l2 in the model file"
        )
    _refuse_retraining(model)
    return model


def weights_in_fit(model: LinearModel, Y: Floats, given: Floats | None) -> Floats | None:
    """Return the factor of each record's loss, the user's times its class's; None where all count the same.

    What a class weighs in its own output alone is not in it.
    """
    _refuse_weighing(model, given)
    own = None if model.own_class or model.each_class else record_weights(model, Y)
    if given is not None and model.class_weights == BALANCED:
        raise InputError(
            "class weights that balance the classes and sample_weight together are not retrained: give the class "
            "weights as numbers"
        )
    return own if given is None else given if own is None else given * own


def _refuse_retraining(model: LinearModel) -> None:
    """Refuse models that a deletion changes by more than a step of their optimum."""
    if model.offset is not None and (model.class_weights == BALANCED or isinstance(loss_of(model.loss), Huber)):
        raise InputError(
            "an offset beside balanced class weights, or of Huber's regression, is not retrained: leave it out"
        )
    if model.chosen:
        raise InputError(
            f"{model.kind} chooses its features anew in each fit, so a deletion may change which they are, and exact "
            "retraining holds them: audit two fits of it, or fit Ridge or LinearRegression on the features it chose"
        )


def _refuse_weighing(model: LinearModel, weights: Floats | None) -> None:
    """Refuse records' weights beside what they change in a way that is not retrained."""
    if weights is None:
        return
    if model.l1 is not None or model.kind.startswith("SGD"):
        what = "an l1 penalty" if model.l1 is not None else "a penalty for each step"
        raise InputError(
            f"{what} and sample_weight together are not retrained: what a record's weight does to the penalty is "
            "another thing in each fit; fit without one of them"
        )


def _counted(model: LinearModel, n: int) -> LinearModel:
    """Return a scikit-learn model with the table's number of records: its steps may be older than its coefficients."""
    if model.n is None or not 0 < model.n - n <= _LEFT * model.n:
        return model
    said = (
        f"The preprocessing was fitted on {model.n:,} records and the table has {n:,}: it is taken to have been kept "
        "when the others left."
    )
    return replace(model, n=n, notes=[*model.notes, said])
