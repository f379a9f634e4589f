"""The cross-entropy of several classes.

Softmax, p = softmax(z), is over-parametrised as in scikit-learn: shifting all classes alike changes nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from undelete.maths.arrays import Array, largest, namespace, summed
from undelete.maths.loss import Bounds, Kind, margin_of


@dataclass(frozen=True)
class Softmax:
    """The cross-entropy of several classes: y one-hot, K outputs."""

    name: str = "softmax"
    targets: ClassVar[tuple[Kind, ...]] = ("class",)
    separable: ClassVar[bool] = False
    quadratic: ClassVar[bool] = False
    canonical: ClassVar[bool] = True
    margin: ClassVar[bool] = False
    bounds: ClassVar[Bounds | None] = None
    low: ClassVar[float] = 0.0
    least: ClassVar[float] = -math.inf
    least_itself: ClassVar[bool] = True

    def value(self, Y: Array, Z: Array) -> Array:
        """Return the loss of each record."""
        return (_log_sum(Z) - summed(Y * Z))[..., 0]

    def residual(self, Y: Array, Z: Array) -> Array:
        """Return d loss / dz."""
        P = self.mean(Z)
        P -= Y  # in place: beside the products with the data, memory traffic is what a pass costs
        return P

    def curvature(self, Y: Array | None, Z: Array) -> Array:
        """Return the diagonal of d2 loss / dz2."""
        P = self.mean(Z)
        return P * (1 - P)

    def curvature_action(self, Y: Array | None, Z: Array, V: Array) -> Array:
        """Return (d2 loss / dz2) v for each record."""
        P = self.mean(Z)
        PV = P * V
        PV -= P * summed(PV)
        return PV

    def third(self, Y: Array, Z: Array) -> Array:
        """Refuse: the bound of maths (14) is not used."""
        raise NotImplementedError("softmax is not certified")

    def fourth(self, Y: Array, Z: Array) -> Array:
        """Refuse: the bound of maths (14) is not used."""
        raise NotImplementedError("softmax is not certified")

    def mean(self, Z: Array) -> Array:
        """Return the probability of each class, softmax(z)."""
        P = namespace(Z).exp(Z - largest(Z))
        P /= summed(P)
        return P

    def link(self, answer: Array) -> Array:
        """Return the log probabilities less their mean."""
        xp = namespace(answer)
        logs = xp.log(answer)
        return logs - xp.mean(logs, axis=-1, keepdims=True)

    def target_from(self, Z: Array, R: Array) -> tuple[Array, Array, Array]:
        """Return 1 for the class of the least residual."""
        xp = namespace(R)
        least = xp.min(R, axis=-1, keepdims=True)
        return xp.where(least >= R, xp.ones_like(R), xp.zeros_like(R)), xp.zeros_like(R), xp.zeros_like(R)

    def size(self, Y: Array) -> Array:
        """Return ones."""
        return namespace(Y).ones_like(Y[0, :])

    def confidence(self, Y: Array, Z: Array) -> Array:
        """Return the log odds of the true class."""
        return margin_of(Y, Z, _log_sum)


def _log_sum(Z: Array) -> Array:
    """Return the log-sum-exp over the last axis, kept."""
    xp = namespace(Z)
    top = largest(Z)
    return xp.log(summed(xp.exp(Z - top))) + top
