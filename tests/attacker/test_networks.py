"""The attack on networks: its derivatives, its estimate, its error bars; small and made up."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.attacker.networks_played import COLUMNS, play, small
from undelete.attacker.gradient.difference import Difference
from undelete.attacker.hrec import hrec
from undelete.attacker.networks.attack import attack
from undelete.attacker.networks.estimate import Estimator
from undelete.attacker.networks.network import Network
from undelete.attacker.networks.release import NetworkRelease
from undelete.maintainer.leave_one_out import retrain_without

torch = pytest.importorskip("torch")
bce = torch.nn.functional.binary_cross_entropy_with_logits


@pytest.fixture(scope="module")
def played():
    return play(torch)


def seen(played, public=None):
    """What an attacker sees; `public` (X, Y) in the place of the public records."""
    X = played.scale.transform(played.public[COLUMNS].to_numpy(float)) if public is None else public[0]
    Y = played.public[["label"]].to_numpy(float) if public is None else public[1]
    l2 = played.fit.l2
    return NetworkRelease(played.fit.network, played.theta, played.theta_after[None], X, np.where(Y > 0, 1.0, -1.0),
                          played.n, l2, l2, 2)  # fmt: skip


def own_gradient(played):
    one = slice(played.row, played.row + 1)
    return played.fit.network.gradients(played.theta, played.fit.X[one], played.fit.Y[one])[0]


@pytest.mark.parametrize("loss", ["bce", "softmax"])
def test_products_agree_with_finite_differences(loss):
    rng = np.random.default_rng(0)
    outputs = 3 if loss == "softmax" else 1
    module = small(torch, outputs).requires_grad_(False)
    names = [name for name, _ in module.named_parameters()]
    whole = loss == "softmax"
    network = Network(module, torch.nn.functional.cross_entropy if whole else bce, names, (4,), whole)
    X, theta = rng.normal(size=(30, 4)), rng.normal(size=network.parameters)
    Y = rng.integers(0, max(2, outputs), (30, 1)).astype(float)
    v, step = rng.normal(size=network.parameters), 1e-5
    up, down = theta + step * v, theta - step * v
    slope = (network.total(up, X, Y)[0] - network.total(down, X, Y)[0]) / (2 * step)
    assert network.gradient(theta, X, Y) @ v == pytest.approx(slope, rel=1e-7)
    bend = (network.gradient(up, X, Y) - network.gradient(down, X, Y)) / (2 * step)
    np.testing.assert_allclose(network.hessian_vector(theta, X, Y, v), bend, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(network.hessian(theta, X, Y) @ v, bend, rtol=1e-6, atol=1e-7)
    own = network.gradients(theta, X, Y)
    np.testing.assert_allclose(own.sum(axis=0), network.gradient(theta, X, Y), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(own @ v, network.along(theta, X, Y, v), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(network.gradients_along(theta, X, Y, v).sum(axis=0), bend, rtol=1e-6, atol=1e-7)
    weights = rng.normal(size=30)
    np.testing.assert_allclose(network.gradient(theta, X, Y, weights), weights @ own, rtol=1e-10, atol=1e-12)


def as_network(game, W_after, deletions):
    """Return a linear model's release as that of a module with one dense layer."""
    d, k = game.W.shape
    module = torch.nn.Linear(d - 1, k).double().requires_grad_(False)
    network = Network(module, bce, ["weight", "bias"], (d - 1,), False)
    before = network.vector({"weight": game.W[:-1].T, "bias": game.W[-1]})
    after = np.stack([network.vector({"weight": W[:-1].T, "bias": W[-1]}) for W in W_after])
    l2 = network.vector({"weight": game.objective.l2[:-1], "bias": game.objective.l2[-1:]})
    return NetworkRelease(network, before, after, game.X_public[:, :-1], game.Y_public, game.objective.n, l2, l2, 2)


def test_a_linear_model_written_as_a_module_gives_the_linear_path_s_reconstruction(game):
    played = game("logistic", n=500, m=600)
    rows = np.array([3, 11, 40])
    W_after = np.asarray(retrain_without(played.objective, played.W, rows).W)
    linear, network = played.release(W_after), as_network(played, W_after, rows)
    found = attack(network, ["hrec"]).found["hrec"]
    np.testing.assert_allclose(found.X, hrec(linear, np.random.default_rng(0)).X[:, :-1], rtol=1e-8, atol=1e-8)
    exact = Difference.by(linear, "answers").gradient[:, :, 0]
    own = np.stack([Estimator(network).estimate(i, weighed=False).gradient for i in range(3)])
    np.testing.assert_allclose(own, exact, rtol=1e-8, atol=1e-8)


def test_with_the_remaining_records_in_place_of_public_ones_the_gradient_is_exact(played):
    rest = [np.delete(array, played.row, axis=0) for array in (played.fit.X, played.fit.Y)]
    estimate = Estimator(seen(played, rest)).estimate(0, weighed=False)
    np.testing.assert_allclose(estimate.gradient, -own_gradient(played), rtol=1e-5, atol=1e-6)


def test_weights_that_give_public_records_the_private_optimum_help_and_the_error_bars_hold(played):
    estimator = Estimator(seen(played))
    true = -own_gradient(played)
    plain, weighed = estimator.estimate(0, weighed=False), estimator.estimate(0)
    assert weighed.weighed
    assert weighed.difference.error[0] < plain.difference.error[0]
    assert np.linalg.norm(weighed.gradient - true) < np.linalg.norm(plain.gradient - true)
    off = weighed.whitening @ (weighed.gradient - true)
    assert 0.2 < off @ off / len(off) < 1.6


def test_the_record_comes_back_with_its_label_and_error_bars_that_hold(played):
    attacked = attack(seen(played), ["hrec+", "hrec", "nearest", "maxdiff", "avg"])
    true, found = played.fit.X[played.row], attacked.found["hrec+"]
    close = {name: np.linalg.norm(one.X[0] - true) for name, one in attacked.found.items()}
    assert close["hrec+"] < 0.7 * min(close[name] for name in ("nearest", "maxdiff", "avg"))
    assert np.sign(found.target[0, 0]) == np.sign(played.fit.Y[played.row, 0] - 0.5)
    assert (np.abs(found.X[0] - true) < 4 * found.record_error[0]).all()
    assert attacked.account.misfit[0] / attacked.account.freedom < 2


def test_two_equal_models_give_nothing(played):
    same = dataclasses.replace(seen(played), theta_after=played.theta[None])
    attacked = attack(same, ["hrec+", "hrec", "maxdiff"])
    for found in attacked.found.values():
        assert found.status == ("unchanged",)
        assert np.isnan(found.X).all()
