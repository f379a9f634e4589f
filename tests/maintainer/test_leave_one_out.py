import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from tests.conftest import LOSS_NAMES, people
from tests.maintainer.test_fit import make, penalises_its_constant, reference
from undelete.errors import InputError
from undelete.maintainer.fit import fit
from undelete.maintainer.leave_one_out import retrain_without
from undelete.maths.arrays import to_numpy
from undelete.maths.losses import LOSSES
from undelete.maths.objective import Objective


def without(objective, row):
    keep = np.delete(np.arange(objective.n), row)
    return Objective(objective.X[keep], objective.Y[keep], objective.loss, objective.l2)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", LOSS_NAMES)
def test_equals_fitting_again_without_the_record(name, seed):
    objective = make(name, n=150, k=2, seed=seed)
    W = fit(objective).W
    rows = np.array([0, 7, 149, 33])
    found = retrain_without(objective, W, rows)
    assert found.converged.all()
    for i, row in enumerate(rows):
        naive = fit(without(objective, row), tol=1e-13).W
        # relative to the change: the change is what the attack reads
        assert np.abs(found.W[i] - naive).max() <= 1e-5 * np.abs(naive - W).max()


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_equals_a_scikit_learn_refit_to_1e_7(name):
    objective = make(name, n=300, penalise_constant=penalises_its_constant(name))
    found = retrain_without(objective, fit(objective).W, np.arange(0, 300, 60))
    for i, row in enumerate(range(0, 300, 60)):
        rest = without(objective, row)
        theirs = reference(name, rest.X[:, :-1], rest.Y, 2.0)
        scale = np.abs(theirs.coef_).max()
        np.testing.assert_allclose(found.coef[i], np.atleast_2d(theirs.coef_), rtol=0, atol=1e-7 * scale)
        # shifting all of softmax's intercepts alike changes nothing
        shift = found.intercept[i].mean() - np.mean(theirs.intercept_) if name == "softmax" else 0.0
        np.testing.assert_allclose(found.intercept[i] - shift, theirs.intercept_, rtol=0, atol=1e-7 * scale)


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_the_gradient_norm_is_that_of_the_remaining_records(name):
    objective = make(name, n=200)
    for certify in (False, True):
        found = retrain_without(objective, fit(objective).W, np.arange(20), certify=certify)
        for i in range(20):
            rest = without(objective, i)
            measured = (np.abs(rest.gradient(found.W[i])) / objective.unit).max() / objective.n
            assert measured <= 1e-9
            if found.certified[i]:
                assert measured <= found.gradient_norm[i] <= 1e-9
            else:
                assert abs(measured - found.gradient_norm[i]) <= 1e-14
        assert not found.certified.any() or certify
        assert set(found.shown) <= {"measured", "certified"}


def test_a_record_that_is_no_support_vector_changes_nothing_at_all():
    objective = make("squared_hinge", n=400)
    W = fit(objective).W
    outside = np.flatnonzero(objective.Y[:, 0] * (objective.X @ W)[:, 0] > 1)
    assert outside.size > 10
    for certify in (False, True):
        found = retrain_without(objective, W, outside, certify=certify)
        assert (found.W == W).all()
        assert (found.iterations == 0).all()


def test_a_record_near_the_margin_still_changes_the_model():
    objective = make("logistic", n=3000)
    W = fit(objective).W
    residual = np.abs(objective.loss.residual(objective.Y, objective.X @ W))[:, 0]
    faint = np.argsort(residual)[:5]
    found = retrain_without(objective, W, faint)
    for i, row in enumerate(faint):
        naive = fit(without(objective, row), tol=1e-15).W
        assert np.abs(found.W[i] - naive).max() <= 1e-3 * np.abs(naive - W).max()


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_order_and_blocks_do_not_matter(name, monkeypatch):
    objective = make(name, n=200, k=2)
    W = fit(objective).W
    rows = np.random.default_rng(0).permutation(200)[:50]
    whole = retrain_without(objective, W, rows)
    np.testing.assert_array_equal(retrain_without(objective, W, rows[::-1]).W[::-1], whole.W)
    monkeypatch.setattr("undelete.maintainer.sweep.BLOCK_ROWS", 7)
    steps = []
    parts = retrain_without(objective, W, rows[::-1], progress=lambda done, total: steps.append((done, total)))
    np.testing.assert_allclose(parts.W[::-1], whole.W, rtol=1e-9, atol=1e-12)
    assert steps[-1][0] == steps[-1][1] == 50 * (1 if name in ("squared", "softmax") else 2)
    assert len(steps) > 5


def test_leverage_one_is_refused_with_its_row():
    X, Y = people(np.random.default_rng(0), 50, 4)
    X = np.c_[X, np.zeros(50)]
    X[17, -1] = 1.0  # the only record with this feature
    objective = Objective(X, np.sign(Y - np.median(Y)), LOSSES["logistic"], np.zeros(5))
    W = fit(objective, max_iterations=3).W
    with pytest.raises(InputError, match="record 17 has leverage 1"):
        retrain_without(objective, W, np.array([3, 17]))


def one_hot(rng, n):
    """Three groups, all three indicators beside the constant: without full rank; one person alone in a group."""
    group = np.r_[2, rng.integers(0, 2, n - 1)]
    return np.c_[np.eye(3)[group], rng.normal(size=n)]


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize(
    "make",
    [
        lambda rng: one_hot(rng, 40),
        lambda rng: rng.normal(size=(12, 30)),  # fewer records than features: everyone has leverage 1
        lambda rng: np.repeat(rng.normal(size=(10, 4)), 2, axis=0) @ rng.normal(size=(4, 6)),  # duplicates, rank 4
        lambda rng: np.c_[np.eye(8, 3), rng.normal(size=(8, 2))],  # three records alone with their feature
    ],
    ids=["one-hot", "n below d", "duplicates", "leverage 1"],
)
def test_without_a_penalty_it_is_the_least_norm_solution_as_scikit_learn_s(make, k):
    rng = np.random.default_rng(0)
    X = make(rng)
    y = rng.normal(size=(len(X), k))
    model = LinearRegression().fit(X, y)
    objective = Objective(np.c_[X, np.ones(len(X))], y, LOSSES["squared"], np.zeros(X.shape[1] + 1))
    W = np.vstack([model.coef_.T, model.intercept_])
    np.testing.assert_allclose(fit(objective).W, W, rtol=1e-7, atol=1e-8)
    found = retrain_without(objective, W, np.arange(len(X)))
    assert found.converged.all()
    for i in range(len(X)):
        rest = np.delete(np.arange(len(X)), i)
        refit = LinearRegression().fit(X[rest], y[rest])
        np.testing.assert_allclose(found.coef[i], refit.coef_, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(found.intercept[i], refit.intercept_, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_runs_on_every_array_library(name, xp):
    objective = make(name, n=120, k=2)
    W = fit(objective).W
    rows = np.array([5, 3, 60])
    expected = retrain_without(objective, W, rows)
    other = Objective(xp.asarray(objective.X), xp.asarray(objective.Y), objective.loss, xp.asarray(objective.l2))
    found = retrain_without(other, xp.asarray(W), rows)
    assert isinstance(found.W, type(other.X))
    np.testing.assert_allclose(to_numpy(found.W), expected.W, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(to_numpy(fit(other).W), W, rtol=1e-7, atol=1e-9)
