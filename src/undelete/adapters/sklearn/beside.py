"""Takes pipelines apart whose first step makes features of words in some columns, and of other columns others.

A model that is linear in all of them is the sum of a part for each column of text and one for the table. Each part is
read as a pipeline of its own, with the coefficients that are its; the intercept is that of all.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.compose import ColumnTransformer
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline

from undelete.adapters.model import LinearModel
from undelete.adapters.sklearn.preprocessing import thawed
from undelete.adapters.sklearn.text import TextModel, read_text, reads_text
from undelete.errors import InputError
from undelete.maths.arrays import Flags, Floats, Indices

_OPTIMUM: dict[str, Any] = {"tolerance": None, "criterion": "gradient", "stopped": ""}


def apart(chain: Sequence[Any], names: Sequence[str]) -> tuple[list[Any], tuple[TextModel, ...]]:
    """Return the steps and the linear model of the columns that are no text, and the columns of text.

    Parameters
    ----------
    chain : sequence of estimator
        Fitted steps, nested pipelines taken apart, and a linear model; themselves where no column is text.
    names : sequence of str
        The columns that enter.

    Raises
    ------
    InputError
        When steps follow that mix words with other features, or a column is read as text and otherwise.
    """
    first, *following = chain
    texts = _texts(first)
    if not texts:
        return list(chain), ()
    *between, final = following
    if between:
        raise InputError(
            f"{type(between[0]).__name__} follows the ColumnTransformer that puts text beside other columns, and makes "
            "other features of words: put it inside, as a step of the columns that are no text"
        )
    indices = first._transformer_to_input_indices  # names, slices, masks and callables, resolved when it was fitted
    used = {name: [names[int(i)] for i in indices[name]] for name, _, _ in first.transformers_}
    weights = first.transformer_weights or {}
    features, others = features_of_parts(first)
    blocks = []
    for name, part, _ in first.transformers_:
        if name not in texts:
            continue
        (column,) = used[name]
        again = [other for other, part, _ in first.transformers_ if other != name and column in used[other]
                 and not (isinstance(part, str) and part == "drop")]  # fmt: skip
        if again:
            raise InputError(
                f"column {column!r} is read as text by {name!r} and once more by {again[0]!r}: what both say of it is "
                "not told apart; make a column of its own of what the other reads"
            )
        pipeline = Pipeline([("words", thawed(part)), ("model", _of_features(final, features[name]))])
        blocks.append(replace(read_text(pipeline), column=column, weight=float(weights.get(name) or 1.0)))
    if not others.any():
        raise InputError(
            f"the ColumnTransformer reads no column but text ({', '.join(one.column for one in blocks)}): of text "
            "alone undelete reads a pipeline that begins with the vectoriser (undelete words); join several to one"
        )
    table = copy.copy(first)
    table.transformers_ = [(name, "drop" if name in texts else part, of) for name, part, of in first.transformers_]
    return [table, _of_features(final, np.flatnonzero(others))], tuple(blocks)


def words_beside(estimator: Any) -> bool:
    """Return whether a pipeline, fitted or not, begins with text beside other columns."""
    try:
        whole = thawed(estimator)
        return isinstance(whole, Pipeline) and len(whole.steps) > 1 and bool(_texts(first_step(whole)))
    except InputError:  # a search that was not fitted yet
        return False


def features_of_parts(first: ColumnTransformer) -> tuple[dict[str, Indices], Flags]:
    """Return which of a fitted ColumnTransformer's features each column of text makes, by its transformer's name.

    And which (d,) the others do.
    """
    width = max(int(one.stop) for one in first.output_indices_.values())
    features = {name: np.arange(width)[first.output_indices_[name]] for name in _texts(first)}
    others = np.ones(width, dtype=np.bool_)
    for own in features.values():
        others[own] = False
    return features, others


def at_parameters(model: LinearModel, estimator: Any, W: Floats) -> LinearModel:
    """Return a model of text beside other columns at other parameters, those of an optimum.

    Parameters
    ----------
    model : LinearModel
        As it was read.
    estimator : Pipeline
        What it was read of.
    W : array (d, k)
        Parameters of all features, words too, in the order in which the linear estimator has them; the constant last.
    """
    features, others = features_of_parts(first_step(estimator))
    coef, intercept = (W[:-1].T, W[-1]) if model.has_constant else (W.T, None)
    texts = [
        replace(one, model=replace(one.model, coef=coef[:, own], intercept=intercept, **_OPTIMUM))
        for one, own in zip(model.texts, features.values(), strict=True)
    ]
    return replace(model, coef=coef[:, others], intercept=intercept, texts=tuple(texts), **_OPTIMUM)


def first_step(estimator: Any) -> Any:
    """Return the step that sees the raw table."""
    step = thawed(estimator)
    while isinstance(step, Pipeline):
        step = thawed(step.steps[0][1])
    return step


def _texts(first: Any) -> list[str]:
    """Return what the transformers of a ColumnTransformer are called that read text; none of another step."""
    if not isinstance(first, ColumnTransformer):
        return []
    parts = getattr(first, "transformers_", first.transformers)
    return [name for name, part, *_ in parts if not isinstance(part, str) and reads_text(part)]


def _of_features(final: Any, features: Indices) -> Any:
    """Return a fitted linear estimator with the coefficients of some features alone."""
    own = copy.copy(final)
    if type(final) is OneVsRestClassifier:
        own.estimators_ = [_of_features(one, features) for one in final.estimators_]
        return own
    coef = final.coef_.toarray() if sp.issparse(final.coef_) else np.asarray(final.coef_)
    own.coef_ = coef[..., features]
    return own
