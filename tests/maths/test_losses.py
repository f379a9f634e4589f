import numpy as np
import pytest

from tests.conftest import LOSS_NAMES, is_number
from undelete import InputError
from undelete.maths.arrays import to_numpy
from undelete.maths.losses import LOSSES, loss_of
from undelete.maths.robust import Huber
from undelete.maths.weighted import ClassWeighted


def draw(loss, seed=0, shape=(40, 2)):
    rng = np.random.default_rng(seed)
    Z = 2 * rng.normal(size=shape)
    if not LOSSES[loss].separable:
        return np.eye(shape[1])[rng.integers(0, shape[1], shape[0])], Z
    if not is_number(loss):
        return np.sign(rng.normal(size=shape)), Z
    return (rng.gamma(1.0, 2.0, size=shape) if LOSSES[loss].least == 0 else rng.normal(size=shape)), Z


@pytest.mark.parametrize("name", LOSS_NAMES)
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


@pytest.mark.parametrize(
    "loss",
    [
        ClassWeighted(LOSSES["logistic"], (0.5, 2.0)),
        ClassWeighted(LOSSES["softmax"], (0.5, 2.0, 1.0)),
        ClassWeighted(LOSSES["squared_hinge"], (0.5, 2.0, 3.0), own=True),
        ClassWeighted(LOSSES["squared"], (0.5, 2.0, 3.0)),
    ],
    ids=lambda loss: loss.name,
)
def test_a_weighted_loss_has_its_derivatives_and_tells_the_class(loss, xp):
    rng, k = np.random.default_rng(0), 1 if len(loss.weights) == 2 else 3
    Y = np.where(np.eye(3)[rng.integers(0, 3, 30)] > 0, 1.0, loss.low)[:, :k]
    Y, Z, h = xp.asarray(Y), xp.asarray(rng.normal(size=(30, k))), 1e-6
    assert loss_of(loss.name) == loss
    for j in range(k):
        step = xp.asarray(h * np.eye(k)[j][None, :])
        slope = (loss.value(Y, Z + step) - loss.value(Y, Z - step)) / (2 * h)
        np.testing.assert_allclose(to_numpy(slope), to_numpy(loss.residual(Y, Z)[:, j]), atol=1e-7)
        bend = (loss.residual(Y, Z + step) - loss.residual(Y, Z - step)) / (2 * h)
        action = loss.curvature_action(Y, Z, xp.ones_like(Z) * step / h)
        np.testing.assert_allclose(to_numpy(bend), to_numpy(action), atol=1e-6)
    told = loss.target_from(Z, loss.residual(Y, Z))[0]
    np.testing.assert_array_equal(to_numpy(told), to_numpy(Y))


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_what_a_loss_says_needs_no_target_does_not(name):
    loss, (Y, Z) = LOSSES[name], draw(name)
    change = loss.residual(Y, Z) - loss.residual(Y, Z + 0.3)
    if loss.canonical:
        np.testing.assert_allclose(change, loss.mean(Z) - loss.mean(Z + 0.3), atol=1e-12)
        np.testing.assert_array_equal(loss.curvature(None, Z), loss.curvature(Y, Z))
    else:
        assert np.abs(change - (loss.mean(Z) - loss.mean(Z + 0.3))).max() > 0.01
        with pytest.raises(ValueError, match="targets: give Y"):
            loss.curvature(None, Z)


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_the_link_turns_the_answer_back(name):
    loss, (_, Z) = LOSSES[name], draw(name)
    np.testing.assert_allclose(loss.mean(loss.link(loss.mean(Z))), loss.mean(Z), rtol=1e-9)


@pytest.mark.parametrize("loss", [*LOSSES.values(), Huber(1.35, 0.7)], ids=lambda loss: loss.name)
def test_the_target_follows_from_the_residual(loss):
    Y, Z = draw(loss.name if loss.name in LOSSES else "squared")
    R = loss.residual(Y, Z)
    found, along, against = loss.target_from(Z, R)
    if "number" not in loss.targets:
        np.testing.assert_array_equal(np.where(found > 0, 1, loss.low)[R != 0], Y[R != 0])
        return
    told = np.isfinite(found)
    assert told.mean() > 0.2
    np.testing.assert_allclose(found[told], Y[told], atol=1e-9)
    h = 1e-6
    slope = (loss.target_from(Z + h, R)[0] - loss.target_from(Z - h, R)[0]) / (2 * h)
    np.testing.assert_allclose(np.broadcast_to(along, Z.shape)[told], slope[told], rtol=1e-5, atol=1e-6)
    slope = (loss.target_from(Z, R + h)[0] - loss.target_from(Z, R - h)[0]) / (2 * h)
    inside = np.isfinite(slope) & (np.abs(R) > h)
    np.testing.assert_allclose(np.broadcast_to(against, Z.shape)[inside], slope[inside], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_nothing_is_more_confident_than_the_truth(name):
    loss = LOSSES[name]
    Y, Z = draw(name, shape=(40, 2 if is_number(name) or not loss.separable else 1))
    own = loss.confidence(Y, Z)
    assert own.shape == (40,)
    if is_number(name):
        best = loss.link(np.maximum(Y, 1e-12) if loss.least == 0 else Y)
        assert (own <= 1e-9).all()
        np.testing.assert_allclose(loss.confidence(Y, best), 0.0, atol=1e-5)
        batch = loss.confidence(Y[:, None, :], np.stack([Z, Z + 1], axis=1))
        np.testing.assert_allclose(batch[:, 0], own)
    else:
        towards = Z + 0.5 * Y
        assert (loss.confidence(Y, towards) > own).all()


def test_bounds_hold_where_a_certificate_rests_on_them():
    Z = np.linspace(-12, 12, 4001)[:, None]
    h = Z[1, 0] - Z[0, 0]
    for loss in (loss for loss in (*LOSSES.values(), loss_of("tweedie(1.9)")) if loss.bounds is not None):
        Y = np.full_like(Z, 0.7 if "number" in loss.targets else 1.0)
        second, third, fourth = loss.curvature(Y, Z), loss.third(Y, Z), loss.fourth(Y, Z)
        largest = 1 + np.abs(second[2:-2, 0])
        assert (np.abs(np.gradient(second[:, 0], h)[2:-2] - third[2:-2, 0]) <= 1e-4 * largest).all()
        assert (np.abs(np.gradient(third[:, 0], h)[2:-2] - fourth[2:-2, 0]) <= 1e-4 * largest).all()
        assert (np.abs(third) <= second * (1 + 1e-12)).all()
        bounds = loss.bounds
        if bounds.growth:  # no number is the most: the fourth is no more than the second, and how fast it grows is told
            slope = np.abs(np.gradient(fourth[:, 0], h)[2:-2])
            most = (slope / fourth[2:-2, 0]).max()
            assert most <= bounds.growth * (1 + 1e-4)
            assert most >= 0.9 * bounds.growth
            assert (fourth >= 0).all()
            assert (fourth <= second * (1 + 1e-12)).all()
            continue
        found = [float(np.abs(part).max()) for part in (second, fourth, np.gradient(fourth[:, 0], h))]
        told = (bounds.curvature, bounds.fourth, bounds.fifth)
        assert all(one <= bound <= 1.1 * one for one, bound in zip(found, told, strict=True))


def test_losses_are_read_by_name_with_their_parameters():
    for loss in (*LOSSES.values(), Huber(1.35, 0.123456789012345)):
        assert loss_of(loss.name) == loss
    assert loss_of("tweedie(1.9)").power == 1.9
    for bad in ("tweedie(3)", "hinge", "tweedie", "tweedie(a)", "__import__(1)", "huber(1.35)"):
        with pytest.raises(InputError, match=r"loss '"):
            loss_of(bad)
