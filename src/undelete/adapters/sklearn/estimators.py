"""Reads fitted scikit-learn linear estimators: coefficients, loss and penalty in the summed objective, maths (1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    Ridge,
    RidgeClassifier,
    RidgeClassifierCV,
    RidgeCV,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import LinearSVC, LinearSVR

from undelete.adapters.sklearn.chosen import CHOSEN
from undelete.adapters.sklearn.convergence import stopped_at, unmoved
from undelete.adapters.sklearn.descent import DESCENTS
from undelete.adapters.sklearn.generalised import GLMS
from undelete.adapters.sklearn.lasso import LASSOS
from undelete.adapters.sklearn.least_squares import read_least_squares, read_ridge, read_ridge_classifier
from undelete.adapters.sklearn.linear import Linear, coefficients
from undelete.adapters.sklearn.logistic import read_logistic, read_svc, read_svr
from undelete.adapters.sklearn.refused import NOT_READ
from undelete.errors import InputError, NotAttacked


def read_estimator(estimator: Any, features: int) -> Linear:
    """Return a fitted linear estimator's parts.

    Raises
    ------
    InputError
        When it is of a type that is not read, or has an option under which it does not minimise maths (1).
    """
    reader = READERS.get(type(estimator))
    if reader is None:
        raise NotAttacked(_refusal(type(estimator).__name__))
    name = type(estimator).__name__
    if getattr(estimator, "positive", False):
        raise NotAttacked(
            f"{name} was fitted with positive=True: at a bound the gradient is not zero, so the attack's equations "
            "do not hold; fit without it"
        )
    linear = reader(estimator)
    linear = replace(linear, stopped=stopped_at(estimator) or unmoved(linear))
    if getattr(estimator, "class_weight", None) is not None:
        linear = _weighted(linear, estimator.class_weight)
    if linear.stopped:
        linear = replace(linear, tolerance=np.inf)  # wherever it happened to be
    if linear.coef.shape[1] != features:
        raise InputError(
            f"{name} has coefficients for {linear.coef.shape[1]} features and is given {features}: it was changed "
            "after fitting or the file is damaged; refit it"
        )
    return linear


def features_of(estimator: Any) -> int:
    """Return how many features a fitted linear estimator reads; AttributeError where it has no coefficients."""
    one = estimator.estimators_[0] if type(estimator) is OneVsRestClassifier else estimator
    return int(np.shape(one.coef_)[-1])


def _refusal(name: str) -> str:
    """Say why an estimator is not read, and what to do."""
    why = NOT_READ.get(name)
    if why is not None:
        return f"{name} is not audited: {why}"
    accepted = ", ".join(kind.__name__ for kind in READERS)
    return f"{name} is not a model that undelete reads: it reads {accepted}, bare or at the end of a Pipeline"


def _weighted(linear: Linear, given: Any) -> Linear:
    """Return a classifier's parts with what its classes weigh: a word, or numbers for some of them."""
    if linear.classes is None or (isinstance(given, str) and given != "balanced"):
        raise InputError(f"{linear.kind} has class_weight={given!r}: it is balanced, or a number for each class")
    weights: tuple[float, ...] | str = "balanced"
    if not isinstance(given, str):
        weights = tuple(float(given.get(label, 1.0)) for label in linear.classes)
        if not all(0 < weight < np.inf for weight in weights):
            raise InputError(f"{linear.kind} has class_weight={given!r}: a class that weighs nothing is not fitted")
    if linear.loss == "logistic" and len(linear.classes) > 2:
        raise InputError(
            f"{linear.kind} fitted one class against the rest with class_weight, which weighs each of these models in "
            "its own way: fit it as one softmax"
        )
    # liblinear weighs a class in its own model against the rest, and there alone
    own = linear.loss == "squared_hinge" and len(linear.classes) > 2
    return replace(linear, class_weights=weights, own_class=own)


def _one_against_rest(estimator: OneVsRestClassifier) -> Linear:
    """Return the parts of one model for each class, all of one kind."""
    if getattr(estimator, "multilabel_", False):
        raise InputError(
            "OneVsRestClassifier predicts several labels a record: undelete reads one label; fit one model for each"
        )
    parts = []
    for one in estimator.estimators_:
        if type(one) not in READERS or type(one) is OneVsRestClassifier:
            raise InputError(
                f"OneVsRestClassifier holds a {type(one).__name__}, which undelete does not read: docs/models.md lists "
                "the linear models that it does"
            )
        parts.append(read_estimator(one, coefficients(one)[0].shape[1]))
    first = parts[0]
    told = {
        (part.kind, part.loss, part.l2, part.l2_constant, part.intercept is None, part.class_weights) for part in parts
    }
    if len(told) > 1:
        raise InputError(
            "OneVsRestClassifier holds models of several kinds or penalties (a CV estimator chooses one for each "
            "class): undelete reads one penalty for all; fit the classes apart"
        )
    intercepts = [part.intercept for part in parts if part.intercept is not None]
    if (
        isinstance(first.class_weights, tuple) and len(parts) > 1
    ):  # divided by what the rest weighs, the objective has the same optimum
        rest, own = first.class_weights
        scaled = {name: getattr(first, name) / rest for name in ("l2", "l2_constant", "l1", "l1_constant")}
        first = replace(first, class_weights=(own / rest,) * len(parts), own_class=True, **scaled)
    return replace(
        first,
        each_class=first.class_weights == "balanced" and len(parts) > 1,
        coef=np.vstack([part.coef for part in parts]),
        intercept=np.concatenate(intercepts) if intercepts else None,
        classes=tuple(c.item() if isinstance(c, np.generic) else c for c in np.asarray(estimator.classes_)),
        notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
    )


READERS: dict[type, Callable[[Any], Linear]] = {
    LinearRegression: read_least_squares,
    Ridge: read_ridge,
    RidgeCV: read_ridge,
    RidgeClassifier: read_ridge_classifier,
    RidgeClassifierCV: read_ridge_classifier,
    LogisticRegression: read_logistic,
    LogisticRegressionCV: read_logistic,
    LinearSVC: read_svc,
    LinearSVR: read_svr,
    OneVsRestClassifier: _one_against_rest,
    **GLMS,
    **LASSOS,
    **CHOSEN,
    **DESCENTS,
}
