"""A number that an embedding is multiplied by, sought with the record behind it: maths (11)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from undelete.maths.arrays import Floats

LEAST = 0.05  # multiple of the scale that a search starts with, under which there is no record
_ROUNDS = 20  # of a scale's fixed point


@dataclass(frozen=True, eq=False)
class FreeScale:
    """Targets (b, D) that are known up to a number c each: t = middle + c (phi(x) - middle), c near its own estimate.

    Parameters
    ----------
    middle : array (b, D)
        Where multiples begin.
    estimate, variance : arrays (b,)
        Of c.
    integrated : bool
        Whether what is open of the record is integrated; else c is that of the most probable record.
    """

    middle: Floats
    estimate: Floats
    variance: Floats
    integrated: bool = False

    def part(self, rows: NDArray[np.int64] | slice) -> FreeScale:
        """Return that of some of the targets."""
        return FreeScale(self.middle[rows], self.estimate[rows], self.variance[rows], self.integrated)

    def best(self, along: Floats, square: Floats, curvature: Floats) -> Floats:
        """Return the c (b,) that is most probable where exp(c along - c^2 square / 2) is the likelihood; positive.

        `curvature` (b, p): that of the record's likelihood at c = 1 beside its prior's. What is open of the record is
        integrated: else the record is drawn to the prior's mean, and c makes up for it.
        """
        pull, least = along + self.estimate / self.variance, square + 1 / self.variance
        c = pull / least
        for _ in range(_ROUNDS if self.integrated else 1):
            left = (curvature / (1 + (c**2)[:, None] * curvature)).sum(axis=1) * self.integrated
            c = np.maximum(pull / (least + left), LEAST)
        return np.asarray(c)

    def cost(self, c: Floats) -> Floats:
        """Return minus the log-probability of each c (b,) by its own estimate, but for a constant."""
        return np.asarray((c - self.estimate) ** 2 / self.variance / 2)
