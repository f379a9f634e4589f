"""The losses of generalised linear models: half their deviance, but for what no parameter changes.

=======================  =========================================  ========================  ========================
loss                     value                                      residual dl/dz            curvature
=======================  =========================================  ========================  ========================
Poisson, log link        exp(z) - yz                                exp(z) - y                exp(z)
Gamma, log link          z + y exp(-z)                              1 - y exp(-z)             y exp(-z)
Tweedie, 1 <= p <= 2     e^((2-p)z)/(2-p) - y e^((1-p)z)/(1-p)      e^((2-p)z) - y e^((1-p)z) (2-p) e^((2-p)z) +
                                                                                              (p-1) y e^((1-p)z)
negative binomial, a     (y + 1/a) log(1 + a e^z) - yz              (e^z - y) / (1 + a e^z)   e^z (1 + ay) /
                                                                                              (1 + a e^z)^2
=======================  =========================================  ========================  ========================

Of these Poisson alone is canonical: its residual is the answer less the target; `probit` has the loss of a label.
Source: McCullagh and Nelder, Generalized Linear Models (1989); scikit-learn's half deviances.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

from undelete.maths.arrays import Array, namespace
from undelete.maths.loss import Bounds, OfNumber, exponential


class _LogLink(OfNumber):
    """What losses with the answer exp(z) share."""

    least: ClassVar[float] = 0.0

    def mean(self, Z: Array) -> Array:
        """Return the number predicted, exp(z)."""
        return exponential(Z)

    def link(self, answer: Array) -> Array:
        """Return its logarithm."""
        return namespace(answer).log(answer)


def _raised(Z: Array, power: float) -> Array | float:
    """Return exp(power z), without a look at z where it is 1."""
    return exponential(Z if power == 1 else power * Z) if power else 1.0


@dataclass(frozen=True)
class Tweedie(_LogLink):
    """Half the Tweedie deviance of a power p between 1 (counts) and 2 (Gamma), with a logarithmic link.

    Examples
    --------
    >>> import numpy as np
    >>> Tweedie(1.5).target_from(np.zeros(1), np.array([-2.0]))[0].tolist()
    [3.0]
    """

    power: float

    def __post_init__(self) -> None:
        if not 1 <= self.power <= 2:
            raise ValueError(f"its power is {self.power:g}, and outside 1 to 2 the loss is not convex")

    @property
    def name(self) -> str:
        """The name in files and reports."""
        return f"tweedie({self.power:g})"

    @property
    def least_itself(self) -> bool:
        """Whether a target may be zero."""
        return self.power < 2

    @property
    def canonical(self) -> bool:
        """Whether the residual is the answer less the target."""
        return self.power == 1

    def value(self, Y: Array, Z: Array) -> Array:
        """Return the loss of each record."""
        up, down = 2 - self.power, 1 - self.power
        first = exponential(up * Z) / up if up else Z
        second = exponential(down * Z) / down if down else Z
        return namespace(Z).sum(first - Y * second, axis=-1)

    def residual(self, Y: Array, Z: Array) -> Array:
        """Return d loss / dz."""
        return _raised(Z, 2 - self.power) - Y * _raised(Z, 1 - self.power)

    def curvature(self, Y: Array | None, Z: Array) -> Array:
        """Return d2 loss / dz2; ValueError without targets."""
        up, down = 2 - self.power, 1 - self.power
        own = up * exponential(up * Z)
        if not down:
            return own
        if Y is None:
            raise ValueError(f"the curvature of the {self.name} loss depends on the targets: give Y")
        return own - down * Y * exponential(down * Z)

    @property
    def bounds(self) -> Bounds:  # type: ignore[override]
        """Each derivative is two exponentials whose powers are at most this in magnitude: maths (41)."""
        return Bounds(growth=max(2 - self.power, self.power - 1))

    def third(self, Y: Array, Z: Array) -> Array:
        """Return d3 loss / dz3."""
        up, down = 2 - self.power, 1 - self.power
        return up**2 * exponential(up * Z) - down**2 * Y * exponential(down * Z)

    def fourth(self, Y: Array, Z: Array) -> Array:
        """Return d4 loss / dz4."""
        up, down = 2 - self.power, 1 - self.power
        return up**3 * exponential(up * Z) - down**3 * Y * exponential(down * Z)

    def target_from(self, Z: Array, R: Array) -> tuple[Array, Array, Array]:
        """Return y = exp(z) - r exp((p - 1) z)."""
        slope = exponential((self.power - 1) * Z)
        Y = exponential(Z) - R * slope
        return Y, exponential(Z) - (self.power - 1) * R * slope, -slope

    def size(self, Y: Array) -> Array:
        """Return the largest y in units of the variance at the mean, over that of the answer."""
        xp = namespace(Y)
        mean = xp.mean(Y, axis=0)
        mean = xp.where(mean > 0, mean, xp.ones_like(mean))
        return xp.max(xp.abs(Y), axis=0) * mean ** (1 - self.power)

    def saturated(self, Y: Array) -> Array:
        """Return the loss of an answer equal to the target."""
        xp = namespace(Y)
        tiny = xp.full_like(Y, 1e-300)
        Z = xp.log(xp.maximum(Y, tiny))
        up, down = 2 - self.power, 1 - self.power
        if up and down:
            return xp.sum(Y**up * (1 / up - 1 / down), axis=-1)
        return xp.sum(Y - Y * Z, axis=-1) if up else xp.sum(Z + 1, axis=-1)


@dataclass(frozen=True)
class Poisson(Tweedie):
    """Half the Poisson deviance of a count, with a logarithmic link."""

    power: float = field(default=1.0, init=False)

    @property
    def name(self) -> str:
        """The name in files and reports."""
        return "poisson"


@dataclass(frozen=True)
class Gamma(Tweedie):
    """Half the Gamma deviance of a positive number, with a logarithmic link."""

    power: float = field(default=2.0, init=False)

    @property
    def name(self) -> str:
        """The name in files and reports."""
        return "gamma"


@dataclass(frozen=True)
class NegativeBinomial(_LogLink):
    """Half the deviance of a count of variance m + a m^2 about its mean m, with a logarithmic link.

    a is its dispersion, `alpha`.

    Where a is fitted with the parameters, as statsmodels' NegativeBinomial and R's glm.nb do, the two are orthogonal:
    a deletion moves a by one part in n, and the gradient by that times a sum of mean zero. Source: Hilbe, Negative
    Binomial Regression (2011); Lawless (1987) for the orthogonality.

    Examples
    --------
    >>> import numpy as np
    >>> NegativeBinomial(0.5).target_from(np.zeros(1), np.array([-2.0]))[0].tolist()
    [4.0]
    """

    alpha: float

    def __post_init__(self) -> None:
        if not 0 < self.alpha < math.inf:
            raise ValueError(f"its dispersion is {self.alpha:g}: it is above 0, and at 0 the loss is Poisson's")

    @property
    def name(self) -> str:
        """The name in files and reports."""
        return f"negative_binomial({self.alpha!r})"

    def value(self, Y: Array, Z: Array) -> Array:
        """Return the loss of each record."""
        xp = namespace(Z)
        return xp.sum((Y + 1 / self.alpha) * xp.log1p(self.alpha * exponential(Z)) - Y * Z, axis=-1)

    def residual(self, Y: Array, Z: Array) -> Array:
        """Return d loss / dz."""
        m = exponential(Z)
        return (m - Y) / (1 + self.alpha * m)

    def curvature(self, Y: Array | None, Z: Array) -> Array:
        """Return d2 loss / dz2; ValueError without targets."""
        if Y is None:
            raise ValueError(f"the curvature of the {self.name} loss depends on the targets: give Y")
        m = exponential(Z)
        return m / (1 + self.alpha * m) * ((1 + self.alpha * Y) / (1 + self.alpha * m))

    def target_from(self, Z: Array, R: Array) -> tuple[Array, Array, Array]:
        """Return y = exp(z) - r (1 + a exp(z))."""
        m = exponential(Z)
        return m - R * (1 + self.alpha * m), m * (1 - self.alpha * R), -(1 + self.alpha * m)

    def size(self, Y: Array) -> Array:
        """Return the largest y in units of the variance at the mean, over that of the answer."""
        xp = namespace(Y)
        return xp.max(xp.abs(Y), axis=0) / (1 + self.alpha * xp.mean(xp.abs(Y), axis=0))

    def saturated(self, Y: Array) -> Array:
        """Return the loss of an answer equal to the target."""
        xp = namespace(Y)
        own = Y * xp.log(xp.maximum(Y, xp.full_like(Y, 1e-300)))
        return xp.sum((Y + 1 / self.alpha) * xp.log1p(self.alpha * Y) - own, axis=-1)
