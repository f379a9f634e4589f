"""Objective perturbation: the objective is tilted by noise before it is minimised, and what that proves.

Of n records, in units, F(v) = sum_i loss(y_i, x_i v) + lambda/2 |v|^2 + b'v with b normal, of deviation sigma in each
entry. The minimiser says b = -grad F_0(v), so its density at v is that of b times |det F''(v)|. With or without a
record of length up to R, whose loss has gradients x r' with |r| <= L / R in k directions:

- the determinants differ by a factor of at most e^c: the Hessian of one record is x x' times the curvature of k
  directions, whose trace is bounded, beside lambda I;
- b changes by x r', and 2 b'x r' is at most 2 |r| |b'x|, where |b'x| / |x| is sigma times a chi variable of k
  degrees: the direction of x does not depend on b. That is where a linear model is used.

So the privacy loss, maths (37), is at most mu chi_k + mu^2 / 2 + c, mu = L / sigma, and delta(epsilon) is the mean of
(1 - e^(epsilon - that))+.

Kifer, Smith and Thakurta (2012) with the noise of Iyengar et al. (2019), their bounds replaced by this expectation as
Redberg, Koskela and Wang (2023) do for k = 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import gammaln

from undelete.maths.arrays import Array, namespace
from undelete.maths.loss import Loss
from undelete.maths.losses import Logistic
from undelete.maths.objective import Objective
from undelete.maths.softmax import Softmax

_LEAST = 1e-9  # of mu
_REACH = 14.0  # deviations over which an expectation is taken: beyond is nothing, for up to some fifty directions
_NODES, _WEIGHTS = (x * _REACH / 2 for x in np.polynomial.legendre.leggauss(300))
_NODES = _NODES + _REACH / 2


@dataclass(frozen=True, eq=False)
class Tilted(Objective):
    """An objective with a linear term sum(tilt * W) added.

    Parameters
    ----------
    tilt : array (d, k)
        Its gradient.
    """

    tilt: Array | float = 0.0

    @classmethod
    def by(cls, plain: Objective, tilt: Array) -> Tilted:
        """Return an objective tilted by (d, k)."""
        return cls(plain.X, plain.Y, plain.loss, plain.l2, plain.weights, plain.offset, tilt)

    def value(self, W: Array) -> Array:
        """Return F: a scalar array."""
        return super().value(W) + namespace(W).sum(self.tilt * W)

    def gradient(self, W: Array) -> Array:
        """Return dF/dW (d, k)."""
        return super().gradient(W) + self.tilt

    def output(self, j: int) -> Tilted:
        """Return one output's own objective; only for a separable loss."""
        own = super().output(j)
        tilt = np.broadcast_to(np.asarray(self.tilt), (self.X.shape[1], self.Y.shape[1]))[:, j : j + 1]
        return Tilted.by(own, tilt)


@dataclass(frozen=True)
class Bounds:
    """What one record can do to a loss, for records of length 1.

    Parameters
    ----------
    gradient : float
        The longest residual.
    directions : int
        In how many directions of the outputs it may point.
    trace : float
        The largest sum of the curvatures in these directions.
    """

    gradient: float
    directions: int
    trace: float

    @classmethod
    def of(cls, loss: Loss, outputs: int) -> Bounds | None:
        """Return those of a loss; None where its residual or its curvature has no bound.

        Of one class against the rest each of the outputs has a residual of up to 1 and a curvature of up to 1/4; of
        softmax p - y is at most sqrt(2) long and adds up to 0, and the curvature's trace is 1 - |p|^2 <= 1 - 1/K.
        """
        if isinstance(loss, Logistic):
            return cls(math.sqrt(outputs), outputs, outputs / 4)
        if isinstance(loss, Softmax):
            return cls(math.sqrt(2), outputs - 1, 1 - 1 / outputs)
        return None

    def determinant(self, length: float, penalty: float) -> float:
        """Return the most that the logarithm of the determinant changes by a record of this length."""
        return self.directions * math.log1p(self.trace * length**2 / (self.directions * penalty))


def tilted_delta(epsilon: float, mu: float, directions: int, determinant: float) -> float:
    """Return the delta at which a tilted objective is (epsilon, delta) private."""
    room = epsilon - determinant - mu**2 / 2
    t = max(room / mu, 0.0) + _NODES
    log_density = (directions - 1) * np.log(t) - t**2 / 2 - (directions / 2 - 1) * math.log(2) - gammaln(directions / 2)
    return float(-np.expm1(np.minimum(room - mu * t, 0.0)) @ (np.exp(log_density) * _WEIGHTS))


def tilted_mu(epsilon: float, delta: float, directions: int, determinant: float) -> float:
    """Return the largest L / sigma that is (epsilon, delta) private; 0 where the determinant alone is too much."""
    if epsilon <= determinant or tilted_delta(epsilon, _LEAST, directions, determinant) > delta:
        return 0.0

    def off(at: float) -> float:
        return math.log(max(tilted_delta(epsilon, math.exp(at), directions, determinant), 1e-300) / delta)

    # at a mu this large delta is nearly 1, at the least it is nothing
    return math.exp(brentq(off, math.log(_LEAST), math.log(10 + 2 * epsilon), xtol=1e-9))
