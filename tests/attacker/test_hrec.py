import dataclasses

import numpy as np
import pytest

from tests.conftest import LOSS_NAMES, is_number
from undelete.attacker.gradient.difference import by_hessian
from undelete.attacker.hrec import hrec, unchanged
from undelete.maintainer.leave_one_out import retrain_without
from undelete.scoring.scores import cosine

RNG = np.random.default_rng(0)  # the attack draws nothing


def played(game, loss, rows=40, **more):
    g = game(loss, **more)
    return g, retrain_without(g.objective, g.W, np.arange(rows))


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("loss", LOSS_NAMES)
def test_with_the_private_hessian_the_gradient_is_exact_up_to_its_taylor_error(game, loss, k):
    g, after = played(game, loss, k=k, l2=1e-9)
    release = g.release(after.W, Y_public=g.objective.Y)
    release = dataclasses.replace(release, X_public=g.objective.X)
    x, y = g.objective.X[:40], g.objective.Y[:40]
    residual = g.objective.loss.residual(y, x @ g.W)
    exact = -x[:, :, None] * residual[:, None, :]
    if loss == "squared":  # Sherman-Morrison: the same direction, the residual of the retrained model
        residual = np.einsum("bd,bdk->bk", x, after.W) - y
        exact = -x[:, :, None] * residual[:, None, :]
    changed = np.abs(exact).max(axis=(1, 2)) > 0.05
    with np.errstate(divide="ignore", invalid="ignore"):  # some records do not pull at all
        error = np.abs(by_hessian(release) - exact).max(axis=(1, 2)) / np.abs(exact).max(axis=(1, 2))
    limit = 1e-9 if loss == "squared" else 0.05
    assert np.median(error[changed]) < limit
    found = hrec(release, RNG)
    assert np.nanmedian(cosine(x[:, :-1], found.X[:, :-1])) > 0.9999


@pytest.mark.parametrize("loss", LOSS_NAMES)
def test_recovers_records_and_labels_from_public_data(game, loss):
    g, after = played(game, loss, n=20000, m=20000, rows=60)
    release = g.release(after.W)
    found = hrec(release, RNG)
    x, y = g.objective.X[:60], g.objective.Y[:60]
    good = np.array(found.status) == "ok"
    assert good.mean() > (0.4 if g.objective.loss.margin else 0.9)
    assert np.median(cosine(x[good, :-1], found.X[good, :-1])) > 0.99
    assert (found.X[good, -1] == 1.0).all()
    if is_number(loss):
        # maths (8): the target comes back, to within its error bars
        z = (found.target - y)[good] / found.target_error[good]
        assert np.median(np.abs(found.target - y)[good]) < 0.2 * y.std()
        assert 0.3 < np.median(np.abs(z)) < 1.5
    else:
        assert (found.target[good].argmax(axis=1) == y[good].argmax(axis=1)).mean() > 0.95
        if g.objective.loss.separable:
            assert (found.target[good] == y[good]).all()


def test_target_of_a_regression_needs_n_and_nothing_else_does(game):
    g, after = played(game, "squared")
    with_n, without = hrec(g.release(after.W), RNG), hrec(g.release(after.W, n=None), RNG)
    assert with_n.target is not None
    assert without.target is None
    np.testing.assert_allclose(with_n.X, without.X, rtol=1e-10)


def test_scale_of_the_penalty_known_or_not_makes_no_difference(game):
    g, after = played(game, "logistic")
    known, unknown = hrec(g.release(after.W), RNG), hrec(g.release(after.W, l2=None), RNG)
    np.testing.assert_array_equal(known.X, unknown.X)


def test_unchanged_model_gives_nothing_back(game):
    g, after = played(game, "squared_hinge", rows=200)
    outside = g.objective.Y[:200, 0] * (g.objective.X[:200] @ g.W)[:, 0] > 1
    found = hrec(g.release(after.W), RNG)
    status = np.array(found.status)
    assert (status[outside] == "unchanged").all()
    assert np.isnan(found.X[outside]).all()
    assert np.isnan(found.target[outside]).all()
    assert not (status[~outside] == "unchanged").any()


def test_answers_that_move_by_rounding_alone_give_nothing_back(game):
    """Two features that are the same: a fit may share their weight as it likes, and no answer tells the difference."""
    g, after = played(game, "squared", rows=2)
    moved = np.zeros((2, len(g.W) + 1, 1))
    moved[0, [0, -1]] = [[0.001], [-0.001]]  # of the first feature and its copy
    moved[1, :-1] = after.W[1] - g.W
    W = np.r_[g.W, [[0.5]]]
    release = dataclasses.replace(
        g.release(after.W),
        X_public=np.c_[g.X_public, g.X_public[:, 0]],
        W_before=W,
        W_after=W + moved,
        l2=None,
        constant=None,
    )
    assert unchanged(release).tolist() == [True, False]


def test_without_a_constant_only_the_direction_comes_back(game):
    g, after = played(game, "squared", n=20000, m=20000)
    found = hrec(g.release(after.W, constant=None), RNG)
    assert set(found.status) == {"direction"}
    np.testing.assert_allclose(np.linalg.norm(found.X, axis=1), 1.0)
    assert found.target is None
    assert np.median(np.abs(cosine(g.objective.X[:40], found.X))) > 0.99


@pytest.mark.parametrize("loss", LOSS_NAMES)
def test_attack_is_blind(game, loss):
    """The same models and public data from another private table give the same answer, to the bit."""
    g, after = played(game, loss)
    release = g.release(after.W)
    g.objective.X[:] = np.nan  # whatever view the release might hold would show
    g.objective.Y[:] = np.nan
    once, twice = hrec(release, RNG), hrec(release, RNG)
    np.testing.assert_array_equal(once.X, twice.X)
    assert np.isfinite(once.X[np.array(once.status) == "ok"]).all()
