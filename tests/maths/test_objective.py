from dataclasses import replace

import numpy as np
import pytest

from tests.conftest import LOSS_NAMES, people
from undelete.maths.arrays import to_numpy
from undelete.maths.losses import LOSSES
from undelete.maths.objective import Objective, accumulate, predict


def make(name, xp=np, k=2, n=60, d=5):
    X, Y = people(np.random.default_rng(1), n, d, k, name)
    l2 = np.linspace(0.5, 2.0, d)
    W = np.random.default_rng(2).normal(size=(3, d, k))
    return Objective(xp.asarray(X), xp.asarray(Y), LOSSES[name], xp.asarray(l2)), xp.asarray(W)


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_gradient_is_the_difference_quotient_of_the_value(name, xp):
    objective, W = make(name, xp)
    V = xp.asarray(np.random.default_rng(3).normal(size=tuple(W.shape)))
    h = 1e-6
    slope = (objective.value(W + h * V) - objective.value(W - h * V)) / (2 * h)
    expected = xp.sum(objective.gradient(W) * V, axis=(-2, -1))
    np.testing.assert_allclose(to_numpy(slope), to_numpy(expected), rtol=1e-6)


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_hessian_vector_product_is_the_difference_quotient_of_the_gradient(name):
    objective, W = make(name)
    V = np.random.default_rng(3).normal(size=W.shape)
    h = 1e-7
    slope = (objective.gradient(W[0] + h * V[0]) - objective.gradient(W[0] - h * V[0])) / (2 * h)
    np.testing.assert_allclose(slope, objective.hessian_vector_product(W[0], V[0]), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_batches_equal_one_at_a_time(name, xp):
    objective, W = make(name, xp)
    for batched in (
        objective.value(W),
        objective.gradient(W),
        objective.hessian_vector_product(W[0, :, :], W),
    ):
        assert batched.shape[0] == 3
    for i in range(3):
        one = W[i, :, :]
        np.testing.assert_allclose(to_numpy(objective.value(W)[i]), to_numpy(objective.value(one)), rtol=1e-12)
        np.testing.assert_allclose(
            to_numpy(objective.gradient(W)[i, :, :]), to_numpy(objective.gradient(one)), rtol=1e-10, atol=1e-10
        )
        np.testing.assert_allclose(
            to_numpy(objective.hessian_vector_product(W[0, :, :], W)[i, :, :]),
            to_numpy(objective.hessian_vector_product(W[0, :, :], one)),
            rtol=1e-10, atol=1e-10,
        )  # fmt: skip


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_dense_hessian_equals_its_product(name):
    objective, W = make(name)
    V = np.random.default_rng(5).normal(size=W.shape[1:])
    for j in range(2):
        one = np.zeros_like(V)
        one[:, j] = V[:, j]
        product = objective.hessian_vector_product(W[0], one)[:, j]
        np.testing.assert_allclose(objective.hessian(W[0], j) @ V[:, j], product, rtol=1e-10)


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_a_weight_of_two_is_the_record_twice_and_of_zero_its_deletion(name):
    objective, W = make(name)
    weights = np.ones(60)
    weights[:5], weights[5:9] = 2.0, 0.0
    rows = np.r_[np.arange(5), np.arange(5), np.arange(9, 60)]
    weighted = Objective(objective.X, objective.Y, objective.loss, objective.l2, weights)
    repeated = objective.take(rows)
    np.testing.assert_allclose(weighted.value(W), repeated.value(W), rtol=1e-12)
    np.testing.assert_allclose(weighted.gradient(W), repeated.gradient(W), rtol=1e-10, atol=1e-10)
    V = W[1]
    np.testing.assert_allclose(
        weighted.hessian_vector_product(W[0], V), repeated.hessian_vector_product(W[0], V), rtol=1e-10, atol=1e-10
    )


def test_predict_and_accumulate_are_adjoint():
    rng = np.random.default_rng(0)
    X, W, R = rng.normal(size=(30, 4)), rng.normal(size=(5, 4, 3)), rng.normal(size=(30, 5, 3))
    assert np.isclose((predict(X, W) * R).sum(), (W * accumulate(X, R)).sum(), rtol=1e-12)


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_a_batch_may_have_weights_of_its_own(name, xp):
    objective, W = make(name, xp)
    weights = np.random.default_rng(4).integers(0, 3, size=(60, 3)).astype(float)
    batch = replace(objective, weights=xp.asarray(weights))
    V = xp.asarray(np.random.default_rng(5).normal(size=tuple(W.shape)))
    found = [batch.value(W), batch.gradient(W), batch.curved(predict(objective.X, W), V)]
    for i in range(3):
        alone = replace(objective, weights=xp.asarray(weights[:, i]))
        one, v = W[i, :, :], V[i, :, :]
        expected = [alone.value(one), alone.gradient(one), alone.hessian_vector_product(one, v)]
        for batched, single in zip(found, expected, strict=True):
            np.testing.assert_allclose(to_numpy(batched)[i], to_numpy(single), rtol=1e-10, atol=1e-10)
