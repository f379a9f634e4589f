"""From a table's raw columns to a network's records: a fitted preprocessing, a function, or as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from undelete.adapters.design.design import Design
from undelete.adapters.design.probed import Probed
from undelete.adapters.model import LinearModel
from undelete.adapters.sklearn.pipeline import from_sklearn
from undelete.errors import InputError, NotAttacked
from undelete.maths.arrays import Floats

Features = Any  # a fitted scikit-learn preprocessing, or a function from a table to the network's records


def design_of(features: Features | None, table: pd.DataFrame, names: Sequence[str]) -> Design | Probed:
    """Return how raw columns become the network's record: a scikit-learn preprocessing, a function, or as they are."""
    return read_features(features, table, names).design


def read_features(
    features: Features | None, table: pd.DataFrame, names: Sequence[str], *, constant: bool = False
) -> LinearModel:
    """Return the same as a linear model's, whose coefficients mean nothing; with a constant where one is wanted."""
    raw = _read_by(features, table, names)
    table = pd.concat([raw, table[list(names)]], axis=1)
    steps: list[tuple[str, Any]] = []
    if features is not None:
        step = features if hasattr(features, "transform") else FunctionTransformer(features).fit(raw)
        steps = [("features", step)]
    made = raw.head(2) if not steps else _made(steps[0][1], raw.head(2))
    width = made.shape[1]
    last = LinearRegression(fit_intercept=constant)
    last.coef_, last.intercept_, last.n_features_in_ = np.ones(width), 0.0, width
    last.rank_, last.singular_ = width, np.ones(width)
    if not steps:
        last.feature_names_in_ = np.array([str(label) for label in raw.columns], dtype=object)
    return from_sklearn(Pipeline([*steps, ("last", last)]) if steps else last, table, names)


def _read_by(step: Any, table: pd.DataFrame, targets: Sequence[str]) -> pd.DataFrame:
    """Return the columns that a preprocessing reads; all but the targets where it names none."""
    names = getattr(step, "feature_names_in_", None)
    if names is None:
        return table.drop(columns=list(targets))
    missing = [str(name) for name in names if name not in table]
    if missing:
        raise InputError(
            f"the table has no column {missing[0]!r}, which the preprocessing reads: give a table with the columns of "
            "the training data"
        )
    return table[[name for name in names if name not in targets]]


def _made(step: Any, raw: pd.DataFrame) -> NDArray[Any]:
    known = hasattr(step, "feature_names_in_") or isinstance(step, FunctionTransformer)
    try:
        made = step.transform(raw if known else raw.to_numpy())
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        said = " ".join(str(error).split())
        raise InputError(f"features cannot be made of the public table: {said.removesuffix('.')}") from error
    return made if hasattr(made, "shape") else np.asarray(made)


def refitted(later: Any, table: pd.DataFrame, names: Sequence[str], X: Floats) -> Floats | None:
    """Return the public records as the new pipeline's preprocessing makes them; None where that is the same."""
    if later is None:
        return None
    made = np.asarray(_made(later, _read_by(later, table, names)), dtype=np.float64)
    if made.shape != X.shape:
        raise NotAttacked(
            f"the new pipeline makes {made.shape[1]} features of a record and the old one {X.shape[1]}: the networks "
            "cannot be compared; keep the steps"
        )
    return None if np.allclose(made, X, rtol=1e-12, atol=1e-12) else made
