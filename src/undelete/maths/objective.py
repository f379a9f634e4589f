"""The objective that every model here minimises, maths (1), and its derivatives.

    F(W) = sum_i loss(y_i, x_i W + o_i) + 1/2 sum_j l2_j ||W_j||^2

with an offset o_i of each record's own, which is zero where it has none. A sum, not a mean: deleting a record removes
exactly one term. The last feature is usually the constant 1, so there is no separate intercept. All functions take a
batch of parameters at once, because n deletions are n parameter matrices of one objective: two large matrix products
serve them all. Gradients and Hessian products go over the records a few at a time, so that no array of n predictions
for each deletion is held.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from undelete.maths.arrays import Array, blocks, device, namespace, take_rows
from undelete.maths.loss import Loss

_CPU_NUMBERS = 128_000  # predictions held at once: 1 MB; from memory, they would cost more than the products
_ACCELERATOR_NUMBERS = 64_000_000  # 512 MB: enough work for each kernel
_GRAM_NUMBERS = 16_000_000  # of the records held once more for a Hessian: 128 MB
_FEWEST_RECORDS = 256  # or the products lose their speed; no fewer than features, or adding up the parts would tell


def _records_at_a_time(flat: Array) -> int:
    """Return how many records to predict at once by parameters (d, columns): on a CPU, what its cache holds."""
    numbers = _CPU_NUMBERS if str(device(flat)) == "cpu" else _ACCELERATOR_NUMBERS
    d, columns = flat.shape
    return max(_FEWEST_RECORDS, int(d), numbers // max(1, int(columns)))


def predict(X: Array, W: Array, offset: Array | None = None) -> Array:
    """Return Z = X W, an offset (n,) or (n, k) added: (n, k) for W (d, k), (n, b, k) for a batch W (b, d, k).

    Cost 2 n d b k flops.
    """
    if W.ndim == 2:
        return shifted(X @ W, offset)
    xp = namespace(X, W)
    b, d, k = W.shape
    flat = xp.reshape(xp.permute_dims(W, (1, 0, 2)), (d, b * k))
    return shifted(xp.reshape(X @ flat, (X.shape[0], b, k)), offset)


def shifted(Z: Array, offset: Array | None) -> Array:
    """Return predictions (n, ..., k) with each record's offset (n,), or of each output (n, k), added, maths (47)."""
    if offset is None:
        return Z
    if offset.ndim == 1:
        return Z + offset[(slice(None), *(None,) * (Z.ndim - 1))]
    return Z + offset[(slice(None), *(None,) * (Z.ndim - 2))]


def accumulate(X: Array, R: Array) -> Array:
    """Return X' R, the transpose of `predict`: (d, k) for R (n, k), and (b, d, k) for R (n, b, k)."""
    xp = namespace(X, R)
    if R.ndim == 2:
        return xp.matrix_transpose(X) @ R
    n, b, k = R.shape
    flat = xp.matrix_transpose(X) @ xp.reshape(R, (n, b * k))
    return xp.permute_dims(xp.reshape(flat, (X.shape[1], b, k)), (1, 0, 2))


def gram(X: Array, root: Array) -> Array:
    """Return A'A (d, d) for A = diag(root) X, a few records at a time, by the product that BLAS halves for A'A."""
    xp = namespace(X, root)
    d = X.shape[1]
    total = xp.zeros((d, d), dtype=X.dtype, device=device(X))
    for rows in blocks(X.shape[0], _GRAM_NUMBERS // d):
        A = root[rows, None] * X[rows, :]
        total += xp.matrix_transpose(A) @ A
    return total


@dataclass(frozen=True, eq=False)
class Objective:
    """The summed, penalised loss of n records.

    Parameters
    ----------
    X : array (n, d)
        Records in the model's space.
    Y : array (n, k)
        Targets.
    loss : Loss
        The loss per record.
    l2 : array (d,)
        Penalty of each feature's row of W.
    weights : array (n,), (n, b) or None
        Factor of each record's loss; None for ones. With (n, b) each of a batch of b parameter matrices has
        factors of its own: b resamples of the same records.
    offset : array (n,), (n, k) or None
        What is added to each record's predictions; None for nothing.
    """

    X: Array
    Y: Array
    loss: Loss
    l2: Array
    weights: Array | None = None
    offset: Array | None = None

    @property
    def n(self) -> int:
        """Number of records."""
        return int(self.X.shape[0])

    @cached_property
    def unit(self) -> Array:
        """What a small gradient is small beside (d, k): about the most that one record adds to each of its entries.

        max_i |x_ij| times the size of a residual, as the loss says it (max_i |y_ik| for the squared loss, 1 for a
        label); times the mean weight. Another unit of a feature or of the target (dollars, thousands of dollars)
        changes it as it changes the gradient. 1 where it would be zero. Cost n d.
        """
        xp = namespace(self.X)
        size = xp.zeros_like(self.l2)
        for rows in blocks(self.n, _GRAM_NUMBERS // max(1, self.X.shape[1])):
            size = xp.maximum(size, xp.max(xp.abs(self.X[rows, :]), axis=0))
        unit = size[:, None] * self.loss.size(self.Y)[None, :]
        if self.weights is not None and self.weights.ndim == 1:
            unit = unit * xp.mean(self.weights)
        return xp.where(unit > 0, unit, xp.ones_like(unit))

    def take(self, rows: NDArray[np.int64]) -> Objective:
        """Return the objective of some records only."""
        weights, offset = (None if a is None else take_rows(a, rows) for a in (self.weights, self.offset))
        return Objective(take_rows(self.X, rows), take_rows(self.Y, rows), self.loss, self.l2, weights, offset)

    def astype(self, dtype: Any) -> Objective:
        """Return the objective in another precision: a copy, unless it is in that one already."""
        xp = namespace(self.X)
        X, Y, l2 = (xp.astype(array, dtype, copy=False) for array in (self.X, self.Y, self.l2))
        weights, offset = (None if a is None else xp.astype(a, dtype, copy=False) for a in (self.weights, self.offset))
        return Objective(X, Y, self.loss, l2, weights, offset)

    def output(self, j: int) -> Objective:
        """Return one output's own objective; only for a separable loss."""
        offset = self.offset if self.offset is None or self.offset.ndim == 1 else self.offset[:, j]
        return Objective(self.X, self.Y[:, j : j + 1], self.loss, self.l2, self.weights, offset)

    def predict(self, W: Array) -> Array:
        """Return the records' predictions z, offsets added: `predict`."""
        return predict(self.X, W, self.offset)

    def value(self, W: Array) -> Array:
        """Return F: a scalar array, or (b,) for a batch."""
        xp = namespace(self.X, W)
        Z = self.predict(W)
        losses = self.loss.value(self._like(self.Y, Z), Z)
        if self.weights is not None:
            losses = losses * (self.weights if losses.ndim == self.weights.ndim else self.weights[:, None])
        return xp.sum(losses, axis=0) + xp.sum(self.l2[:, None] * W**2, axis=(-2, -1)) / 2

    def residual(self, Z: Array) -> Array:
        """Return each record's weighted d loss / dz at predictions Z, of Z's shape."""
        return self._weigh(self.loss.residual(self._like(self.Y, Z), Z))

    def gradient(self, W: Array) -> Array:
        """Return dF/dW, of W's shape. Cost 4 n d b k flops."""
        return self._through(W, lambda part, Z, _: part.residual(shifted(Z, part.offset))) + self.l2[:, None] * W

    def own_gradients(self, W: Array) -> Array:
        """Return each record's own gradient x' r (n, d, k), without the penalty.

        W is one (d, k) for all records, or (n, d, k), each record at its own parameters.
        """
        Z = self.predict(W) if W.ndim == 2 else shifted(self._own_predictions(W), self.offset)
        return self.X[:, :, None] * self.residual(Z)[:, None, :]

    def hessian_vector_product(self, W: Array, V: Array) -> Array:
        """Return the Hessian at W (d, k) applied to V (d, k) or a batch (b, d, k). Cost 4 n d b k flops."""
        return self.curved(self.predict(W), V)

    def curved(self, Z: Array, V: Array) -> Array:
        """Return the Hessian where the predictions are Z (n, k), applied to V: `hessian_vector_product`.

        With Z (n, b, k) each V of a batch (b, d, k) meets a Hessian of its own.
        """

        def bent(part: Objective, moved: Array, rows: slice) -> Array:
            at = Z[rows, ...] if Z.ndim == V.ndim else Z[rows, None, :]
            return part._weigh(part.loss.curvature_action(self._like(part.Y, moved), at, moved))

        return self._through(V, bent) + self.l2[:, None] * V

    def own_curved(self, Z: Array, V: Array) -> Array:
        """Return each record's own Hessian at predictions Z (n, k) applied to its own V (n, d, k), no penalty."""
        bent = self.loss.curvature_action(self.Y, Z, self._own_predictions(V))
        return self.X[:, :, None] * self._weigh(bent)[:, None, :]

    def curvature(self, W: Array) -> Array:
        """Return each record's weighted curvature, its diagonal (n, k)."""
        return self._weigh(self.loss.curvature(self.Y, self.predict(W)))

    def hessian(self, W: Array, output: int) -> Array:
        """Return the dense Hessian (d, d) of one output's column of W. Cost n d^2 flops."""
        xp = namespace(self.X)
        root = xp.sqrt(self.curvature(W)[:, output])
        H = xp.eye(self.X.shape[1], dtype=self.X.dtype, device=device(self.X)) * self.l2[:, None]
        return H + gram(self.X, root)

    def _own_predictions(self, W: Array) -> Array:
        """Return x_i W_i (n, k) for W (n, d, k)."""
        return (self.X[:, None, :] @ W)[:, 0, :]

    def _through(self, V: Array, bend: Callable[[Objective, Array, slice], Array]) -> Array:
        """Return X' bend(X V), of V's shape (d, k) or (b, d, k), a few records at a time."""
        xp, tail = namespace(self.X, V), (*V.shape[:-2], V.shape[-1])  # (k,) or (b, k)
        flat = V if V.ndim == 2 else xp.permute_dims(V, (1, 0, 2))
        flat = xp.reshape(flat, (V.shape[-2], math.prod(tail)))
        total = xp.zeros_like(flat)
        for rows in blocks(self.n, _records_at_a_time(flat)):
            part = self._between(rows)
            bent = bend(part, xp.reshape(part.X @ flat, (part.n, *tail)), rows)
            total += xp.matrix_transpose(part.X) @ xp.reshape(bent, (part.n, flat.shape[1]))
        total = xp.reshape(total, (V.shape[-2], *tail))
        return total if V.ndim == 2 else xp.permute_dims(total, (1, 0, 2))

    def _between(self, rows: slice) -> Objective:
        weights = None if self.weights is None else self.weights[rows, ...]
        offset = None if self.offset is None else self.offset[rows]
        return Objective(self.X[rows, :], self.Y[rows, :], self.loss, self.l2, weights, offset)

    @staticmethod
    def _like(Y: Array, Z: Array) -> Array:
        return Y if Z.ndim == 2 else Y[:, None, :]

    def _weigh(self, R: Array) -> Array:
        if self.weights is None:
            return R
        return R * (self.weights[..., None] if R.ndim == self.weights.ndim + 1 else self.weights[:, None, None])
