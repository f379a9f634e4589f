"""One record explains the gradients of all outputs: how to weigh them, maths (12).

For several classes G estimates x q', q = -r with an entry for each class, and the paper reads x off the label's column
alone. Every column holds x, with an error that goes together with the others'. Taking the error's covariance for a
Kronecker product, A over the features (the second moment of the public records) and B over the outputs (each
deletion's own, from maths (10)), the weights that give x with the least error are v = B^-1/2 u, where u is the first
right singular vector of A^-1/2 G B^-1/2: the best approximation of rank one in the error's own metric.
"""

from __future__ import annotations

import numpy as np

from undelete.attacker.inversion import shared
from undelete.maths.arrays import blocks
from undelete.maths.objective import predict
from undelete.maths.solvers import factor
from undelete.release import Floats, Release

_HELD = 16_000_000  # predictions held at a time: 128 MB
_NULL = 1e-9  # variance of the outputs' error, relative to the largest, that counts as none: softmax has one such


def best_mix(release: Release, G: Floats) -> Floats:
    """Return the weights v (b, k) of the outputs with which G v is the record, up to a factor, with the least error.

    Parameters
    ----------
    release : Release
        b deletions, k outputs.
    G : array (b, d, k)
        Minus the deleted records' gradients, maths (4).

    Notes
    -----
    Once m d^2 + 3 d^3 flops; a deletion 2 m d k + m k^2 + 4 d^2 k flops. Source: maths (12), (10).
    """
    half, leverage = shared(release, _metric)
    Z = predict(release.X_public, release.W_before)
    b, _, k = G.shape
    mixes = np.empty((b, k))
    for part in blocks(b, max(1, _HELD // Z.size)):
        moved = predict(release.X_public, release.W_before - release.W_after[part])  # (m, b, k)
        t = release.loss.curvature_action(None, Z[:, None, :], moved)
        weighed = np.ascontiguousarray((t * np.sqrt(leverage)[:, None, None]).transpose(1, 2, 0))  # (b, k, m)
        B = weighed @ weighed.transpose(0, 2, 1)
        white = half.T @ G[part]  # (b, r, k)
        mixes[part] = _first(white.transpose(0, 2, 1) @ white, B)
    return mixes


def _first(signal: Floats, B: Floats) -> Floats:
    """Return B^-1/2 u (b, k), u the first eigenvector of B^-1/2 signal B^-1/2; B's null directions are left out."""
    values, vectors = np.linalg.eigh(B)
    keep = values > _NULL * values[:, -1:]
    root = vectors * np.where(keep, 1.0 / np.sqrt(np.where(keep, values, 1.0)), 0.0)[:, None, :]
    _, first = np.linalg.eigh(root.transpose(0, 2, 1) @ signal @ root)
    return np.asarray((root @ first[:, :, -1:])[:, :, 0])


def _metric(release: Release) -> tuple[Floats, Floats]:
    """Return a half of the inverse second moment of the public records (d, r), and each one's leverage (m,)."""
    X = release.X_public
    half = np.asarray(factor(X.T @ X / len(X)).half)
    leverage = np.concatenate([((X[rows] @ half) ** 2).sum(axis=1) for rows in blocks(len(X), 4096)])
    return half, leverage
