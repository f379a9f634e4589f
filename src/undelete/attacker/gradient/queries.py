"""How many answers are enough: what rounding adds to the error, beside the public sample's own, maths (21)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from undelete.attacker.gradient.difference import moves
from undelete.release.release import Release

_MORE = 0.1  # by which share the variance may be more than that of the public sample alone


@dataclass(frozen=True)
class Queries:
    """What the rounding of answers costs.

    Parameters
    ----------
    share : float
        Of the error's variance, the part that the rounding makes, with the answers that there are.
    enough : int
        Answers at this precision with which the variance is a tenth above that without rounding; as many as there are
        parameters, at least.
    """

    share: float
    enough: int


def queries(release: Release, step: float, asked: int) -> Queries:
    """Return what rounding to multiples of `step` costs a release of one deletion with so many answers, maths (21).

    Cost 2 m d k flops for m public records.
    """
    X = release.X_public
    m, d = X.shape
    n, k = release.n or m, release.W_before.shape[1]
    seen, smooth = (moves(release, way)[:, 0] for way in ("answers", "hessian"))  # (m, k), with rounding and without
    square = np.maximum((X**2).mean(axis=0), np.finfo(float).tiny)
    own = float((((X**2).T @ smooth**2 / m - (X.T @ smooth / m) ** 2) / square[:, None]).sum()) * (1 / m + 1 / n)
    rounded = step * float(np.abs(seen).mean()) * d * k  # of one answer, in the same units
    own = max(own, np.finfo(float).tiny)
    return Queries(rounded / asked / (rounded / asked + own), max(d * k, math.ceil(rounded / (_MORE * own))))
