"""What a proof of differential privacy says: of one release, of two, and of whoever wants a record back.

A mechanism's delta at each epsilon is all that is known of it. Somebody who would be right about a record with a
probability of kappa before the release is right with at most

    inf over epsilon of  e^epsilon kappa + delta(epsilon)

afterwards, whatever is meant by right and whatever the attack (maths (38); Balle, Cherubin and Hayes 2022, Hayes,
Mahloujifar and Balle 2023). Of Gaussian noise that is Phi(Phi^-1(kappa) + mu).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from scipy.optimize import brentq, minimize_scalar
from scipy.special import ndtr, ndtri

from undelete.maintainer.defences.gaussian import composed, delta_of, epsilon_of, mu_of

_GRID = 64  # steps to the stated epsilon at which a proof is looked at
_FURTHER = 60.0  # beyond twice the epsilon, where next to no delta is left


@dataclass(frozen=True)
class Budget:
    """What one release proves.

    Parameters
    ----------
    epsilon, delta : float
        As it is stated.
    curve : callable
        The least delta that is proved at each epsilon.
    mu : float or None
        Of Gaussian noise, the most that one record moves over the deviation.
    two : float or None
        The epsilon of two such releases at the same delta, where it is known.
    """

    epsilon: float
    delta: float
    curve: Callable[[float], float]
    mu: float | None = None
    two: float | None = None

    @classmethod
    def gaussian(cls, epsilon: float, delta: float) -> Budget:
        """Return that of Gaussian noise."""
        mu = mu_of(epsilon, delta)
        return cls(epsilon, delta, lambda at: delta_of(mu, at), mu)

    def twice(self) -> float:
        """Return the epsilon of two such releases at the same delta; of what is not Gaussian by adding both up."""
        if self.two is not None:
            return self.two
        if self.mu is not None:
            return epsilon_of(composed(self.mu, 2), self.delta)
        half = self.delta / 2
        return 2 * float(brentq(lambda at: self.curve(at) - half, self.epsilon, 2 * self.epsilon + _FURTHER))

    def telling(self) -> float:
        """Return the most that anybody can be right with who has to say which of two people was not in the data.

        Without either of them the release is within a total variation of t of that of all, t the least of
        (e^epsilon - 1 + 2 delta) / (e^epsilon + 1) over all that is proved; of each other they are within 2 t.
        """

        def apart(at: float) -> float:
            return (math.expm1(at) + 2 * self.curve(at)) / (math.exp(at) + 1)

        found = minimize_scalar(apart, bounds=(0.0, self.epsilon + _FURTHER), method="bounded")
        grid = min(apart(self.epsilon * step / _GRID) for step in range(_GRID + 1))
        return min(1.0, 0.5 + min(float(found.fun), grid))

    def most(self, chance: float) -> float:
        """Return the most that anybody's chance of being right can have become who had `chance` before."""
        if self.mu is not None:
            return float(ndtr(ndtri(chance) + self.mu))
        last = min(self.epsilon + 20, 1 - math.log(chance))  # beyond, the first term alone is over 1
        found = minimize_scalar(lambda at: math.exp(at) * chance + self.curve(at), bounds=(0.0, last), method="bounded")
        return min(1.0, float(found.fun), chance + self.curve(0.0))
