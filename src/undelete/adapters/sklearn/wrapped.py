"""Estimators that hold linear ones: which of their parts is audited, since what it gives away the whole gives away.

A vote, a stack, a chain or several outputs hold models that were each fitted on all records. Each is an optimum of its
own, so one pair of them is enough, and is taken: of several outputs of one kind all together.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import joblib
import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier, StackingRegressor, VotingClassifier, VotingRegressor
from sklearn.feature_selection import RFE, RFECV
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor, RegressorChain
from sklearn.pipeline import Pipeline

from undelete.adapters.sklearn.preprocessing import thawed
from undelete.errors import InputError, NotAttacked
from undelete.limits import DEPTH, HOW, allowed


@dataclass(frozen=True, eq=False)
class Standing:
    """A linear model, or a pipeline that ends in one, that stands for what holds it.

    Parameters
    ----------
    estimator : estimator
        The part.
    classes : tuple or None
        What its classes are called outside, where it has numbers for them.
    output : int or None
        Which of several target columns it predicts; None: all.
    notes : tuple of str
        What was taken for what.
    """

    estimator: Any
    classes: tuple[Any, ...] | None = None
    output: int | None = None
    notes: tuple[str, ...] = ()


def standing(estimator: Any, readable: Callable[[Any], bool], depth: int = 0) -> Standing:
    """Return what stands for an estimator: itself, where it holds no other.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    readable : callable
        Whether an estimator at the end of a pipeline is one that is read.

    Raises
    ------
    InputError
        When it was fitted so that no part saw all records.
    """
    if depth >= allowed(DEPTH):
        raise InputError(f"the model holds models {DEPTH} deep or more: make one of them ({HOW})")
    whole = thawed(estimator)
    if type(whole) is Pipeline and whole.steps:
        last = standing(whole.steps[-1][1], readable, depth + 1)
        if last.estimator is whole.steps[-1][1]:
            return Standing(whole)
        steps = [*whole.steps[:-1], ("model", last.estimator)]
        return replace(last, estimator=_named(Pipeline(steps), whole))
    open_it = OPENERS.get(type(whole))
    if open_it is None:
        return Standing(estimator)
    part = open_it(whole, lambda one: readable(_last(one, readable, depth)))
    if part is None:
        return Standing(estimator)
    inner = standing(part.estimator, readable, depth + 1)
    return Standing(
        inner.estimator,
        part.classes if part.classes is not None else inner.classes,
        part.output if part.output is not None else inner.output,
        (*part.notes, *inner.notes),
    )


def _last(estimator: Any, readable: Callable[[Any], bool], depth: int) -> Any:
    """Return what a part ends in."""
    found = thawed(standing(estimator, readable, depth + 1).estimator)
    while type(found) is Pipeline and found.steps:
        found = thawed(found.steps[-1][1])
    return found


def _named(made: Pipeline, whole: Any) -> Pipeline:
    """Return a pipeline that was put together of fitted steps, with what the whole remembers of its columns."""
    if hasattr(whole, "_saved_by_scikit_learn"):
        made._saved_by_scikit_learn = whole._saved_by_scikit_learn
    return made


def _of_many(whole: Any, parts: list[tuple[str, Any]], readable: Callable[[Any], bool]) -> Standing:
    """Return the first of some models that is read."""
    kept = [(name, one) for name, one in parts if not isinstance(one, str)]
    chosen = next(((name, one) for name, one in kept if readable(one)), None)
    kind = type(whole).__name__
    if chosen is None:
        held = ", ".join(dict.fromkeys(type(one).__name__ for _, one in kept)) or "nothing"
        raise NotAttacked(
            f"{kind} holds {held}, none of which undelete reads: it reads one that holds a linear model fitted on all "
            "records"
        )
    name, one = chosen
    classes = getattr(whole, "classes_", None)
    numbered = hasattr(whole, "le_") or hasattr(whole, "_label_encoder")
    note = f"{kind} holds {len(kept)} models, of which {name!r} is audited: what it gives away, the whole gives away."
    return Standing(
        one,
        classes=tuple(np.asarray(classes).tolist()) if classes is not None and numbered else None,
        notes=(note,) if len(kept) > 1 else (),
    )


def _vote(whole: Any, readable: Callable[[Any], bool]) -> Standing:
    return _of_many(whole, list(whole.named_estimators_.items()), readable)


def _calibrated(whole: CalibratedClassifierCV, readable: Callable[[Any], bool]) -> Standing:
    fitted = whole.calibrated_classifiers_
    frozen = len({id(one.estimator) for one in fitted}) == 1
    if len(fitted) > 1 and not frozen:
        raise NotAttacked(
            f"CalibratedClassifierCV holds a model for each of {len(fitted)} folds, and a deletion deals the folds "
            "anew: records move from one to another, so the two models of a fold differ by more than who was deleted; "
            "fit it with ensemble=False, which fits one model on all records"
        )
    return Standing(fitted[0].estimator)


def _threshold(whole: Any, readable: Callable[[Any], bool]) -> Standing:
    return Standing(whole.estimator_)


def _selected(whole: RFE, readable: Callable[[Any], bool]) -> Standing:
    chooser = copy.copy(whole)
    return Standing(_named(Pipeline([("selected", chooser), ("model", whole.estimator_)]), whole))


def _outputs(whole: Any, readable: Callable[[Any], bool]) -> Standing:
    """Return several outputs as one model where they are least squares of one kind; else the first of them."""
    parts = list(whole.estimators_)
    if len(parts) > 1 and all(type(one) is type(parts[0]) for one in parts) and _joinable(parts):
        joined = copy.copy(parts[0])
        joined.coef_ = np.vstack([np.asarray(one.coef_).ravel() for one in parts])
        if joined.fit_intercept:
            joined.intercept_ = np.array([float(np.ravel(one.intercept_)[0]) for one in parts])
        return Standing(joined)
    return _output(whole, parts, 0, readable)


def _joinable(parts: list[Any]) -> bool:
    return type(parts[0]) in (LinearRegression, Ridge) and len({_told(one) for one in parts}) == 1


def _told(one: Any) -> str:
    return repr(sorted(one.get_params().items()))


def _chain(whole: Any, readable: Callable[[Any], bool]) -> Standing:
    return _output(whole, list(whole.estimators_), int(whole.order_[0]), readable)


def _output(whole: Any, parts: list[Any], output: int, readable: Callable[[Any], bool]) -> Standing:
    name = type(whole).__name__
    if not readable(parts[0]):
        raise InputError(f"{name} holds {type(parts[0]).__name__}, which undelete does not read")
    note = (
        f"{name} has {len(parts)} outputs, of which number {output + 1} is audited, by the target column of that "
        "number: what it gives away, the whole gives away."
    )
    return Standing(_knowing(parts[0], whole), output=output, notes=(note,) if len(parts) > 1 else ())


def _knowing(part: Any, whole: Any) -> Any:
    """Return a part that was fitted on an array, with the names of the columns that the whole was fitted on."""
    names = getattr(whole, "feature_names_in_", None)
    if names is None or hasattr(part, "feature_names_in_"):
        return part
    part = copy.copy(part)
    if type(part) is Pipeline:
        part.steps = [(name, _knowing(step, whole) if at == 0 else step) for at, (name, step) in enumerate(part.steps)]
    else:
        part.feature_names_in_ = names
    return part


def _rest(whole: OneVsRestClassifier, readable: Callable[[Any], bool]) -> Standing | None:
    """Return one class against the rest behind the steps that the models of all classes have in common."""
    parts = list(whole.estimators_)
    if not parts or not all(type(one) is Pipeline for one in parts):
        return None
    before = [joblib.hash([step for _, step in one.steps[:-1]]) for one in parts]
    if len(set(before)) > 1:
        raise InputError(
            "OneVsRestClassifier holds pipelines whose steps are others for each class (a step that looks at the "
            "target, or draws): undelete reads steps that are the same for all; put them before the OneVsRestClassifier"
        )
    bare = copy.copy(whole)
    bare.estimators_ = [one.steps[-1][1] for one in parts]
    return Standing(_named(Pipeline([*parts[0].steps[:-1], ("model", bare)]), whole))


OPENERS: dict[type, Callable[[Any, Callable[[Any], bool]], Standing | None]] = {
    VotingClassifier: _vote,
    VotingRegressor: _vote,
    StackingClassifier: _vote,
    StackingRegressor: _vote,
    CalibratedClassifierCV: _calibrated,
    FixedThresholdClassifier: _threshold,
    TunedThresholdClassifierCV: _threshold,
    RFE: _selected,
    RFECV: _selected,
    MultiOutputRegressor: _outputs,
    MultiOutputClassifier: _outputs,
    ClassifierChain: _chain,
    RegressorChain: _chain,
    OneVsRestClassifier: _rest,
}
