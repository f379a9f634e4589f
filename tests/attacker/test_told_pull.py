"""A pull that something else tells: it is taken as it is sure, and says what the other entries are off by."""

import dataclasses

import numpy as np

from undelete.attacker.gradient.difference import Difference, answering
from undelete.attacker.told_pull import with_pull
from undelete.maintainer.leave_one_out import retrain_without


def told(g, row, error=1e-6, off=0.0, k=1):
    release = answering(g.release(retrain_without(g.objective, g.W, np.array([row]), tol=1e-11).W))
    true = -g.objective.take(np.array([row])).own_gradients(g.W)[0]
    pull = release.constant @ true
    size = float(np.linalg.norm(pull))
    return release, true, with_pull(release, release.X_public, pull / size, size + off, error)


def test_the_constants_entry_is_the_pull_and_the_others_are_nearer(game):
    g = game("logistic", n=400, m=300)
    before, after, z = [], [], []
    for row in range(60):
        release, true, (seen, covariance) = told(g, row)
        G = Difference.by(seen, "answers").gradient[0]
        np.testing.assert_allclose(release.constant @ G, release.constant @ true, rtol=1e-4)
        assert seen.error_told
        plain = Difference.by(release, "answers").gradient[0]
        before.append(((plain - true) ** 2).sum())
        after.append(((G - true) ** 2).sum())
        own = release.constant == 0
        z.append(np.mean((G - true)[own, 0] ** 2 / np.diag(covariance[0])[own]))
        assert (np.linalg.eigvalsh(covariance[0]) > -1e-9 * np.trace(covariance[0])).all()
    assert np.mean(after) < 0.8 * np.mean(before)
    assert 0.2 < np.mean(z) < 1.6


def test_of_several_outputs_too(game):
    g = game("softmax", n=400, m=300, k=3)
    off = []
    for row in range(40):
        release, true, (seen, _) = told(g, row)
        plain, G = (Difference.by(one, "answers").gradient[0] for one in (release, seen))
        off.append((((G - true) ** 2).sum(), ((plain - true) ** 2).sum()))
    assert np.mean(off, axis=0)[0] < 0.9 * np.mean(off, axis=0)[1]


def test_one_that_is_unsure_or_far_changes_nothing(game):
    g = game("logistic", n=400, m=300)
    release, _, (seen, covariance) = told(g, 3, error=np.inf)
    assert seen is release
    np.testing.assert_allclose(covariance[0], covariance[0].T)
    release, _, (seen, _) = told(g, 3, off=100.0)
    assert seen is release
    less = dataclasses.replace(release, unlike=4.0)
    found = with_pull(less, release.X_public, np.ones(1), 0.5, np.inf)[1]
    np.testing.assert_allclose(found, 4 * covariance)
