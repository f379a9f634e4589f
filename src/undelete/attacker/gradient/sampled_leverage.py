"""Public records as if the model had been trained on them, told by many features that are mostly zero: maths (56).

H of words is not formed. Vectors w are drawn that have H^-1 for their covariance, each by a system of equations whose
right side is made of draws for records and for the penalty. Of a record x, the mean square of x w is its leverage, and
of what it draws less its share in x w what it leaves of itself. Source: such draws are those of Papandreou and Yuille,
Gaussian Sampling by Local Perturbations (2010).
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from undelete.attacker.gradient.trained import PAYS, Trained, bends, given_way
from undelete.maths.arrays import Floats, blocks
from undelete.maths.loss import Loss
from undelete.maths.solvers import conjugate_gradients

_DRAWS = (16, 64)  # at least, and at most: each record's leverage is right to .18 by 64, and errors average out
_ENTRIES = 4_000_000  # of X that are not zero, times draws
_OUTPUTS = 10  # with more, what bends together is told by too few draws
_HELD = 8  # draws at a time
_ROUNDS = 3
_TOL, _MOST = 1e-4, 300  # of conjugate gradients


def trained_on_many(
    X: sp.csr_array, alone: Floats, l2: Floats, loss: Loss, Y: Floats, Z: Floats, n: int
) -> Trained | None:
    """Return what public records would be among the training records; None where it hardly counts, or is not told.

    Parameters
    ----------
    X : sparse array (m, p)
        All that the model reads of them.
    alone : array (m,)
        What features would add to x' H^-1 x that the model would have for a record alone, such as words that no other
        one has: their squared length over their penalty.
    l2 : array (p,)
        The penalty of each feature.
    loss : Loss
        Of the model.
    Y, Z : arrays (m, k)
        Their targets, and what the model says of them.
    n : int
        Its training records.

    Notes
    -----
    Cost three times 16 to 64 solutions by conjugate gradients, of some tens of passes over X each.
    """
    k = Z.shape[1]
    if not np.isfinite(alone).all() or (not loss.separable and k > _OUTPUTS):
        return None
    there = np.unique(X.indices)
    X, l2 = sp.csr_array(X[:, there]), l2[there]
    within: Floats | None = Z
    for _ in range(1 if loss.quadratic else _ROUNDS):
        assert within is not None
        q = _own(X, l2, alone, bends(loss, Y, within), n / len(Y))
        within = given_way(loss, Y, Z, q, within)
        if within is None or not np.isfinite(q).all():
            return None
    assert within is not None
    found = Trained(loss, Y, q, within)
    return found if found.leverage >= PAYS else None


def _own(X: sp.csr_array, l2: Floats, alone: Floats, C: Floats, share: float) -> Floats:
    """Return x' H^-1 x (m, k) or (m, k, k), each record's own part not in H; `alone` (m,) is that of its own features.

    These take some of what a record says of the other features: of its curvature C is left C (1 + alone C)^-1.
    """
    R = _roots(C, alone)
    m, k = R.shape[:2]
    rng, draws = np.random.default_rng(0), int(np.clip(_ENTRIES // max(1, X.nnz), *_DRAWS))
    scale = 1 / (_curvatures(X, R, share) + l2[:, None])
    u, left = np.zeros((m, k, k)), np.zeros((m, k, k))
    for part in blocks(draws, _HELD):
        b = len(range(*part.indices(draws)))
        drawn, prior = rng.normal(size=(b, m, k)), rng.normal(size=(b, X.shape[1], k))
        right = np.sqrt(share) * _across(X.T, _times(R, drawn)) + np.sqrt(l2)[:, None] * prior
        w, _ = conjugate_gradients(
            lambda V, _: share * _across(X.T, _times(R, _back(R, _across(X, V)))) + l2[:, None] * V,
            right, lambda V: V * scale, tol=np.full(b, _TOL), max_iterations=_MOST,
        )  # fmt: skip
        z = _across(X, w)
        less = drawn - np.sqrt(share) * _back(R, z)
        u += np.einsum("bmi,bmj->mij", z, z, optimize=True) / draws
        left += np.einsum("bmi,bmj->mij", less, less, optimize=True) / draws
    if C.ndim == 2:
        u, left = (np.diagonal(one, axis1=1, axis2=2) for one in (u, left))
        return np.asarray(u + share * (u * R) ** 2 / left + alone[:, None])
    turned = u @ R
    return np.asarray(u + share * turned @ np.linalg.solve(left, turned.transpose(0, 2, 1))
                      + alone[:, None, None] * np.eye(k))  # fmt: skip


def _roots(C: Floats, alone: Floats) -> Floats:
    """Return R with R R' = C (1 + alone C)^-1: (m, k) of separate outputs, else (m, k, k)."""
    if C.ndim == 2:
        return np.sqrt(C / (1 + alone[:, None] * C))
    values, vectors = np.linalg.eigh(C)
    values = np.maximum(values, 0.0)
    return np.asarray(vectors * np.sqrt(values / (1 + alone[:, None] * values))[:, None, :])


def _times(R: Floats, V: Floats) -> Floats:
    """Return R times each of V (b, m, k)."""
    return R * V if R.ndim == 2 else np.einsum("mij,bmj->bmi", R, V)


def _back(R: Floats, V: Floats) -> Floats:
    """Return R' times each of V (b, m, k)."""
    return R * V if R.ndim == 2 else np.einsum("mji,bmj->bmi", R, V)


def _across(X: sp.csr_array, V: Floats) -> Floats:
    """Return X (r, p) times each of V (b, p, k), (b, r, k)."""
    b, p, k = V.shape
    return np.asarray((X @ V.transpose(1, 0, 2).reshape(p, b * k)).reshape(-1, b, k).transpose(1, 0, 2))


def _curvatures(X: sp.csr_array, R: Floats, share: float) -> Floats:
    """Return the diagonal (p, k) of the records' part in H."""
    square = R**2 if R.ndim == 2 else (R**2).sum(axis=2)
    return np.asarray(share * (X.multiply(X).T @ square))
