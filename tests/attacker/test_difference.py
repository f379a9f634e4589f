"""Minus the deleted gradient, by the Hessian and by the answers: against the records that remain, and its own error."""

import dataclasses

import numpy as np
import pytest

from tests.conftest import LOSS_NAMES
from undelete.attacker.gradient.difference import Difference, answer_change, answering, moves
from undelete.attacker.hrec import hrec
from undelete.attacker.hrec_plus import hrec_plus
from undelete.errors import InputError
from undelete.maintainer.fit import fit
from undelete.maintainer.leave_one_out import retrain_without
from undelete.maths.losses import LOSSES
from undelete.release.release import Release
from undelete.release.restricted import restricted

RNG = np.random.default_rng(0)  # the attacks draw nothing


def without(game, loss, rows, **more):
    """A game whose model is converged to the last digits, and its deletions."""
    g = game(loss, **more)
    g.W = fit(g.objective, tol=1e-13).W
    return g, retrain_without(g.objective, g.W, rows, tol=1e-12).W


def changed(g, W_after):
    """The change of the answers (b, m, k); where the loss lets it the targets are left out."""
    Y = None if g.objective.loss.canonical else g.Y_public
    old, new = (g.X_public @ W for W in (g.W, W_after))
    return np.array([answer_change(g.objective.loss, Y, old, Z) for Z in new])


def own_gradient(g, rows):
    return -g.objective.take(rows).own_gradients(g.W)


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("loss", LOSS_NAMES)
def test_with_the_remaining_records_in_place_of_public_ones_it_is_the_deleted_gradient(game, loss, k):
    rows = np.array([4, 17])
    g, W_after = without(game, loss, rows, n=200, m=10, k=k, l2=3.0)
    for i, row in enumerate(rows):
        remain = g.objective.take(np.delete(np.arange(200), row))
        seen = dataclasses.replace(g, X_public=remain.X, Y_public=remain.Y)
        found = Difference.by(seen.release(W_after[[i]]), "answers").gradient
        np.testing.assert_allclose(found, own_gradient(g, rows[[i]]), atol=1e-8)


@pytest.mark.parametrize("loss", LOSS_NAMES)
def test_to_first_order_both_ways_are_one(game, loss):
    g = game(loss, n=300, m=300, k=2)
    step = np.random.default_rng(1).normal(size=(1, *g.W.shape))
    bend = 1 + np.abs(g.objective.loss.curvature(g.Y_public, g.X_public @ g.W)).max()  # an exponential's grows with it
    for size in (1e-4, 1e-6):
        release = g.release(g.W - size * step)
        apart = np.abs(moves(release, "answers") - moves(release, "hessian")) / size
        # nobody crosses the margin by so little a step, or one record in ten thousand
        assert np.quantile(apart, 0.99) < 20 * bend * size + 1e-9


@pytest.mark.parametrize("loss", LOSS_NAMES)
def test_answers_say_as_much_as_parameters_and_need_no_targets(game, loss):
    g, W_after = without(game, loss, np.arange(3))
    known = g.release(W_after)
    change = changed(g, W_after)
    elsewhere = np.random.default_rng(2).normal(size=W_after.shape)
    told = g.release(elsewhere, answer_change=change, l2=None, Y_public=None if LOSSES[loss].canonical else g.Y_public)
    want = Difference.by(known, "answers", penalised=False).gradient
    np.testing.assert_allclose(Difference.by(told, "answers").gradient, want, rtol=1e-9, atol=1e-9)


def test_the_penalty_of_a_refitted_model_replaces_that_of_the_parameters(game):
    g, W_after = without(game, "logistic", np.arange(2), l2=50.0)
    share = np.random.default_rng(3).normal(size=W_after.shape)
    plain, told = g.release(W_after), g.release(W_after, penalty_share=share)
    bare = Difference.by(plain, "answers", penalised=False).gradient
    np.testing.assert_allclose(Difference.by(told, "answers").gradient - bare, share, atol=1e-12)
    l2 = g.objective.l2[:, None] * (g.W - W_after)
    np.testing.assert_allclose(Difference.by(plain, "answers").gradient - bare, l2, atol=1e-12)


@pytest.mark.parametrize("loss", ["squared", "logistic", "softmax"])
def test_the_expected_error_is_what_it_errs_by(game, loss):
    g, W_after = without(game, loss, np.arange(80), n=3000, m=3000)
    release = g.release(W_after)
    found, truth = Difference.best(release), own_gradient(g, np.arange(80))
    if found.way == "hessian":  # of the squared loss: the residual of the model without the record, maths (8)
        X, Y = g.objective.X[:80], g.objective.Y[:80]
        truth = X[:, :, None] * (Y - np.einsum("bd,bdk->bk", X, W_after))[:, None, :]
    unit = np.sqrt((g.X_public**2).mean(axis=0))[:, None]
    size = np.sqrt(((truth / unit) ** 2).sum(axis=(1, 2)))
    off = np.sqrt((((found.gradient - truth) / unit) ** 2).sum(axis=(1, 2))) / size
    # all deletions share one public sample, whose luck they share
    assert 0.6 < np.median(off / found.error) < 1.6


def test_the_way_is_chosen_by_the_second_order_it_leaves_out(game):
    g, W_after = without(game, "logistic", np.arange(5), n=120, m=20_000)
    assert Difference.best(g.release(W_after)).way == "answers"
    g, W_after = without(game, "squared", np.arange(5), n=120)
    assert Difference.best(g.release(W_after)).way == "hessian"


def test_the_exact_way_is_nearer_where_one_record_changes_much(game):
    g, W_after = without(game, "logistic", np.arange(60), n=60, m=60_000, l2=0.3)
    release, truth = g.release(W_after), own_gradient(g, np.arange(60))
    off = {
        way: np.linalg.norm((Difference.by(release, way).gradient - truth)[:, :, 0], axis=1)
        for way in ("hessian", "answers")
    }
    # the private sample is small, and its error is both ways' alike
    assert np.median(off["answers"]) < np.median(off["hessian"])


def test_attacks_say_how_the_gradient_was_obtained(game):
    g, W_after = without(game, "logistic", np.arange(3), n=150)
    release = g.release(W_after)
    assert hrec(release, RNG).way == "hessian"
    assert hrec_plus(release, RNG).way == Difference.best(release).way == "answers"


def test_a_release_of_answers_survives_its_file_and_its_parts(game, tmp_path):
    g, W_after = without(game, "logistic", np.arange(3))
    change = changed(g, W_after)
    release = g.release(W_after, answer_change=change, penalty_share=np.zeros(W_after.shape))
    release.save(tmp_path / "release.npz")
    again = Release.load(tmp_path / "release.npz").take(slice(1, 3))
    np.testing.assert_array_equal(again.answer_change, change[1:])
    assert again.penalty_share.shape == (2, *g.W.shape)
    with pytest.raises(InputError, match="answer_change has shape"):
        dataclasses.replace(release, answer_change=change[:, :5])


def test_what_moves_in_coordinates_that_are_left_out_is_in_the_answers_alone():
    rng = np.random.default_rng(0)
    first = rng.normal(size=4000)
    X = np.c_[first, first + 0.3 * rng.normal(size=4000), np.ones(4000)]
    W, moved = np.array([[1.0], [0.01], [0.5]]), np.zeros((8, 3, 1))
    moved[:, 0, 0] = 1e-3
    moved[:3, 1, 0] = -1e-3  # of three deletions of eight the second feature moves too
    release = Release(LOSSES["squared"], W, W - moved, X, X @ W, n=1000, constant=np.array([0.0, 0.0, 1.0]))
    seen = restricted(answering(release), np.array([True, False, True]))
    found = Difference.best(seen)
    exact = 999 * (moved[:, :, 0] @ (X.T @ X / len(X)))[:, [0, 2]]
    assert found.way == "answers"
    np.testing.assert_allclose(found.gradient[:, :, 0], exact, atol=1e-9)
    assert Difference.best(release).way == "hessian"  # where the parameters say it all
