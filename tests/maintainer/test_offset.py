"""A number of each record's own in every prediction: fits, derivatives and deletions with it."""

from dataclasses import replace

import numpy as np
import pytest

from tests.conftest import LOSS_NAMES
from tests.maintainer.test_fit import make
from undelete.maintainer.fit import fit
from undelete.maintainer.leave_one_out import retrain_without
from undelete.maths.objective import Objective

POWERS = {"poisson": 1.0, "tweedie(1.5)": 1.5, "gamma": 2.0}


def shifted(name, n=150, seed=0):
    objective = make(name, n=n, k=1, seed=seed)
    offset = 0.5 * np.random.default_rng(seed).normal(size=n)
    Y = objective.Y * np.exp(offset)[:, None] if name in POWERS else objective.Y
    return replace(objective, Y=Y, offset=offset)


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_derivatives_are_those_of_the_value(name):
    objective = shifted(name)
    draw = np.random.default_rng(1)
    W, V = 0.1 * draw.normal(size=(2, objective.X.shape[1], objective.Y.shape[1]))
    step = 1e-6
    slope = (objective.value(W + step * V) - objective.value(W - step * V)) / (2 * step)
    np.testing.assert_allclose((objective.gradient(W) * V).sum(), slope, rtol=1e-6)
    np.testing.assert_allclose(
        objective.own_gradients(W).sum(axis=0) + objective.l2[:, None] * W, objective.gradient(W)
    )
    bend = (objective.gradient(W + step * V) - objective.gradient(W - step * V)) / (2 * step)
    found = objective.hessian_vector_product(W, V)
    np.testing.assert_allclose(found, bend, atol=1e-5 * np.abs(bend).max())
    without = replace(objective, offset=None).gradient(W)
    assert np.allclose(without, objective.gradient(W)) == (name == "softmax")  # a shift of all classes alike is none


@pytest.mark.parametrize("certify", [False, True])
@pytest.mark.parametrize("name", LOSS_NAMES)
def test_deletions_equal_fitting_again(name, certify):
    objective = shifted(name)
    W = fit(objective).W
    rows = np.array([0, 7, 149])
    found = retrain_without(objective, W, rows, certify=certify)
    assert found.converged.all()
    for i, row in enumerate(rows):
        rest = objective.take(np.delete(np.arange(objective.n), row))
        naive = fit(rest, tol=1e-13).W
        assert np.abs(found.W[i] - naive).max() <= 1e-5 * np.abs(naive - W).max()
        measured = (np.abs(rest.gradient(found.W[i])) / objective.unit).max() / objective.n
        assert measured <= 1e-9  # also where a certificate says it


@pytest.mark.parametrize("name", POWERS)
def test_the_weighted_twin_of_a_log_link_is_the_same_model(name):
    objective = shifted(name)
    e = np.exp(objective.offset)
    twin = Objective(
        objective.X, objective.Y / e[:, None], objective.loss, objective.l2, e ** (2 - POWERS[name])
    )  # fmt: skip
    W = fit(objective, tol=1e-13).W
    np.testing.assert_allclose(W, fit(twin, tol=1e-13).W, rtol=1e-8)
    rows = np.arange(3)
    own, other = (retrain_without(one, W, rows, tol=1e-12).W for one in (objective, twin))
    np.testing.assert_allclose(own, other, rtol=1e-8)


def test_an_offset_of_least_squares_is_taken_off_the_target():
    objective = shifted("squared")
    twin = replace(objective, Y=objective.Y - objective.offset[:, None], offset=None)
    np.testing.assert_allclose(fit(objective).W, fit(twin).W, rtol=1e-10)
    rows = np.arange(objective.n)
    found, other = (retrain_without(one, fit(twin).W, rows).W for one in (objective, twin))
    np.testing.assert_allclose(found, other, rtol=1e-10)


def test_a_checkpoint_knows_the_offset(tmp_path):
    objective = shifted("poisson")
    retrain_without(objective, fit(objective).W, np.arange(5), checkpoint=tmp_path)
    other = replace(objective, offset=objective.offset + 0.1 * (np.arange(objective.n) % 2))
    with pytest.raises(ValueError, match="another sweep"):
        retrain_without(other, fit(objective).W, np.arange(5), checkpoint=tmp_path)
