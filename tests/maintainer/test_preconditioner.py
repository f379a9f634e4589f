"""The approximate inverse of a large softmax Hessian, against the exact one on the contrasts between classes."""

import numpy as np
import pytest

from tests.maintainer.test_softmax import PENALTIES, make, naive_hessian
from undelete.maintainer.fit import fit
from undelete.maintainer.matrix_free import MatrixFree, MatrixFreeStep
from undelete.maintainer.preconditioner import TwoLevel, principal_axes
from undelete.maths.arrays import to_numpy
from undelete.maths.losses import LOSSES
from undelete.maths.objective import Objective, predict


def contrasts(V):
    return V - V.mean(axis=-1, keepdims=True)


def exact(objective, W, V):
    """The inverse of the naive Hessian on the contrasts between classes, where it keeps V."""
    d, k = W.shape
    basis = np.kron(np.eye(d), np.linalg.svd(np.ones((1, k)))[2][1:].T)
    H = basis.T @ naive_hessian(objective, W) @ basis
    return np.stack([(basis @ np.linalg.solve(H, basis.T @ v.ravel())).reshape(d, k) for v in V])


def two_level(objective, W, axes, monkeypatch, **how):
    monkeypatch.setattr("undelete.maintainer.preconditioner._COARSE", axes * (W.shape[1] - 1))
    Z = predict(objective.X, W)
    return TwoLevel(objective, principal_axes(objective, Z), Z, **how)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("penalty", list(PENALTIES))
def test_with_all_axes_leading_it_is_the_inverse(penalty, weighted, monkeypatch):
    objective = make(d=5, k=4, penalty=penalty, weighted=weighted)
    rng = np.random.default_rng(0)
    W, V = rng.normal(size=(5, 4)), contrasts(rng.normal(size=(3, 5, 4)))
    found = two_level(objective, W, 5, monkeypatch)(V)
    np.testing.assert_allclose(found, exact(objective, W, V), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("thorough", [False, True])
@pytest.mark.parametrize("axes", [1, 3])
@pytest.mark.parametrize("penalty", [0.0, 2.0])
def test_with_all_probabilities_alike_few_axes_are_enough(penalty, axes, thorough, monkeypatch):
    # the Hessian is then a Kronecker product, which is what the other axes assume
    plain = make(d=6, k=4)
    objective = Objective(plain.X, plain.Y, plain.loss, np.full(6, penalty))
    W, V = np.zeros((6, 4)), contrasts(np.random.default_rng(1).normal(size=(3, 6, 4)))
    found = two_level(objective, W, axes, monkeypatch, thorough=thorough)(V)
    np.testing.assert_allclose(found, exact(objective, W, V), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("axes", [1, 2])
def test_thorough_it_is_the_inverse_of_what_it_forms(axes, weighted, monkeypatch):
    plain = make(d=5, k=4, weighted=weighted)
    objective = Objective(plain.X, plain.Y, plain.loss, np.full(5, 2.0), plain.weights)
    W = np.random.default_rng(0).normal(size=(5, 4))
    found = two_level(objective, W, axes, monkeypatch, thorough=True)
    basis = np.einsum("ar,kc->rcak", found.axes, found.contrasts).reshape(
        15, 20
    )  # (axis, contrast) by (feature, class)
    H = (basis @ naive_hessian(objective, W) @ basis.T).reshape(5, 3, 5, 3)
    kept = np.zeros_like(H)
    kept[:axes, :, :axes, :] = H[:axes, :, :axes, :]
    for j in range(3):
        kept[axes:, j, axes:, j] = H[axes:, j, axes:, j]
    V = contrasts(np.random.default_rng(1).normal(size=(3, 5, 4)))
    expected = np.linalg.solve(kept.reshape(15, 15), basis @ V.reshape(3, 20).T).T @ basis
    np.testing.assert_allclose(found(V), expected.reshape(3, 5, 4), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("free", [0, 2])
def test_the_axes_of_another_penalty_are_the_same_in_another_unit(free, monkeypatch):
    plain = make(d=6, k=4)
    l2 = np.r_[np.linspace(0.5, 2.0, 6 - free), np.zeros(free)]
    one, other = (Objective(plain.X, plain.Y, plain.loss, factor * l2) for factor in (1.0, 7.0))
    monkeypatch.setattr("undelete.maintainer.preconditioner._COARSE", 6)
    rng = np.random.default_rng(2)
    Z, V = rng.normal(size=plain.Y.shape), contrasts(rng.normal(size=(3, 6, 4)))
    own, moved = (TwoLevel(other, axes, Z) for axes in (principal_axes(other), principal_axes(one).at_penalty(7.0)))
    np.testing.assert_allclose(moved(V), own(V), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("thorough", [False, True])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("penalty", list(PENALTIES))
def test_it_is_symmetric_and_positive_on_contrasts(penalty, seed, thorough, monkeypatch):
    objective = make(n=40, d=6, k=3, penalty=penalty, seed=seed, weighted=True)
    X = np.c_[objective.X[:, 0] > 1, objective.X[:, 0] <= 1, np.zeros(40), objective.X[:, 1:]]  # dependent, and empty
    l2 = np.r_[0.0, 0.0, 0.0, objective.l2[1:]]
    objective = Objective(X.astype(float), objective.Y, objective.loss, l2, objective.weights)
    rng = np.random.default_rng(seed)
    precondition = two_level(objective, 5 * rng.normal(size=(8, 3)), 2, monkeypatch, thorough=thorough)
    basis = np.kron(np.eye(8), np.linalg.svd(np.ones((1, 3)))[2][1:].T)
    M = basis.T @ precondition(basis.T.reshape(16, 8, 3)).reshape(16, 24).T
    np.testing.assert_allclose(M, M.T, rtol=1e-8, atol=1e-8 * np.abs(M).max())
    values = np.linalg.eigvalsh((M + M.T) / 2)
    assert values[0] > -1e-13 * values[-1]  # the empty feature's are as large as rounding lets them be


def waves(n, d, l2, seed=0):
    """Random cosines of a few numbers, whose principal axes shorten fast, ten classes and a free constant."""
    rng = np.random.default_rng(seed)
    raw = rng.normal(size=(n, 4))
    X = np.c_[np.cos(raw @ rng.normal(size=(4, d)) + rng.uniform(0, 6, size=d)) * np.sqrt(2 / d), np.ones(n)]
    labels = (raw @ rng.normal(size=(4, 10)) + rng.gumbel(size=(n, 10))).argmax(axis=1)
    return Objective(X, np.eye(10)[labels], LOSSES["softmax"], np.r_[np.full(d, l2), 0.0])


@pytest.mark.parametrize(("l2", "most"), [(1.0, 8), (0.01, 24)])
def test_few_products_solve_what_would_take_many(l2, most, monkeypatch):
    objective = waves(500, 60, l2)
    W = fit(objective, tol=1e-8).W
    Z, rows = predict(objective.X, W), np.arange(0, 500, 100)
    G = objective.gradient(W) - objective.take(rows).own_gradients(W)
    monkeypatch.setattr("undelete.maintainer.preconditioner._COARSE", 20 * 9)
    free = MatrixFree(objective)
    V, products = free.solve((Z, free.preconditioner(Z)), G, 1e-3, rows)
    _, fewer = free.solve((Z, free.preconditioner(Z, thorough=True)), G, 1e-3, rows)
    _, bare = free.solve((Z, contrasts), G, 1e-3, rows)
    assert products <= most
    assert fewer < products < bare / 2
    for i, row in enumerate(rows):
        rest = objective.take(np.delete(np.arange(500), row))
        left = rest.hessian_vector_product(W, V[i]) - G[i]
        assert np.abs(left).max() <= 1.1e-3 * np.abs(G[i]).max()


def test_the_leading_axes_are_those_of_the_records_that_bend_the_loss(monkeypatch):
    # long records that the model is sure of along some features, shorter ones that it is not sure of along others
    rng, sure = np.random.default_rng(3), np.arange(400) < 200
    X = (
        np.where(sure[:, None] == (np.arange(12) < 6), rng.normal(size=(400, 12)), 0.0)
        * np.r_[np.full(6, 9.0), np.ones(6)]
    )
    Y = np.eye(4)[rng.integers(4, size=400)]
    objective = Objective(X, Y, LOSSES["softmax"], np.full(12, 0.01))
    Z = np.where(sure[:, None], 30 * Y, 2 * rng.normal(size=Y.shape))
    monkeypatch.setattr("undelete.maintainer.preconditioner._COARSE", 6 * 3)
    V = contrasts(rng.normal(size=(3, 12, 4)))
    products = [
        free.solve((Z, free.preconditioner(Z)), V, 1e-3)[1]
        for free in (MatrixFree(objective), MatrixFree(objective, principal=principal_axes(objective)))
    ]
    assert products[0] <= 3
    assert products[1] > 2 * products[0]


def test_single_precision_does_not_hide_how_short_the_other_axes_are():
    rng = np.random.default_rng(4)
    X = rng.normal(size=(300, 40)) @ np.linalg.qr(rng.normal(size=(40, 40)))[0] * np.logspace(4, -1, 40)
    objective = Objective(X, np.eye(3)[rng.integers(3, size=300)], LOSSES["softmax"], np.full(40, 0.01))
    single, exact_ones = principal_axes(objective.astype(np.float32)), principal_axes(objective)
    np.testing.assert_allclose(single.squares, exact_ones.squares, rtol=0.05)


def test_where_the_model_is_sure_of_every_record_the_axes_are_those_of_all():
    objective = waves(200, 8, 1.0)
    found, plain = principal_axes(objective, 1e3 * objective.Y), principal_axes(objective)
    np.testing.assert_array_equal(found.squares, plain.squares)


@pytest.mark.parametrize(("deletions", "l2", "thorough"), [(5, 1e-3, False), (200, 1e-3, True), (50, 100.0, False)])
def test_a_sweep_is_thorough_where_its_deletions_are_many_or_dear(deletions, l2, thorough, monkeypatch):
    objective = waves(300, 40, l2)
    monkeypatch.setattr("undelete.maintainer.preconditioner._COARSE", 9 * 9)
    step = MatrixFreeStep(objective, fit(objective, tol=1e-8).W, np.arange(deletions))
    assert (step.at[1].inverses is not None) == thorough


@pytest.mark.parametrize("forcing", [1e-1, 1e-2, np.array([1e-1, 1e-2, 1e-3])])
def test_each_system_is_solved_as_far_as_asked_in_every_array_library(forcing, xp):
    plain = make(n=120, d=6, k=4)
    W = 0.3 * np.random.default_rng(2).normal(size=(6, 4))
    rows = np.array([7, 50, 119])
    G = plain.gradient(W) - plain.take(rows).own_gradients(W)
    objective = Objective(xp.asarray(plain.X), xp.asarray(plain.Y), plain.loss, xp.asarray(plain.l2))
    free, Z = MatrixFree(objective), predict(objective.X, xp.asarray(W))
    V = to_numpy(free.solve((Z, free.preconditioner(Z)), xp.asarray(G), forcing, rows)[0])
    for i, row in enumerate(rows):
        rest = plain.take(np.delete(np.arange(120), row))
        left = np.abs(rest.hessian_vector_product(W, V[i]) - G[i]).max()
        assert left <= 1.01 * np.broadcast_to(forcing, 3)[i] * np.abs(G[i]).max()
