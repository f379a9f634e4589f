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

from undelete.adapters.sklearn.preprocessing import thawed
from undelete.adapters.sklearn.text import TextModel, read_text, reads_text
from undelete.errors import InputError
from undelete.maths.arrays import Indices


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
    if not isinstance(first, ColumnTransformer):
        return list(chain), ()
    texts = [name for name, part, _ in first.transformers_ if not isinstance(part, str) and reads_text(part)]
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
    whole = np.arange(_width(first))
    blocks, others = [], np.ones(len(whole), dtype=np.bool_)
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
        own = whole[first.output_indices_[name]]
        others[own] = False
        pipeline = Pipeline([("words", thawed(part)), ("model", _of_features(final, own))])
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
    first = estimator.steps[0][1] if isinstance(estimator, Pipeline) and len(estimator.steps) == 2 else None
    first = thawed(first)
    return isinstance(first, ColumnTransformer) and any(
        not isinstance(part, str) and reads_text(part)
        for _, part, *_ in getattr(first, "transformers_", first.transformers)
    )


def _width(step: ColumnTransformer) -> int:
    """Return how many features a ColumnTransformer makes."""
    return max(int(one.stop) for one in step.output_indices_.values())


def _of_features(final: Any, features: Indices) -> Any:
    """Return a fitted linear estimator with the coefficients of some features alone."""
    own = copy.copy(final)
    if type(final) is OneVsRestClassifier:
        own.estimators_ = [_of_features(one, features) for one in final.estimators_]
        return own
    coef = final.coef_.toarray() if sp.issparse(final.coef_) else np.asarray(final.coef_)
    own.coef_ = coef[..., features]
    return own
