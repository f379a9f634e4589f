"""The loss of a generalised linear model of a label, the probit one.

Of y = +1 or -1 the value is -log N(yz), the residual dl/dz = -y h with h = n(yz) / N(yz), and the curvature h (h + yz):
N and n are the normal distribution and its density. Source: McCullagh and Nelder, Generalized Linear Models (1989).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import log_ndtr, ndtr, ndtri

from undelete.maths.arrays import Array, device, namespace, to_numpy
from undelete.maths.loss import OfClass, exponential


@dataclass(frozen=True)
class Probit(OfClass):
    """The probit model of a label y = +1 or -1."""

    name: str = "probit"

    def value(self, Y: Array, Z: Array) -> Array:
        """Return the loss of each record."""
        return -namespace(Z).sum(_elsewhere(log_ndtr, Y * Z), axis=-1)

    def residual(self, Y: Array, Z: Array) -> Array:
        """Return d loss / dz."""
        return -Y * _hazard(Y * Z)

    def curvature(self, Y: Array | None, Z: Array) -> Array:
        """Return d2 loss / dz2; ValueError without targets."""
        if Y is None:
            raise ValueError("the curvature of the probit loss depends on the targets: give Y")
        xp, h = namespace(Z), _hazard(Y * Z)
        return xp.maximum(h * (h + Y * Z), xp.zeros_like(h))

    def mean(self, Z: Array) -> Array:
        """Return the probability of +1."""
        return _elsewhere(ndtr, Z)

    def link(self, answer: Array) -> Array:
        """Return the normal quantile."""
        return _elsewhere(ndtri, answer)


def _hazard(t: Array) -> Array:
    """Return the normal density over its distribution function at t."""
    xp = namespace(t)
    return exponential(-(t**2) / 2 - math.log(2 * math.pi) / 2 - _elsewhere(log_ndtr, t)) + xp.zeros_like(t)


def _elsewhere(function: object, t: Array) -> Array:
    """Return a function of SciPy's of an array of any library."""
    assert callable(function)
    return namespace(t).asarray(function(to_numpy(t)), dtype=t.dtype, device=device(t))
