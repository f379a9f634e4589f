"""The penalty by a held-out part: the candidate that a naive twin takes, for each loss."""

import numpy as np
import pytest

from undelete.errors import InputError
from undelete.lab.penalty import hold_out_penalty
from undelete.maintainer.fit import fit
from undelete.maintainer.preconditioner import principal_axes
from undelete.maths.losses import LOSSES
from undelete.maths.objective import Objective

PENALTIES = [float(p) for p in np.logspace(-2, 3, 11)]


def _problem(loss, seed, n=240, d=30):
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.normal(size=(n, d)), np.ones(n)])
    Z = X @ rng.normal(size=(d + 1, 3)) / 3 + rng.normal(size=(n, 3))
    Y = Z if loss == "squared" else np.eye(3)[Z.argmax(axis=1)]
    return Objective(X, Y, LOSSES[loss], np.append(np.ones(d), 0.0))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("loss", ["squared", "softmax"])
def test_it_is_the_candidate_with_the_least_held_out_loss(loss, seed):
    whole = _problem(loss, seed)
    choice = hold_out_penalty(whole, PENALTIES, np.random.default_rng(seed), test=60, train=120, tol=1e-8)
    order = np.random.default_rng(seed).permutation(whole.n)
    judged, fitted = whole.take(order[:60]), whole.take(order[60:180])
    losses = []
    for p in PENALTIES:
        W = fit(Objective(fitted.X, fitted.Y, whole.loss, p * whole.l2), tol=1e-10).W
        losses.append(float(Objective(judged.X, judged.Y, whole.loss, 0 * whole.l2).value(W)) / 60)
    best = int(np.argmin(losses))
    assert choice.penalty == PENALTIES[best]
    assert choice.loss == pytest.approx(losses[best], rel=1e-5)
    assert 0 < best < len(PENALTIES) - 1  # or the test could not fail
    assert (choice.train, choice.test) == (120, 60)


def test_a_third_is_held_out_at_most():
    choice = hold_out_penalty(_problem("squared", 0, n=30, d=3), PENALTIES, np.random.default_rng(0), test=1000)
    assert (choice.train, choice.test) == (20, 10)


def test_without_an_optimum_there_is_no_choice():
    whole = _problem("softmax", 0)
    apart = Objective(np.column_stack([whole.Y * 5, np.ones(whole.n)]), whole.Y, whole.loss, np.zeros(4))
    with pytest.raises(InputError, match="the classes may be separable; use larger penalties"):
        hold_out_penalty(apart, [1.0], np.random.default_rng(0), test=60)


def test_a_large_softmax_model_has_its_axes_found_once(monkeypatch):
    rng = np.random.default_rng(0)
    X = np.c_[rng.normal(size=(120, 8)), np.ones(120)]
    Y = np.eye(3)[np.argmax(X @ rng.normal(size=(9, 3)) + rng.gumbel(size=(120, 3)), axis=1)]
    objective = Objective(X, Y, LOSSES["softmax"], np.append(np.ones(8), 0.0))
    penalties = (0.0, 0.1, 1.0, 10.0)

    def choice():
        return hold_out_penalty(objective, penalties, np.random.default_rng(1), test=40)

    dense, found = choice(), []
    monkeypatch.setattr("undelete.maintainer.fit._DENSE_PARAMETERS", 10)
    monkeypatch.setattr(
        "undelete.lab.penalty.principal_axes", lambda records: found.append(records) or principal_axes(records)
    )
    free = choice()
    assert free.penalty == dense.penalty
    assert free.loss == pytest.approx(dense.loss, rel=1e-5)
    assert len(found) == 1
