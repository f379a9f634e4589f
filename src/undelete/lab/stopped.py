"""Models as people train them: stopped after so many steps, with and without each of some records.

Every model starts at zero, and takes the same steps on the mean loss of the records that it has. So what a deletion
changes is the record's own doing; but where minibatches are dealt anew of the records that remain, all of them fall
into other batches, and the models differ by that, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import minimize

from undelete.maths.arrays import Floats, Indices
from undelete.maths.loss import Loss
from undelete.maths.objective import Objective

Method = Literal["descent", "adam", "lbfgs"]
_FADING, _SCALING, _LEAST = 0.9, 0.999, 1e-8  # Adam's as everybody leaves them
_HISTORY = 10  # of L-BFGS


@dataclass(frozen=True)
class Optimiser:
    """One way to train.

    Parameters
    ----------
    key, label : str
        Short; in words.
    method : {"descent", "adam", "lbfgs"}
        How a gradient becomes a step.
    momentum : float
        Of descent.
    batch : int
        Records of a minibatch; 0: all of them.
    anew : bool
        Whether minibatches are dealt anew without the record, by the same seed; else it is missing from its own.
    """

    key: str
    label: str
    method: Method
    momentum: float = 0.0
    batch: int = 0
    anew: bool = False


OPTIMISERS = (
    Optimiser("descent", "gradient descent", "descent"),
    Optimiser("momentum", "gradient descent, momentum .9", "descent", 0.9),
    Optimiser("lbfgs", "L-BFGS", "lbfgs"),
    Optimiser("adam", "Adam", "adam"),
    Optimiser("batches", "minibatches of 100, momentum .9", "descent", 0.9, 100),
    Optimiser("anew", "minibatches dealt anew", "descent", 0.9, 100, anew=True),
)


def steepest(X: Floats, loss: Loss, Y: Floats) -> float:
    """Return the largest curvature of the mean loss at zero, about: 1 / it is a step that is sure to descend."""
    d, k = X.shape[1], Y.shape[1]
    objective = Objective(X, Y, loss, np.zeros(d))
    rng, W = np.random.default_rng(0), np.zeros((d, k))
    V = rng.normal(size=(d, k))
    for _ in range(50):
        V = np.asarray(objective.hessian_vector_product(W, V / np.linalg.norm(V))) / len(X)
    return float(np.linalg.norm(V))


def trained(
    X: Floats,
    Y: Floats,
    loss: Loss,
    rows: Indices,
    optimiser: Optimiser,
    step: float,
    budgets: tuple[int, ...],
    seed: int,
    told: Callable[[int], None] = lambda steps: None,
) -> dict[int, Floats]:
    """Return the models (b + 1, d, k) after each of some numbers of steps: without each record, and last with all.

    Parameters
    ----------
    X, Y : arrays (n, d), (n, k)
        All records.
    loss : Loss
        Whose mean is minimised, without a penalty.
    rows : array (b,)
        The records that are left out, one at a time.
    optimiser : Optimiser
        How.
    step : float
        The learning rate, on the mean.
    budgets : tuple of int
        Numbers of steps, increasing.
    seed : int
        Deals minibatches.
    told : callable, optional
        Called with the steps that are done.

    Notes
    -----
    Cost 4 n d k flops a step and model; of minibatches as much of their records.
    """
    if optimiser.method == "lbfgs":
        return _quasi_newton(X, Y, loss, rows, budgets, told)
    gradient = _in_batches if optimiser.batch else _whole
    gradients = gradient(X, Y, loss, rows, optimiser, seed)
    W = np.zeros((len(rows) + 1, X.shape[1], Y.shape[1]))
    speed, square, found = np.zeros_like(W), np.zeros_like(W), {}
    for t in range(1, max(budgets) + 1):
        G = gradients(W)
        if optimiser.method == "adam":
            speed, square = _FADING * speed + (1 - _FADING) * G, _SCALING * square + (1 - _SCALING) * G**2
            size = np.sqrt(square / (1 - _SCALING**t)) + _LEAST
            W = W - step * (speed / (1 - _FADING**t)) / size
        else:
            speed = optimiser.momentum * speed + G
            W = W - step * speed
        if t in budgets:
            found[t] = W.copy()
            told(t)
    return found


Gradients = Callable[[Floats], Floats]
"""From models (b + 1, d, k) to their next gradients of the mean loss."""


def _whole(X: Floats, Y: Floats, loss: Loss, rows: Indices, optimiser: Optimiser, seed: int) -> Gradients:
    weights = _weights(len(X), rows)
    objective = Objective(X, Y, loss, np.zeros(X.shape[1]), weights)
    count = weights.sum(axis=0)[:, None, None]
    return lambda W: np.asarray(objective.gradient(W)) / count


def _in_batches(X: Floats, Y: Floats, loss: Loss, rows: Indices, optimiser: Optimiser, seed: int) -> Gradients:
    """Return gradients of one minibatch after the other, all records dealt anew in every epoch."""
    n, flat, weights = len(X), np.zeros(X.shape[1]), _weights(len(X), rows)
    rng = np.random.default_rng([seed, 17])
    waiting: list[Indices] = []
    kept = [np.delete(np.arange(n), row) for row in rows] + [np.arange(n)]

    def own(at: Indices, W: Floats) -> Floats:
        return np.asarray(Objective(X[at], Y[at], loss, flat).gradient(W)) / len(at)

    def following(W: Floats) -> Floats:
        if not waiting:
            order = rng.permutation(n)
            waiting.extend(order[start : start + optimiser.batch] for start in range(0, n, optimiser.batch))
        at = waiting.pop(0)
        if optimiser.anew:  # one record less moves the places of all after it
            return np.stack([own(rest[at[at < len(rest)]], one) for rest, one in zip(kept, W, strict=True)])
        here = weights[at]
        count = here.sum(axis=0)[:, None, None]
        return np.asarray(Objective(X[at], Y[at], loss, flat, here).gradient(W) / count)

    return following


def _weights(n: int, rows: Indices) -> Floats:
    """Return each record's weight in each model (n, b + 1)."""
    weights = np.ones((n, len(rows) + 1))
    weights[rows, np.arange(len(rows))] = 0.0
    return weights


def _quasi_newton(
    X: Floats, Y: Floats, loss: Loss, rows: Indices, budgets: tuple[int, ...], told: Callable[[int], None]
) -> dict[int, Floats]:
    """Return what SciPy's L-BFGS has after each number of iterations."""
    (n, d), k, W = X.shape, Y.shape[1], []
    for row in (*rows, None):
        rest = np.arange(n) if row is None else np.delete(np.arange(n), row)
        objective = Objective(X[rest], Y[rest], loss, np.zeros(d))
        path: list[Floats] = []

        def value(w: Floats, objective: Objective = objective) -> tuple[float, Floats]:
            V = w.reshape(d, k)
            return float(objective.value(V)) / objective.n, np.asarray(objective.gradient(V)).ravel() / objective.n

        options = {"maxiter": max(budgets), "maxcor": _HISTORY, "gtol": 0.0, "ftol": 0.0, "maxfun": 10**9}
        minimize(value, np.zeros(d * k), jac=True, method="L-BFGS-B", options=options,
                 callback=lambda w, path=path: path.append(w.copy()))  # fmt: skip
        W.append([path[min(budget, len(path)) - 1].reshape(d, k) for budget in budgets])
        told(len(W))
    return {budget: np.stack([one[i] for one in W]) for i, budget in enumerate(budgets)}
