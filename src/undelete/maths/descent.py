"""Gradient descent that is stopped, as what it is: a filter of the curvature, maths (40)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undelete.errors import InputError
from undelete.maths.arrays import Floats

_WEAK = 0.1  # of the usual reach: a direction that was moved less is not undone further
_NEAR = 1e-6  # relative: curvatures that count as the same


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

    def amplification(self, curvature: Floats, share: Floats) -> float:
        """Return by how much an error of the Hessian counts for more than at an optimum, at least 1.

        Parameters
        ----------
        curvature, share : arrays (p,)
            Of the directions in which a model changed, and how much of its change's square is in each.

        Notes
        -----
        To first order an error between two directions moves q^-1(H) D by its divided difference; their squares are
        averaged, with errors as large as the directions' curvatures. Without momentum it is 1.
        """
        q, h = self.back(curvature), curvature
        gap = h[:, None] - h[None, :]
        near = np.abs(gap) <= _NEAR * h.max()
        slope = (self.back(h * (1 + _NEAR)) - q) / (_NEAR * np.where(h > 0, h, np.inf))
        divided = np.where(near, slope[:, None], (q[:, None] - q[None, :]) / np.where(near, 1.0, gap))
        weight = h[:, None] * (h * share)[None, :]
        return float(np.sqrt(max(1.0, (weight * divided**2).sum() / weight.sum())))

    def reached(self, curvature: Floats, pulls: Floats | None = None) -> Floats:
        """Return q of the first 0, 1, ... and of all steps (steps + 1, p)."""
        found = np.zeros((self.steps + 1, len(curvature)))
        kept = 1.0 + self.momentum - self.step * curvature
        for t in range(self.steps):
            pull = 1.0 if pulls is None else pulls[t]
            found[t + 1] = kept * found[t] - self.momentum * found[max(t - 1, 0)] + self.step * pull
        return found
