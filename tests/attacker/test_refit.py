"""What a refitted preprocessing adds to the deleted gradient: exact where it is affine, and where all is known."""

import numpy as np
import pytest

from tests.conftest import people
from undelete.attacker.gradient.difference import Difference, answer_change
from undelete.attacker.gradient.refit import Refit
from undelete.maintainer.fit import fit
from undelete.maths.losses import LOSSES
from undelete.maths.objective import Objective
from undelete.release.release import Release

N, D = 150, 5


def features(raw, seen, bend):
    """Standardised by the records that were seen, and bent about their mean: no affine function of another fit's."""
    centred = (raw[:, :-1] - seen[:, :-1].mean(axis=0)) / seen[:, :-1].std(axis=0)
    return np.c_[centred + bend * np.tanh(centred) ** 2, np.ones(len(raw))]


def retrained(loss, bend, l2=7.0, rng=0):
    """Raw records, the old model, and the one without record 0, each on features fitted to its own records."""
    raw, Y = people(np.random.default_rng(rng), N, D, 3 if loss == "softmax" else 1, loss)
    penalty = np.r_[np.full(D - 1, l2), 0.0]
    models = []
    for rows in (slice(0, None), slice(1, None)):
        own = Objective(features(raw[rows], raw[rows], bend), Y[rows], LOSSES[loss], penalty)
        models.append(fit(own, tol=1e-13).W)
    return raw, Y, penalty, models


def estimate(loss, bend, pays=0.0):
    """Minus the deleted gradient, with the remaining records in place of public ones, and the true one."""
    raw, Y, penalty, (W, V) = retrained(loss, bend)
    X, X_after = features(raw, raw, bend), features(raw[1:], raw[1:], bend)
    refit = Refit.of(X[1:], X_after)
    residual = LOSSES[loss].residual(Y[1:], X_after @ V)
    share = refit.share(penalty[:, None] * W, penalty[:, None] * V, residual, N, pays)
    release = Release(
        LOSSES[loss], W, V[None], X[1:], Y[1:], n=N, l2=penalty, constant=np.eye(D)[-1],
        answer_change=answer_change(LOSSES[loss], Y[1:], X[1:] @ W, X_after @ V)[None], penalty_share=share[None],
        target_kind="class",
    )  # fmt: skip
    truth = -X[0][:, None] * LOSSES[loss].residual(Y[:1], X[:1] @ W)
    return refit, Difference.by(release, "answers").gradient[0], truth


@pytest.mark.parametrize("loss", list(LOSSES))
@pytest.mark.parametrize("bend", [0.0, 0.4])
def test_it_is_exact_whatever_was_refitted(loss, bend):
    refit, found, truth = estimate(loss, bend)
    assert refit.affine == (bend == 0)
    np.testing.assert_allclose(found, truth, atol=1e-8)


def test_an_affine_refit_is_exact_without_targets():
    raw, Y, penalty, (W, V) = retrained("logistic", 0.0)
    X, X_after = features(raw, raw, 0.0), features(raw[1:], raw[1:], 0.0)
    refit = Refit.of(X[1:], X_after)
    share = refit.share(penalty[:, None] * W, penalty[:, None] * V, None, N)
    remaining = X[1:].T @ LOSSES["logistic"].residual(Y[1:], X_after @ V)
    np.testing.assert_allclose(share, penalty[:, None] * W + remaining, atol=1e-8)
    assert refit.error(None, N) is None


def test_the_same_features_leave_the_change_of_the_penalty():
    rng = np.random.default_rng(0)
    X, old, new = rng.normal(size=(50, 4)), rng.normal(size=(4, 2)), rng.normal(size=(4, 2))
    np.testing.assert_allclose(Refit.of(X, X).share(old, new, None, 50), old - new, atol=1e-12)


def test_a_rotation_of_the_features_is_no_change():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(80, 4))
    turn = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    refit = Refit.of(X, X @ turn)
    assert refit.affine
    np.testing.assert_allclose(refit.mixing, turn, atol=1e-12)


def test_a_feature_of_something_else_is_foreign():
    rng = np.random.default_rng(2)
    X = np.c_[rng.normal(size=(400, 3)), np.ones(400)]
    other = np.c_[X[:, :2], rng.normal(size=400), np.ones(400)]
    foreign = Refit.of(X, other).foreign
    assert foreign[2] > 0.9
    assert foreign[[0, 1, 3]].max() < 1e-9


def test_what_is_estimated_is_within_the_error_it_gives_itself():
    rng = np.random.default_rng(3)
    size = []
    for _ in range(60):
        v, w = rng.normal(size=(2, 2000)), rng.normal(size=(2, 500))
        # the residuals have a mean where the refit bends: the private sum is not zero
        bent = [np.c_[a[0], 0.01 * a[0] ** 2 + a[1], np.ones(a.shape[1])] for a in (v, w)]
        plain = [np.c_[a[0], a[1], np.ones(a.shape[1])] for a in (v, w)]
        r = [(0.3 * a[0] ** 2 + rng.normal(size=a.shape[1]))[:, None] for a in (v, w)]
        refit = Refit.of(plain[0], bent[0])
        own = bent[1] - plain[1] @ refit.mixing  # of the private records
        nothing = np.zeros((3, 1))
        found = refit.share(nothing, nothing, r[0], 501)
        truth = -np.linalg.lstsq(refit.mixing.T, own.T @ r[1], rcond=None)[0]
        size.append((found - truth)[1, 0] / np.sqrt(refit.error(r[0], 500)[0][1, 1]))
    assert 0.7 < np.std(size) < 1.4
    assert abs(np.mean(size)) < 0.5
