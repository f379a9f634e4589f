"""A made-up table whose targets are of every kind, and a way to check a pair of models to the last digit."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler


def customers(n, seed=0):
    """People with counts, sums, labels of two and of three kinds that depend on who they are."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "age": rng.integers(18, 80, n),
            "children": rng.poisson(1.2, n),
            "member": rng.integers(0, 2, n),
            "town": rng.choice(["north", "south", "east"], n, p=[0.5, 0.3, 0.2]),
        }
    )
    score = -1 + 0.02 * table.age + 0.2 * table.children + 0.3 * table.member + 0.3 * (table.town == "south")
    mean = np.exp(score)
    noise = rng.logistic(size=n)
    return table.assign(
        visits=rng.poisson(mean),
        spent=rng.gamma(2.0, mean / 2.0),
        claims=rng.poisson(mean) * rng.gamma(2.0, 0.5, n),
        wage=10 * score + rng.normal(size=n),
        left=(1.5 * (score - 1.2) + noise > 0).astype(int),
        plan=np.digitize(score + 0.5 * noise, [-0.2, 1.2]),
    )


WHO = 11
SURE = {"solver": "newton-cholesky", "tol": 1e-12, "max_iter": 1000}
COLUMNS = ["age", "children", "member", "town"]


@pytest.fixture(scope="session")
def table():
    """600 people: of whom models are fitted, and who are all public where nothing is to be estimated."""
    return customers(600)


def kept(final, X):
    """A pipeline whose preprocessing is fitted already, and stays so."""
    numbers, words = COLUMNS[:3], COLUMNS[3:]
    steps = make_column_transformer((StandardScaler(), numbers), (OneHotEncoder(drop="first"), words)).fit(X[COLUMNS])
    return make_pipeline(FrozenEstimator(steps), final)


def pair(make, table, target, who=WHO, later=None):
    X, y = table[COLUMNS], table[target]
    before = kept(make(), X).fit(X, y)
    after = kept((later or make)(), X).fit(X.drop(index=who), y.drop(index=who))
    return before, after
