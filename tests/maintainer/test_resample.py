from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tests.conftest import LOSS_NAMES, outputs, people
from undelete.errors import InputError
from undelete.maintainer.fit import fit, gradient_norm
from undelete.maintainer.resample import bootstrap, fit_resamples
from undelete.maintainer.softmax import null_free
from undelete.maths.losses import LOSSES
from undelete.maths.objective import Objective

SHADOWS = 6


def make(name, m=300, d=5, k=1, l2=2.0, seed=0):
    k = outputs(name, k)
    X, Y = people(np.random.default_rng(seed), m, d, k, name)
    penalty = np.full(d, l2)
    penalty[-1] = 0.0
    return Objective(X, Y, LOSSES[name], penalty)


def test_a_bootstrap_is_a_vector_of_counts():
    weights = bootstrap(50, 80, 400, np.random.default_rng(0))
    assert weights.shape == (400, 50)
    assert (weights.sum(axis=1) == 80).all()
    assert (weights == np.round(weights)).all()
    assert np.abs(weights.mean(axis=0) - 80 / 50).max() < 0.3  # each record alike: standard error .063
    assert weights.var() == pytest.approx(80 / 50 * (1 - 1 / 50), rel=0.05)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("l2", [0.0, 2.0])
@pytest.mark.parametrize("name", LOSS_NAMES)
def test_all_together_equal_one_by_one_on_repeated_rows(name, l2, seed):
    objective = make(name, k=2, l2=l2, seed=seed)
    weights = bootstrap(objective.n, 250, SHADOWS, np.random.default_rng(seed))
    found = fit_resamples(objective, weights, tol=1e-10)
    assert found.gradient_norm.max() <= 1e-10
    for s in range(SHADOWS):
        # the naive twin: a table in which a record drawn twice stands twice
        rows = np.repeat(np.arange(objective.n), weights[s].astype(int))
        alone = fit(objective.take(rows), tol=1e-10)
        assert alone.converged
        difference = found.W[s] - alone.W
        difference = null_free(objective, difference) if name == "softmax" else difference
        assert np.abs(difference).max() <= 1e-7 * np.abs(alone.W).max()
        measured = gradient_norm(replace(objective, weights=weights[s]), found.W[s])
        assert found.gradient_norm[s] == pytest.approx(measured, rel=1e-3, abs=1e-14)


def test_equals_scikit_learn_with_sample_weights():
    objective = make("logistic", l2=0.7)
    weights = bootstrap(objective.n, objective.n, 3, np.random.default_rng(1))
    found = fit_resamples(objective, weights, tol=1e-11)
    for s in range(3):
        theirs = LogisticRegression(C=1 / 0.7, solver="newton-cholesky", tol=1e-12, max_iter=1000)
        theirs.fit(objective.X[:, :-1], objective.Y[:, 0], sample_weight=weights[s])
        np.testing.assert_allclose(found.W[s, :-1, 0], theirs.coef_[0], rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(found.W[s, -1, 0], theirs.intercept_[0], rtol=1e-6)


def test_more_features_than_distinct_records_give_the_solution_of_least_norm():
    objective = make("squared", m=40, d=38, l2=0.0)
    weights = bootstrap(40, 40, 3, np.random.default_rng(2))
    found = fit_resamples(objective, weights)
    for s in range(3):
        rows = np.flatnonzero(weights[s])
        assert len(rows) < 38
        # centred, the shortest solution that interpolates; the intercept is not counted in the norm
        X, y = objective.X[rows, :-1], objective.Y[rows, 0]
        shares = weights[s, rows] / weights[s].sum()
        coef = np.linalg.lstsq(X - shares @ X, y - shares @ y, rcond=None)[0]
        np.testing.assert_allclose(found.W[s, :-1, 0], coef, rtol=1e-6, atol=1e-8)


def test_a_start_far_from_the_optimum_is_no_obstacle():
    """A resample that half of the records dominate: full Newton steps would not do."""
    objective = make("squared_hinge", m=60, d=4, l2=1e-3, seed=3)
    weights = np.ones((2, 60))
    weights[0, :30] = 1e4
    weights[1, objective.Y[:, 0] > 0] = 1e-4
    found = fit_resamples(objective, weights, tol=1e-9)
    for s in range(2):
        alone = fit(replace(objective, weights=weights[s]), tol=1e-11)
        assert np.abs(found.W[s] - alone.W).max() <= 1e-5 * np.abs(alone.W).max()


def test_progress_counts_resamples(monkeypatch):
    monkeypatch.setattr("undelete.maintainer.resample.BLOCK_NUMBERS", 600)  # two a block
    objective, seen = make("logistic"), []
    weights = bootstrap(objective.n, objective.n, 5, np.random.default_rng(0))
    together = fit_resamples(objective, weights, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(2, 5), (4, 5), (5, 5)]
    monkeypatch.undo()
    np.testing.assert_allclose(together.W, fit_resamples(objective, weights).W, atol=1e-9)


def test_what_does_not_converge_is_refused():
    X = np.c_[np.linspace(-1, 1, 20), np.ones(20)]
    apart = Objective(X, np.sign(X[:, :1]), LOSSES["logistic"], np.zeros(2))
    with pytest.raises(InputError, match=r"does not converge on the public records .*: the classes may be separable; "):
        fit_resamples(apart, np.ones((2, 20)))
    # separable only in the resample
    overlapping = replace(apart, Y=np.where(np.arange(20) == 3, 1.0, np.sign(X[:, 0]))[:, None])
    weights = np.ones((2, 20))
    weights[1, 3] = 0.0
    with pytest.raises(InputError, match=r"does not converge on resample 1 \(gradient"):
        fit_resamples(overlapping, weights)
