"""Losses per record, as functions of the targets Y and the predictions Z = X W; and the table of all of them.

=====================  =====================  ==================  ===============
loss                   value                  residual dl/dz      curvature
=====================  =====================  ==================  ===============
squared                (y - z)^2 / 2          z - y               1
logistic, y = +-1      log(1 + exp(-yz))      -y s(-yz)           s(z) s(-z)
squared hinge, +-1     max(0, 1 - yz)^2       -2y max(0, 1-yz)    2 [1 - yz > 0]
softmax, y one-hot     lse(z) - yz            p - y               diag(p) - pp'
=====================  =====================  ==================  ===============

`softmax` has the last, `generalised` and `probit` those of generalised linear models, `robust` those of a tolerated
error. All but softmax are separable: each column of Z has its own target and its own loss, and the curvature is
diagonal. See docs/maths.md, Convention; the Hessians are those of the paper's Sections 3.3 and 4.2.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from undelete.errors import InputError
from undelete.maths.arrays import Array, namespace
from undelete.maths.generalised import Gamma, NegativeBinomial, Poisson, Tweedie
from undelete.maths.loss import Bounds, Kind, Loss, OfClass, OfNumber, exponential, number
from undelete.maths.probit import Probit
from undelete.maths.robust import Huber, SquaredTolerance
from undelete.maths.softmax import Softmax
from undelete.maths.weighted import ClassWeighted


@dataclass(frozen=True)
class Squared(OfNumber):
    """Half the squared error: ridge and least squares, and with targets +1 and -1 the ridge classifier."""

    name: str = "squared"
    targets: ClassVar[tuple[Kind, ...]] = ("number", "class")
    quadratic: ClassVar[bool] = True

    @property
    def canonical(self) -> bool:
        """Whether the residual is the answer less the target."""
        return True

    def value(self, Y: Array, Z: Array) -> Array:
        """Return the loss of each record."""
        return namespace(Z).sum((Y - Z) ** 2, axis=-1) / 2

    def residual(self, Y: Array, Z: Array) -> Array:
        """Return d loss / dz."""
        return Z - Y

    def curvature(self, Y: Array | None, Z: Array) -> Array:
        """Return d2 loss / dz2."""
        return namespace(Z).ones_like(Z)

    def target_from(self, Z: Array, R: Array) -> tuple[Array, Array, Array]:
        """Return y = z - r."""
        xp = namespace(Z)
        return Z - R, xp.ones_like(Z), -xp.ones_like(Z)

    def size(self, Y: Array) -> Array:
        """Return the largest |y|."""
        xp = namespace(Y)
        return xp.max(xp.abs(Y), axis=0)


@dataclass(frozen=True)
class Logistic(OfClass):
    """The logistic loss of a label y = +1 or -1."""

    name: str = "logistic"
    bounds: ClassVar[Bounds | None] = Bounds(curvature=0.25, fourth=0.125, fifth=0.128)

    @property
    def canonical(self) -> bool:
        """Whether the residual is the answer less the target."""
        return True

    def value(self, Y: Array, Z: Array) -> Array:
        """Return the loss of each record."""
        xp = namespace(Z)
        return xp.sum(xp.logaddexp(xp.zeros_like(Z), -Y * Z), axis=-1)

    def residual(self, Y: Array, Z: Array) -> Array:
        """Return d loss / dz."""
        e = exponential(Y * Z)
        e += 1
        return -Y / e

    def curvature(self, Y: Array | None, Z: Array) -> Array:
        """Return d2 loss / dz2."""
        e = namespace(Z).exp(-namespace(Z).abs(Z))
        return e / (1 + e) ** 2

    def third(self, Y: Array, Z: Array) -> Array:
        """Return d3 loss / dz3."""
        return self.curvature(None, Z) * (1 - 2 * self.mean(Z))

    def fourth(self, Y: Array, Z: Array) -> Array:
        """Return d4 loss / dz4."""
        p = self.curvature(None, Z)
        return p * (1 - 6 * p)

    def mean(self, Z: Array) -> Array:
        """Return the probability of +1."""
        return 1 / (1 + exponential(-Z))

    def link(self, answer: Array) -> Array:
        """Return the log odds."""
        xp = namespace(answer)
        return xp.log(answer) - xp.log1p(-answer)


@dataclass(frozen=True)
class SquaredHinge(OfClass):
    """The squared hinge loss of a label y = +1 or -1: the paper's support vector machine."""

    name: str = "squared_hinge"
    margin: ClassVar[bool] = True

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
        return namespace(Z).maximum(1 - Y * Z, number(Z, 0.0))


LOSSES: dict[str, Loss] = {
    loss.name: loss
    for loss in (
        Squared(),
        Logistic(),
        SquaredHinge(),
        Softmax(),
        Poisson(),
        Gamma(),
        Probit(),
        Tweedie(1.5),
        NegativeBinomial(0.5),
        SquaredTolerance(0.1),
    )
}
"""One of each; those with parameters have others too, as `loss_of` reads them."""

_WITH_PARAMETERS: dict[str, Any] = {
    "tweedie": Tweedie,
    "negative_binomial": NegativeBinomial,
    "squared_epsilon_insensitive": SquaredTolerance,
    "huber": Huber,
}


def loss_of(name: str) -> Loss:
    """Return the loss of a name in files and reports: `squared`, `tweedie(1.5)`.

    Raises
    ------
    InputError
        When there is none of that name.

    Examples
    --------
    >>> loss_of("tweedie(1.5)").power
    1.5
    """
    if name in LOSSES:
        return LOSSES[name]
    weighed = re.fullmatch(r"(weighted|weighted_own|weighted_each)\(([^;]+);([^()]*)\)", str(name))
    if weighed is not None:
        try:
            weights = tuple(float(part) for part in weighed[3].split(";"))
            return ClassWeighted(
                loss_of(weighed[2]), weights, weighed[1] == "weighted_own", weighed[1] == "weighted_each"
            )
        except ValueError as error:
            raise InputError(f"loss {name!r} has weights that it cannot have: {error}") from error
    parts = re.fullmatch(r"([a-z_]+)\(([^()]*)\)", str(name))
    if parts is None or parts[1] not in _WITH_PARAMETERS:
        known = (
            *(one for one in LOSSES if "(" not in one),
            "tweedie(POWER)",
            "negative_binomial(ALPHA)",
            "squared_epsilon_insensitive(EPSILON)",
        )
        raise InputError(f"loss {name!r} is not known: it is one of {', '.join(known)}")
    try:
        return _WITH_PARAMETERS[parts[1]](*(float(part) for part in parts[2].split(",")))  # type: ignore[no-any-return]
    except (TypeError, ValueError) as error:
        raise InputError(f"loss {name!r} has parameters that it cannot have: {error}") from error
