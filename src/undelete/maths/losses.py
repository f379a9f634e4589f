"""Losses per record, as functions of the targets Y and the predictions Z = X W.

Y has shape (n, k). Z has shape (n, k), or (n, b, k) for a batch of b parameter matrices; Y must then be
given as (n, 1, k). All functions broadcast and work on any array API array.

=====================  =====================  ==================  ===============
loss                   value                  residual dl/dz      curvature
=====================  =====================  ==================  ===============
squared                (y - z)^2 / 2          z - y               1
logistic, y = +-1      log(1 + exp(-yz))      -y s(-yz)           s(z) s(-z)
squared hinge, +-1     max(0, 1 - yz)^2       -2y max(0, 1-yz)    2 [1 - yz > 0]
softmax, y one-hot     lse(z) - yz            p - y               diag(p) - pp'
=====================  =====================  ==================  ===============

The first three are separable: each column of Z has its own target and its own loss, and the curvature is
diagonal. Softmax, p = softmax(z), is over-parametrised as in scikit-learn: shifting all classes alike
changes nothing. See docs/maths.md, Convention; the Hessians are those of the paper's Sections 3.3 and 4.2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from undelete.maths.arrays import Array, device, largest, namespace, summed


class Loss(Protocol):
    """A loss per record and output; see the module's table."""

    @property
    def name(self) -> str:
        """The name in files and reports."""

    def value(self, Y: Array, Z: Array) -> Array:
        """Return the loss of each record, summed over its outputs: Z's shape without the last axis."""

    def residual(self, Y: Array, Z: Array) -> Array:
        """Return d loss / dz, of Z's shape."""

    @property
    def separable(self) -> bool:
        """Whether each output has its own loss."""

    def curvature(self, Y: Array | None, Z: Array) -> Array:
        """Return the diagonal of d2 loss / dz2, of Z's shape; only the squared hinge needs Y."""

    def curvature_action(self, Y: Array | None, Z: Array, V: Array) -> Array:
        """Return (d2 loss / dz2) v for each record, of V's shape; Z broadcasts against V."""


def _number(like: Array, value: float) -> Array:
    """Return one number as an array without axes, which broadcasts."""
    return namespace(like).asarray(value, dtype=like.dtype, device=device(like))


def _one_plus_exp(t: Array) -> Array:
    """Return 1 + exp(t), finite: t beyond the largest number's logarithm counts as that."""
    xp = namespace(t)
    e = xp.exp(xp.minimum(t, _number(t, math.log(xp.finfo(t.dtype).max) - 1)))
    e += 1
    return e


class _Separable:
    """What losses with a diagonal curvature share."""

    separable = True

    def curvature_action(self: Loss, Y: Array | None, Z: Array, V: Array) -> Array:
        """Return (d2 loss / dz2) v for each record."""
        return self.curvature(Y, Z) * V


@dataclass(frozen=True)
class Squared(_Separable):
    """Half the squared error: ridge and least squares."""

    name: str = "squared"

    def value(self, Y: Array, Z: Array) -> Array:
        """Return the loss of each record."""
        return namespace(Z).sum((Y - Z) ** 2, axis=-1) / 2

    def residual(self, Y: Array, Z: Array) -> Array:
        """Return d loss / dz."""
        return Z - Y

    def curvature(self, Y: Array | None, Z: Array) -> Array:
        """Return d2 loss / dz2."""
        return namespace(Z).ones_like(Z)


@dataclass(frozen=True)
class Logistic(_Separable):
    """The logistic loss of a label y = +1 or -1."""

    name: str = "logistic"

    def value(self, Y: Array, Z: Array) -> Array:
        """Return the loss of each record."""
        xp = namespace(Z)
        return xp.sum(xp.logaddexp(xp.zeros_like(Z), -Y * Z), axis=-1)

    def residual(self, Y: Array, Z: Array) -> Array:
        """Return d loss / dz."""
        return -Y / _one_plus_exp(Y * Z)

    def curvature(self, Y: Array | None, Z: Array) -> Array:
        """Return d2 loss / dz2."""
        e = namespace(Z).exp(-namespace(Z).abs(Z))
        return e / (1 + e) ** 2


@dataclass(frozen=True)
class SquaredHinge(_Separable):
    """The squared hinge loss of a label y = +1 or -1: the paper's support vector machine."""

    name: str = "squared_hinge"

    def value(self, Y: Array, Z: Array) -> Array:
        """Return the loss of each record."""
        xp = namespace(Z)
        return xp.sum(self._slack(Y, Z) ** 2, axis=-1)

    def residual(self, Y: Array, Z: Array) -> Array:
        """Return d loss / dz."""
        return -2 * Y * self._slack(Y, Z)

    def curvature(self, Y: Array | None, Z: Array) -> Array:
        """Return d2 loss / dz2; ValueError without targets, which decide who is inside the margin."""
        if Y is None:
            raise ValueError("the curvature of the squared hinge loss depends on the targets: give Y")
        xp = namespace(Z)
        return xp.where(Y * Z < 1, xp.full_like(Z, 2.0), xp.zeros_like(Z))

    def _slack(self, Y: Array, Z: Array) -> Array:
        return namespace(Z).maximum(1 - Y * Z, _number(Z, 0.0))


@dataclass(frozen=True)
class Softmax:
    """The cross-entropy of several classes: y one-hot, K outputs."""

    name: str = "softmax"
    separable = False

    def value(self, Y: Array, Z: Array) -> Array:
        """Return the loss of each record."""
        xp = namespace(Z)
        top = largest(Z)
        log_sum = xp.log(summed(xp.exp(Z - top))) + top
        return (log_sum - summed(Y * Z))[..., 0]

    def residual(self, Y: Array, Z: Array) -> Array:
        """Return d loss / dz."""
        P = self.probabilities(Z)
        P -= Y  # in place: beside the products with the data, memory traffic is what a pass costs
        return P

    def curvature(self, Y: Array | None, Z: Array) -> Array:
        """Return the diagonal of d2 loss / dz2."""
        P = self.probabilities(Z)
        return P * (1 - P)

    def curvature_action(self, Y: Array | None, Z: Array, V: Array) -> Array:
        """Return (d2 loss / dz2) v for each record."""
        P = self.probabilities(Z)
        PV = P * V
        PV -= P * summed(PV)
        return PV

    def probabilities(self, Z: Array) -> Array:
        """Return softmax(z) of each record."""
        P = namespace(Z).exp(Z - largest(Z))
        P /= summed(P)
        return P


LOSSES: dict[str, Loss] = {loss.name: loss for loss in (Squared(), Logistic(), SquaredHinge(), Softmax())}
