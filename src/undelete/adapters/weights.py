"""What a model's class weights make of its loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from undelete.errors import InputError
from undelete.maths.arrays import Floats
from undelete.maths.loss import Loss
from undelete.maths.losses import loss_of
from undelete.maths.weighted import ClassWeighted

if TYPE_CHECKING:
    from undelete.adapters.model import LinearModel

BALANCED = "balanced"


def class_shares(Y: Floats) -> Floats:
    """Return the share of each class among targets (n, k), coded as their loss has them."""
    counts = (Y > 0).sum(axis=0) if Y.shape[1] > 1 else np.array([(Y <= 0).sum(), (Y > 0).sum()])
    return np.asarray(counts / len(Y))


def weighted_loss(model: LinearModel, Y: Floats | None) -> Loss:
    """Return the loss that a model minimised: its own, weighted by class where it has weights.

    Parameters
    ----------
    model : LinearModel
        Its classes may weigh.
    Y : array (m, k) or None
        Targets of records of its population; balanced weights are those that balance them.

    Raises
    ------
    InputError
        When a class has no record among them.
    """
    loss, weights = loss_of(model.loss), model.class_weights
    if weights is None:
        return loss
    if isinstance(weights, str):
        if Y is None:
            raise InputError(
                "the model's class weights balance its classes, whose sizes the public records tell: name the target "
                "column of the public table (--target, or y_public)"
            )
        shares = class_shares(Y)
        if (shares == 0).any():
            assert model.classes is not None
            raise InputError(
                f"the model's class weights balance its classes, and no public record is of class "
                f"{model.classes[int(shares.argmin())]!r}: give public records of every class"
            )
        weights = tuple((1 / ((2 if model.each_class else len(shares)) * shares)).tolist())
    return ClassWeighted(loss, weights, model.own_class, model.each_class)


def record_weights(model: LinearModel, Y: Floats) -> Floats | None:
    """Return what each of some records (n,) weighs; None for one each.

    Raises
    ------
    InputError
        Where a record weighs in one output alone.
    """
    if model.class_weights is None:
        return None
    if model.own_class or model.each_class:
        raise InputError(
            f"{model.kind} weighs a record in the model of its own class in another way than in the others, and this "
            "has one weight a record; leave class_weight out, or fit the classes apart"
        )
    loss = weighted_loss(model, Y)
    assert isinstance(loss, ClassWeighted)
    weights = np.array(loss.weights)
    return np.asarray(weights[(Y[:, 0] > 0).astype(np.int64)] if Y.shape[1] == 1 else weights[Y.argmax(axis=1)])


def output_weights(model: LinearModel, Y: Floats, gone: int | None = None) -> Floats | None:
    """Return what each of some records (n,) weighs in each output (n, k); None where it is the same in all.

    With `gone` after the deletion of a record of that class, which changes weights that balance the classes.
    """
    if not (model.own_class or model.each_class):
        return None
    loss = weighted_loss(model, Y)
    assert isinstance(loss, ClassWeighted)
    if gone is not None and model.class_weights == BALANCED:
        loss = loss.after(gone, len(Y), class_shares(Y).tolist())
    return np.asarray(loss.weight(Y, Y) + np.zeros_like(Y))


def resample_weights(model: LinearModel, Y: Floats, drawn: Floats) -> Floats:
    """Return what records weigh in resamples (s, m) that hold each of them so often, class weights counted.

    Those that balance the classes balance each resample by itself.
    """
    if model.class_weights is None:
        return drawn
    weights = record_weights(model, Y)
    assert weights is not None
    if model.class_weights != BALANCED:
        return np.asarray(drawn * weights)
    member = (Y > 0) if Y.shape[1] > 1 else np.hstack([Y <= 0, Y > 0])  # (m, K)
    counts = drawn @ member  # (s, K)
    with np.errstate(divide="ignore"):
        own = np.where(counts > 0, counts.sum(axis=1, keepdims=True) / (member.shape[1] * counts), 0.0)
    return np.asarray(drawn * (own @ member.T))
