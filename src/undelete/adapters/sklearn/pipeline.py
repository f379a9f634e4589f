"""Reads fitted scikit-learn linear models, bare or at the end of a Pipeline, into `LinearModel`."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from undelete.adapters.design.taken import taken
from undelete.adapters.files.saved import INSTALL, saved_by, versions
from undelete.adapters.model import LinearModel
from undelete.adapters.sklearn.beside import apart
from undelete.adapters.sklearn.decision import check_decision
from undelete.adapters.sklearn.embeddings import EMBEDDERS, read_embedding, refuse_after
from undelete.adapters.sklearn.estimators import READERS, read_estimator
from undelete.adapters.sklearn.on_columns import model_of, standardisation
from undelete.adapters.sklearn.preprocessing import read, thawed
from undelete.adapters.sklearn.reading import Feature, RawCells, Reading, Unreadable
from undelete.adapters.sklearn.stored import stored_in
from undelete.adapters.sklearn.text import TextModel, text_chain
from undelete.adapters.sklearn.unread import probed_model
from undelete.adapters.sklearn.wrapped import Standing, standing
from undelete.adapters.target_map import TargetMap
from undelete.errors import InputError
from undelete.limits import DEPTH, HOW, allowed, metered
from undelete.maths.embeddings import Embedding

_OF_ANY_UNIT = ("gradient", "moment", "residual", "step")  # how near a solver came, as the target is scaled
_CHECKED = 500  # public rows on which our decision is compared with the estimator's own


def from_sklearn(estimator: Any, public: pd.DataFrame | None, target: str | Collection[str] | None) -> LinearModel:
    """Return a fitted estimator as a LinearModel.

    Parameters
    ----------
    estimator : estimator or Pipeline
        One of docs/models.md, bare, at the end of a Pipeline, or held by a search, vote, stack or several outputs.
        Steps in `preprocessing.READERS` are read, others probed by their `transform`; RBFSampler or
        Nystroem(kernel="rbf") may stand right before the model.
    public : DataFrame or None
        Public records. They name the raw columns when the estimator was fitted on an array, and on up to
        500 of them the decision is compared with the estimator's own.
    target : str, collection of str or None
        The public table's target columns, which are no features.

    Returns
    -------
    LinearModel
        In the space of the final estimator's features, with the constant last.

    Raises
    ------
    InputError
        When the estimator is not fitted, is of another type, has an option under which it does not minimise
        maths (1), does not go with the public table, or decides otherwise than we do.
    """
    whole = standing(estimator, lambda one: type(one) in READERS)
    estimator = whole.estimator
    names = _raw_columns(estimator, public, {target} if isinstance(target, str) else set(target or ()))
    reading = Reading(standardisation(public, names))
    features = [Feature(name, RawCells(name)) for name in names]
    try:
        (*steps, final), texts = apart(_chain(estimator), names)
        try:
            with metered():
                features, embedding = _read_steps(steps, features, reading)
        except Unreadable:
            model = _as_whole(probed_model(steps, final, names), whole, texts)
            return _checked(model, estimator, public, names)
        linear = read_estimator(final, len(features) if embedding is None else embedding.features)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, NotFittedError) as error:
        if isinstance(error, InputError):
            raise
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        saved = saved_by(estimator)
        cause = f"{versions(saved)}{INSTALL.format(saved)}" if saved else "it is damaged; refit and save it again"
        raise InputError(f"the fitted {type(estimator).__name__} cannot be read ({why}): {cause}") from error
    model = _as_whole(model_of(linear, names, features, reading, embedding), whole, texts)
    return _checked(model, estimator, public, names)


def _as_whole(model: LinearModel, whole: Standing, texts: Sequence[TextModel]) -> LinearModel:
    """Return a part's model with what holds it says of it, and the columns of text beside it."""
    return replace(
        model,
        classes=model.classes if whole.classes is None or model.classes is None else whole.classes,
        output=whole.output,
        notes=(*whole.notes, *model.notes),
        texts=tuple(texts),
    )


def _target_map(estimator: Any) -> TargetMap | None:
    """Return what the targets become before they are fitted; None for nothing."""
    estimator = thawed(estimator)
    if type(estimator) is Pipeline and estimator.steps:
        return _target_map(estimator.steps[-1][1])
    if type(estimator) is not TransformedTargetRegressor:
        return None
    if _target_map(getattr(estimator, "regressor_", None)) is not None:
        raise InputError("TransformedTargetRegressor holds another one: make one transformation of the two")
    return TargetMap(estimator.transformer_)


def _in_own_unit(model: LinearModel, target_map: TargetMap) -> LinearModel:
    """Return a model of scaled targets as one of the targets themselves, where that is the same optimum.

    Of y = m + s z least squares of z are those of y with s w for w: an l2 penalty stays, and one of l1 is s times it.
    """
    line = target_map.line(len(model.coef))
    if (
        line is None or model.loss != "squared" or model.criterion not in _OF_ANY_UNIT
        or (model.intercept is None and line[1].any())
        or (model.intercept is not None and model.l2 is not None and model.l2[-1] != 0)
    ):  # fmt: skip
        return replace(model, target_map=target_map)
    slope, offset = line
    gradient = model.criterion == "gradient" and model.tolerance is not None
    return replace(
        model,
        coef=model.coef * slope[:, None],
        intercept=None if model.intercept is None else offset + slope * model.intercept,
        l1=None if model.l1 is None else model.l1 * slope[0],
        tolerance=model.tolerance * float(slope.max()) if gradient and model.tolerance is not None else model.tolerance,
        n=model.n if model.n is not None else getattr(target_map.transformer, "n_samples_seen_", None),
        texts=[replace(one, model=_in_own_unit(one.model, target_map)) for one in model.texts],
    )


def _checked(model: LinearModel, estimator: Any, public: pd.DataFrame | None, names: list[str]) -> LinearModel:
    """Return the model with what the estimator stores, its decisions on some public records compared with its own."""
    model = replace(model, stored=stored_in(estimator, names))
    target_map = _target_map(estimator)
    if target_map is not None:
        model = _in_own_unit(model, target_map)
    if public is not None:
        named = hasattr(_chain(estimator)[0], "feature_names_in_")
        some = public.iloc[:_CHECKED]
        rows, _ = taken(model.design, some)
        notes = check_decision(model, estimator, some if rows is None else some[rows], names, named)
        model = replace(model, notes=(*model.notes, *notes)) if notes else model
    return model


def _raw_columns(estimator: Any, public: pd.DataFrame | None, targets: set[str]) -> list[str]:
    """Return the names of the columns that enter the estimator."""
    first, *_ = _chain(estimator)
    if type(_chain(estimator)[-1]) not in READERS:
        read_estimator(_chain(estimator)[-1], 0)  # refuses it by its class name
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            check_is_fitted(estimator)
    except NotFittedError as error:
        raise InputError(
            f"the {type(estimator).__name__} is not fitted: there are no parameters to compare; fit it before saving it"
        ) from error
    except TypeError as error:
        raise InputError(f"{type(estimator).__name__} is not a scikit-learn estimator: give a fitted model") from error
    names = getattr(first, "feature_names_in_", None)
    if text_chain(estimator) is not None:
        raise InputError(
            f"the model starts with {type(first).__name__}, which reads text, and no column of a table is left to "
            "recover: `undelete words` (undelete.deleted_words) says which words the deleted document had"
        )
    if names is None and not hasattr(first, "n_features_in_"):
        raise InputError(
            f"the model starts with {type(first).__name__}, which does not say which columns it was fitted on: "
            "undelete cannot tell what its features are; use steps that read named columns"
        )
    if names is not None:
        return [str(name) for name in names]
    count = int(getattr(first, "n_features_in_", 0))
    if public is None:
        return [f"x{j}" for j in range(count)]
    names = [str(label) for label in public.columns if str(label) not in targets]
    if len(names) != count:
        raise InputError(
            f"the model was fitted on an array of {count} columns and the public table has {len(names)} besides the "
            f"target{'' if targets else ' (none was named)'}: give the same columns in the same order"
        )
    return names


def _chain(estimator: Any, depth: int = 0) -> list[Any]:
    """Return the steps that see the raw table first, and the final estimator last."""
    estimator = thawed(estimator)
    if type(estimator) is TransformedTargetRegressor:
        return _chain(getattr(estimator, "regressor_", estimator.regressor), depth)
    if not isinstance(estimator, Pipeline):
        return [estimator]
    if depth >= allowed(DEPTH):
        raise InputError(f"the pipeline is {DEPTH} pipelines deep or more: make one of them ({HOW})")
    parts = [part for _, step in estimator.steps for part in _chain(step, depth + 1)]
    kept = [part for part in parts if part is not None and part != "passthrough"]
    return kept or parts


def _read_steps(steps: list[Any], features: list[Feature], reading: Reading) -> tuple[list[Feature], Embedding | None]:
    """Return the columns that leave the preprocessing, and the embedding that follows it, if any."""
    embedding, embedder = None, ""
    for step in steps:
        if type(step) in EMBEDDERS and embedding is None:
            embedding, embedder = read_embedding(step, len(features)), type(step).__name__
            reading.steps.append(embedder)
        elif embedding is not None:
            refuse_after(step, embedder)
        else:
            features = read(step, features, reading)
    return features, embedding
