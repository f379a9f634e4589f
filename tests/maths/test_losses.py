import numpy as np
import pytest

from undelete.maths.arrays import to_numpy
from undelete.maths.losses import LOSSES


def draw(loss, seed=0, shape=(40, 2)):
    rng = np.random.default_rng(seed)
    Z = 2 * rng.normal(size=shape)
    if loss == "softmax":
        return np.eye(shape[1])[rng.integers(0, shape[1], shape[0])], Z
    Y = rng.normal(size=shape) if loss == "squared" else np.sign(rng.normal(size=shape))
    return Y, Z


@pytest.mark.parametrize("name", LOSSES)
def test_residual_and_curvature_are_the_derivatives_of_the_value(name, xp):
    Y, Z = draw(name)
    loss, h = LOSSES[name], 1e-6
    Y, Z = xp.asarray(Y), xp.asarray(Z)
    for j in range(2):
        step = xp.asarray(h * np.eye(2)[j][None, :])
        slope = (loss.value(Y, Z + step) - loss.value(Y, Z - step)) / (2 * h)
        np.testing.assert_allclose(to_numpy(slope), to_numpy(loss.residual(Y, Z)[:, j]), atol=1e-7)
        bend = (loss.residual(Y, Z + step) - loss.residual(Y, Z - step)) / (2 * h)
        np.testing.assert_allclose(to_numpy(bend[:, j]), to_numpy(loss.curvature(Y, Z)[:, j]), atol=1e-6)
        action = loss.curvature_action(Y, Z, xp.ones_like(Z) * step / h)
        np.testing.assert_allclose(to_numpy(bend), to_numpy(action), atol=1e-6)


def test_logistic_stays_accurate_far_from_the_boundary():
    loss, y = LOSSES["logistic"], np.ones((3, 1))
    z = np.array([[700.0], [-700.0], [40.0]])
    np.testing.assert_allclose(loss.residual(y, z)[:, 0], [-np.exp(-700), -1.0, -np.exp(-40)], rtol=1e-12)
    np.testing.assert_allclose(loss.curvature(None, z)[:, 0], [np.exp(-700), np.exp(-700), np.exp(-40)], rtol=1e-12)
    np.testing.assert_allclose(loss.value(y, z), [np.exp(-700), 700.0, np.exp(-40)], rtol=1e-9, atol=1e-300)


def test_squared_hinge_needs_targets_for_its_curvature():
    with pytest.raises(ValueError, match="depends on the targets"):
        LOSSES["squared_hinge"].curvature(None, np.zeros((1, 1)))


def test_batches_broadcast_over_targets():
    for name, loss in LOSSES.items():
        Y, Z = draw(name)
        batch = np.stack([Z, Z + 1], axis=1)
        np.testing.assert_array_equal(loss.residual(Y[:, None, :], batch)[:, 1], loss.residual(Y, Z + 1))
