"""Records without a lattice lie between the least and the greatest public value of each feature, maths (12).

The estimate is moved to the nearest record inside, in the metric of its error's covariance: pixels that cannot be
darker than black say how large the error is there, and so, since errors go together, elsewhere. The shape of the
covariance is taken over all deletions that read the same output.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undelete.attacker.decode import Estimate, Indices
from undelete.attacker.scale import GradientError, probable_scale
from undelete.maths.objective import gram
from undelete.release import Floats, Release

_STEPS = 200
_OVER = 1.6  # over-relaxation of the alternating steps
_RIDGE = 1e-3  # of the mean variance, added to each direction: the smallest eigenvalues are estimates too


def bounded(release: Release, g: Floats, estimate: Estimate) -> Floats:
    """Return the records (b, d) inside the public range that explain gradients best.

    Parameters
    ----------
    release : Release
        With a constant; for the error, the range of each feature and the length of a record.
    g : array (b, d)
        Minus the gradients in one output, or mixed, their sign such that the constant's entry should be positive.
    estimate : Estimate
        Where they came from; `scale` is g's constant entry.

    Notes
    -----
    For each output that was read m d^2 + 10 d^3 flops; a deletion 2 m d flops and 200 steps of 4 d^2. Source: maths
    (10), (12).
    """
    found = np.empty_like(g)
    low, high = release.X_public.min(axis=0), release.X_public.max(axis=0)
    for output in np.unique(estimate.output):
        rows = np.flatnonzero(estimate.output == output)
        error = GradientError.of(release.take(rows), estimate.part(rows))
        shape = _Shape.of(release, error)
        entry, mine = estimate.scale[rows], g[rows]
        lengths = shape.square(release.X_public[_own(release, int(output))] - error.middle.mean(axis=0))
        observed = shape.square(mine - entry[:, None] * error.middle)
        probable = probable_scale(entry, np.sqrt(error.total), observed, error.total * g.shape[1], lengths)
        scale = np.where(error.sure(entry) & (entry > 0), entry, probable)
        found[rows] = _nearest(error.divided(mine, entry, scale), shape, low, high)
    return found


def _own(release: Release, output: int) -> Indices:
    """Return the public records of the class that an output stands for; all where there are none."""
    Y = release.Y_public
    if Y is None or release.target_kind != "class" or Y.shape[1] == 1:
        return np.arange(len(release.X_public))
    own = np.flatnonzero(Y.argmax(axis=1) == output)
    return own if own.size else np.arange(len(Y))


@dataclass(frozen=True, eq=False)
class _Shape:
    """The covariance (d, d) of the public records under the mean weights of some deletions: its eigenvectors."""

    values: Floats
    vectors: Floats

    @classmethod
    def of(cls, release: Release, error: GradientError) -> _Shape:
        share = error.weights.mean(axis=1)
        middle = share @ release.X_public
        S = gram(release.X_public, np.sqrt(share)) - np.outer(middle, middle)
        diagonal = np.arange(len(S))
        S[diagonal, diagonal] += _RIDGE * float(np.trace(S)) / len(S)
        return cls(*np.linalg.eigh(S))

    def square(self, X: Floats) -> Floats:
        """Return x S^-1 x' of each row."""
        return np.asarray(((X @ self.vectors) ** 2 / self.values).sum(axis=1))


def _nearest(X: Floats, shape: _Shape, low: Floats, high: Floats) -> Floats:
    """Return argmin (x - X)' S^-1 (x - X) over low <= x <= high, by the alternating direction method of multipliers.

    Source: Boyd et al., Distributed Optimization and Statistical Learning via the Alternating Direction Method of
    Multipliers (2011), Section 5. What comes back is inside the bounds whether or not it has settled.
    """
    precision = 1.0 / shape.values
    weight = np.sqrt(precision[0] * precision[-1])
    z, u = np.clip(X, low, high), np.zeros_like(X)
    pull = (X @ shape.vectors) * precision
    for _ in range(_STEPS):
        x = ((pull + weight * ((z - u) @ shape.vectors)) / (precision + weight)) @ shape.vectors.T
        x = _OVER * x + (1 - _OVER) * z
        z = np.clip(x + u, low, high)
        u += x - z
    return z
