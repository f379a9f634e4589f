"""Records without a lattice: their scale, and the public range of their features, maths (12).

The constant's entry of a gradient tells the scale of the record, but poorly where the record was well explained: its
residual is small and so is the entry. How long records of this population are tells it too. With the scale a, the
constant's error is known, and with it the part of every other feature's error that goes together with it.

Then a record lies between the least and the greatest public value of each feature. The estimate is moved to the
nearest record inside, in the metric of its error's covariance: pixels that cannot be darker than black say how large
the error is there, and so, since errors go together, elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undelete.attacker.decode import NEAR_ZERO, Estimate, Indices
from undelete.maths.objective import gram
from undelete.release import Floats, Release

_STEPS = 200
_OVER = 1.6  # over-relaxation of the alternating steps
_RIDGE = 1e-3  # of the mean variance, added to each direction: the smallest eigenvalues are estimates too
_GRID = np.linspace(-3.0, 3.0, 301)  # of the logarithm of a scale, about the one that the length says
_SIGNAL = 0.1  # least share of a gradient's square that is taken for the record's own


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
        error = _Error.of(release.take(rows), estimate.part(rows))
        scale = _scales(release, g[rows], error, _own(release, int(output)))
        off = estimate.scale[rows] / scale - 1.0
        X = g[rows] / scale[:, None] - off[:, None] * error.middle
        found[rows] = _nearest(X, error, low, high)
    return found


def _own(release: Release, output: int) -> Indices:
    """Return the public records of the class that an output stands for; all where that is not known."""
    Y = release.Y_public
    if Y is None or release.target_kind != "class" or Y.shape[1] == 1:
        return np.arange(len(release.X_public))
    return np.flatnonzero(Y.argmax(axis=1) == output)


@dataclass(frozen=True, eq=False)
class _Error:
    """The covariance of b gradients' errors in one output: size (b,) times one shape with its eigenvectors.

    `middle` (b, d) is the weighted mean of the public records, about which the shape is; `constant` (b,) the standard
    error of the constant's entry.
    """

    size: Floats
    constant: Floats
    middle: Floats
    values: Floats
    vectors: Floats

    @classmethod
    def of(cls, release: Release, estimate: Estimate) -> _Error:
        X = release.X_public
        m, n = len(X), release.n or len(X)
        t2 = estimate.weights(release) ** 2  # (m, b)
        total = t2.sum(axis=0) * n**2 * (1 / m + 1 / n) / m
        weights = t2 / t2.sum(axis=0)
        middle, share = weights.T @ X, weights.mean(axis=1)
        about = share @ X
        S = gram(X, np.sqrt(share)) - np.outer(about, about)
        diagonal = np.arange(len(S))
        S[diagonal, diagonal] += _RIDGE * float(np.trace(S)) / len(S)
        values, vectors = np.linalg.eigh(S)
        return cls(total, np.sqrt(total), middle, values, vectors)

    def square(self, X: Floats) -> Floats:
        """Return x S^-1 x' of each row."""
        return np.asarray(((X @ self.vectors) ** 2 / self.values).sum(axis=1))


def _scales(release: Release, g: Floats, error: _Error, own: Indices) -> Floats:
    """Return the scales a (b,): the constant's entry where it is sure, else the most probable one.

    There the entry is a with its standard error, and the gradient about the middle is a times a record's. The logarithm
    of its squared length is taken for normal, with the mean and variance that it has among public records of the class.
    """
    constant = release.constant
    assert constant is not None
    entry = g @ constant
    lengths = np.log(error.square(release.X_public[own] - error.middle.mean(axis=0)))
    observed = error.square(g - entry[:, None] * error.middle)
    signal = np.maximum(observed - error.size * g.shape[1], _SIGNAL * observed)
    guess = (np.log(signal) - np.mean(lengths)) / 2  # (b,) of log a
    logs = guess[:, None] + _GRID
    cost = ((entry[:, None] - np.exp(logs)) / error.constant[:, None]) ** 2 + _GRID**2 * 4 / np.var(lengths)
    probable = np.exp(logs[np.arange(len(g)), cost.argmin(axis=1)])
    return np.where(entry > NEAR_ZERO * error.constant, entry, probable)


def _nearest(X: Floats, error: _Error, low: Floats, high: Floats) -> Floats:
    """Return argmin (x - X)' S^-1 (x - X) over low <= x <= high, by the alternating direction method of multipliers.

    Source: Boyd et al., Distributed Optimization and Statistical Learning via the Alternating Direction Method of
    Multipliers (2011), Section 5. What comes back is inside the bounds whether or not it has settled.
    """
    precision = 1.0 / error.values
    weight = np.sqrt(precision[0] * precision[-1])
    z, u = np.clip(X, low, high), np.zeros_like(X)
    pull = (X @ error.vectors) * precision
    for _ in range(_STEPS):
        x = ((pull + weight * ((z - u) @ error.vectors)) / (precision + weight)) @ error.vectors.T
        x = _OVER * x + (1 - _OVER) * z
        z = np.clip(x + u, low, high)
        u += x - z
    return z
