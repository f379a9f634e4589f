"""The public Hessian at the old model, formed once where that costs less than products with it for each deletion.

A separable loss bends each output by itself, at the old model and so for all deletions alike. Beside m d b k flops the
sums of x x' over m public records take m d^2 for each output that bends otherwise than the first, and then d^2 for each
deletion, whatever m is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undelete.maths.arrays import Floats, Indices
from undelete.maths.objective import gram
from undelete.release.release import Release
from undelete.release.shared import shared

_NUMBERS = 40_000_000  # of the sums that are held: 320 MB
_EXACT = 1e-9  # of the terms of a difference, above which rounding leaves it seven digits
_EACH = 6  # flops for each number of a public record that a deletion takes where nothing is formed


@dataclass(frozen=True, eq=False)
class Formed:
    """Sums over public records x (d,) that bend by c in an output; one for all outputs where they bend alike.

    Parameters
    ----------
    hessian, square : lists of q arrays (d, d)
        Of c x x', and of c^2 x x': the same one where all bend by 1.
    mean : array (q, d)
        The mean of c x.
    records : int
        How many they are, m.
    """

    hessian: list[Floats]
    square: list[Floats]
    mean: Floats
    records: int

    def product(self, V: Floats) -> Floats:
        """Return the Hessian times V (b, d, k), each output's own."""
        b, d, k = V.shape
        if len(self.hessian) == 1:
            flat = V.transpose(0, 2, 1).reshape(b * k, d) @ self.hessian[0]
            return np.asarray(flat.reshape(b, k, d).transpose(0, 2, 1))
        return np.stack([V[:, :, j] @ self.hessian[j] for j in range(k)], axis=2)

    def variance(self, V: Floats, output: Indices) -> Floats:
        """Return the variance (b,) over public records of c x'v in each deletion's output, v its column of V.

        NaN where it is too small a difference of large terms, as of years and dollars beside indicators.
        """
        own = V[np.arange(len(V)), :, output]
        found = np.empty(len(V))
        for j in range(len(self.square)):
            rows = slice(None) if len(self.square) == 1 else np.flatnonzero(output == j)
            v, M = own[rows], self.square[j] / self.records
            terms = np.abs(v) @ np.sqrt(np.diag(M))
            difference = np.einsum("bd,bd->b", v @ M, v) - (v @ self.mean[j]) ** 2
            found[rows] = np.where(difference > _EXACT * terms**2, difference, np.nan)
        return found


def formed(release: Release) -> Formed | None:
    """Return the sums, of a release with deletions enough to be worth them; None of another, or without room."""
    d, k = release.W_before.shape
    outputs, sums = (1, 1) if release.loss.quadratic else (k, 2)  # each m d^2 flops: the product is symmetric
    dear = outputs * sums * d > _EACH * release.deletions * k
    if not release.loss.separable or dear or outputs * sums * d**2 > _NUMBERS:
        return None
    made: Formed = shared(release, _sums, release.W_before, release.offset_public)
    return made


def _sums(release: Release) -> Formed:
    X, Z, Y = release.X_public, release.predictions(release.W_before), release.Y_public
    m = len(X)
    bent = np.broadcast_to(release.loss.curvature(np.zeros_like(Z) if Y is None else Y, Z), Z.shape)
    alike = release.loss.quadratic
    bent = bent[:, :1] if alike else bent
    hessian, square, mean = [], [], []
    for c in bent.T:
        hessian.append(gram(X, np.sqrt(c)) if (c >= 0).all() else X.T @ (c[:, None] * X))
        square.append(hessian[-1] if alike else gram(X, c))
        mean.append(X.T @ c / m)
    return Formed(hessian, square, np.array(mean), m)
