"""Softmax: the Hessian without one record, dense and matrix-free, against a naive dense pseudo-inverse."""

import numpy as np
import pytest

from tests.conftest import people
from undelete.errors import InputError
from undelete.maintainer.fit import fit, gradient_norm
from undelete.maintainer.leave_one_out import retrain_without
from undelete.maintainer.matrix_free import MatrixFreeStep
from undelete.maintainer.softmax import DenseStep, dense_hessian, null_free, pays
from undelete.maths.losses import LOSSES
from undelete.maths.objective import Objective, predict

PENALTIES = {"penalised": (2.0, 0.0), "penalised constant": (2.0, 0.5), "unpenalised": (0.0, 0.0)}


def make(n=80, d=4, k=3, penalty="penalised", seed=0, weighted=False, scale=None):
    rng = np.random.default_rng(seed)
    X, Y = people(rng, n, d, k, "softmax")
    l2 = np.full(d, PENALTIES[penalty][0])
    l2[-1] = PENALTIES[penalty][1]
    if scale is not None:
        X, l2 = X * scale, l2 * scale**2
    weights = rng.choice([0.0, 0.3, 1.0, 4.0], size=n) if weighted else None
    return Objective(X, Y, LOSSES["softmax"], l2, weights)


def without(objective, row):
    return objective.take(np.delete(np.arange(objective.n), row))


def naive_hessian(objective, W):
    """One record after the other, one Kronecker product each: (d k, d k), feature first."""
    k = W.shape[1]
    H = np.kron(np.diag(objective.l2), np.eye(k))
    for i, x in enumerate(objective.X):
        z = x @ W
        p = np.exp(z - z.max())
        p /= p.sum()
        weight = 1.0 if objective.weights is None else objective.weights[i]
        H += weight * np.kron(np.outer(x, x), np.diag(p) - np.outer(p, p))
    return H


def null_directions(objective):
    """Return the projection onto what the loss does not see: all classes alike, of features without a penalty."""
    k = objective.Y.shape[1]
    return np.kron(np.diag(objective.l2 == 0), np.full((k, k), 1 / k))


def naive_solve(objective, W, row, G):
    """The solution of the Newton system without the record that has no part along the null directions."""
    H = naive_hessian(without(objective, row), W)
    root = np.sqrt(np.diag(H))  # pinv's cut-off means something only when all features have one unit
    V = np.linalg.pinv(H / np.outer(root, root), rcond=1e-11, hermitian=True) @ (G.ravel() / root)
    return null_free(objective, (V / root).reshape(G.shape))


def right_sides(objective, W, rows):
    """Gradients without a record: in the range of the Hessian without it."""
    return objective.gradient(W) - objective.take(rows).own_gradients(W)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("k", [2, 3, 4, 5])
@pytest.mark.parametrize("penalty", list(PENALTIES))
def test_both_steps_solve_with_the_naive_hessian_without_the_record(penalty, k, weighted):
    objective = make(k=k, penalty=penalty, seed=k, weighted=weighted)
    W = fit(objective).W + 0.1 * np.random.default_rng(1).normal(size=(4, k))
    rows = np.array([0, 11, 79])
    G = right_sides(objective, W, rows)
    dense = DenseStep(objective, W).solve(rows, G)
    free = MatrixFreeStep(objective, W, rows).solve(rows, G)
    for i, row in enumerate(rows):
        expected = naive_solve(objective, W, row, G[i])
        size = np.abs(expected).max()
        assert np.abs(null_free(objective, dense[i]) - expected).max() <= 1e-9 * size
        # its inner solves stop at three digits of the right side
        H = naive_hessian(without(objective, row), W)
        assert np.abs(H @ free[i].ravel() - G[i].ravel()).max() <= 1.1e-3 * np.abs(G[i]).max()


def test_a_hessian_is_formed_for_many_deletions_or_few_parameters_and_where_it_may_be_singular(monkeypatch):
    objective = make(k=4)
    parameters = objective.X.shape[1] * objective.Y.shape[1]
    assert pays(objective, 1)
    monkeypatch.setattr("undelete.maintainer.softmax._FEWEST", 2)
    assert pays(objective, 100_000)
    monkeypatch.setattr("undelete.maintainer.softmax._PRODUCTS", 1e-9)
    assert not pays(objective, 1)
    assert pays(make(k=4, penalty="unpenalised"), 1)
    monkeypatch.setattr("undelete.maintainer.softmax.DENSE_LIMIT", parameters - 1)
    assert not pays(objective, 100_000)


def test_the_dense_hessian_is_the_naive_one_beside_the_null_directions():
    for penalty in PENALTIES:
        objective = make(penalty=penalty, weighted=True)
        W = np.random.default_rng(2).normal(size=(4, 3))
        H, expected = dense_hessian(objective, predict(objective.X, W)), naive_hessian(objective, W)
        shift = null_directions(objective)
        rest = np.eye(12) - shift
        np.testing.assert_allclose(rest @ H @ rest, expected, atol=1e-12)
        np.testing.assert_allclose(rest @ H @ shift, 0, atol=1e-12)
        assert np.linalg.eigvalsh(H)[0] > 1e-6


def test_the_dense_hessian_of_many_classes_takes_a_product_for_each_pair_of_features(monkeypatch):
    monkeypatch.setattr("undelete.maintainer.softmax._NUMBERS", 70)  # ten records at a time
    objective = make(d=2, k=7, weighted=True)
    W = np.random.default_rng(2).normal(size=(2, 7))
    products = []
    monkeypatch.setattr("undelete.maintainer.softmax.gram", lambda *_: products.append(1))
    H = dense_hessian(objective, predict(objective.X, W))
    monkeypatch.undo()
    rest = np.eye(14) - null_directions(objective)
    np.testing.assert_allclose(rest @ H @ rest, naive_hessian(objective, W), atol=1e-12)
    assert not products, "a product for each of 21 pairs of classes"


@pytest.mark.parametrize("step", [DenseStep, MatrixFreeStep])
def test_the_unit_of_a_feature_does_not_matter(step):
    scale = np.array([1e-6, 1.0, 1e6, 1.0])
    plain, scaled = make(penalty="unpenalised"), make(penalty="unpenalised", scale=scale)
    W = fit(plain).W
    rows = np.array([5, 9])
    expected = step(plain, W).solve(rows, right_sides(plain, W, rows))
    V = W / scale[:, None]
    found = step(scaled, V).solve(rows, right_sides(scaled, V, rows))
    if step is DenseStep:
        np.testing.assert_allclose(found * scale[:, None], expected, rtol=1e-7, atol=1e-9 * np.abs(expected).max())
        dense = retrain_without(scaled, V, rows, tol=1e-3)
        naive = retrain_without(plain, W, rows)
        np.testing.assert_allclose(dense.W * scale[:, None], naive.W, atol=1e-6)
    else:  # conjugate gradients stop by the size of the residual, which has units: only the preconditioner has none
        G = right_sides(plain, W, rows)
        plain_step, scaled_step = step(plain, W), step(scaled, V)
        scale = scale.astype(np.float32)[:, None]
        found = scaled_step.at[1](G.astype(np.float32) * scale) * scale
        np.testing.assert_allclose(found, plain_step.at[1](G.astype(np.float32)), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("k", [2, 5])
@pytest.mark.parametrize("penalty", list(PENALTIES))
def test_both_paths_of_retraining_agree_and_equal_a_refit(penalty, k, weighted, monkeypatch):
    objective = make(n=150, k=k, penalty=penalty, seed=10 + k, weighted=weighted)
    W = fit(objective, tol=1e-12).W
    rows = np.arange(0, 150, 30)
    dense = retrain_without(objective, W, rows)
    monkeypatch.setattr("undelete.maintainer.softmax.DENSE_LIMIT", 0)
    monkeypatch.setattr("undelete.maintainer.preconditioner._COARSE", 2 * (k - 1))  # two of four axes
    free = retrain_without(objective, W, rows)
    assert dense.converged.all()
    assert free.converged.all()
    for i, row in enumerate(rows):
        rest = without(objective, row)
        expected = fit(rest, tol=1e-13).W
        change = np.abs(null_free(objective, expected - W)).max()
        for found in (dense, free):
            assert np.abs(null_free(objective, found.W[i] - expected)).max() <= 1e-4 * change + 1e-12
            assert gradient_norm(rest, found.W[i]) <= 1e-9


@pytest.mark.parametrize("limit", [8192, 0])
def test_fewer_records_than_features(limit, monkeypatch):
    monkeypatch.setattr("undelete.maintainer.softmax.DENSE_LIMIT", limit)
    rng = np.random.default_rng(3)
    X = np.c_[rng.normal(size=(12, 30)), np.ones(12)]
    objective = Objective(X, np.eye(3)[np.arange(12) % 3], LOSSES["softmax"], np.r_[np.full(30, 0.5), 0.0])
    W = fit(objective).W
    found = retrain_without(objective, W, np.arange(12))
    assert found.converged.all()
    for i in range(12):
        rest = without(objective, i)
        np.testing.assert_allclose(found.W[i], fit(rest, tol=1e-13).W, atol=1e-7)


def test_features_that_depend_on_each_other_have_a_least_norm_step():
    base = make(n=100, k=3, penalty="unpenalised")
    X = np.c_[base.X[:, 0] > 1, base.X[:, 0] <= 1, base.X[:, 1:]].astype(float)  # one-hot beside the constant
    objective = Objective(X, base.Y, base.loss, np.zeros(5))
    W = fit(objective).W
    found = retrain_without(objective, W, np.array([2, 3]))
    assert found.converged.all()
    for i, row in enumerate((2, 3)):
        expected = fit(without(objective, row), tol=1e-13).W
        probabilities = [objective.loss.mean(X @ V) for V in (found.W[i], expected)]
        np.testing.assert_allclose(*probabilities, atol=1e-8)


def single(l2, l2_constant):
    """Three classes of which the last has one member, row 0."""
    rng = np.random.default_rng(4)
    X = np.c_[rng.normal(size=(60, 2)), np.ones(60)]
    labels = rng.integers(0, 2, size=60)
    labels[0] = 2
    return Objective(X, np.eye(3)[labels], LOSSES["softmax"], np.array([l2, l2, l2_constant]))


@pytest.mark.parametrize("limit", [8192, 0])
def test_a_class_without_members_has_a_model_when_the_constant_is_penalised(limit, monkeypatch):
    monkeypatch.setattr("undelete.maintainer.softmax.DENSE_LIMIT", limit)
    objective = single(1.0, 1.0)
    found = retrain_without(objective, fit(objective).W, np.array([0]))
    assert found.converged.all()
    np.testing.assert_allclose(found.W[0], fit(without(objective, 0), tol=1e-13).W, atol=1e-7)


@pytest.mark.parametrize("limit", [8192, 0])
def test_a_class_without_members_has_no_optimum_when_the_constant_is_free(limit, monkeypatch):
    # its intercept falls for ever: the gradient gets as small as asked for, but no step comes to rest
    monkeypatch.setattr("undelete.maintainer.softmax.DENSE_LIMIT", limit)
    objective = single(1.0, 0.0)
    assert not retrain_without(objective, fit(objective).W, np.array([0])).converged.any()


@pytest.mark.parametrize("limit", [8192, 0])
def test_separable_classes_without_a_penalty_have_no_optimum_and_the_parameters_tell(limit, monkeypatch):
    monkeypatch.setattr("undelete.maintainer.softmax.DENSE_LIMIT", limit)
    X = np.c_[np.linspace(-1, 1, 30), np.ones(30)]
    objective = Objective(X, np.eye(3)[np.arange(30) // 10], LOSSES["softmax"], np.zeros(2))
    fitted = fit(objective, max_iterations=8)
    assert not fitted.converged
    # `converged` speaks of the gradient alone; that goes to zero only as the parameters go to infinity
    found = [retrain_without(objective, fitted.W, np.array([0, 15]), tol=tol) for tol in (1e-3, 1e-6, 1e-9)]
    size = [np.abs(null_free(objective, part.W)).max() for part in found]
    assert size[1] > 1.5 * size[0]
    assert size[2] > 1.3 * size[1]
    for part, tol in zip(found, (1e-3, 1e-6, 1e-9), strict=True):
        np.testing.assert_array_equal(part.converged, part.gradient_norm <= tol)


def test_leverage_one_is_refused_by_its_row_and_high_leverages_are_not():
    rng = np.random.default_rng(5)
    X = np.c_[rng.normal(size=(60, 2)), np.zeros(60), np.ones(60)]
    X[17, 2] = 1.0  # the only record with this feature
    labels = rng.integers(0, 5, size=60)
    W = 0.1 * rng.normal(size=(4, 5))
    objective = Objective(X, np.eye(5)[labels], LOSSES["softmax"], np.zeros(4))
    with pytest.raises(InputError, match="record 17 has leverage 1"):
        DenseStep(objective, W).solve(np.array([3, 17]), right_sides(objective, W, np.array([3, 17])))
    # ten classes, each direction's leverage 0.999: their product is under any cut-off, yet all is determined
    ten = Objective(X, np.eye(10)[labels], LOSSES["softmax"], np.array([1e-4, 1e-4, 1e-4, 1e-4]))
    W, rows = np.zeros((4, 10)), np.array([17])
    G = right_sides(ten, W, rows)
    found = DenseStep(ten, W).solve(rows, G)[0]
    expected = naive_solve(ten, W, 17, G[0])
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8 * np.abs(expected).max())


def test_null_free_takes_the_shift_of_unpenalised_features_only():
    objective = make(penalty="penalised")  # the constant is free, the others are not
    V = np.random.default_rng(6).normal(size=(2, 4, 3))
    free = null_free(objective, V)
    np.testing.assert_array_equal(free[:, :3], V[:, :3])
    np.testing.assert_allclose(free[:, 3].sum(axis=-1), 0, atol=1e-15)
    np.testing.assert_allclose(predict(objective.X, free - V).std(axis=-1), 0, atol=1e-15)
    np.testing.assert_allclose(null_free(objective, free), free, atol=1e-16)


def test_dense_steps_do_not_depend_on_how_many_are_taken_at_once(monkeypatch):
    objective = make(n=80)
    W = fit(objective).W
    rows = np.arange(40)
    G = right_sides(objective, W, rows)
    whole = DenseStep(objective, W).solve(rows, G)
    monkeypatch.setattr("undelete.maintainer.softmax._NUMBERS", 12 * 3 * 7)
    np.testing.assert_allclose(DenseStep(objective, W).solve(rows, G), whole, rtol=1e-10, atol=1e-14)


def test_the_third_derivative_of_softmax_stays_under_its_bound():
    # docs/maths.md, (14): d/dz_c of the variance of t under softmax(z) is at most (range of t)^2 / 8
    rng = np.random.default_rng(7)
    for _ in range(2000):
        k = rng.integers(2, 6)
        z, t = 4 * rng.normal(size=k), rng.normal(size=k) * rng.choice([0.0, 1.0, 3.0], size=k)
        p = np.exp(z - z.max())
        p /= p.sum()
        third = p * ((t - p @ t) ** 2 - p @ (t - p @ t) ** 2)
        assert np.abs(third).max() <= np.ptp(t) ** 2 / 8 + 1e-15
