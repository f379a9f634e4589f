"""The preprocessing that is assumed where no model file is there: standardised numbers and indicators of categories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import make_column_transformer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from undelete.adapters.model import LinearModel
from undelete.adapters.sklearn.linear import Linear
from undelete.adapters.sklearn.on_columns import model_of, standardisation
from undelete.adapters.sklearn.preprocessing import read
from undelete.adapters.sklearn.reading import Feature, RawCells, Reading
from undelete.errors import InputError

ASSUMED = "numeric,onehot"
"""How the assumption is named."""


def assumed_model(
    public: pd.DataFrame, targets: Sequence[str], loss: str, outputs: int, classes: tuple[Any, ...] | None
) -> LinearModel:
    """Return a model without coefficients (zeros) on the public table's columns, its targets apart.

    A column of numbers is one feature, standardised over the public records; any other is an indicator for each of its
    categories. What the penalty was, and on how many records the model was fitted, is not known.

    Raises
    ------
    InputError
        When there are no columns, or a column of numbers has missing cells, of which nothing can be assumed.
    """
    names = [str(label) for label in public.columns if str(label) not in set(targets)]
    if not names:
        raise InputError("the public table has no columns besides the target: there are no features to assume")
    table = public.set_axis([str(label) for label in public.columns], axis=1)[names]
    numbers = [name for name in names if pd.api.types.is_numeric_dtype(table[name])]
    gaps = [name for name in numbers if table[name].isna().any()]
    if gaps:
        raise InputError(
            f"column {gaps[0]!r} has missing cells, and what the model fills them with cannot be assumed: give the old "
            "model's file as features, or drop these rows"
        )
    texts = [name for name in names if name not in numbers]
    steps = [(StandardScaler(), numbers)] * bool(numbers) + [(OneHotEncoder(), texts)] * bool(texts)
    made = make_column_transformer(*steps).fit(table)
    reading = Reading(standardisation(table, names))
    features = read(made, [Feature(name, RawCells(name)) for name in names], reading)
    zeros: NDArray[np.float64] = np.zeros((outputs, len(features)))
    linear = Linear("LinearModel", loss, zeros, np.zeros(outputs), l2=0.0, classes=classes)
    return replace(model_of(linear, names, features, reading, None), l2=None, n=None, steps=())
