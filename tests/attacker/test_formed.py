"""Sums over public records formed once for many deletions: against products and pulls of each deletion."""

import dataclasses
import gc

import numpy as np
import pytest

from tests.conftest import LOSS_NAMES
from undelete.attacker.gradient import difference, estimate
from undelete.attacker.gradient.difference import by_hessian, spread, weights
from undelete.attacker.gradient.estimate import Estimate
from undelete.attacker.gradient.formed import formed
from undelete.maintainer.leave_one_out import retrain_without
from undelete.maths.losses import LOSSES
from undelete.release import shared as kept
from undelete.release.shared import shared


def played(game, loss, k=1, deletions=8):
    g = game(loss, n=120, m=400, k=k)
    return g.release(retrain_without(g.objective, g.W, np.arange(deletions), tol=1e-8).W)


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("loss", [name for name in LOSS_NAMES if LOSSES[name].separable])
def test_many_deletions_by_sums_formed_once_are_those_one_by_one(game, loss, k, monkeypatch):
    release = played(game, loss, k)
    assert formed(release) is not None
    output = np.arange(release.deletions) % k
    many, far = by_hessian(release), spread(release, "hessian", output, None)
    monkeypatch.setattr(difference, "formed", lambda _: None)
    np.testing.assert_allclose(many, by_hessian(release), rtol=1e-9, atol=1e-12 * np.abs(many).max())
    np.testing.assert_allclose(far, weights(release, "hessian", output, None).var(axis=0), rtol=1e-8)
    np.testing.assert_allclose(far, spread(release, "hessian", output, None), rtol=1e-8)


def test_years_and_dollars_beside_indicators_leave_no_rounding_in_the_spread(game):
    release = played(game, "squared")
    X, shift = np.array(release.X_public), np.linspace(1e3, 1e6, release.X_public.shape[1])
    X += np.where(release.constant > 0, 0.0, shift)
    W = np.array(release.W_after)  # the same answers of shifted records
    both = np.concatenate([release.W_before[None], W])
    both[:, release.constant > 0] -= (np.where(release.constant > 0, 0.0, shift) @ both)[:, None]
    far = dataclasses.replace(release, X_public=X, W_before=both[0], W_after=both[1:])
    assert formed(far) is not None
    none = np.zeros(release.deletions, dtype=np.int64)
    np.testing.assert_allclose(spread(far, "hessian", none, None), spread(release, "hessian", none, None), rtol=1e-4)


def test_a_single_deletion_forms_nothing_and_neither_does_a_loss_that_mixes_outputs(game):
    release = played(game, "logistic")
    assert formed(release.take(slice(0, 1))) is None
    assert formed(played(game, "softmax", k=3)) is None


def test_the_sums_are_made_once_for_all_blocks_of_a_sweep_and_for_no_other_model(game):
    release = played(game, "squared")
    first = formed(release)
    assert formed(release.take(slice(0, 6))) is first
    other = played(game, "squared", deletions=7)
    assert formed(other) is not first


def test_what_is_shared_goes_with_the_records_it_was_made_of(game):
    release = played(game, "squared")
    shared(release, _count)
    assert _count in kept._kept
    del release
    gc.collect()
    assert _count not in kept._kept


def _count(release):
    return len(release.X_public)


@pytest.mark.parametrize("way", ["hessian", "answers"])
@pytest.mark.parametrize("loss", ["squared", "poisson", "gamma"])
def test_the_error_of_a_target_is_the_spread_of_all_public_records_at_once(game, loss, way, monkeypatch):
    release = played(game, loss)
    b = release.deletions
    X = np.random.default_rng(3).normal(size=(b, release.W_before.shape[0]))
    found = Estimate(np.linspace(0.5, 2, b), np.zeros(b, dtype=np.int64), way)
    monkeypatch.setattr(estimate, "_CACHED", 50 * b)  # several blocks of records
    error = found.target_error(release, X)
    W = release.W_after[:, :, 0] if way == "hessian" else np.repeat(release.W_before.T, b, axis=0)
    Z = (X * W).sum(axis=1)
    along, against = release.loss.target_from(Z, -found.scale)[1:]
    noise = found.weights(release) * (along * (release.X_public @ W.T) - along * Z - against * found.scale)
    np.testing.assert_allclose(error, np.sqrt(release.scatter * noise.var(axis=0)) / found.scale, rtol=1e-9)
