"""One record explains the gradients of all outputs: how to weigh them, maths (12).

For several classes G estimates x q', q = -r with an entry for each class, and the paper reads x off the label's column
alone. Every column holds x, with an error that goes together with the others'. Taking the error's covariance for a
Kronecker product, A over the features (the second moment of the public records) and B over the outputs (each
deletion's own, from maths (10)), the weights that give x with the least error are v = B^-1/2 u, where u is the first
right singular vector of A^-1/2 G B^-1/2: the best approximation of rank one in the error's own metric.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from undelete.maths.arrays import Floats, blocks
from undelete.maths.objective import predict
from undelete.maths.solvers import factor
from undelete.release.release import Release
from undelete.release.shared import shared

_HELD = 16_000_000  # predictions held at a time: 128 MB
_RIDGE = 1e-3  # of the mean square, added to each direction: what few public records have is not known that well
_CLEAR = 0.05  # share of q in further positive entries by which one sign is better than the other
_NULL = 1e-9  # variance of the outputs' error, relative to the largest, that counts as none: softmax has one such


def best_mix(release: Release, G: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Return the weights v (b, k) of the outputs with which G v is the record, with the least error; and the labels.

    G v is the record times a number, whose sign is such that it is positive. The label (b,) is the entry of q that is
    largest in magnitude: the entries of q sum to zero and one alone is positive.

    Parameters
    ----------
    release : Release
        b deletions, k outputs; with a constant.
    G : array (b, d, k)
        Minus the deleted records' gradients, maths (4).

    Notes
    -----
    Once m d^2 + 3 d^3 flops; a deletion 2 m d k + m k^2 + 4 d^2 k flops. Source: maths (12), (10).
    """
    half, leverage = shared(release, _metric)
    Z = release.predictions(release.W_before)
    b, _, k = G.shape
    mixes, residuals = np.empty((b, k)), np.empty((b, k))
    for part in blocks(b, max(1, _HELD // Z.size)):
        moved = predict(release.X_public, release.W_before - release.W_after[part])  # (m, b, k)
        t = release.loss.curvature_action(None, Z[:, None, :], moved)
        weighed = np.ascontiguousarray((t * np.sqrt(leverage)[:, None, None]).transpose(1, 2, 0))  # (b, k, m)
        B = weighed @ weighed.transpose(0, 2, 1)
        white = half.T @ G[part]  # (b, r, k)
        signal = white.transpose(0, 2, 1) @ white  # G' A^-1 G
        mixes[part] = _first(signal, B)
        residuals[part] = (signal @ mixes[part][:, :, None])[:, :, 0]  # G' A^-1 x, up to a factor
    assert release.constant is not None
    sign = _sign(residuals, np.einsum("bdk,bk->bd", G, mixes) @ release.constant)
    return mixes * sign[:, None], (residuals * sign[:, None]).argmax(axis=1)


def _sign(residuals: Floats, entry: Floats) -> Floats:
    """Return the sign (b,) with which one entry alone of q (b, k) is positive, or that of the constant's entry (b,).

    Where all of the probability lies on two classes both signs do, and the constant's entry decides.
    """

    def left_over(q: Floats) -> Floats:
        positive = np.maximum(q, 0.0)
        return np.asarray((positive.sum(axis=1) - positive.max(axis=1)) / np.abs(q).sum(axis=1))

    lead = left_over(-residuals) - left_over(residuals)
    return np.where(np.abs(lead) > _CLEAR, np.sign(lead), np.where(entry < 0, -1.0, 1.0))


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
    A = X.T @ X / len(X)
    diagonal = np.arange(len(A))
    A[diagonal, diagonal] += _RIDGE * float(np.trace(A)) / len(A)
    half = np.asarray(factor(A).half)
    leverage = np.concatenate([((X[rows] @ half) ** 2).sum(axis=1) for rows in blocks(len(X), 4096)])
    return half, leverage
