"""The Hessian of a softmax model where d k is a few thousand: formed once, inverted once.

Shifting all classes of an unpenalised feature alike changes nothing, so the Hessian is singular along that
direction, and is left alone there. Larger models: matrix_free.py.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from undelete.errors import InputError
from undelete.maths.arrays import Array, blocks, namespace, take_rows
from undelete.maths.objective import Objective, gram
from undelete.maths.solvers import factor

DENSE_LIMIT = 8192  # parameters d k up to which the Hessian is formed: its inverse takes (d k)^2 numbers
_NUMBERS = 16_000_000  # in a temporary array of a dense step: 128 MB in float64
_TRUSTED = 1e-6  # largest relative error of the dense inverse on a probe; its Newton steps remove the rest
_FEWEST = 2048  # parameters up to which it is formed whatever the deletions
_PRODUCTS = 30  # with the data in float64, by which a deletion is retrained without it: more than most take
_REGULAR = 1e-10  # one minus the leverage, under which the model needs the record to be determined


def null_free(objective: Objective, V: Array) -> Array:
    """Return V (..., d, k) less the shift of all classes alike, for each feature without a penalty; softmax only."""
    if objective.loss.separable:
        return V
    xp = namespace(V)
    free = xp.astype(objective.l2 == 0, V.dtype)[:, None]
    return V - free * xp.mean(V, axis=-1, keepdims=True)


def pays(objective: Objective, deletions: int) -> bool:
    """Return whether to form and invert the Hessian for so many deletions, by the flops of both ways.

    Never beyond `DENSE_LIMIT` parameters; always where few of them or features without a penalty, whose dense step says
    if a solution is not unique.
    """
    n, (d, k) = objective.n, (objective.X.shape[1], objective.Y.shape[1])
    xp, parameters = namespace(objective.l2), d * k
    free = int(xp.sum(xp.astype(objective.l2 == 0, xp.int64)))
    if not _FEWEST < parameters <= DENSE_LIMIT or free > 1:
        return bool(parameters <= DENSE_LIMIT)
    once = n * d**2 * k * (k - 1) / 2 + 2 * parameters**3
    otherwise = 10 * d**3 + 10 * _FEWEST**3 + deletions * _PRODUCTS * 4 * n * parameters  # its preconditioner, and each
    return bool(once <= otherwise)


def dense_hessian(objective: Objective, Z: Array) -> Array:
    """Return the Hessian (d k, d k) at predictions Z (n, k), made regular along its null directions.

    Order of the parameters: (feature, class). Cost n d^2 k (k - 1) / 2 flops, and of more than 2 d classes twice that,
    in far fewer products.
    """
    xp = namespace(Z)
    X, (_, k), d = objective.X, Z.shape, objective.X.shape[1]
    P = objective.loss.residual(xp.zeros_like(objective.Y), Z)  # softmax(z)
    P = P if objective.weights is None else P * xp.sqrt(objective.weights)[:, None]
    H = (_by_features if 2 * d < k else _by_classes)(X, P)
    H = xp.reshape(H, (d * k, d * k))
    for a in range(d):
        rows = slice(a * k, (a + 1) * k)
        if float(objective.l2[a]) == 0:
            # as large as the feature's own curvature, so that features of different units stay apart
            H[rows, rows] = H[rows, rows] + xp.mean(xp.linalg.diagonal(H[rows, rows])) / k
        else:
            H[rows, rows] = H[rows, rows] + objective.l2[a] * xp.eye(k, dtype=X.dtype, device=X.device)
    return H


def _by_classes(X: Array, P: Array) -> Array:
    """Return sum_i x_i x_i' (diag(p_i) - p_i p_i') (d, k, d, k), a product of n records for each pair of classes."""
    xp, (d, k) = namespace(P), (X.shape[1], P.shape[1])
    H = xp.zeros((d, k, d, k), dtype=X.dtype, device=X.device)
    for c in range(k):
        for e in range(c + 1, k):
            block = gram(X, xp.sqrt(P[:, c] * P[:, e]))
            H[:, c, :, e] = -block
            H[:, e, :, c] = -block
            # the rows of diag(p) - pp' sum to zero, so the classes' own blocks need no products
            H[:, c, :, c] += block
            H[:, e, :, e] += block
    return H


def _by_features(X: Array, P: Array) -> Array:
    """Return the same by a product for each pair of features: of many more classes, fewer and larger ones."""
    xp, (d, k) = namespace(P), (X.shape[1], P.shape[1])
    H = xp.zeros((d, k, d, k), dtype=X.dtype, device=X.device)
    others = 1 - xp.eye(k, dtype=X.dtype, device=X.device)
    for a in range(d):
        for b in range(a, d):
            block = xp.zeros((k, k), dtype=X.dtype, device=X.device)
            for rows in blocks(X.shape[0], _NUMBERS // k):
                block += xp.matrix_transpose(P[rows, :] * (X[rows, a] * X[rows, b])[:, None]) @ P[rows, :]
            block = block * others
            H[a, :, b, :] = H[b, :, a, :] = xp.sum(block, axis=1) * xp.eye(k, dtype=X.dtype, device=X.device) - block
    return H


class DenseStep:
    """Newton steps without record i by the inverse of the whole Hessian and a change of rank k.

    Parameters
    ----------
    objective : Objective
        Softmax loss, d k parameters up to `DENSE_LIMIT`.
    W : array (d, k)
        The full model.

    Notes
    -----
    Memory 24 (d k)^2 bytes while it is made, a third of that afterwards. A step costs 4 (d k)^2 flops a deletion.
    Where features depend on each other and have no penalty, the pseudo-inverse stands for the inverse.
    """

    def __init__(self, objective: Objective, W: Array) -> None:
        self.objective = objective
        self.Z = objective.predict(W)
        self.inverse = _inverse(dense_hessian(objective, self.Z))

    def solve(self, rows: NDArray[np.int64], G: Array, forcing: float | NDArray[np.float64] = 0.0) -> Array:
        """Apply the inverse of the Hessian without its own record to each G (b, d, k); exact, whatever the forcing."""
        d, k = G.shape[1:]
        parts = [self._solve(rows[part], G[part, :, :]) for part in blocks(len(rows), _NUMBERS // (d * k * k))]
        return namespace(G).concat(parts, axis=0)

    def _solve(self, rows: NDArray[np.int64], G: Array) -> Array:
        xp = namespace(G)
        b, d, k = G.shape
        own = self.objective.take(rows)
        x = own.X
        HG = xp.reshape(G, (b, d * k)) @ self.inverse
        # U = x (Kronecker) I has d entries a column, so H^-1 U costs one product with a vector, not k
        HU = xp.reshape(x @ xp.reshape(self.inverse, (d, k * d * k)), (b, k, d * k))
        S = (x[:, None, None, :] @ xp.reshape(HU, (b, k, d, k)))[:, :, 0, :]  # U' H^-1 U
        A = self._root(own, take_rows(self.Z, rows))
        back = xp.matrix_transpose(A)
        capacity = xp.eye(k, dtype=G.dtype, device=G.device)[None, :, :] - back @ (S + xp.matrix_transpose(S)) / 2 @ A
        _refuse_leverage(rows, xp.min(xp.linalg.eigvalsh(capacity), axis=1))
        UHG = xp.sum(xp.reshape(HG, (b, d, k)) * x[:, :, None], axis=1)[:, :, None]  # (b, k, 1)
        lifted = A @ xp.linalg.solve(capacity, back @ UHG)
        return xp.reshape(HG + (xp.matrix_transpose(lifted) @ HU)[:, 0, :], (b, d, k))

    @staticmethod
    def _root(own: Objective, Z: Array) -> Array:
        """Return A (b, k, k) of each record's curvature diag(p) - pp' = A A': diag(q) (I - q q'), q = sqrt(p)."""
        xp = namespace(Z)
        q = xp.sqrt(own.loss.residual(xp.zeros_like(own.Y), Z))
        A = q[:, :, None] * (xp.eye(q.shape[1], dtype=q.dtype, device=q.device) - q[:, :, None] * q[:, None, :])
        return A if own.weights is None else A * xp.sqrt(own.weights)[:, None, None]


def _inverse(H: Array) -> Array:
    """Return the inverse of the Hessian, or its pseudo-inverse where it is singular or too close to it."""
    xp = namespace(H)
    diagonal = xp.linalg.diagonal(H)
    scale = 1 / xp.sqrt(xp.where(diagonal > 0, diagonal, xp.ones_like(diagonal)))
    scaled = H * scale[:, None] * scale[None, :]
    try:
        inverse = xp.linalg.inv(scaled)
    except (np.linalg.LinAlgError, RuntimeError):  # torch's own error is a RuntimeError
        return _pseudo_inverse(H)
    probe = xp.asarray(np.random.default_rng(0).normal(size=H.shape[0]), dtype=H.dtype, device=H.device)
    error = float(xp.max(xp.abs(scaled @ (inverse @ probe) - probe)))
    return inverse * scale[:, None] * scale[None, :] if error <= _TRUSTED else _pseudo_inverse(H)


def _pseudo_inverse(H: Array) -> Array:
    half = factor(H).half
    return half @ namespace(H).matrix_transpose(half)


def _refuse_leverage(rows: NDArray[np.int64], slack: Array) -> None:
    xp = namespace(slack)
    if not bool(xp.all(slack > _REGULAR)):
        raise leverage_one(int(rows[int(xp.argmin(slack))]))


def leverage_one(row: int) -> InputError:
    """Return the error for a record that the model needs to be determined."""
    return InputError(
        f"record {row} has leverage 1: without it the solution is not unique, so there is no model after its deletion "
        "to compare with; fit with a penalty, or leave this record out"
    )
