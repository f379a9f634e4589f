"""Refitted preprocessing that folds: with all private records in place of public ones nothing is left to estimate."""

import dataclasses

import numpy as np
import pytest

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
