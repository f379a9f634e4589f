"""What answers are taken as: whatever form of its own answers an old model's file shows them to have."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from undelete.adapters.model import LinearModel
from undelete.auditing.answers import Answers
from undelete.errors import InputError
from undelete.maths.arrays import Floats
from undelete.maths.loss import Loss
from undelete.maths.losses import loss_of
from undelete.maths.objective import predict
from undelete.release.public import Public

EQUAL = 1e-6  # relative, by which a model's own answer may differ from the one given
_SLOPE = 1e-3  # of the rounding, within which an answer's slope is taken
_STEPS = 1.0  # of the rounding, off which an answer may be: half by itself, and a model solved from such ones is off


def taken(old: LinearModel, before: Answers, after: Answers, public: Public) -> tuple[Answers, Answers]:
    """Return two models' answers in the form in which the old model gives its own; as they are where none fits.

    Per cent and logarithms become probabilities, that of the first of two classes that of the second, and columns get
    the classes' order; answers without the records' offsets (rates, of an exposure) get these: where what is made of
    those before is what the old model answers to the public records.
    """
    after, X, offset = _alongside(before, after), public["X_public"], public["offset_public"]
    if len(before.values) != len(X) or before.values.shape != after.values.shape:
        return before, after
    loss, Z = loss_of(old.loss), np.asarray(predict(X, old.W, offset))
    if offset is not None and _fitting(loss, before, Z)[0] > EQUAL:
        near, kind = _fitting(loss, before, predict(X, old.W))
        if near <= EQUAL and kind != "pair":
            answers = kind == "answer"
            return _shifted(loss, before, offset, answers=answers), _shifted(loss, after, offset, answers=answers)
    if old.classes is None:
        return before, after
    for form in (_as_they_are, of_percent, of_logarithms):
        for side in (_as_they_are, _of_the_second):
            both = [made and side(made) for made in (form(before), form(after))]
            order = None if both[0] is None else _order(loss, both[0], Z)
            if order is not None and both[0] is not None and both[1] is not None:
                return _ordered(both[0], order, old), _ordered(both[1], order, old)
    return before, after


def kind_of(loss: Loss, before: Answers, Z: Floats) -> str:
    """Return what the answers are, as the old model itself gives them: "decision", "answer" or a "pair" of these.

    Raises
    ------
    InputError
        When they are none of these.
    """
    off, best = _fitting(loss, before, Z)
    if best is None:
        raise InputError(
            f"the answers have {before.values.shape[1]} columns and the old model {Z.shape[1]} output(s): give the "
            "probability of the second class or of each, the decision values, or the predictions, and no other column"
        )
    if off > EQUAL:
        raise InputError(
            f"the answers before are not the old model's own for these public records (off by {off:.2g}): they "
            "are of another model, of rows in another order, or rounded further than they say (digits)"
        )
    return best


def _fitting(loss: Loss, one: Answers, Z: Floats) -> tuple[float, str | None]:
    """Return the form of a model's own answers, at decision values Z, to which these are nearest, and by how much."""
    given = one.asked
    values, steps = one.values[given], one.step[given]
    off = [
        (float(_off(own, values, steps).max()), kind)
        for kind, own in _own(loss, Z[given]).items()
        if own.shape == values.shape
    ]
    return min(off, default=(np.inf, None))


def _shifted(loss: Loss, one: Answers, offset: Floats, *, answers: bool) -> Answers:
    """Return answers, or decision values, that were given without the records' offsets (m,) with these."""
    note, shift = "The answers are taken as those without the offset.", offset[:, None]
    if not answers:
        return one.taken(one.values + shift, one.step, note)
    with np.errstate(divide="ignore", invalid="ignore"):
        low, Z, high = (np.asarray(loss.link(one.values + by)) for by in (-_SLOPE * one.step, 0.0, _SLOPE * one.step))
        width = np.asarray(loss.mean(high + shift) - loss.mean(low + shift)) / (2 * _SLOPE)
        values = np.asarray(loss.mean(Z + shift))
    return one.taken(values, np.where(np.isfinite(width), width, one.step), note)


def of_percent(one: Answers) -> Answers | None:
    """Return answers that may be per cent as probabilities; None where they cannot be."""
    if not 1 < np.nanmax(one.values) <= 100 or np.nanmin(one.values) < 0:
        return None
    digits = None if one.digits is None else one.digits + 2
    return one.taken(one.values / 100, one.step / 100, "The answers are taken as per cent.", digits)


def of_logarithms(one: Answers) -> Answers | None:
    """Return answers that may be the logarithms of probabilities as these; None where they cannot be."""
    if np.nanmax(one.values) > 0:
        return None
    shares = np.exp(one.values)
    return one.taken(shares, shares * one.step, "The answers are taken as logarithms of probabilities.")


def _alongside(before: Answers, after: Answers) -> Answers:
    """Return answers with their columns in the order of those before, where both have the same ones by name."""
    if before.columns == after.columns or sorted(before.columns) != sorted(after.columns):
        return after
    order = [after.columns.index(name) for name in before.columns]
    return replace(after, values=after.values[:, order], columns=before.columns)


def _as_they_are(one: Answers) -> Answers:
    return one


def _of_the_second(one: Answers) -> Answers | None:
    """Return one column of probabilities as that of the other class."""
    if one.values.shape[1] > 1 or np.nanmin(one.values) < 0 or np.nanmax(one.values) > 1:
        return None
    return one.taken(1 - one.values, one.step, "The answers are taken as those of the first class.", one.digits)


def _own(loss: Loss, Z: Floats) -> dict[str, Floats]:
    """Return the forms in which a model with decision values Z (p, k) gives its answers."""
    answer = np.asarray(loss.mean(Z))
    own = {"decision": Z, "answer": answer}
    if "number" not in loss.targets and answer.shape[1] == 1:
        own["pair"] = np.hstack([1 - answer, answer])
    return own


def _off(own: Floats, values: Floats, steps: Floats) -> Floats:
    """Return how far answers are off a model's own, beyond their rounding."""
    return np.asarray((np.abs(own - values) - _STEPS * steps) / (1 + np.abs(own)))


def _order(loss: Loss, one: Answers, Z: Floats) -> list[int] | None:
    """Return which column of the answers is which of the old model's own; None where one is none of these."""
    given = one.asked
    values, steps = one.values[given], one.step[given]
    for own in _own(loss, Z[given]).values():
        if own.shape != values.shape:
            continue
        off = np.array([_off(column[:, None], values, steps).max(axis=0) for column in own.T])
        if (off.diagonal() <= EQUAL).all():
            return list(range(len(off)))
        order = off.argmin(axis=1)
        if len(set(order.tolist())) == len(off) and (off.min(axis=1) <= EQUAL).all():
            return [int(j) for j in order]
    return None


def _ordered(one: Answers, order: list[int], old: LinearModel) -> Answers:
    if order == sorted(order):
        return one
    classes = [repr((old.classes or ())[i]) for i in np.argsort(order)]
    note = f"The answers' columns are taken as the classes in the order {', '.join(classes)}."
    return one.taken(one.values[:, order], one.step[:, order], note, one.digits)
