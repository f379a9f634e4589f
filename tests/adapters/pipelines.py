"""The table and the pipelines that the adapters' tests share: badly centred columns, text, number codes."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline, make_pipeline
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

NUMBERS, TEXTS = ["year", "income"], ["state", "code"]


def people(n: int = 900, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "year": rng.integers(1960, 2024, n),
            "income": np.round(rng.lognormal(11.4, 0.6, n), 2),
            "state": rng.choice(["Texas", "Ohio", "New York", "Maine"], n, p=[0.5, 0.3, 0.15, 0.05]),
            "code": rng.integers(1, 6, n),
        }
    )
    weekly = 0.01 * (table.year - 2000) + np.log(table.income) + (table.state == "Texas") * 0.3
    return table.assign(wage=weekly + 0.1 * table.code + rng.normal(0, 0.5, n))


def with_gaps(table: pd.DataFrame, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return table.assign(
        year=table.year.astype(float).mask(rng.random(len(table)) < 0.1),
        state=table.state.mask(rng.random(len(table)) < 0.1),
    )


def _scaled_and_coded(**encoder) -> ColumnTransformer:
    return ColumnTransformer([("n", StandardScaler(), NUMBERS), ("t", OneHotEncoder(**encoder), TEXTS)])


# Refitted without one record, each of these folds.
FOLDABLE: dict[str, Callable[[], Pipeline]] = {
    "standard": lambda: make_pipeline(ColumnTransformer([("n", StandardScaler(), NUMBERS)]), Ridge()),
    "min-max": lambda: make_pipeline(ColumnTransformer([("n", MinMaxScaler((-1, 2)), NUMBERS)]), Ridge(0.1)),
    "robust, then largest": lambda: make_pipeline(
        ColumnTransformer([("n", RobustScaler(), slice(0, 2))]), MaxAbsScaler(), Ridge(0.1)
    ),
    "one-hot": lambda: make_pipeline(_scaled_and_coded(), Ridge()),
    "one-hot, first dropped": lambda: make_pipeline(_scaled_and_coded(drop="first"), Ridge()),
    "one-hot, infrequent": lambda: make_pipeline(
        _scaled_and_coded(min_frequency=90, handle_unknown="infrequent_if_exist"), Ridge()
    ),
    "one-hot, then scaled": lambda: make_pipeline(
        ColumnTransformer(
            [("t", OneHotEncoder(sparse_output=False, handle_unknown="ignore"), [2, 3])], remainder="passthrough"
        ),
        StandardScaler(),
        Ridge(),
    ),
    "ordinal": lambda: make_pipeline(
        ColumnTransformer(
            [("o", OrdinalEncoder(), make_column_selector(dtype_exclude="number")), ("d", "drop", ["code"])],
            remainder=StandardScaler(),
        ),
        Ridge(),
    ),
    "scaled, then powers": lambda: make_pipeline(
        ColumnTransformer(
            [
                ("n", make_pipeline(StandardScaler(), PolynomialFeatures(3)), NUMBERS),
                ("t", OneHotEncoder(), [False, False, True, True]),
            ]
        ),
        Ridge(),
    ),
    "powers, then scaled": lambda: make_pipeline(
        ColumnTransformer([("n", "passthrough", NUMBERS)]),
        PolynomialFeatures(2, include_bias=False),
        StandardScaler(),
        Ridge(),
    ),
    "everything with everything": lambda: make_pipeline(
        FunctionTransformer(),
        "passthrough",
        _scaled_and_coded(sparse_output=False),
        PolynomialFeatures(2, interaction_only=True),
        StandardScaler(),
        Ridge(),
    ),
    "weighted branches": lambda: make_pipeline(
        ColumnTransformer(
            [("a", StandardScaler(), ["year"]), ("b", MinMaxScaler(), ["income"])],
            transformer_weights={"a": 3.0, "b": 0.5},
        ),
        Ridge(),
    ),
}


def imputing(add_indicator: bool = False, strategy: str = "median") -> Pipeline:
    numbers = make_pipeline(SimpleImputer(strategy=strategy, add_indicator=add_indicator), StandardScaler())
    texts = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder())
    return make_pipeline(ColumnTransformer([("n", numbers, NUMBERS), ("t", texts, TEXTS)]), Ridge())
