"""Fitted scikit-learn steps that cannot be read, as a map that can be asked."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline

from undelete.adapters.design.encoding import Encoding
from undelete.adapters.design.probed import Probed
from undelete.adapters.model import LinearModel
from undelete.adapters.sklearn.embeddings import EMBEDDERS, read_embedding, refuse_after
from undelete.adapters.sklearn.estimators import features_of, read_estimator
from undelete.adapters.sklearn.folds import cross_fitted
from undelete.adapters.sklearn.reading import known_category
from undelete.errors import InputError
from undelete.limits import NAMES
from undelete.maths.arrays import Floats

_CONTAINERS = (Pipeline, ColumnTransformer, FeatureUnion)


def probed_model(steps: list[Any], final: Any, names: list[str]) -> LinearModel:
    """Return a fitted pipeline as a model whose preprocessing is known by its `transform` alone.

    Parameters
    ----------
    steps : list of transformer
        What comes before the linear estimator, nested pipelines taken apart; the last may be an embedding.
    final : estimator
        The linear one.
    names : list of str
        The columns that enter.

    Raises
    ------
    InputError
        When a step is no transformer of a table, or a random embedding stands where nothing can be said of it.
    """
    inside = list(_parts(steps))
    embedding, embedder = None, next((step for step in steps if type(step) in EMBEDDERS), None)
    if embedder is not None:
        after = steps.index(embedder) + 1
        if after < len(steps):
            refuse_after(steps[after], type(embedder).__name__)
        steps = steps[:-1]
    _check(inside, steps)
    named = hasattr(steps[0], "feature_names_in_")
    raw = _used(steps[0], names) if named else names

    def apply(table: pd.DataFrame) -> Floats:
        return _transformed(steps, table if named else table.to_numpy())

    folded = cross_fitted(steps)

    def training(table: pd.DataFrame, targets: NDArray[Any], rng: np.random.Generator) -> Floats:
        assert folded is not None
        return _numbers(folded(table if named else table.to_numpy(), targets, rng))

    coefficients = features_of(final)
    inputs = coefficients
    if embedder is not None:
        inputs = int(embedder.n_features_in_)
        embedding = read_embedding(embedder, inputs)
    linear = read_estimator(final, coefficients)
    constant = linear.intercept is not None
    labels = _labels(steps, inputs)
    made = coefficients if embedding is None else embedding.features
    return LinearModel(
        **linear.parts(made),
        feature_names=labels,
        n=max((int(np.max(getattr(step, "n_samples_seen_", 0))) for step in inside), default=0) or None,
        design=Probed(
            raw=tuple(raw),
            feature_names=(*labels, *(("1",) if constant and embedding is None else ())),
            has_constant=constant and embedding is None,
            apply=apply,
            encodings=tuple(_encodings(steps[0], names)),
            training=None if folded is None else training,
        ),
        steps=tuple(type(step).__name__ for step in inside if not isinstance(step, _CONTAINERS)),
        embedding=embedding,
    )


def _parts(steps: list[Any]) -> Iterator[Any]:
    """Yield every step, those inside containers after them."""
    for step in steps:
        if step is None or isinstance(step, str):
            continue
        yield step
        inner: list[Any] = []
        if isinstance(step, Pipeline):
            inner = [part for _, part in step.steps]
        elif isinstance(step, FeatureUnion):
            inner = [part for _, part in step.transformer_list]
        elif isinstance(step, ColumnTransformer):
            inner = [part for _, part, _ in step.transformers_]
        yield from _parts(inner)


def _check(inside: list[Any], steps: list[Any]) -> None:
    """Refuse steps of which nothing could be learnt by asking, or which mean something else in each fit."""
    for step in inside:
        name = type(step).__name__
        if type(step) in EMBEDDERS and step not in (inside[-1],):
            raise InputError(
                f"the pipeline has {name} inside another step: undelete reads an embedding only as the last step "
                "before the linear model, over all columns that the model reads; move it there"
            )
        if not hasattr(step, "transform"):
            raise InputError(f"the pipeline has a step of type {name}, which has no transform: it is no preprocessing")
        made = getattr(step, "n_output_features_", 0)
        if isinstance(made, int | np.integer) and made > NAMES:
            raise InputError(
                f"the pipeline has {name} that makes {made:,} features of each record, far more than a linear model "
                "has: make fewer"
            )
        if hasattr(step, "vocabulary_"):
            raise InputError(
                f"the pipeline has {name}, which makes features of free text, where they are not told apart from "
                "others: text is read alone (undelete words), or as a column of the ColumnTransformer that a pipeline "
                "begins with (undelete audit); what the steps store of who was deleted, `undelete scan BEFORE AFTER` "
                "(undelete.scan) says"
            )
    if not steps:
        raise InputError("the pipeline has no step before its embedding that could be asked: refit it")


def _used(first: Any, names: list[str]) -> list[str]:
    """Return the columns that the first step reads."""
    if type(first) is not ColumnTransformer:
        return names
    used: set[int] = set()
    for name, part, _ in first.transformers_:
        if not (isinstance(part, str) and part == "drop"):
            used.update(int(i) for i in first._transformer_to_input_indices[name])
    return [name for i, name in enumerate(names) if i in used]


def _encodings(first: Any, names: list[str]) -> Iterator[Encoding]:
    """Yield the categories that encoders of raw columns know: a record may have one that no public record has."""
    if type(first) is not ColumnTransformer:
        return
    for name, part, _ in first.transformers_:
        columns = [names[int(i)] for i in first._transformer_to_input_indices[name]]
        chain = [step for _, step in part.steps] if isinstance(part, Pipeline) else [part]
        encoder = next((step for step in chain if type(step) is not SimpleImputer), None)
        categories = getattr(encoder, "categories_", ())
        if len(categories) != len(columns):
            continue
        for column, known in zip(columns, categories, strict=True):
            cells = tuple(known_category(cell, type(encoder).__name__, column) for cell in known)
            yield Encoding(column, (), cells, (), False, True, ())


def _transformed(steps: list[Any], table: Any) -> Floats:
    """Return what fitted steps make of a table, dense."""
    for step in steps:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                table = step.transform(table)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            why = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            raise InputError(
                f"{type(step).__name__} does not take these records ({why}): give records with the columns and types "
                "that the model was fitted on"
            ) from error
    return _numbers(table)


def _numbers(table: Any) -> Floats:
    """Return features, dense."""
    if sp.issparse(table):
        table = table.toarray()
    try:
        return np.asarray(table, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"the steps make features that are no numbers ({error}): encode them first") from error


def _labels(steps: list[Any], count: int) -> list[str]:
    """Return a name for each feature, no two of them equal."""
    try:
        names = [str(name) for name in Pipeline([(str(i), s) for i, s in enumerate(steps)]).get_feature_names_out()]
    except (AttributeError, LookupError, TypeError, ValueError):  # a step that names nothing
        names = []
    if len(names) != count or len(set(names)) != count:
        names = [f"feature {i}" for i in range(count)]
    return names
