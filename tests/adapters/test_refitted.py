"""Refitted preprocessing that folds: with all private records in place of public ones nothing is left to estimate."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import ARDRegression, ElasticNet, Ridge
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


def townspeople(own="mid"):
    """Three hundred people and their wages; one has a town of their own, whose indicator is neither first nor last."""
    rng = np.random.default_rng(2)
    table = pd.DataFrame({"age": rng.integers(18, 80, 300), "town": rng.choice(["east", "north", "west"], 300),
                          "kids": rng.integers(0, 3, 300)})  # fmt: skip
    y = 0.1 * table.age + (table.town == "east") + rng.normal(size=300)
    table["town"] = table.town.astype(object)
    table.loc[WHO, "town"] = own
    return table, y


@pytest.mark.parametrize("numbers", ["passthrough", StandardScaler()])
@pytest.mark.parametrize("missing", [False, True])
def test_a_category_that_left_with_the_record_moves_no_other_feature(numbers, missing):
    table, y = townspeople(None if missing else "mid")
    rest = table.drop(index=WHO)
    steps = make_column_transformer((numbers, ["age"]), (OneHotEncoder(sparse_output=False), ["town", "kids"]))
    before, after = (make_pipeline(clone(steps), Ridge(2.0)).fit(X, y[X.index]) for X in (table, rest))
    pair = read_pair(before, after, rest.assign(wage=y), target="wage", n=300)
    told_exactly(pair, table, y)


def told_exactly(pair, table, y):
    x = pair.old.features(table.loc[[WHO]])[0]
    exact = x * (y[WHO] - float(x @ pair.release.W_before[:, 0]))
    told = Difference.by(pair.release, "answers").gradient[0, :, 0]
    np.testing.assert_allclose(told, exact, atol=1e-8 * np.abs(exact).max())


@pytest.mark.parametrize("model", [ElasticNet(1e-3, tol=1e-14, max_iter=100_000), ARDRegression(tol=1e-12)])
def test_what_a_model_with_gaps_says_of_a_category_that_left_with_the_record_is_known(model):
    """Only the old one has a coefficient of it, and nobody else a gradient: left out, the target would be off by it."""
    table, y = townspeople()
    rest = table.drop(index=WHO)
    steps = make_column_transformer((StandardScaler(), ["age"]), (OneHotEncoder(sparse_output=False), ["town", "kids"]))
    before, after = (make_pipeline(clone(steps), clone(model)).fit(X, y[X.index]) for X in (table, rest))
    pair = read_pair(before, after, rest.assign(wage=y), target="wage", n=300)
    assert pair.kept is not None
    assert pair.kept[list(pair.old.feature_names).index("town=mid")]
    x = pair.old.features(table.loc[[WHO]])[0]
    exact = (x * (y[WHO] - float(x @ pair.old.W[:, 0])))[pair.kept]
    told = Difference.by(pair.release, "answers").gradient[0, :, 0]
    np.testing.assert_allclose(told, exact, atol=1e-4 * np.abs(exact).max())
    assert float(x[pair.kept] @ pair.release.W_before[:, 0]) == pytest.approx(float(x @ pair.old.W[:, 0]), abs=1e-9)


@pytest.mark.parametrize("known", ["error", "ignore"])
@pytest.mark.parametrize("rare", ["west", "zephyr"])
def test_a_reference_that_left_with_the_record_makes_another_category_one_and_nothing_is_lost(known, rare, monkeypatch):
    monkeypatch.setattr("undelete.auditing.with_change.trained_by", lambda *_: None)  # these were trained on
    table, y = townspeople("arbor")  # the first one, which has no indicator; then "east" has none
    table.loc[table.index == WHO + 1, "town"] = rare  # which no public record has, if it is zephyr
    rest = table.drop(index=WHO)
    steps = make_column_transformer(
        (StandardScaler(), ["age"]), (OneHotEncoder(drop="first", handle_unknown=known), ["town", "kids"])
    )
    before, after = (make_pipeline(clone(steps), Ridge(2.0)).fit(X, y[X.index]) for X in (table, rest))
    more = table.loc[[WHO]].assign(wage=0.0, town="arbor")  # of whom the new encoder knows nothing
    public = pd.concat([rest.assign(wage=y), more] if known == "error" else [rest.assign(wage=y)])
    public = public[public.town != "zephyr"].reset_index(drop=True)
    pair = read_pair(before, after, public, target="wage", n=300)
    if rare == "west":
        told_exactly(pair, table, y)
    told = Difference.by(pair.release, "answers").gradient[0, :, 0]
    rho = y[WHO] - float(pair.old.features(table.loc[[WHO]])[0] @ pair.release.W_before[:, 0])
    others = np.array([name.startswith("town=") for name in pair.old.design.feature_names])
    assert told[-1] - told[others].sum() == pytest.approx(rho, abs=1e-6)  # who has no town's indicator: nobody else
