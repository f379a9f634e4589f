"""Pixels read off a model's space are the table's own numbers."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, PolynomialFeatures, StandardScaler

from undelete.adapters.design.design import Design
from undelete.adapters.design.polynomial import CONSTANT, Atom
from undelete.adapters.design.readout import Readout
from undelete.adapters.sklearn.pipeline import from_sklearn
from undelete.errors import InputError


def table(seed=0, rows=60):
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (rows, 6)).astype(float)
    pixels[:, 2] = 7.0  # a corner that is always the same
    return pd.DataFrame(pixels, columns=[f"pixel{i}" for i in range(6)]), rng.integers(0, 3, rows)


STEPS = {
    "none": lambda: (),
    "standardised": lambda: (StandardScaler(),),
    "to one": lambda: (MinMaxScaler(),),
    "both": lambda: (MinMaxScaler((-1, 1)), StandardScaler(with_std=False)),
    "in another order": lambda: (
        ColumnTransformer([("b", StandardScaler(), ["pixel4", "pixel0"]), ("a", MinMaxScaler(), ["pixel1", "pixel2"])],
                          remainder="passthrough"),
    ),
    "with products": lambda: (MinMaxScaler(), PolynomialFeatures(2)),
}  # fmt: skip


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("intercept", [True, False])
def test_reads_every_pixel_back(name, intercept):
    X, y = table()
    model = from_sklearn(make_pipeline(*STEPS[name](), RidgeClassifier(fit_intercept=intercept)).fit(X, y), X, None)
    readout = Readout.of(model.design, X)
    assert readout.names == tuple(X.columns)
    others, _ = table(seed=1)
    np.testing.assert_allclose(readout.read(model.design.transform(others)), others, atol=1e-9)


def test_what_is_no_pixel_is_refused():
    X, y = table()
    codes = ColumnTransformer([("codes", OneHotEncoder(handle_unknown="ignore"), ["pixel1"])], remainder="passthrough")
    model = from_sklearn(make_pipeline(codes, RidgeClassifier()).fit(X, y), X, None)
    with pytest.raises(InputError, match="column 'pixel1' is no number to this model, so it is no pixel"):
        Readout.of(model.design, X)


def test_pixels_that_a_step_mixes_are_refused():
    a, b = (((Atom(name), 1),) for name in ("a", "b"))
    mixed = Design(("a", "b"), ("sum", "1"), ({a: 1.0, b: 1.0}, {CONSTANT: 1.0}), has_constant=True)
    with pytest.raises(InputError, match=r"pixel 'a' cannot be read off the model's features .* leave --image out"):
        Readout.of(mixed, pd.DataFrame({"a": [1.0], "b": [2.0]}))
