"""What answers in place of models say: the old model's features, and how both models differ."""

from __future__ import annotations

import numpy as np

from undelete.adapters.model import LinearModel
from undelete.attacker.gradient.asked import MOST_FEATURES, Asked
from undelete.attacker.gradient.difference import answer_change
from undelete.auditing.answers import Answers
from undelete.auditing.answers_taken import kind_of
from undelete.errors import InputError
from undelete.maths.arrays import Floats
from undelete.maths.loss import Loss
from undelete.maths.losses import loss_of
from undelete.maths.objective import predict
from undelete.release.public import After, Public

_FEW = 1e-12  # a probability as near to 0 or 1 as this says no more than that
_FINE = 1e-3  # of the answers' change: a step as small as this is as good as none


def answered(old: LinearModel, before: Answers, after: Answers, public: Public, n: int | None) -> After:
    """Return the fields of `Release` that two models' answers say: `W_after`, and how the answers or its error.

    Where every public record was asked and the answers are written in full, their change is what is compared, maths
    (19), whatever was refitted. Of fewer, or of rounded ones, it is the likeliest change of the parameters, maths (34).

    Raises
    ------
    InputError
        When there is not one row a public record, no record has two answers, or those before are not the old model's.
    """
    X, Y, offset = public["X_public"], public["Y_public"], public["offset_public"]
    for name, one in (("before", before), ("after", after)):
        if len(one.values) != len(X):
            raise InputError(
                f"there are {len(one.values):,} answers {name} and {len(X):,} public records: give one row each, in "
                "the same order, empty for records that were not asked for"
            )
    if before.values.shape != after.values.shape:
        raise InputError("the answers before and after have different numbers of columns: give the same of both")
    rows = np.flatnonzero(before.asked & after.asked)
    if not rows.size:
        raise InputError("no public record has an answer before and one after: give both models' to the same records")
    loss, Z = loss_of(old.loss), np.asarray(predict(X, old.W, offset))
    kind = kind_of(loss, before, Z)
    values = [(one.values[:, 1:] if kind == "pair" else one.values)[rows] for one in (before, after)]
    step, l2 = np.maximum(before.step, after.step)[rows, -values[0].shape[1] :], old.summed(n).l2
    asked = Asked(loss, old.W, X, rows, n=n, l2=l2, Y=Y, offset=offset)
    return said(asked, values[0], values[1], step, decision=kind == "decision", Y=Y)


def said(asked: Asked, before: Floats, after: Floats, step: Floats, *, decision: bool, Y: Floats | None) -> After:
    """Return the fields of `Release` that answers (p, k) of two models say, known to multiples of `step`.

    Parameters
    ----------
    asked : Asked
        The old model, and who was asked.
    before, after : array (p, k)
        What the models answered.
    step : array (p, k)
        To what they were rounded; 0: in full.
    decision : bool
        Whether they are decision values, else answers as by `Loss.mean`.
    Y : array (m, k) or None
        Public targets, of losses that need them.
    """
    loss, large = asked.loss, len(asked.W) > MOST_FEATURES
    fine = float(step.max()) <= _FINE * float(np.sqrt(((before - after) ** 2).mean()))
    whole = len(before) == len(asked.X) and (large or fine)
    moved = _moved(loss, before, after, Y, decision=decision) if whole else before - after
    if whole and large:
        return {"W_after": (asked.W - asked.nearest(moved))[None], "answer_change": moved[None]}
    if step.any() and loss.canonical and not decision:
        change = asked.answers(moved, step)
    elif decision:
        change = asked.decisions(before - after, step)
    else:
        change = asked.decisions(*_decided(loss, before, after, step))
    found: After = {"W_after": (asked.W - change.D)[None]}
    if whole:
        return found | {"answer_change": moved[None]}
    return found if change.error is None else found | {"share_error": change.error[None]}


def _moved(loss: Loss, before: Floats, after: Floats, Y: Floats | None, *, decision: bool) -> Floats:
    """Return the change of the residuals (m, k) of all public records."""
    if loss.canonical and not decision:
        return before - after
    values = [before, after] if decision else [np.asarray(loss.link(one)) for one in (before, after)]
    moved = answer_change(loss, Y, *values)
    if not np.isfinite(moved).all():
        raise _at_the_end()
    return moved


def _at_the_end() -> InputError:
    return InputError("an answer is at the end of what the model can say (0, or 1): give more decimals")


def _decided(loss: Loss, before: Floats, after: Floats, step: Floats) -> tuple[Floats, Floats]:
    """Return the change of the decision values that answers (p, k) are of, and to what each is known."""
    most = np.inf if "number" in loss.targets else 1 - _FEW
    inside = [np.clip(one, _FEW, most) if loss.canonical else one for one in (before, after)]
    half = np.maximum(step / 2, _FEW * float(np.abs(before).max()))
    with np.errstate(divide="ignore", invalid="ignore"):
        first, second, further = (np.asarray(loss.link(one)) for one in (*inside, inside[0] - half))
        known = 2 * np.abs(further - first)
    if not (np.isfinite(first) & np.isfinite(second)).all():
        raise _at_the_end()
    return first - second, np.where(np.isfinite(known), known, 1.0)
