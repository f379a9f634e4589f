"""The class of a record where one model for each tells it from the rest, and a record may pull on few of these."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import RidgeClassifier
from sklearn.svm import LinearSVC

import undelete
from undelete.attacker.one_class import one_class, pulled_or_placed
from undelete.maths.losses import LOSSES
from undelete.release.release import Release

N = 600


def grown(seed):
    """People of three ages, the middle one of which no line tells from the rest."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"age": rng.integers(10, 60, N), "school": rng.integers(0, 12, N)})
    return table.assign(kind=np.digitize(table.age + rng.normal(0, 4, N), [24, 45]))


@pytest.mark.parametrize("model", [LinearSVC(dual=False, tol=1e-10, max_iter=10**5), RidgeClassifier()])
def test_the_class_is_the_one_that_was_pulled_at(model):
    private, public = grown(0), grown(1)
    columns = ["age", "school"]
    for row in (0, 7):
        pair = [clone(model).fit(part[columns], part.kind) for part in (private, private.drop(row))]
        found = undelete.audit(*pair, public, target="kind", n=N, attacks=["hrec+"])
        assert found.records.loc[0, "kind"] == private.kind[row]
        assert not any("swap" in one.text or "wrong order" in one.text for one in found.diagnostics)


def test_a_class_that_hardly_pulled_is_where_the_model_puts_the_record_and_no_probability_is_given():
    X = np.c_[np.random.default_rng(0).normal(size=(50, 2)), np.ones(50)]
    W = np.zeros((3, 3))
    release = Release(LOSSES["squared_hinge"], W, W[None], X, n=50, constant=np.array([0.0, 0.0, 1.0]))
    pulls = np.array([[1e-9, -1.0, 1e-7], [-2.0, 1e-7, 1.5], [-1.0, -2.0, 0.7]])  # outside the margin of two, of one
    Z = np.array([[1.7, -0.2, -4.5], [0.1, -2.0, -0.4], [-0.3, 0.2, -0.1]])
    target, sure = one_class(release, pulls, pulled_or_placed(pulls, Z), "exact")
    assert target.argmax(axis=1).tolist() == [0, 2, 2]
    assert sure.tolist() == [0.0, 1.0, 1.0]
