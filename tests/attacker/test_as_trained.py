"""Public records as if the model had been trained on them: against models that were, and deletions of few records."""

import dataclasses

import numpy as np
import pytest

from undelete.attacker.gradient.as_trained import _trained_on, as_trained
from undelete.attacker.gradient.difference import Difference
from undelete.maintainer.fit import fit
from undelete.maintainer.leave_one_out import retrain_without

MANY = {"n": 150, "m": 150, "l2": 2.0}


def crowded(game, loss, k=1, features=30, **more):
    """A game of many features for its records, its model at the optimum."""
    g = game(loss, k=k, d=features, **MANY | more)
    g.W = fit(g.objective, tol=1e-12).W
    return g


@pytest.mark.parametrize("k", [1, 3])
def test_a_record_left_out_of_a_ridge_would_be_predicted_as_by_the_model_that_was_trained_on_it(game, k):
    g = crowded(game, "squared", k)
    rows = np.arange(6)
    without = retrain_without(g.objective, g.W, rows, tol=1e-11).W
    release = dataclasses.replace(g, X_public=g.objective.X, Y_public=g.objective.Y).release(without)
    found = _trained_on(release)
    for i, row in enumerate(rows):
        Z = release.predictions(release.W_after[i])
        told = found.answers(Z)
        np.testing.assert_allclose(told[row], (g.objective.X @ g.W)[row], atol=1e-8)


@pytest.mark.parametrize(("loss", "k"), [("logistic", 1), ("softmax", 3), ("poisson", 1)])
def test_of_other_losses_about_as_by_the_model_that_was_trained_on_it(game, loss, k):
    g = crowded(game, loss, k, features=12)
    rows = np.arange(40)
    without = retrain_without(g.objective, g.W, rows, tol=1e-10).W
    release = dataclasses.replace(g, X_public=g.objective.X, Y_public=g.objective.Y).release(without)
    found = _trained_on(release)
    true, plain, told = (g.objective.X @ g.W)[rows], [], []
    for i, row in enumerate(rows):
        Z = release.predictions(release.W_after[i])
        plain.append(Z[row])
        told.append(found.answers(Z)[row])
    assert np.abs(np.array(told) - true).mean() < 0.2 * np.abs(np.array(plain) - true).mean()


@pytest.mark.parametrize(("loss", "k"), [("squared", 1), ("logistic", 1), ("softmax", 3)])
def test_pulls_of_few_records_are_told_as_large_as_they_are(game, loss, k):
    g = crowded(game, loss, k, features=30 if k == 1 else 10)
    rows = np.arange(120)
    W = retrain_without(g.objective, g.W, rows, tol=1e-10).W
    true = -g.objective.take(rows).own_gradients(g.W)
    release = g.release(W)

    def slope(G):
        return float((G * true).sum() / (true**2).sum())

    plain, told = (Difference.by(one, "answers").gradient for one in (release, as_trained(release)))
    assert slope(plain) > 1.1
    assert abs(slope(told) - 1) < 0.4 * (slope(plain) - 1)


def test_where_records_are_many_or_something_else_is_in_it_the_release_stays_as_it_is(game):
    many = game("logistic", n=800, m=100)
    release = many.release(retrain_without(many.objective, many.W, np.arange(2), tol=1e-8).W)
    assert as_trained(release) is release
    g = crowded(game, "logistic")
    release = g.release(retrain_without(g.objective, g.W, np.arange(2), tol=1e-8).W)
    assert as_trained(release).answer_change is not None
    for other in (
        {"n": None}, {"l2": None}, {"reweighed": True}, {"Y_public": None}, {"l1": np.ones_like(release.l2)},
        {"offset_public": np.zeros(len(release.X_public))},
    ):  # fmt: skip
        seen = dataclasses.replace(release, **other)
        assert as_trained(seen) is seen
