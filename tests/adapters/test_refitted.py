"""Refitted preprocessing that folds: with all private records in place of public ones nothing is left to estimate."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.adapters.pipelines import FOLDABLE, people
from undelete.attacker.gradient.difference import Difference
from undelete.auditing.released import read_pair

WHO = 11


@pytest.mark.parametrize("name", FOLDABLE)
def test_the_penalty_counts_in_the_features_that_were_penalised(name):
    table = people(400)
    X, y = table.drop(columns="wage"), table.wage
    before = FOLDABLE[name]().fit(X, y)
    after = FOLDABLE[name]().fit(X.drop(index=WHO), y.drop(index=WHO))
    pair = read_pair(before, after, table, target="wage", n=len(table))
    x = pair.old.features(X.iloc[[WHO]])[0]
    exact = x * (y[WHO] - float(x @ pair.release.W_after[0, :, 0]))  # maths (8), of all records
    told = Difference.by(pair.release, "hessian").gradient[0, :, 0]
    size = np.abs(exact).max()
    np.testing.assert_allclose(told, exact, atol=1e-6 * size)
    folded = dataclasses.replace(pair.release, penalty_share=None)
    off = np.abs(Difference.by(folded, "hessian").gradient[0, :, 0] - exact).max()
    assert off >= np.abs(told - exact).max() - 1e-9 * size


@pytest.mark.parametrize("numbers", ["passthrough", StandardScaler()])
@pytest.mark.parametrize("missing", [False, True])
def test_a_category_that_left_with_the_record_moves_no_other_feature(numbers, missing):
    rng = np.random.default_rng(2)
    table = pd.DataFrame({"age": rng.integers(18, 80, 300), "town": rng.choice(["east", "north", "west"], 300),
                          "kids": rng.integers(0, 3, 300)})  # fmt: skip
    y = 0.1 * table.age + (table.town == "east") + rng.normal(size=300)
    table["town"] = table.town.astype(object)
    table.loc[WHO, "town"] = None if missing else "mid"  # its indicator is neither the first one nor the last
    rest = table.drop(index=WHO)
    steps = make_column_transformer((numbers, ["age"]), (OneHotEncoder(sparse_output=False), ["town", "kids"]))
    before, after = (make_pipeline(clone(steps), Ridge(2.0)).fit(X, y[X.index]) for X in (table, rest))
    pair = read_pair(before, after, rest.assign(wage=y), target="wage", n=300)
    x = pair.old.features(table.loc[[WHO]])[0]
    exact = x * (y[WHO] - float(x @ pair.release.W_before[:, 0]))
    told = Difference.by(pair.release, "answers").gradient[0, :, 0]
    np.testing.assert_allclose(told, exact, atol=1e-8 * np.abs(exact).max())
