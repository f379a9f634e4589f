"""How well the covariance of an estimated gradient's error is known: what it says of public records left out of it.

Weighing a gradient by the inverse of a covariance that was estimated from few records picks the directions in which
these happen to err little, and with rare indicators and heavy tails that goes far: the error of the record is then
larger than it is told, and larger than it had to be. So the covariance is formed without a part of the public records
and asked what it makes of that part's errors, maths (23).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from undelete.attacker.networks.estimate import FLOOR, GradientEstimate, floored
from undelete.maths.arrays import Floats

FLOORS = (FLOOR, 1e-2, 1e-1)  # of the mean eigenvalue, that are tried


def widened(estimate: GradientEstimate, jacobians: Sequence[Floats]) -> GradientEstimate:
    """Return the estimate with the floor that makes the record's own error least, and by how much it is too small.

    Parameters
    ----------
    estimate : GradientEstimate
        With the covariance in parts; one without is returned as it is.
    jacobians : sequence of array (p, q)
        Derivatives of the gradients of some records, in units of their prior's deviations, of which each has as many as
        vary.

    Notes
    -----
    Cost k p^3 for k parts and each floor.
    """
    parts = estimate.parts
    if parts is None or len(parts) < 2:
        return estimate
    tried = [np.mean(list(_told(parts, floor, jacobians)), axis=0) for floor in FLOORS]
    best = int(np.argmin([told[0] for told in tried]))
    return dataclasses.replace(estimate, floor=FLOORS[best], wider=max(1.0, float(tried[best][1])))


def _told(parts: Floats, floor: float, jacobians: Sequence[Floats]) -> Iterator[tuple[float, float]]:
    """Yield, of each part and record, the log-determinant of its true error, and that error beside the told one.

    With A = J'C^-1 J, and M = J'C^-1 C_k C^-1 J of the part k that C lacks, the record's error has the covariance
    (A + I)^-1 (M + I) (A + I)^-1, where A + I says (A + I)^-1. The two are compared where A is above the prior's I.
    """
    total = parts.sum(axis=0)
    for part in parts:
        factor = cho_factor(floored((total - part) / (len(parts) - 1), floor))
        for J in jacobians:
            K = cho_solve(factor, J)
            A, M = J.T @ K, K.T @ part @ K
            values, vectors = np.linalg.eigh(A)
            seen = values > 1
            ratio = np.einsum("qi,qr,ri->i", vectors, M, vectors)[seen] / values[seen]
            error = np.linalg.slogdet(M + np.eye(len(M)))[1] - 2 * np.log1p(values).sum()
            yield float(error), float(ratio.mean()) if seen.any() else 1.0
