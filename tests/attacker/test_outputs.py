"""Weights of the outputs and bounds of the features: against naive twins, and better than one column alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.optimize import minimize

from tests.conftest import Game
from undelete.attacker.gradient.difference import Difference, by_hessian
from undelete.attacker.gradient.estimate import Estimate
from undelete.attacker.gradient.scale import Size, own_class, probable_scale
from undelete.attacker.hrec import hrec
from undelete.attacker.hrec_plus import hrec_plus
from undelete.attacker.image import bounded as bounded_module
from undelete.attacker.image.bounded import _inside, _Shape, bounded
from undelete.attacker.image.outputs import _RIDGE, best_mix
from undelete.maintainer.fit import fit
from undelete.maintainer.game import play
from undelete.scoring.scores import cosine

RNG = np.random.default_rng


def _release(game: Game, rows):
    return play(game.objective, game.W, rows, _public(game))[0]


def _public(game):
    return {
        "X_public": game.X_public, "Y_public": game.Y_public, "constant": np.eye(len(game.W))[-1],
        "target_kind": "class",
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_the_weights_have_the_least_error_of_all(game, seed):
    """The variance of maths (10) for G v, summed in the public metric: no other weights have less."""
    played = game("softmax", n=1500, m=1500, k=4, seed=seed)
    release = _release(played, np.arange(5))
    G = by_hessian(release)
    mixes, _ = best_mix(release, G)
    X, P = release.X_public, release.loss.mean(release.X_public @ release.W_before)
    A = X.T @ X / len(X)
    inverse = np.linalg.inv(A + _RIDGE * np.trace(A) / len(A) * np.eye(len(A)))
    leverage = (X @ inverse * X).sum(axis=1)
    rng = RNG(seed)
    for i in range(5):
        moved = X @ (release.W_before - release.W_after[i])
        t = P * moved - P * (P * moved).sum(axis=1, keepdims=True)

        def relative(v, i=i, t=t):
            signal = v @ G[i].T @ inverse @ G[i] @ v
            return ((t @ v) ** 2 * leverage).sum() / signal

        best = relative(mixes[i])
        others = rng.normal(size=(200, 4))
        assert all(best <= relative(v) * (1 + 1e-9) for v in [*np.eye(4), *others, *(mixes[i] + 0.01 * others)])


def test_one_record_explains_all_columns_exactly(game):
    """Of a gradient without an error any weights give the record, the scale is positive, and the label is sure."""
    played = game("softmax", k=4)
    rows = np.arange(30)
    release = _release(played, rows)
    own = -played.objective.take(rows).own_gradients(played.W)
    mixes, label = best_mix(release, own)
    found = np.einsum("bdk,bk->bd", own, mixes)
    np.testing.assert_allclose(found / found[:, -1:], played.objective.X[rows], rtol=1e-6)
    assert (found[:, -1] > 0).all()
    np.testing.assert_array_equal(label, played.objective.Y[rows].argmax(axis=1))


def test_labels_are_at_least_as_often_right_as_the_constants(game):
    right = {"hrec+": [], "hrec": []}
    for seed in range(3):
        played = game("softmax", n=900, m=900, k=5, d=9, seed=seed)
        rows = np.arange(60)
        release = _release(played, rows)
        for attack in (hrec_plus, hrec):
            found = attack(release, RNG(0))
            right[found.attack].append(found.target.argmax(axis=1) == played.objective.Y[rows].argmax(axis=1))
    assert np.mean(right["hrec+"]) >= np.mean(right["hrec"])


def test_features_that_few_public_records_have_do_not_lead_it_astray(game):
    """A pixel that two public records use faintly and private ones do not: its entry is error, its metric steep."""
    played = game("softmax", n=900, m=900, k=4, d=8)
    rows = np.arange(40)
    rare = np.zeros(900)
    rare[:2] = 1e-3
    X, X_public = np.c_[np.zeros(900), played.objective.X], np.c_[rare, played.X_public]
    l2 = np.r_[1.0, played.objective.l2]
    objective = dataclasses.replace(played.objective, X=X, l2=l2)
    again = Game(objective, fit(objective).W, X_public, played.Y_public)
    G = Difference.by(_release(again, rows), "hessian").gradient
    G[:, 0, :] += 1e-3 * RNG(0).normal(size=(40, 4))  # what another private record would have left there
    _, label = best_mix(_release(again, rows), G)
    assert (label == objective.Y[rows].argmax(axis=1)).mean() >= 0.9


def test_it_beats_the_papers_column(game):
    gain = []
    for seed in range(4):
        played = game("softmax", n=1200, m=1200, k=5, d=9, seed=seed)
        rows = np.arange(40)
        release = _release(played, rows)
        truth = played.objective.X[rows, :-1]
        one, other = (np.abs(cosine(truth, a(release, RNG(0)).X[:, :-1])) for a in (hrec_plus, hrec))
        gain.append(np.median(one) - np.median(other))
    assert np.mean(gain) > 0


@pytest.mark.parametrize("seed", range(3))
def test_steps_go_to_the_nearest_record_inside(seed, monkeypatch):
    rng = RNG(seed)
    root = rng.normal(size=(6, 6))
    shape = _Shape(root @ root.T)
    X, low, high = 1.5 * rng.normal(size=(4, 6)), -np.ones(6), np.full(6, 0.7)
    half, _ = shape.root(bounded_module._TRUST)
    precision = np.linalg.inv(half @ half.T)

    def far(z, x):
        return (z - x) @ precision @ (z - x)

    few = _inside(X, shape, low, high)
    monkeypatch.setattr(bounded_module, "_STEPS", 3000)
    many = _inside(X, shape, low, high)
    for x, some, settled in zip(X, few, many, strict=True):
        assert ((some >= low) & (some <= high)).all()
        assert far(some, x) < far(np.clip(x, low, high), x)
        naive = minimize(far, np.clip(x, low, high), args=(x,), bounds=list(zip(low, high, strict=True)), tol=1e-12)
        assert far(settled, x) == pytest.approx(naive.fun, rel=1e-3, abs=1e-6)


def _between_zero_and_one(game, loss="logistic", seed=0):
    """A model of features of which many are zero, and its records."""
    played = game(loss, n=1500, m=1500, d=8, seed=seed)
    X, X_public = (np.c_[np.clip(X[:, :-1], 0, 1), np.ones(len(X))] for X in (played.objective.X, played.X_public))
    objective = dataclasses.replace(played.objective, X=X)
    return Game(objective, fit(objective).W, X_public, played.Y_public)


def test_the_range_brings_records_nearer(game):
    played = _between_zero_and_one(game)
    rows = np.arange(40)
    release = _release(played, rows)
    plain, found = hrec(release, RNG(0)), hrec_plus(release, RNG(0))
    good = np.array([status == "ok" for status in plain.status])
    truth = played.objective.X[rows][good]
    before, after = (np.linalg.norm(one.X[good] - truth, axis=1) for one in (plain, found))
    assert np.median(after) < 0.9 * np.median(before)
    assert found.X[good].min() >= 0
    assert found.X[good].max() <= 1


def test_a_record_of_unsure_scale_takes_a_usual_length(game):
    """Where the constant's entry drowns in its error, records of the class say how long one is."""
    played = _between_zero_and_one(game, "softmax")
    rows = np.arange(40)
    release = _release(played, rows)
    truth = played.objective.X[rows]
    G = by_hessian(release)
    mixes, label = best_mix(release, G)
    g = np.einsum("bdk,bk->bd", G, mixes)
    estimate = Estimate(g[:, -1], label, mix=mixes)
    t2 = estimate.weights(release) ** 2
    middle = (t2 / t2.sum(axis=0)).T @ release.X_public
    lost = g - g[:, -1:] * middle  # an error that takes the constant's entry away, and what goes together with it
    found = bounded(release, lost, dataclasses.replace(estimate, scale=lost[:, -1]))
    off = np.linalg.norm(found - truth, axis=1) / np.linalg.norm(truth - release.X_public.mean(axis=0), axis=1)
    assert np.median(off) < 0.8  # one would be the mean


def test_a_class_that_no_public_record_has_takes_the_length_of_all(game):
    release = _release(game("softmax", k=4), np.arange(12))
    lacking = dataclasses.replace(release, Y_public=np.eye(4)[np.ones(len(release.X_public), dtype=int)])
    found = hrec_plus(lacking, RNG(0))
    assert np.isfinite(found.X).all()
    assert len(set(found.target.argmax(axis=1))) > 1  # classes other than the public one


def test_an_estimate_says_when_there_is_none(game):
    from undelete.attacker.baselines import avg

    release = _release(game("softmax"), np.arange(3))
    with pytest.raises(ValueError, match="avg does not read a gradient"):
        Estimate.of(avg(release, RNG(0)))


def test_a_class_of_few_public_records_is_not_asked_how_long_they_are(game):
    played = game("softmax", n=300, m=300, k=3)
    release = _release(played, np.arange(2))
    Y = np.tile([0.0, 1.0, 0.0], (300, 1))
    Y[:5], Y[5:50] = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)
    release = dataclasses.replace(release, Y_public=Y)
    np.testing.assert_array_equal(own_class(release, 0), np.arange(300))
    np.testing.assert_array_equal(own_class(release, 2), np.arange(5, 50))


def test_records_of_one_length_have_that_length():
    scale = probable_scale(
        np.array([1.7]), np.array([0.5]), Size.plain(np.array([16.0])), np.zeros(1), np.full(40, 4.0)
    )
    np.testing.assert_allclose(scale, 2.0, rtol=1e-3)


def test_records_come_back_as_long_as_such_records_are(game):
    """All of one length: that says the scale better than the constant's entry does."""
    off = {"hrec+": [], "hrec": []}
    for seed in range(3):
        played = game("softmax", n=900, m=900, k=3, d=9, seed=seed)
        X, X_public = (
            np.c_[X[:, :-1] / np.linalg.norm(X[:, :-1], axis=1, keepdims=True), X[:, -1]]
            for X in (played.objective.X, played.X_public)
        )
        objective = dataclasses.replace(played.objective, X=X)
        release = _release(Game(objective, fit(objective).W, X_public, played.Y_public), np.arange(60))
        plain = hrec(release, RNG(0))
        sure = np.array([status == "ok" for status in plain.status])
        for found in (plain, hrec_plus(release, RNG(0))):
            off[found.attack].append(np.abs(np.log(np.linalg.norm(found.X[sure, :-1], axis=1))))
    assert np.median(np.concatenate(off["hrec+"])) < np.median(np.concatenate(off["hrec"]))
