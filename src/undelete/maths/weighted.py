"""A loss whose records weigh by their class: `class_weight` of scikit-learn.

A record of class c weighs w_c: in all outputs, or as liblinear has it with one class against the rest, in that of its
own class alone. Weights that balance the classes are n / (K n_c), so they change with each deletion; where each
class has a model against the rest K is 2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from undelete.maths.arrays import Array, device, namespace
from undelete.maths.loss import Bounds, Kind, Loss


@dataclass(frozen=True)
class ClassWeighted:
    """Another loss, times a number for each class.

    Parameters
    ----------
    base : Loss
        A loss of classes.
    weights : tuple of float
        One for each class; of two, the second is that of +1.
    own : bool
        Whether it counts in the output of the record's own class alone, and is 1 elsewhere.
    each : bool
        Whether it does, and the weights w balance each class with the rest: n / (2 n_c), elsewhere then w / (2w - 1).

    Examples
    --------
    >>> import numpy as np
    >>> from undelete.maths.losses import LOSSES
    >>> loss = ClassWeighted(LOSSES["logistic"], (1.0, 3.0))
    >>> loss.residual(np.array([[-1.0], [1.0]]), np.zeros((2, 1))).ravel().tolist()
    [0.5, -1.5]
    """

    base: Loss
    weights: tuple[float, ...]
    own: bool = False
    each: bool = False
    quadratic: ClassVar[bool] = False
    margin: ClassVar[bool] = False
    bounds: ClassVar[Bounds | None] = None
    least: ClassVar[float] = -math.inf
    least_itself: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if len(self.weights) < 2 or not all(0 < weight < math.inf for weight in self.weights):
            raise ValueError("its weights are numbers above 0, one for each class")

    @property
    def name(self) -> str:
        """The name in files and reports."""
        kind = "weighted_each" if self.each else "weighted_own" if self.own else "weighted"
        return f"{kind}({self.base.name};{';'.join(map(repr, self.weights))})"

    @property
    def targets(self) -> tuple[Kind, ...]:
        """What the base is a loss of."""
        return self.base.targets

    @property
    def canonical(self) -> bool:
        """False: the weight is the target's."""
        return False

    @property
    def separable(self) -> bool:
        """Whether each output's loss depends on its own target alone."""
        return self.base.separable and len(self.weights) == 2

    @property
    def low(self) -> float:
        """How a record's other classes are coded."""
        return self.base.low

    def after(self, gone: int, n: int, shares: Sequence[float]) -> ClassWeighted:
        """Return the loss after the deletion of a record of class `gone`, where the weights balance n records.

        Exact where `shares` of the classes are the private ones.
        """
        later = [weight * (n - 1) / n for weight in self.weights]
        count = max(n * shares[gone], 2.0)
        later[gone] *= count / (count - 1)
        return replace(self, weights=tuple(later))

    def value(self, Y: Array, Z: Array) -> Array:
        """Return the loss of each record."""
        weight = self.weight(Y, Z) + namespace(Z).zeros_like(Z)
        if not self.base.separable:
            return weight[..., 0] * self.base.value(Y, Z)
        parts = [slice(j, j + 1) for j in range(Z.shape[-1])]
        return sum(weight[..., part.start] * self.base.value(Y[..., part], Z[..., part]) for part in parts)

    def residual(self, Y: Array, Z: Array) -> Array:
        """Return d loss / dz."""
        return self.weight(Y, Z) * self.base.residual(Y, Z)

    def curvature(self, Y: Array | None, Z: Array) -> Array:
        """Return the diagonal of d2 loss / dz2; ValueError without targets."""
        if Y is None:
            raise ValueError("the curvature of a loss weighted by class depends on the targets: give Y")
        return self.weight(Y, Z) * self.base.curvature(Y, Z)

    def curvature_action(self, Y: Array | None, Z: Array, V: Array) -> Array:
        """Return (d2 loss / dz2) v for each record; ValueError without targets."""
        if Y is None:
            raise ValueError("the curvature of a loss weighted by class depends on the targets: give Y")
        return self.weight(Y, V) * self.base.curvature_action(Y, Z, V)

    def third(self, Y: Array, Z: Array) -> Array:
        """Refuse: it depends on the targets."""
        raise NotImplementedError("a loss weighted by class is not certified")

    def fourth(self, Y: Array, Z: Array) -> Array:
        """Refuse: it depends on the targets."""
        raise NotImplementedError("a loss weighted by class is not certified")

    def mean(self, Z: Array) -> Array:
        """Return the base's answer."""
        return self.base.mean(Z)

    def link(self, answer: Array) -> Array:
        """Return the base's link."""
        return self.base.link(answer)

    def target_from(self, Z: Array, R: Array) -> tuple[Array, Array, Array]:
        """Return the class, coded, whose residual at Z is nearest to R."""
        xp = namespace(R)
        K = len(self.weights)
        nearest, best = xp.zeros_like(R), xp.full_like(R[..., :1], math.inf)
        for c in range(K):
            code = [1.0 if j == c else self.low for j in range(K)] if Z.shape[-1] > 1 else [1.0 if c else -1.0]
            Y = xp.zeros_like(R) + xp.asarray(code, dtype=R.dtype, device=device(R))
            off = xp.sum((self.residual(Y, Z) - R) ** 2, axis=-1, keepdims=True)
            nearest, best = xp.where(off < best, Y, nearest), xp.minimum(off, best)
        return nearest, xp.zeros_like(R), xp.zeros_like(R)

    def size(self, Y: Array) -> Array:
        """Return the base's, times the largest weight."""
        return max(self.weights) * self.base.size(Y)

    def confidence(self, Y: Array, Z: Array) -> Array:
        """Return the base's."""
        return self.base.confidence(Y, Z)

    def weight(self, Y: Array, Z: Array) -> Array:
        """Return each record's weight in each output, which broadcasts against predictions Z."""
        xp = namespace(Z)
        w = xp.asarray(self.weights, dtype=Z.dtype, device=device(Z))
        if Y.shape[-1] == 1:
            return xp.where(Y > 0, w[1], w[0])
        own = xp.astype(Y > 0, Z.dtype)
        if not self.own and not self.each:
            return (own @ w)[..., None]
        rest = w / (2 * w - 1) if self.each else 1.0
        return own * (w - rest) + rest
