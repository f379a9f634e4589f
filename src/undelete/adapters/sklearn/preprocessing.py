"""Reads fitted scikit-learn transformers into polynomials over the raw columns.

`read` takes the columns that flow into a step and returns those that flow out. What a step does is taken from
its fitted attributes. A step whose class is not listed in `READERS` is not read, nor is a subclass, which may transform
otherwise: such a pipeline is probed, `probed`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import comb
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)

from undelete.adapters.design.polynomial import CONSTANT, Polynomial, affine, multiply
from undelete.adapters.sklearn.embeddings import EMBEDDERS
from undelete.adapters.sklearn.encoders import impute, one_hot, ordinal
from undelete.adapters.sklearn.reading import Feature, Reading, Unreadable, numbers
from undelete.errors import InputError
from undelete.limits import FACTORS, HOW, NAMES, allowed

Reader = Callable[[Any, Sequence[Feature], Reading], list[Feature]]


def read(step: Any, features: Sequence[Feature], reading: Reading) -> list[Feature]:
    """Return the columns that leave a fitted step.

    Parameters
    ----------
    step : transformer, Pipeline of transformers, or "passthrough"
        Fitted.
    features : sequence of Feature
        The columns that enter it.
    reading : Reading
        Is told what the step knows.

    Raises
    ------
    Unreadable
        When the step, or an option of it, is no polynomial of the raw columns.
    InputError
        When it does not take this number of columns, or is damaged.
    """
    if step is None or step == "passthrough":
        return list(features)
    step = thawed(step)
    name = type(step).__name__
    if type(step) in EMBEDDERS:
        raise InputError(
            f"the pipeline has {name} inside another step: undelete reads an embedding only as the last step before "
            "the linear model, over all columns that the model reads; move it there"
        )
    reader = READERS.get(type(step))
    if reader is None:
        raise Unreadable(f"the pipeline has a step of type {name}, which is no polynomial of the raw columns")
    expected = getattr(step, "n_features_in_", len(features))
    if expected != len(features):
        raise InputError(
            f"{name} was fitted on {expected} columns and is given {len(features)}: the pipeline was changed after "
            "it was fitted; refit it"
        )
    if type(step) not in (Pipeline, ColumnTransformer, FunctionTransformer):
        reading.steps.append(name)
        reading.samples = max((int(np.max(getattr(step, "n_samples_seen_", 0))), reading.samples or 0)) or None
    return reader(step, features, reading)


def thawed(step: Any) -> Any:
    """Return the step that a FrozenEstimator keeps from being refitted, the best one of a search, or the step itself.

    Raises
    ------
    InputError
        For a search that kept no best estimator.
    """
    while type(step) is FrozenEstimator or isinstance(step, BaseSearchCV):
        if isinstance(step, BaseSearchCV) and not hasattr(step, "best_estimator_"):
            raise InputError(
                f"{type(step).__name__} has no best_estimator_: it was not fitted, or with refit=False; fit it with "
                "refit=True, or give the best estimator itself"
            )
        step = step.estimator if type(step) is FrozenEstimator else step.best_estimator_
    return step


def _pipeline(step: Pipeline, features: Sequence[Feature], reading: Reading) -> list[Feature]:
    result = list(features)
    for _, part in step.steps:
        result = read(part, result, reading)
    return result


def _column_transformer(step: ColumnTransformer, features: Sequence[Feature], reading: Reading) -> list[Feature]:
    result: list[Feature] = []
    weights = step.transformer_weights or {}
    for name, part, _ in step.transformers_:
        # names, slices, masks and callables, resolved when it was fitted
        chosen = [features[i] for i in step._transformer_to_input_indices[name]]
        if (isinstance(part, str) and part == "drop") or not chosen:
            continue
        parts = read(part, chosen, reading)
        weight = weights.get(name)
        if weight is not None:
            parts = [Feature(f.name, affine(reading.numeric(f), float(weight), 0.0)) for f in parts]
        result += parts
    return result


def _identity(step: FunctionTransformer, features: Sequence[Feature], reading: Reading) -> list[Feature]:
    if step.func is not None:
        raise Unreadable(f"FunctionTransformer applies the function {getattr(step.func, '__name__', 'given')}")
    return list(features)


def _standard(step: StandardScaler, features: Sequence[Feature], reading: Reading) -> list[Feature]:
    size = len(features)
    means = [0.0] * size if step.mean_ is None or not step.with_mean else numbers(step, "mean_", size)
    scales = [1.0] * size if step.scale_ is None else numbers(step, "scale_", size)
    return _scaled(features, reading, means, [1 / s for s in scales])


def _min_max(step: MinMaxScaler, features: Sequence[Feature], reading: Reading) -> list[Feature]:
    _refuse_clip(step)
    size = len(features)
    lowest = float(step.feature_range[0])
    return _scaled(features, reading, numbers(step, "data_min_", size), numbers(step, "scale_", size), lowest)


def _max_abs(step: MaxAbsScaler, features: Sequence[Feature], reading: Reading) -> list[Feature]:
    _refuse_clip(step)
    size = len(features)
    return _scaled(features, reading, [0.0] * size, [1 / s for s in numbers(step, "scale_", size)])


def _robust(step: RobustScaler, features: Sequence[Feature], reading: Reading) -> list[Feature]:
    size = len(features)
    centres = [0.0] * size if step.center_ is None else numbers(step, "center_", size)
    scales = [1.0] * size if step.scale_ is None else numbers(step, "scale_", size)
    return _scaled(features, reading, centres, [1 / s for s in scales])


def _refuse_clip(step: Any) -> None:
    if getattr(step, "clip", False):
        raise Unreadable(f"{type(step).__name__} was fitted with clip=True, which is not linear")


def _scaled(
    features: Sequence[Feature], reading: Reading, centres: list[float], slopes: list[float], offset: float = 0.0
) -> list[Feature]:
    """Return slope * (feature - centre) + offset, in this order: a year and its mean are close, both far from 0."""
    result = []
    for feature, centre, slope in zip(features, centres, slopes, strict=True):
        # the scaler also standardises the value, where nothing else says how
        polynomial = reading.numeric(feature, (centre, abs(1 / slope) if slope else 1.0))
        result.append(Feature(feature.name, affine(affine(polynomial, 1.0, -centre), slope, offset)))
    return result


def _polynomial(step: PolynomialFeatures, features: Sequence[Feature], reading: Reading) -> list[Feature]:
    _refuse_too_many(step, len(features))
    inputs = [reading.numeric(feature) for feature in features]
    made: dict[tuple[int, ...], Polynomial] = {(): {CONSTANT: 1.0}}
    result = []
    for powers in np.asarray(step.powers_):
        used = np.flatnonzero(powers)
        factors = tuple(int(j) for j in np.repeat(used, powers[used]))
        for length in range(1, len(factors) + 1):
            if factors[:length] not in made:
                made[factors[:length]] = multiply(made[factors[: length - 1]], inputs[factors[length - 1]])
        words = [features[int(j)].name + (f"^{powers[j]}" if powers[j] > 1 else "") for j in used]
        result.append(Feature("*".join(words) or "bias", made[factors]))
    return result


def _refuse_too_many(step: PolynomialFeatures, inputs: int) -> None:
    """Count the products before they are listed: a few words in a file can ask for billions."""
    _, most = step.degree if isinstance(step.degree, tuple | list) else (0, step.degree)
    if not (isinstance(most, int | np.integer) and 0 <= most <= allowed(FACTORS)):
        seen = f"{step.degree!r}"[:40]
        raise InputError(
            f"PolynomialFeatures has degree {seen}, over {allowed(FACTORS):,.0f}: choose a lower one ({HOW})"
        )
    top = min(int(most), inputs) if step.interaction_only else int(most)
    count = sum(comb(inputs, k) if step.interaction_only else comb(inputs + k - 1, k) for k in range(top + 1))
    if count > allowed(NAMES):
        raise InputError(
            f"PolynomialFeatures makes {count:.3g} products of {inputs} columns, over {allowed(NAMES):,.0f}: choose "
            f"a lower degree ({HOW})"
        )


READERS: dict[type, Reader] = {
    StandardScaler: _standard,
    MinMaxScaler: _min_max,
    MaxAbsScaler: _max_abs,
    RobustScaler: _robust,
    OneHotEncoder: one_hot,
    OrdinalEncoder: ordinal,
    SimpleImputer: impute,
    PolynomialFeatures: _polynomial,
    ColumnTransformer: _column_transformer,
    FunctionTransformer: _identity,
    Pipeline: _pipeline,
}
