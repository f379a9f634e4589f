"""The numbers of a `LinearModel`, and how its parts must fit together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from undelete.errors import InputError
from undelete.maths.arrays import Floats
from undelete.maths.losses import loss_of

if TYPE_CHECKING:
    from undelete.adapters.model import LinearModel

LARGEST_PENALTY = 1e18  # squares of what is divided by it are still numbers


def coefficients(model: LinearModel) -> tuple[Floats, Floats | None]:
    """Return a model's checked coefficients (k, d0) and intercept (k,), which nobody can change."""
    coef, features = np.atleast_2d(_numbers(model.coef, "coef")), len(model.feature_names)
    if model.embedding is not None and coef.shape[1] != model.embedding.features:
        raise InputError(
            f"coef has shape {coef.shape} and the embedding {model.embedding.features} features: give coef as "
            "(outputs, features of the embedding)"
        )
    if model.embedding is None and (coef.shape[1] != features or coef.size == 0):
        turned = " (it is transposed)" if coef.shape[0] == features and coef.size else ""
        raise InputError(
            f"coef has shape {coef.shape} and there are {features} feature names: give coef as (outputs, features)"
            f"{turned} with one name for each feature"
        )
    if model.intercept is None:
        return _read_only(coef), None
    intercept = np.atleast_1d(_numbers(model.intercept, "intercept"))
    if intercept.shape != coef.shape[:1]:
        raise InputError(
            f"intercept has shape {intercept.shape} and coef {coef.shape}: one intercept for each row of coef"
        )
    return _read_only(coef), _read_only(intercept)


def penalties(model: LinearModel, name: str) -> Floats:
    """Return a model's checked penalty of each feature (d,), "l2" or "l1"."""
    penalty = _numbers(getattr(model, name), name)
    d0 = model.coef.shape[1]
    d = d0 + model.has_constant
    if (penalty < 0).any():
        raise InputError(f"{name} is negative ({penalty.min():g}): a penalty is zero or more, 0 for none")
    if (penalty > LARGEST_PENALTY).any():
        raise InputError(f"{name} is {penalty.max():g}: the largest penalty that is read is {LARGEST_PENALTY:g}")
    if penalty.ndim == 0:
        penalty = np.full(d0, float(penalty))
    if penalty.shape == (d0,):
        penalty = np.append(penalty, np.zeros(d - d0))
    if penalty.shape != (d,):
        last = " (and a last one for the intercept, if it is penalised)" if d > d0 else ""
        raise InputError(f"{name} has shape {penalty.shape}: give one number, or one for each of {d0} features{last}")
    return _read_only(penalty)


def record_weights(model: LinearModel) -> Floats | None:
    """Return a model's checked weights of its training records (n,), None without any."""
    if model.weights is None:
        return None
    weights = np.atleast_1d(_numbers(model.weights, "weights"))
    if weights.ndim != 1 or (weights < 0).any() or not weights.any() or len(weights) != (model.n or len(weights)):
        raise InputError(
            f"weights has shape {weights.shape}, from {weights.min():g} to {weights.max():g}: give one number, zero or "
            f"more, for each of the {'' if model.n is None else f'{model.n:,} '}training records"
        )
    if model.classes is not None and model.class_weights is not None:
        raise InputError("class weights and weights of the records together are not read: give one of them")
    return _read_only(weights)


def check(model: LinearModel) -> None:
    """Raise InputError where the parts of a model do not fit together."""
    k = model.coef.shape[0]
    constant = model.has_constant and model.embedding is None
    made = len(model.feature_names) + constant
    if model.design.d != made or model.design.has_constant != constant:
        raise InputError(f"the design has {model.design.d} features and the model reads {made}: they must agree")
    if model.n is not None and model.n < 1:
        raise InputError(f"n is {model.n}: it is the number of training records, at least 1")
    loss = loss_of(model.loss)
    if model.offset is not None and (k > 1 or model.embedding is not None or (model.classes is None) != (
        "number" in loss.targets
    )):  # fmt: skip
        raise InputError("an offset is read of models of one output without an embedding, of a loss of its target")
    if isinstance(model.class_weights, tuple) and len(model.class_weights) != len(model.classes or ()):
        raise InputError(f"there are {len(model.class_weights)} class weights: one for each class")
    if model.classes is None:
        if "number" not in loss.targets:
            raise InputError(f"loss {model.loss!r} belongs to a classifier: give its classes, two or more")
    elif "class" not in loss.targets:
        raise InputError(f"loss {model.loss!r} is that of a number: a model of it has no classes")
    elif not loss.separable and len(model.classes) < 3:
        raise InputError("a softmax of two classes is a logistic model: give the difference of its coefficients")
    elif len(model.classes) < 2 or k != (1 if len(model.classes) == 2 else len(model.classes)):
        raise InputError(
            f"there are {len(model.classes)} classes and {k} rows of coef: two classes have one row (the second "
            "class is +1), more have one row each"
        )


def _numbers(values: ArrayLike, what: str) -> Floats:
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} is not an array of numbers: {error}".splitlines()[0]) from error
    if array.ndim > 2:
        raise InputError(f"{what} has {array.ndim} dimensions: at most two have a meaning")
    if not np.isfinite(array).all():
        raise InputError(f"{what} has values that are not finite: the fit diverged or the file is damaged; refit")
    return array


def _read_only(array: Floats) -> Floats:
    array.setflags(write=False)
    return array
