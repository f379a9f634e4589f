"""What one gradient says of the terms of a record, in whitened coordinates that grow column by column: maths (13)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undelete.maths.arrays import Floats

_SINGULAR = 1e-12  # of the largest eigenvalue, the terms' deviations scaled to one: below it is round-off


@dataclass(frozen=True, eq=False)
class TermLikelihood:
    """What one gradient says of a record's terms a (q,): data = rho (constant + matrix a) + standard normal errors.

    With b = constant + matrix a and the sums A = data'b, B = b'b, which grow column by column, the log-likelihood is
    A - B/2 where the scale is 1. Where it is not known it is integrated over all scales: A^2 / 2B - log(B) / 2 if each
    is as likely, and A^2 / 2(B + 1/w^2) - log(1 + B w^2) / 2 if they are normal of deviation w; of several deviations
    the mean. Where the errors are small beside the scale the two differ by a constant; where they are not, the first
    would prefer records that the errors hide.

    Parameters
    ----------
    data : array (s,)
        Whitened.
    constant : array (s,)
        What the record's constant adds; zero where the scale is known.
    matrix : array (s, q)
        Lower triangular, but for a first row of zeros where the scale is not known: its first entry is the constant's.
    scaled : bool
        Whether the scale rho is known, to be 1.
    centre, gain : arrays (p,), (s, p)
        The estimate, and from whitened errors to its errors.
    left : array (p, p)
        Covariance of what the terms do not say of the estimate's error.
    offset : float
        What the log-likelihood lacks of the logarithm of a density of the gradient, for the comparison of errors.
    widths : array (k,) or None
        Deviations of the scale, each as likely; None: every scale is as likely.
    """

    data: Floats
    constant: Floats
    matrix: Floats
    scaled: bool
    centre: Floats
    gain: Floats
    left: Floats
    offset: float
    widths: Floats | None = None

    def log(self, A: Floats, B: Floats) -> Floats:
        """Return the log-likelihood, up to a constant, of records with these sums."""
        if self.scaled:
            return np.asarray(A - 0.5 * B)
        if self.widths is None:
            return np.asarray(0.5 * A**2 / B - 0.5 * np.log(B))
        *others, widest = sorted(self.widths.tolist())  # whose exponent is the largest of them
        half = 0.5 * A**2
        top = half / (B + widest**-2.0)
        total = 1 / np.sqrt(1 + B * widest**2)
        for w in others:
            total += np.exp(half / (B + w**-2.0) - top) / np.sqrt(1 + B * w**2)
        return np.asarray(top + np.log(total / len(self.widths)))

    def misfit(self, A: Floats, B: Floats) -> Floats:
        """Return the squared distance of the data from what such records would give."""
        return np.asarray(float(self.data @ self.data) - (2 * A - B if self.scaled else A**2 / B))

    def points(self, b: Floats) -> tuple[Floats, Floats]:
        """Return where records with whitened terms b (r, s) lie (r, p), and the scale of each (r,)."""
        rho = np.ones(len(b)) if self.scaled else b @ self.data / (b**2).sum(axis=1)
        return (self.centre - (self.data - rho[:, None] * b) @ self.gain) / rho[:, None], rho


def whitened(covariance: Floats, projection: Floats, floor: float = 0.0) -> tuple[Floats, Floats]:
    """Return the inverse of the Cholesky factor of the terms' covariance (q, q), and the gain (q, p)."""
    cross = covariance @ projection
    S = projection.T @ cross + floor * np.eye(projection.shape[1])
    inverse = np.asarray(np.linalg.inv(lower(S)), dtype=np.float64)
    return inverse, np.asarray(inverse @ cross.T)


def lower(S: Floats) -> Floats:
    """Return the Cholesky factor of a covariance, of one that is singular to rounding with a little more variance."""
    try:
        return np.asarray(np.linalg.cholesky(S), dtype=np.float64)
    except np.linalg.LinAlgError:
        root = np.sqrt(np.diag(S))
        values, vectors = np.linalg.eigh(S / root[:, None] / root)
        half = vectors * np.sqrt(np.maximum(values, _SINGULAR * values[-1]))
        R = np.linalg.qr(half.T, mode="r")
        return np.asarray(root[:, None] * (R * np.sign(np.diag(R))[:, None]).T)
