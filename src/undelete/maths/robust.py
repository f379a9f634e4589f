"""Losses of a number that tolerate an error: squared epsilon-insensitive, and Huber's with its scale.

==================================  ===========================  =================================  ====================
loss                                value                        residual dl/dz                     curvature
==================================  ===========================  =================================  ====================
squared epsilon-insensitive         max(0, |y - z| - e)^2        -2 sign(y - z) max(0, |y - z|-e)   2 [|y - z| > e]
Huber, u = (y - z)/s                s u^2, |u| < e; else         -2 max(-e, min(e, u))              (2/s) [|u| < e]
                                    s (2 e |u| - e^2)
==================================  ===========================  =================================  ====================

A record within the tolerance does not pull. One beyond Huber's bend pulls with 2e wherever its target is, so its
target does not come back. Source: scikit-learn's LinearSVR and HuberRegressor.
"""

from __future__ import annotations

from dataclasses import dataclass

from undelete.maths.arrays import Array, namespace
from undelete.maths.loss import OfNumber

_TOLD = 0.75  # of the bend: a residual beyond may be that of any target further out


@dataclass(frozen=True)
class SquaredTolerance(OfNumber):
    """The squared epsilon-insensitive loss: the linear support vector regression's."""

    epsilon: float

    def __post_init__(self) -> None:
        if not self.epsilon >= 0:
            raise ValueError(f"its epsilon is {self.epsilon:g}: it is zero or more")

    @property
    def name(self) -> str:
        """The name in files and reports."""
        return f"squared_epsilon_insensitive({self.epsilon!r})"

    def value(self, Y: Array, Z: Array) -> Array:
        """Return the loss of each record."""
        return namespace(Z).sum(self._beyond(Y, Z) ** 2, axis=-1)

    def residual(self, Y: Array, Z: Array) -> Array:
        """Return d loss / dz."""
        return -2 * namespace(Z).sign(Y - Z) * self._beyond(Y, Z)

    def curvature(self, Y: Array | None, Z: Array) -> Array:
        """Return d2 loss / dz2; ValueError without targets, which decide who is beyond the tolerance."""
        if Y is None:
            raise ValueError(f"the curvature of the {self.name} loss depends on the targets: give Y")
        xp = namespace(Z)
        return xp.where(xp.abs(Y - Z) > self.epsilon, xp.full_like(Z, 2.0), xp.zeros_like(Z))

    def target_from(self, Z: Array, R: Array) -> tuple[Array, Array, Array]:
        """Return y = z - r / 2 - sign(r) e."""
        xp = namespace(Z)
        Y = Z - R / 2 - self.epsilon * xp.sign(R)
        return xp.where(R == 0, xp.full_like(Y, float("nan")), Y), xp.ones_like(Z), -0.5 * xp.ones_like(Z)

    def size(self, Y: Array) -> Array:
        """Return the largest |y|."""
        xp = namespace(Y)
        return xp.max(xp.abs(Y), axis=0)

    def _beyond(self, Y: Array, Z: Array) -> Array:
        xp = namespace(Z)
        over = xp.abs(Y - Z) - self.epsilon
        return xp.maximum(over, xp.zeros_like(over))


@dataclass(frozen=True)
class Huber(OfNumber):
    """Huber's loss at a scale s, which is itself an estimate: the model fits both, and a deletion moves both."""

    epsilon: float
    scale: float

    def __post_init__(self) -> None:
        if not (self.epsilon >= 1 and self.scale > 0):
            raise ValueError("its bend is 1 or more and its scale more than 0")

    @property
    def name(self) -> str:
        """The name in files and reports."""
        return f"huber({self.epsilon!r},{self.scale!r})"

    def value(self, Y: Array, Z: Array) -> Array:
        """Return the loss of each record."""
        xp, u = namespace(Z), namespace(Z).abs(Y - Z) / self.scale
        inner = u < self.epsilon
        return self.scale * xp.sum(xp.where(inner, u**2, 2 * self.epsilon * u - self.epsilon**2), axis=-1)

    def residual(self, Y: Array, Z: Array) -> Array:
        """Return d loss / dz."""
        xp, u = namespace(Z), (Y - Z) / self.scale
        bend = xp.full_like(u, self.epsilon)
        return -2 * xp.minimum(xp.maximum(u, -bend), bend)

    def curvature(self, Y: Array | None, Z: Array) -> Array:
        """Return d2 loss / dz2; ValueError without targets."""
        if Y is None:
            raise ValueError("the curvature of Huber's loss depends on the targets: give Y")
        xp = namespace(Z)
        inner = xp.abs(Y - Z) < self.epsilon * self.scale
        return xp.where(inner, xp.full_like(Z, 2 / self.scale), xp.zeros_like(Z))

    def target_from(self, Z: Array, R: Array) -> tuple[Array, Array, Array]:
        """Return y = z - r s / 2, NaN near the bend and beyond, where a residual that is estimated does not tell."""
        xp = namespace(Z)
        Y = Z - R * self.scale / 2
        told = xp.abs(R) < 2 * _TOLD * self.epsilon
        return xp.where(told, Y, xp.full_like(Y, float("nan"))), xp.ones_like(Z), xp.full_like(Z, -self.scale / 2)

    def size(self, Y: Array) -> Array:
        """Return twice the bend."""
        return namespace(Y).full_like(Y[0, :], 2 * self.epsilon)
