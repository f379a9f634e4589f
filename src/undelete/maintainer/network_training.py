"""How networks are usually trained: Adam or descent on batches, L-BFGS to a tolerance, with or without a record.

Whoever unlearns by retraining may keep the order of the batches and leave the record out of its own, or draw them
anew. What the attack makes of either is an experiment's question, not this module's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import minimize

from undelete.maintainer.networks import Fit
from undelete.maths.arrays import Floats


@dataclass(frozen=True)
class Batches:
    """Training on batches.

    Parameters
    ----------
    optimiser : {"adam", "sgd"}
        With momentum .9, or Adam's own.
    epochs : int
        How often each record is seen.
    rate : float
        The first step's; it falls to zero as a cosine does.
    size : int
        Records a batch.
    """

    optimiser: Literal["adam", "sgd"]
    epochs: int
    rate: float
    size: int = 256


def on_batches(fit: Fit, start: Floats, how: Batches, order: int, without: int | None = None) -> Floats:
    """Return the parameters after training on batches of the mean loss, penalty included.

    Parameters
    ----------
    fit : Fit
        The records and the penalty.
    start : array (p,)
        Where training begins.
    how : Batches
        Optimiser and length.
    order : int
        Seed of the batches: the same for both models, or another.
    without : int, optional
        A record that is left out of its batches, all others staying where they are.
    """
    rng, theta = np.random.default_rng(order), start.copy()
    first, second, step = np.zeros_like(theta), np.zeros_like(theta), 0
    total = how.epochs * -(-fit.n // how.size)
    for _ in range(how.epochs):
        rows = rng.permutation(fit.n)
        for begin in range(0, fit.n, how.size):
            batch = rows[begin : begin + how.size]
            count = len(batch)
            if without is not None:
                batch = batch[batch != without]
            gradient = fit.network.gradient(theta, fit.X[batch], fit.Y[batch]) / count + fit.l2 * theta / fit.n
            rate = 0.5 * how.rate * (1 + np.cos(np.pi * step / total))
            step += 1
            if how.optimiser == "sgd":
                first = 0.9 * first + gradient
                theta = theta - rate * first
                continue
            first = 0.9 * first + 0.1 * gradient
            second = 0.999 * second + 0.001 * gradient**2
            scale = np.sqrt(second / (1 - 0.999**step)) + 1e-8
            theta = theta - rate * (first / (1 - 0.9**step)) / scale
    return theta


def stopped_at(fit: Fit, start: Floats, tol: float, steps: int = 10_000) -> Floats:
    """Return where L-BFGS stops: at |gradient|_inf / n <= tol, or after so many steps."""
    found = minimize(fit.value, start, jac=True, method="L-BFGS-B",
                     options={"maxiter": steps, "maxfun": 2 * steps, "ftol": 0.0, "gtol": tol})  # fmt: skip
    return np.asarray(found.x, dtype=np.float64)
