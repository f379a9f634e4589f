"""Gradient descent that is stopped, as what it is: a filter of the curvature, maths (40)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undelete.errors import InputError
from undelete.maths.arrays import Floats
from undelete.maths.objective import Objective, predict

_WEAK = 0.1  # of the usual reach: a direction that was moved less is not undone further


@dataclass(frozen=True)
class Descent:
    """How a model was trained: steps of gradient descent on the mean loss, from zero, and then stopped.

    Parameters
    ----------
    step : float
        Length of a step: the learning rate, on the mean of the records' losses.
    steps : int
        Their number; of minibatches, each counts as one.
    momentum : float
        Of the heavy ball, v <- momentum v + gradient, W <- W - step v: as torch's SGD without dampening.

    Raises
    ------
    InputError
        For numbers that no training has.

    Examples
    --------
    Ten steps of 0.1 go 1 - 0.9^10 of the way where the curvature is 1, and hardly any where it is flat:

    >>> Descent(0.1, 10).reach(np.array([1.0, 0.0])).round(6).tolist()
    [0.651322, 1.0]
    """

    step: float
    steps: int
    momentum: float = 0.0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.step) and self.step > 0 and self.steps >= 1 and 0 <= self.momentum < 1):
            raise InputError(
                f"step {self.step:g}, {self.steps} steps, momentum {self.momentum:g}: no gradient descent is like "
                "that; give the learning rate above 0, the number of steps, and the momentum from 0 to below 1"
            )

    def reach(self, curvature: Floats, pulls: Floats | None = None) -> Floats:
        """Return q(h) (p,): how far a pull of 1 in every step has moved a model that curvature h pulls back.

        Parameters
        ----------
        curvature : array (p,)
            Of the mean loss.
        pulls : array (steps,), optional
            The pull in each step, where it is not the same; 1 by default.

        Notes
        -----
        `q_0 = q_-1 = 0`, `q_t+1 = (1 + momentum - step h) q_t - momentum q_t-1 + step pull_t`; without momentum
        `(1 - (1 - step h)^steps) / h`.
        """
        return np.asarray(self.reached(curvature, pulls)[-1])

    def back(self, curvature: Floats, pulls: Floats | None = None) -> Floats:
        """Return 1 / q(h) (p,), but no more than 1 / _WEAK of what it is at an optimum, or where all is flat.

        Momentum swings: a direction that is just back where it began has nothing of the deletion in it.
        """
        q = self.reach(curvature, pulls)
        with np.errstate(divide="ignore"):
            usual = np.minimum(1.0 / curvature, self.step * self.steps / (1.0 - self.momentum))
        return np.asarray(np.where(q < 0, -1.0, 1.0) / np.maximum(np.abs(q), _WEAK * usual))

    def trained(self, objective: Objective) -> tuple[Floats, Floats]:
        """Return the model (d, k) that these steps make of records, and each one's mean residual on the way (n, k).

        Of weights (n, b) the models (b, d, k), and the last one's residuals. The penalty beside the mean loss is
        objective.l2 / n. Cost 4 n d k flops a step and model.
        """
        X, Y, n, weights = objective.X, objective.Y, objective.n, objective.weights
        batch = weights is not None and weights.ndim == 2
        count = weights.sum(axis=0)[:, None, None] if batch and weights is not None else n
        bare, penalty = Objective(X, Y, objective.loss, np.zeros(X.shape[1]), weights), objective.l2[:, None] / n
        W = np.zeros(((weights.shape[1],) if batch and weights is not None else ()) + (X.shape[1], Y.shape[1]))
        speed, mean = np.zeros_like(W), np.zeros_like(Y, dtype=float)
        for _ in range(self.steps):
            mean += objective.loss.residual(Y, predict(X, W[-1] if batch else W)) / self.steps
            speed = self.momentum * speed + np.asarray(bare.gradient(W)) / count + penalty * W
            W = W - self.step * speed
        return W, mean

    def reached(self, curvature: Floats, pulls: Floats | None = None) -> Floats:
        """Return q of the first 0, 1, ... and of all steps (steps + 1, p)."""
        found = np.zeros((self.steps + 1, len(curvature)))
        kept = 1.0 + self.momentum - self.step * curvature
        for t in range(self.steps):
            pull = 1.0 if pulls is None else pulls[t]
            found[t + 1] = kept * found[t] - self.momentum * found[max(t - 1, 0)] + self.step * pull
        return found
