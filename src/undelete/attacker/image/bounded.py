"""Records without a lattice lie between the least and the greatest public value of each feature, maths (12).

The estimate is moved inside, towards the nearest record in the metric of its error's covariance: pixels that cannot be
darker than black say how large the error is there, and so, since errors go together, elsewhere. The shape of the
covariance is taken over all deletions that read the same output.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve, solve_triangular

from undelete.attacker.gradient.estimate import Estimate
from undelete.attacker.gradient.scale import GradientError, Size, own_class, probable_scale
from undelete.maths.arrays import Floats
from undelete.maths.objective import gram
from undelete.release.release import Release

_RIDGE = 1e-3  # of the mean variance, added to each direction: the smallest eigenvalues are estimates too
_TRUST = 0.3  # of the mean variance, under which no direction is trusted more than another to lead inside
_STEPS = 5  # that way


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
    For each output that was read m d^2 + d^3 flops, and d^2 for each public record of its class; a deletion 2 m d
    flops, and 2 d^2 a step. Source: maths (10), (12).
    """
    found = np.empty_like(g)
    low, high = release.X_public.min(axis=0), release.X_public.max(axis=0)
    for output in np.unique(estimate.output):
        rows = np.flatnonzero(estimate.output == output)
        error = GradientError.of(release.take(rows), estimate.part(rows))
        shape = _Shape.of(release, error)
        entry, mine = estimate.scale[rows], g[rows]
        middle = error.middle.mean(axis=0)
        gradient, aside = mine - entry[:, None] * error.middle, error.middle - middle
        own = release.X_public[own_class(release, int(output))] - middle
        white = shape.whitened(np.concatenate([gradient, aside, own]))
        gradient, aside, own = np.split(white, [len(rows), 2 * len(rows)])
        size = Size((gradient**2).sum(axis=1), (gradient * aside).sum(axis=1), (aside**2).sum(axis=1))
        usual = (own**2).sum(axis=1)
        scale = probable_scale(entry, np.sqrt(error.total), size, error.total * g.shape[1], usual)
        found[rows] = _inside(error.divided(mine, entry, scale), shape, low, high)
    return found


@dataclass(frozen=True, eq=False)
class _Shape:
    """The covariance S (d, d) of the public records under the mean weights of some deletions."""

    covariance: Floats

    @classmethod
    def of(cls, release: Release, error: GradientError) -> _Shape:
        share = error.weights.mean(axis=1)
        middle = share @ release.X_public
        return cls(gram(release.X_public, np.sqrt(share)) - np.outer(middle, middle))

    def root(self, share: float) -> tuple[Floats, float]:
        """Return the lower triangular root of S and a ridge of a share of the mean variance, and that ridge."""
        ridge = share * float(np.trace(self.covariance)) / len(self.covariance)
        return np.asarray(np.linalg.cholesky(self.covariance + ridge * np.eye(len(self.covariance)))), ridge

    def whitened(self, X: Floats) -> Floats:
        """Return rows whose squared lengths are x S^-1 x'."""
        root, _ = self.root(_RIDGE)
        return np.asarray(solve_triangular(root, X.T, lower=True, check_finite=False).T)


def _inside(X: Floats, shape: _Shape, low: Floats, high: Floats) -> Floats:
    """Return records in low <= x <= high, a few projected gradient steps towards the least (x - X)' S^-1 (x - X).

    With its ridge S^-1 is nowhere more than 1 / ridge, so that a step of the ridge's length leads no further away. The
    nearest record itself would be worse, maths (12).
    """
    root, ridge = shape.root(_TRUST)
    z = np.clip(X, low, high)
    for _ in range(_STEPS):
        back = cho_solve((root, True), (X - z).T, check_finite=False).T
        z = np.clip(z + ridge * back, low, high)
    return z
