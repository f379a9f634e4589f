"""What one record moves at probes, against models that are really updated or retrained."""

from __future__ import annotations

import numpy as np
import pytest

from tests.conftest import people
from undelete.maintainer.fit import fit
from undelete.maintainer.influence import deletion_change, step_change
from undelete.maintainer.leave_one_out import retrain_without
from undelete.maths.losses import LOSSES
from undelete.maths.objective import Objective


def make(n, seed=0, d=7, k=4):
    rng = np.random.default_rng(seed)
    X, Y = people(rng, n, d, k, "softmax")
    l2 = np.ones(d)
    l2[-1] = 0.0
    return Objective(X, Y, LOSSES["softmax"], l2), people(rng, 9, d, k, "softmax")[0]


@pytest.mark.parametrize("seed", range(3))
def test_a_step_equals_a_model_that_took_it(seed):
    objective, probes = make(20, seed)
    W = np.random.default_rng(seed).normal(size=(7, 4))
    change = step_change(objective, W, probes, rate=0.3)
    for i, (x, y) in enumerate(zip(objective.X, objective.Y, strict=True)):
        p = np.exp(x @ W) / np.exp(x @ W).sum()
        updated = W - 0.3 * np.outer(x, p - y)
        np.testing.assert_allclose(change[i], probes @ updated - probes @ W, atol=1e-13)


def test_steps_from_models_of_their_own():
    objective, probes = make(5)
    W = np.random.default_rng(1).normal(size=(5, 7, 4))
    change = step_change(objective, W, probes, rate=2.0)
    for i in range(5):
        alone = objective.take(np.array([i]))
        np.testing.assert_allclose(change[i], step_change(alone, W[i], probes, rate=2.0)[0], atol=1e-13)


def errors(n, seed):
    """Relative error of each deletion's change of the predictions, all classes alike left out."""
    objective, probes = make(n, seed)
    W, rows = fit(objective, tol=1e-12).W, np.random.default_rng(seed).choice(n, size=40, replace=False)
    change = deletion_change(objective, W, rows, probes)
    moved = np.einsum("pd,bdk->bpk", probes, retrain_without(objective, W, rows).W - W)
    assert np.abs(change[:, :, -1]).max() == 0
    off = change - (moved - moved[:, :, -1:])
    return np.linalg.norm(off, axis=(1, 2)) / np.linalg.norm(change, axis=(1, 2))


@pytest.mark.parametrize("seed", range(3))
def test_a_deletion_equals_exact_retraining_up_to_the_leverage(seed):
    few, many = np.median(errors(300, seed)), np.median(errors(4800, seed))
    assert many < 0.02  # a solve is to 0.01
    assert few < 0.15
    assert many < few / 5  # of order 1/n


def test_blocks_of_probes_do_not_matter(monkeypatch):
    objective, probes = make(400)
    W, rows = fit(objective).W, np.arange(30)
    seen = []
    whole = deletion_change(objective, W, rows, probes)
    monkeypatch.setattr("undelete.maintainer.influence._NUMBERS", 7 * 4 * 3 * 2)
    parts = deletion_change(objective, W, rows, probes, progress=lambda done, total: seen.append((done, total)))
    assert np.linalg.norm(parts - whole) < 1e-2 * np.linalg.norm(whole)
    assert seen == [(2, 9), (4, 9), (6, 9), (8, 9), (9, 9)]
