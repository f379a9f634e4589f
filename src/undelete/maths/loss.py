"""What a loss is: a frozen value that says all that attacks, solvers and scores ask of it; nobody asks for its name.

Y has shape (n, k). Z has shape (n, k), or (n, b, k) for a batch of b parameter matrices; Y must then be
given as (n, 1, k). All functions broadcast and work on any array API array.
"""

from __future__ import annotations

import math
from typing import ClassVar, NamedTuple, Protocol

from undelete.maths.arrays import Array, device, largest, namespace, summed

Kind = str  # "number" or "class"


class Bounds(NamedTuple):
    """How a loss's derivatives are bounded: |loss'''| <= loss'', and what is named here, maths (14) and (41).

    Parameters
    ----------
    curvature : float
        The most of loss''.
    fourth : float
        The most of |loss''''|.
    fifth : float
        How fast |loss''''| grows, at most: by this much times t within t of a prediction.
    growth : float
        Or else by the factor exp(growth t).
    """

    curvature: float = math.inf
    fourth: float = math.inf
    fifth: float = 0.0
    growth: float = 0.0


class Loss(Protocol):
    """A loss per record and output; the table of `losses` has their formulas."""

    @property
    def name(self) -> str:
        """The name in files and reports, with its parameters: `losses.loss_of` reads it."""

    @property
    def targets(self) -> tuple[Kind, ...]:
        """What it is a loss of: "number", "class" or both."""

    @property
    def low(self) -> float:
        """How a record's other classes are coded; its own is 1."""

    @property
    def least(self) -> float:
        """The least target it can have."""

    @property
    def least_itself(self) -> bool:
        """Whether a target may be equal to `least`."""

    @property
    def separable(self) -> bool:
        """Whether each output has its own loss, so that the curvature is diagonal."""

    @property
    def quadratic(self) -> bool:
        """Whether the curvature is the same everywhere, so that one linear system is solved."""

    @property
    def canonical(self) -> bool:
        """Whether the residual is the answer less the target: its change, and the curvature, need no target."""

    @property
    def margin(self) -> bool:
        """Whether the curvature jumps where y z = 1 and is constant on either side: maths (14), squared hinge."""

    @property
    def bounds(self) -> Bounds | None:
        """How its derivatives are bounded; None: no certificate."""

    def value(self, Y: Array, Z: Array) -> Array:
        """Return the loss of each record, summed over its outputs: Z's shape without the last axis."""

    def residual(self, Y: Array, Z: Array) -> Array:
        """Return d loss / dz, of Z's shape."""

    def curvature(self, Y: Array | None, Z: Array) -> Array:
        """Return the diagonal of d2 loss / dz2, of Z's shape; ValueError without Y where it is not `canonical`."""

    def curvature_action(self, Y: Array | None, Z: Array, V: Array) -> Array:
        """Return (d2 loss / dz2) v for each record, of V's shape; Z broadcasts against V."""

    def third(self, Y: Array, Z: Array) -> Array:
        """Return d3 loss / dz3; only where there are `bounds`."""

    def fourth(self, Y: Array, Z: Array) -> Array:
        """Return d4 loss / dz4; only where there are `bounds`."""

    def mean(self, Z: Array) -> Array:
        """Return the model's answer: the number it predicts, the probability of +1 or of each class, or Z itself."""

    def link(self, answer: Array) -> Array:
        """Return the Z of an answer: `mean` turned back, of classes up to what changes no probability."""

    def target_from(self, Z: Array, R: Array) -> tuple[Array, Array, Array]:
        """Return the numeric target that has residual R at Z, and its derivatives in Z and in R.

        NaN where the residual does not tell it.
        """

    def size(self, Y: Array) -> Array:
        """Return about the largest residual (k,) that one of the records with targets Y (n, k) has."""

    def confidence(self, Y: Array, Z: Array) -> Array:
        """Return how confident predictions are of the true targets, close to normal: Z's shape without the last axis.

        Log odds or margin of the true class; of a number minus its deviance's root, which is |y - z| for the squared
        loss.
        """


def number(like: Array, value: float) -> Array:
    """Return one number as an array without axes, which broadcasts."""
    return namespace(like).asarray(value, dtype=like.dtype, device=device(like))


def exponential(t: Array) -> Array:
    """Return exp(t), finite: t beyond the largest number's logarithm counts as that."""
    xp = namespace(t)
    return xp.exp(xp.minimum(t, number(t, math.log(xp.finfo(t.dtype).max) - 1)))


class Separable:
    """What losses with a diagonal curvature share."""

    separable: ClassVar[bool] = True
    quadratic: ClassVar[bool] = False
    margin: ClassVar[bool] = False
    bounds: ClassVar[Bounds | None] = None
    low: ClassVar[float] = -1.0
    least: ClassVar[float] = -math.inf

    @property
    def canonical(self) -> bool:
        """Whether the residual is the answer less the target."""
        return False

    @property
    def least_itself(self) -> bool:
        """Whether a target may be equal to `least`."""
        return True

    def curvature_action(self: Loss, Y: Array | None, Z: Array, V: Array) -> Array:
        """Return (d2 loss / dz2) v for each record."""
        return self.curvature(Y, Z) * V

    def third(self, Y: Array, Z: Array) -> Array:
        """Refuse: no bound is derived."""
        raise NotImplementedError(f"{type(self).__name__} has no bound of its third derivative")

    def fourth(self, Y: Array, Z: Array) -> Array:
        """Refuse: no bound is derived."""
        raise NotImplementedError(f"{type(self).__name__} has no bound of its fourth derivative")


class OfClass(Separable):
    """What losses of a label y = +1 or -1 share."""

    targets: ClassVar[tuple[Kind, ...]] = ("class",)

    def mean(self, Z: Array) -> Array:
        """Return Z: the model gives no probability."""
        return Z

    def link(self, answer: Array) -> Array:
        """Return Z."""
        return answer

    def target_from(self, Z: Array, R: Array) -> tuple[Array, Array, Array]:
        """Return the sign of minus the residual."""
        xp = namespace(R)
        return -xp.sign(R), xp.zeros_like(R), xp.zeros_like(R)

    def size(self, Y: Array) -> Array:
        """Return ones."""
        return namespace(Y).ones_like(Y[0, :])

    def confidence(self, Y: Array, Z: Array) -> Array:
        """Return y z; of several classes the margin to the nearest other."""
        if Z.shape[-1] == 1:
            return (Y * Z)[..., 0]
        return margin_of(Y, Z, largest)


class OfNumber(Separable):
    """What losses of a number share."""

    targets: ClassVar[tuple[Kind, ...]] = ("number",)

    def mean(self, Z: Array) -> Array:
        """Return Z: the number predicted."""
        return Z

    def link(self, answer: Array) -> Array:
        """Return the answer."""
        return answer

    def saturated(self, Y: Array) -> Array:
        """Return the least loss that targets can have, summed over outputs."""
        return namespace(Y).zeros_like(Y[..., 0])

    def confidence(self: _OfNumber, Y: Array, Z: Array) -> Array:
        """Return minus the root of the deviance."""
        xp = namespace(Z)
        deviance = 2 * (self.value(Y, Z) - self.saturated(Y))
        return -xp.sqrt(xp.maximum(deviance, xp.zeros_like(deviance)))


class _OfNumber(Loss, Protocol):
    def saturated(self, Y: Array) -> Array: ...


def margin_of(Y: Array, Z: Array, gather: object) -> Array:
    """Return the score of each record's own class less what `gather` makes of the others': the largest, for one."""
    assert callable(gather)
    xp = namespace(Z)
    own = (Y > 0) & (Z == Z)
    others = xp.where(own, number(Z, -math.inf), Z)
    return summed(xp.where(own, Z, xp.zeros_like(Z)))[..., 0] - gather(others)[..., 0]
