"""Models that were stopped: their descent is a filter, and who knows it undoes it."""

from __future__ import annotations

import numpy as np
import pytest

from undelete import Descent, InputError, Release, undone
from undelete.attacker.attacks import run_attack
from undelete.attacker.hrec import HREC
from undelete.attacker.stopped import reconstruct
from undelete.auditing.diagnostics import public_gradient
from undelete.lab.stopped import OPTIMISERS, Optimiser, steepest, trained
from undelete.maths.arrays import Floats
from undelete.maths.losses import LOSSES, Squared
from undelete.maths.softmax import Softmax
from undelete.release.columns import Column
from undelete.scoring.scores import cosine

WAYS = {one.key: one for one in OPTIMISERS}


def records(n: int, d: int, seed: int) -> Floats:
    """Columns of very different spread, and the constant: some directions are still on their way after few steps."""
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.normal(size=(n, d)) * np.logspace(0, -1.5, d) + 0.2, np.ones(n)])


@pytest.mark.parametrize("momentum", [0.0, 0.8])
def test_the_filter_is_exact_for_the_squared_loss(momentum: float) -> None:
    X, rng, n = records(300, 5, 0), np.random.default_rng(1), 300
    y = X @ rng.normal(size=6) + rng.normal(size=n)
    x, H, descent = X[7], X.T @ X / n, Descent(0.1, 25, momentum)

    def path(weight: Floats) -> Floats:
        W, speed, way = np.zeros(6), np.zeros(6), []
        for _ in range(descent.steps):
            way.append(W)
            speed = momentum * speed + X.T @ (weight * (X @ W - y)) / n
            W = W - descent.step * speed
        return np.array([*way, W])

    whole, rest = path(np.ones(n)), path(np.arange(n) != 7)
    values, U = np.linalg.eigh(H)
    pulls = y[7] - rest[:-1] @ x
    moved = descent.reach(values, pulls)
    np.testing.assert_allclose(n * U @ (U.T @ (whole[-1] - rest[-1]) / moved), x, rtol=1e-8)
    if not momentum:
        np.testing.assert_allclose(descent.reach(values), (1 - (1 - 0.1 * values) ** 25) / values, rtol=1e-10)


def release(
    name: str, way: Optimiser, steps: int, *, shorter: float = 1.0, seed: int = 0
) -> tuple[Release, Floats, float]:
    """Return models stopped after some steps, the deleted records, and the step."""
    loss, n, rng = Softmax() if name == "softmax" else LOSSES[name], 1500, np.random.default_rng(seed)
    X, public = records(n, 8, seed + 1), records(n, 8, seed + 2)
    truth = rng.normal(size=(9, 3 if name == "softmax" else 1))

    def targets(X: Floats) -> Floats:
        Z = X @ truth + rng.gumbel(size=(n, truth.shape[1]))
        return np.eye(3)[Z.argmax(axis=1)] if name == "softmax" else Z if name == "squared" else np.sign(Z)

    Y, others = targets(X), targets(public)
    rows = np.arange(0, n, 150)
    step = shorter / steepest(X, loss, Y)
    W = trained(X, Y, loss, rows, way, step, (steps,), 0)[steps]
    constant = np.eye(9)[-1]
    kind = "number" if name == "squared" else "class"
    none = (np.array([]), np.zeros((0, 1)), np.array([]))
    columns = [Column(f"x{j}", "continuous", np.eye(9)[:, [j]], *none, 0.0, 1.0, 1.0) for j in range(8)]
    seen = Release(loss=loss, W_before=W[-1], W_after=W[:-1], X_public=public, Y_public=others, n=n, l2=np.zeros(9),
                   constant=constant, target_kind=kind, columns=columns, public_codes=np.full((n, 8), -1),
                   public_values=public[:, :8])  # fmt: skip
    return seen, X[rows], step


@pytest.mark.parametrize("name", ["squared", "logistic", "softmax"])
@pytest.mark.parametrize(("key", "steps"), [("descent", 3), ("descent", 30), ("momentum", 3)])
def test_who_knows_the_training_reads_the_record(name: str, key: str, steps: int) -> None:
    seen, truth, step = release(name, WAYS[key], steps)
    rng = np.random.default_rng(0)
    descent = Descent(step, steps, WAYS[key].momentum)

    def near(X: Floats) -> float:
        return float(np.median(cosine(truth[:, :-1], np.nan_to_num(X[:, :-1]))))

    known, converged = near(reconstruct(seen, descent, rng).X), near(run_attack(HREC, seen, rng).X)
    assert known > max(converged, 0.99)
    if steps == 3:
        assert converged < 0.96


def test_at_an_optimum_nothing_is_left_to_undo() -> None:
    seen, _, step = release("squared", WAYS["momentum"], 1000)
    known = undone(seen, Descent(step, 1000, 0.9))
    assert known.penalty_share is not None
    gradient = run_attack(HREC, seen, np.random.default_rng(0)).scale
    assert np.abs(known.penalty_share[:, -1, 0]).max() < 0.01 * np.abs(gradient).max()


def test_where_momentum_swings_errors_are_played_and_said_to_grow() -> None:
    wider = {}
    for steps in (3, 10, 300):
        seen, _, step = release("squared", WAYS["momentum"], steps)
        wider[steps] = undone(seen, Descent(step, steps, 0.9)).unlike
    assert wider[10] > 3 * wider[3] > 10 * wider[300]
    assert wider[300] < 1.5


@pytest.mark.parametrize("name", ["squared", "logistic", "softmax"])
def test_steps_are_replayed_on_the_public_records(name: str) -> None:
    seen, _, step = release(name, WAYS["descent"], 3, shorter=0.05)
    bare, told, wrong = (public_gradient(one) for one in (
        seen, undone(seen, Descent(step, 3)), undone(seen, Descent(step, 1))
    ))  # fmt: skip
    assert bare is not None
    assert told is not None
    assert wrong is not None
    assert (bare.ok, told.ok, wrong.ok) == (False, True, False)
    assert wrong.blocking


def test_minibatches_dealt_anew_change_the_model_more() -> None:
    size = [float(np.abs(seen.W_after - seen.W_before).mean())
            for seen in (release("logistic", WAYS[key], 60)[0] for key in ("batches", "anew"))]  # fmt: skip
    assert size[1] > 3 * size[0]


def test_quasi_newton_and_adam_go_downhill() -> None:
    X, rng = records(200, 4, 3), np.random.default_rng(4)
    Y = X @ rng.normal(size=(5, 1))
    best = np.linalg.lstsq(X, Y, rcond=None)[0]
    for key, step in (("lbfgs", 1.0), ("adam", 0.05)):
        models = trained(X, Y, Squared(), np.array([3]), WAYS[key], step, (5, 60), 0)
        far = [float(np.abs(X @ (models[budget][-1] - best)).mean()) for budget in (5, 60)]
        assert far[1] < far[0]
        assert np.abs(models[60][0] - models[60][1]).max() > 0


def test_what_cannot_be_undone_is_refused() -> None:
    seen, _, step = release("squared", WAYS["descent"], 3)
    with pytest.raises(InputError, match="is not known, so a step cannot be undone; give n"):
        undone(Release(loss=seen.loss, W_before=seen.W_before, W_after=seen.W_after, X_public=seen.X_public),
               Descent(step, 3))  # fmt: skip
    with pytest.raises(InputError, match="would not converge on the public records"):
        undone(seen, Descent(10 * step, 3))
    with pytest.raises(InputError, match="only be undone where nothing but the coefficients changed"):
        undone(undone(seen, Descent(step, 3)), Descent(step, 3))
    for wrong in ((0.0, 3), (0.1, 0), (0.1, 3, 1.0), (float("nan"), 3)):
        with pytest.raises(InputError, match="no gradient descent is like that"):
            Descent(*wrong)
