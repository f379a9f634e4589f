"""What few or rounded answers say of a model's change: exact where they settle it, else within its own error."""

import numpy as np
import pytest

from undelete.attacker.gradient.asked import Asked
from undelete.maths.losses import Logistic, Squared
from undelete.maths.softmax import Softmax

D, M, N = 6, 3000, 2000


def people(k, seed=0):
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.normal(size=(M, D - 1)) * np.arange(1, D), np.ones(M)])
    return rng, X, rng.normal(size=(D, k)) / 4


def deleted(loss, X, W, rng, b):
    """Changes (b, d, k) that deleting records like the public ones makes, to first order."""
    k = W.shape[1]
    P = loss.mean(X @ W)
    several = np.eye(k)[(P[:b, None].cumsum(axis=2) < rng.random((b, 1, 1))).sum(axis=2)[:, 0] % k]
    Y = several if k > 1 else np.where(rng.random((b, 1)) < P[:b], 1.0, -1.0)
    g = X[:b, :, None] * np.asarray(loss.residual(Y, X[:b] @ W))[:, None]
    H = [X.T @ (loss.curvature(None, X @ W)[:, [j]] * X) / M for j in range(k)]
    return np.stack([np.linalg.solve(H[j], -g[:, :, j].T).T for j in range(k)], axis=2) / N


@pytest.mark.parametrize("p", [D, 40])
def test_answers_in_full_give_the_change_to_all_orders(p):
    rng, X, W = people(1)
    after = W - rng.normal(size=W.shape) / 50
    rows = np.arange(p)
    loss = Logistic()
    asked = Asked(loss, W, X, rows, n=N, l2=None, Y=None)
    moved = loss.link(loss.mean(X[rows] @ W)) - loss.link(loss.mean(X[rows] @ after))
    assert np.allclose(asked.decisions(moved, np.zeros_like(moved)).D, W - after, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("p", "digits"), [(60, 5), (600, 4), (3, None), (M, 3)])
def test_the_gradient_is_within_its_error(p, digits):
    off, loss, rows = [], Logistic(), np.arange(M)[-p:]
    for seed in range(5):  # answers before are rounded once for all deletions
        rng, X, W = people(1, seed)
        asked = Asked(loss, W, X, rows, n=N, l2=None, Y=None)
        H = N * X.T @ (loss.curvature(None, X @ W) * X) / M
        for change in deleted(loss, X, W, rng, 12):
            before, after = (loss.mean(X[rows] @ V) for V in (W, W - change))
            if digits is None:
                found = asked.decisions(loss.link(before) - loss.link(after), np.zeros_like(before))
            else:
                found = asked.answers(np.round(before, digits) - np.round(after, digits), 10.0**-digits)
            if found.error is None:
                continue  # no answer moved, and nothing is said
            left, error = (H @ (found.D - change))[:, 0], found.error[0]
            off.append(left @ np.linalg.pinv(error, rcond=1e-9) @ left / (D - (p if digits is None else 0)))
    assert len(off) > 40
    assert 0.3 < np.median(off) < 1.7


@pytest.mark.parametrize("k", [1, 3])
def test_a_record_asked_again_tells_nothing_more(k):
    rng, X, W = people(k)
    loss, rows = Softmax() if k > 1 else Logistic(), np.arange(200)
    change = deleted(loss, X, W, rng, 1)[0]
    found = []
    for asked in (rows, np.repeat(rows, rows % 7 + 1)):
        moved = np.round(loss.mean(X[asked] @ W), 4) - np.round(loss.mean(X[asked] @ (W - change)), 4)
        found.append(Asked(loss, W, X, asked, n=N, l2=None, Y=None).answers(moved, 1e-4))
    assert np.allclose(found[0].D, found[1].D)
    assert np.allclose(found[0].error, found[1].error)


def test_one_answer_that_moved_does_not_say_how_far():
    off, loss = [], Logistic()
    for seed in range(8):
        rng, X, W = people(1, seed)
        rows = np.arange(M)[-12:]  # few, as different records of a few categories are
        asked = Asked(loss, W, X, rows, n=N, l2=None, Y=None)
        H = N * X.T @ (loss.curvature(None, X @ W) * X) / M
        for change in deleted(loss, X, W, rng, 60):
            before, after = (np.round(loss.mean(X[rows] @ V), 2) for V in (W, W - change))
            if np.count_nonzero(before - after) != 1:
                continue
            found = asked.answers(before - after, 1e-2)
            left = (H @ (found.D - change))[:, 0]
            off.append(left @ np.linalg.solve(found.error[0], left) / D)
    assert len(off) > 10
    assert np.mean(off) < 1


def test_outputs_that_hang_together_are_solved_together():
    rng, X, W = people(3)
    loss, rows, digits = Softmax(), np.arange(400), 6
    change = deleted(loss, X, W, rng, 1)[0]
    before, after = (loss.mean(X[rows] @ V) for V in (W, W - change))
    asked = Asked(loss, W, X, rows, n=N, l2=None, Y=None)
    found = asked.answers(np.round(before, digits) - np.round(after, digits), 10.0**-digits).D
    own = change - change.mean(axis=1, keepdims=True)  # what shifts all classes alike is in no answer
    assert np.linalg.norm(found - found.mean(axis=1, keepdims=True) - own) < 0.02 * np.linalg.norm(own)
    assert found.shape == (D, 3)
    assert asked.answers(np.zeros_like(before), 1e-6).error is None


def test_a_change_that_no_parameters_make_is_counted_as_error():
    rng, X, W = people(1)
    rows = np.arange(500)
    asked = Asked(Squared(), W, X, rows, n=N, l2=None, Y=None)
    moved = X[rows] @ rng.normal(size=(D, 1)) / N
    plain = asked.decisions(moved, np.zeros_like(moved))
    bent = asked.decisions(moved + np.abs(moved), np.zeros_like(moved))
    assert np.trace(bent.error[0]) > 1e6 * np.trace(plain.error[0])
