"""Records without a lattice lie between the least and the greatest public value of each feature: use it, maths (12).

An estimate x^ with error covariance S is moved to the nearest record inside the bounds in the metric of S: pixels that
cannot be darker than black say how large the error is there, and so, since errors go together, elsewhere. The shape
of S is taken over all deletions that read the same output.
"""

from __future__ import annotations

import numpy as np

from undelete.attacker.decode import Estimate
from undelete.maths.objective import gram
from undelete.release import Floats, Release

_STEPS = 200
_OVER = 1.6  # over-relaxation of the alternating steps
_RIDGE = 1e-3  # of the mean variance, added to each direction: the smallest eigenvalues are estimates too


def within_bounds(release: Release, X: Floats, estimate: Estimate) -> Floats:
    """Return the records inside the public range that are nearest to estimates X (b, d) in their error's metric.

    Parameters
    ----------
    release : Release
        For the range of each feature, and the error.
    X : array (b, d)
        Estimates in the model's space.
    estimate : Estimate
        Where they came from.

    Notes
    -----
    For each output that was read m d^2 + 10 d^3 flops; a deletion 200 steps of 4 d^2 flops. Source: maths (10), (12).
    """
    found = X.copy()
    low, high = release.X_public.min(axis=0), release.X_public.max(axis=0)
    for output in np.unique(estimate.output):
        rows = np.flatnonzero(estimate.output == output)
        S = _shape(release.take(rows), estimate.part(rows))
        found[rows] = _nearest(X[rows], S, low, high)
    return found


def _shape(release: Release, estimate: Estimate) -> Floats:
    """Return the mean of the errors' covariances (d, d), each relative to its own size, about the records' middle."""
    public = release.X_public
    t2 = estimate.weights(release) ** 2
    share = (t2 / t2.sum(axis=0)).mean(axis=1)  # (m,)
    # a scale that is off moves a record along its distance from this point only, which the bounds must not be told of
    middle = share @ public
    S = gram(public, np.sqrt(share)) - np.outer(middle, middle)
    diagonal = np.arange(len(S))
    S[diagonal, diagonal] += _RIDGE * float(np.trace(S)) / len(S)
    return np.asarray(S)


def _nearest(X: Floats, S: Floats, low: Floats, high: Floats) -> Floats:
    """Return argmin (x - X)' S^-1 (x - X) over low <= x <= high, by the alternating direction method of multipliers.

    Source: Boyd et al., Distributed Optimization and Statistical Learning via the Alternating Direction Method of
    Multipliers (2011), Section 5. What comes back is inside the bounds whether or not it has settled.
    """
    values, vectors = np.linalg.eigh(S)
    precision = 1.0 / values
    weight = np.sqrt(precision[0] * precision[-1])
    z, u = np.clip(X, low, high), np.zeros_like(X)
    pull = (X @ vectors) * precision
    for _ in range(_STEPS):
        x = ((pull + weight * ((z - u) @ vectors)) / (precision + weight)) @ vectors.T
        x = _OVER * x + (1 - _OVER) * z
        z = np.clip(x + u, low, high)
        u += x - z
    return z
