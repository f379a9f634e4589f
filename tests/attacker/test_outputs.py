"""Weights of the outputs and bounds of the features: against naive twins, and better than one column alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.optimize import minimize

from tests.conftest import Game
from undelete.attacker.bounded import _nearest, within_bounds
from undelete.attacker.decode import Estimate
from undelete.attacker.hrec import deleted_gradient, hrec
from undelete.attacker.lattice import hrec_plus
from undelete.attacker.outputs import best_mix
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
    G = deleted_gradient(release)
    mixes = best_mix(release, G)
    X, P = release.X_public, release.loss.probabilities(release.X_public @ release.W_before)
    inverse = np.linalg.inv(X.T @ X / len(X))
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
    """Of a gradient without an error the weights are indifferent: any give the record."""
    played = game("softmax", k=4)
    rows = np.arange(6)
    release = _release(played, rows)
    own = -played.objective.take(rows).own_gradients(played.W)
    found = np.einsum("bdk,bk->bd", own, best_mix(release, own))
    np.testing.assert_allclose(found / found[:, -1:], played.objective.X[rows], rtol=1e-6)


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
def test_the_bounded_record_is_the_nearest_inside(seed):
    rng = RNG(seed)
    root = rng.normal(size=(6, 6))
    S = root @ root.T + 0.3 * np.eye(6)
    X, low, high = 1.5 * rng.normal(size=(4, 6)), -np.ones(6), np.full(6, 0.7)
    found = _nearest(X, S, low, high)
    assert ((found >= low) & (found <= high)).all()
    precision = np.linalg.inv(S)
    for x, mine in zip(X, found, strict=True):
        value = lambda z, x=x: (z - x) @ precision @ (z - x)  # noqa: E731
        naive = minimize(value, np.clip(x, low, high), bounds=list(zip(low, high, strict=True)), tol=1e-12)
        assert value(mine) <= naive.fun * (1 + 1e-3) + 1e-6


def test_bounds_bring_records_nearer_and_leave_those_inside(game):
    """Public features between zero and one, many at zero: what is known of the range helps."""
    played = game("logistic", n=1500, m=1500, d=8)
    clipped = [np.c_[np.clip(X[:, :-1], 0.0, 1.0), np.ones(len(X))] for X in (played.objective.X, played.X_public)]
    objective = dataclasses.replace(played.objective, X=clipped[0])
    from undelete.maintainer.fit import fit

    again = Game(objective, fit(objective).W, clipped[1], played.Y_public)
    rows = np.arange(40)
    release = _release(again, rows)
    found = hrec(release, RNG(0))
    good = np.array([status == "ok" for status in found.status])
    estimate = Estimate.of(found).part(np.flatnonzero(good))
    moved = within_bounds(release.take(np.flatnonzero(good)), found.X[good], estimate)
    truth = objective.X[rows][good]
    before, after = (np.linalg.norm(X - truth, axis=1) for X in (found.X[good], moved))
    assert np.median(after) < np.median(before)
    inside = 0.2 + 0.6 * RNG(1).uniform(size=moved.shape)
    inside[:, -1] = 1.0
    np.testing.assert_allclose(within_bounds(release.take(np.flatnonzero(good)), inside, estimate), inside, atol=1e-6)


def test_an_estimate_says_when_there_is_none(game):
    from undelete.attacker.baselines import avg

    release = _release(game("softmax"), np.arange(3))
    with pytest.raises(ValueError, match="avg does not read a gradient"):
        Estimate.of(avg(release, RNG(0)))
