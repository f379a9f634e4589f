"""What steps make of the records that they are fitted on, where that is another thing than afterwards.

A `TargetEncoder` encodes a training record by the targets of other folds than its own, and any other record by those
of all. Its folds are dealt anew in each fit, so the models before and after a deletion are of other features, for
everybody. What that does is no record's; how large it is can be played on public records.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import TargetEncoder

from undelete.errors import InputError
from undelete.maths.arrays import Floats

CROSS_FITTED = (TargetEncoder,)
_SEEDS = 2**31
_BY_NUMBER = getattr(TargetEncoder(), "shuffle", None) is True  # before scikit-learn 1.9 it takes no folds


class _Folded(BaseEstimator):  # type: ignore[misc]
    """Stands in for a fitted encoder: encodes some records as if it had been fitted on them.

    To a pipeline around it, which asks whether its last step was fitted, it is a step like others.
    """

    def __init__(self, encoder: Any) -> None:
        self.encoder = encoder
        self.targets: Any = None
        self.seed = 0

    def fit(self, X: Any, y: Any = None) -> _Folded:
        """Do nothing: the encoder was fitted."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def transform(self, X: Any) -> Floats:
        """Return the encodings, moved from those of everybody by what the folds of these records move them."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of how an encoder from an older version says it
            fresh = _redealt(clone(self.encoder).set_params(target_type=self.encoder.target_type_), self.seed)
            moved = fresh.fit_transform(X, self.targets) - fresh.transform(X)
        if self.encoder.target_type_ == "multiclass":
            moved = _of_classes(moved, fresh.classes_, self.encoder.classes_)
        return np.asarray(self.encoder.transform(X) + moved, dtype=np.float64)


def _of_classes(moved: Any, found: Any, classes: Any) -> Floats:
    """Return what moved (m, columns * found) of the encodings by the classes found, in the place of `classes`.

    Whole numbers are classes to an encoder, and other records have others of them: of these it moves nothing.
    """
    known = np.isin(found, classes)
    whole = np.zeros((len(moved), moved.shape[1] // len(found), len(classes)))
    whole[:, :, np.searchsorted(classes, found[known])] = moved.reshape(len(moved), -1, len(found))[:, :, known]
    return whole.reshape(len(moved), -1)


def _redealt(encoder: Any, seed: int) -> Any:
    """Return an encoder whose folds are dealt as before, by another hand."""
    cv = encoder.cv
    if getattr(encoder, "shuffle", None) is False:
        return encoder  # folds of neighbours
    if _BY_NUMBER:
        return encoder.set_params(random_state=seed)
    if isinstance(cv, int) or cv is None:
        fresh = KFold if encoder.target_type == "continuous" else StratifiedKFold
        return encoder.set_params(cv=fresh(5 if cv is None else cv, shuffle=True, random_state=seed))
    if getattr(cv, "shuffle", False):
        cv.random_state = seed
    return encoder


def cross_fitted(steps: list[Any]) -> Callable[[Any, Any, np.random.Generator], Any] | None:
    """Return what fitted steps would make of records that they had been fitted on; None where it is nothing else.

    Parameters
    ----------
    steps : list of transformer
        In their order; encoders may stand in pipelines, unions and column transformers.

    Returns
    -------
    callable
        Of a table (or array), its targets and a generator that deals the folds: the features, as `transform` makes
        them.
    """
    if not any(isinstance(step, CROSS_FITTED) for step in _inside(steps)):
        return None
    standing = copy.deepcopy(steps)
    folded: list[_Folded] = []
    standing = [_stood_in(step, folded) for step in standing]

    def made(table: Any, targets: Any, rng: np.random.Generator) -> Any:
        seed = int(rng.integers(_SEEDS))  # one for all: encoders of one seed deal alike
        for one in folded:
            one.targets, one.seed = targets, seed
        try:
            for step in standing:
                table = step.transform(table)
        except ValueError as error:
            raise InputError(
                f"the TargetEncoder's folds cannot be played on the public records ({str(error).splitlines()[0]}): "
                "give public records of every class, with their targets"
            ) from error
        return table

    return made


def _inside(steps: list[Any]) -> Iterator[Any]:
    for step in steps:
        yield step
        yield from _inside([part for _, part in _held(step)])


def _held(step: Any) -> list[tuple[str, Any]]:
    """Return the named steps in a container."""
    if isinstance(step, Pipeline):
        return list(step.steps)
    if isinstance(step, FeatureUnion):
        return list(step.transformer_list)
    return [(name, part) for name, part, _ in step.transformers_] if isinstance(step, ColumnTransformer) else []


def _stood_in(step: Any, folded: list[_Folded]) -> Any:
    """Return a step with stand-ins for its encoders, which are added to `folded`."""
    if isinstance(step, CROSS_FITTED):
        folded.append(_Folded(step))
        return folded[-1]
    if isinstance(step, Pipeline):
        step.steps = [(name, _stood_in(part, folded)) for name, part in step.steps]
    elif isinstance(step, FeatureUnion):
        step.transformer_list = [(name, _stood_in(part, folded)) for name, part in step.transformer_list]
    elif isinstance(step, ColumnTransformer):
        step.transformers_ = [(name, _stood_in(part, folded), columns) for name, part, columns in step.transformers_]
    return step
