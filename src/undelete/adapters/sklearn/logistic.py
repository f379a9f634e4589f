"""Reads logistic models and linear support vector machines: C weighs the loss, so that the penalty is one over it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.linear_model import (
    LogisticRegression,
    LogisticRegressionCV,
)
from sklearn.svm import LinearSVC, LinearSVR

from undelete.adapters.sklearn.convergence import CRITERIA, FIRST, convergence
from undelete.adapters.sklearn.linear import Linear, classes_of, coefficients, one_penalty
from undelete.errors import InputError


def read_logistic(estimator: LogisticRegression | LogisticRegressionCV) -> Linear:
    """Return the parts of a LogisticRegression; InputError for penalties and settings that are not read."""
    name = type(estimator).__name__
    classes = classes_of(estimator)
    if not getattr(estimator, "refit", True):
        raise InputError(
            f"{name} was fitted with refit=False: its coefficients are an average over folds, which minimises nothing; "
            "fit with refit=True"
        )
    multi = str(
        getattr(estimator, "multi_class", "auto")
    )  # up to scikit-learn 1.7, which called its default deprecated
    if len(classes) == 2 and multi == "multinomial":
        raise InputError(
            f"{name} was fitted with multi_class='multinomial' on two classes, which penalises each of two opposite "
            "models: fit without it"
        )
    # one model for each class against the rest: what liblinear fits, which has no other way
    apart = len(classes) == 2 or multi == "ovr" or estimator.solver == "liblinear"
    chosen = estimator.C_ if hasattr(estimator, "C_") else estimator.C
    unpenalised = getattr(estimator, "penalty", "l2") is None
    l2 = 0.0 if unpenalised else 1.0 / one_penalty(chosen, name)  # C = inf: no penalty
    coef, intercept = coefficients(estimator)
    penalised = l2 / float(estimator.intercept_scaling) ** 2 if estimator.solver == "liblinear" else 0.0
    loss = "logistic" if apart else "softmax"
    notes, tolerance = convergence(estimator), float(estimator.tol)
    criterion = FIRST if estimator.solver == "liblinear" else CRITERIA.get(estimator.solver, "gradient")
    l1 = _l1_share(estimator)
    return Linear(
        name, loss, coef, intercept, (1 - l1) * l2, 0.0 if l1 else penalised, classes, notes, tolerance, criterion,
        l1=l1 * l2,
        l1_constant=l1 * l2 / float(estimator.intercept_scaling) if estimator.solver == "liblinear" else 0.0,
    )  # fmt: skip


def _l1_share(estimator: Any) -> float:
    """Return how much of a logistic model's penalty is l1."""
    penalty = getattr(estimator, "penalty", "l2")
    if penalty in ("l2", None):  # before scikit-learn 1.8 the ratio counts for the elastic net only
        return 0.0
    if penalty == "l1":
        return 1.0
    ratio = np.ravel(np.asarray(getattr(estimator, "l1_ratio_", getattr(estimator, "l1_ratio", None)), dtype=object))
    chosen = {float(one) for one in ratio if one is not None}
    if len(chosen) > 1:
        raise InputError(
            f"{type(estimator).__name__} chose another share of the l1 penalty for each class: fit the classes apart"
        )
    return chosen.pop() if chosen else 0.0


def read_svc(estimator: LinearSVC) -> Linear:
    """Return the parts of a LinearSVC with the squared hinge, one output a class."""
    if estimator.loss != "squared_hinge":
        raise InputError(
            f"LinearSVC was fitted with loss={estimator.loss!r}, which has no curvature: undelete reads "
            "loss='squared_hinge'"
        )
    if estimator.multi_class != "ovr":
        raise InputError(
            f"LinearSVC was fitted with multi_class={estimator.multi_class!r}: undelete reads one class against the "
            "rest ('ovr')"
        )
    coef, intercept = coefficients(estimator)
    l2 = 1.0 / float(estimator.C)
    notes, tolerance = convergence(estimator), float(estimator.tol)
    part = Linear(
        "LinearSVC", "squared_hinge", coef, intercept, 0.0, 0.0, classes_of(estimator), notes, tolerance, FIRST
    )
    scaling = float(estimator.intercept_scaling)
    if estimator.penalty == "l1":
        return replace(part, l1=l2, l1_constant=l2 / scaling)
    return replace(part, l2=l2, l2_constant=l2 / scaling**2)


def read_svr(estimator: LinearSVR) -> Linear:
    """Return the parts of a LinearSVR with the squared epsilon-insensitive loss."""
    if estimator.loss != "squared_epsilon_insensitive":
        raise InputError(
            f"LinearSVR was fitted with loss={estimator.loss!r}, which has no curvature: a record pulls in full or not "
            "at all, whatever its target; undelete reads loss='squared_epsilon_insensitive'"
        )
    coef, intercept = coefficients(estimator)
    l2 = 1.0 / float(estimator.C)
    loss = f"squared_epsilon_insensitive({float(estimator.epsilon)!r})"
    notes, tolerance = convergence(estimator), float(estimator.tol)
    constant = l2 / float(estimator.intercept_scaling) ** 2
    return Linear("LinearSVR", loss, coef, intercept, l2, constant, notes=notes, tolerance=tolerance, criterion=FIRST)
