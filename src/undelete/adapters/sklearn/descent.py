"""Reads scikit-learn's linear models by gradient descent on one record at a time, and Huber's with its scale."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.linear_model import HuberRegressor, SGDClassifier, SGDRegressor

from undelete.adapters.sklearn.linear import Linear, coefficients
from undelete.errors import InputError

_FTOL = 2.2e-9  # decrease, relative to the value, at which SciPy's L-BFGS-B stops; scikit-learn does not change it
_LOSSES = {"log_loss": "logistic", "squared_hinge": "squared_hinge", "squared_error": "squared"}
PASSES = "passes"


def _sgd(estimator: Any) -> Linear:
    name, told = type(estimator).__name__, str(estimator.loss)
    loss = _LOSSES.get(told)
    if told == "squared_epsilon_insensitive":
        loss = f"squared_epsilon_insensitive({float(estimator.epsilon)!r})"
    classes = getattr(estimator, "classes_", None)
    if loss is None or (classes is not None and loss.startswith("squared_eps")):
        raise InputError(
            f"{name} was fitted with loss={told!r}, which has no curvature almost everywhere, or bends in another way: "
            "undelete reads log_loss, squared_hinge, squared_error and squared_epsilon_insensitive"
        )
    alpha, penalty = float(estimator.alpha), estimator.penalty
    share = {"l2": 0.0, "l1": 1.0, None: 0.0}.get(penalty, float(estimator.l1_ratio))
    weight = 0.0 if penalty is None else alpha
    note = (
        f"{name} stops after some passes over the records in their order, and how far from the optimum is not known: "
        "the two fits did not differ by more than one record explains, but nothing is promised of what comes back"
    )
    return Linear(
        name, loss, *coefficients(estimator), l2=weight * (1 - share), l1=weight * share, averaged=True,
        classes=None if classes is None else tuple(np.asarray(classes).tolist()), notes=(note,), tolerance=1.0,
        criterion=PASSES,
    )  # fmt: skip


def _huber(estimator: HuberRegressor) -> Linear:
    loss = f"huber({float(estimator.epsilon)!r},{float(estimator.scale_)!r})"
    note = (
        "HuberRegressor is fitted by a solver that stops at a decrease of 2e-9 of the objective, coarse beside the "
        "change that one record makes: what the two fits may have left over is in the error bars"
    )
    return Linear(
        "HuberRegressor", loss, *coefficients(estimator), l2=2 * float(estimator.alpha), notes=(note,),
        tolerance=_FTOL, criterion="value",
    )  # fmt: skip


DESCENTS: dict[type, Callable[[Any], Linear]] = {
    SGDClassifier: _sgd,
    SGDRegressor: _sgd,
    HuberRegressor: _huber,
}
