"""The objective that every model here minimises, maths (1), and its derivatives.

    F(W) = sum_i loss(y_i, x_i W) + 1/2 sum_j l2_j ||W_j||^2

A sum, not a mean: deleting a record removes exactly one term. The last feature is usually the constant 1,
so there is no separate intercept. All functions take a batch of parameters at once, because n deletions
are n parameter matrices of one objective: two large matrix products serve them all.
"""

from __future__ import annotations

from dataclasses import dataclass

from undelete.maths.arrays import Array, namespace
from undelete.maths.losses import Loss


def predict(X: Array, W: Array) -> Array:
    """Return Z = X W: (n, k) for W (d, k), and (n, b, k) for a batch W (b, d, k). Cost 2 n d b k flops."""
    if W.ndim == 2:
        return X @ W
    xp = namespace(X, W)
    b, d, k = W.shape
    flat = xp.reshape(xp.permute_dims(W, (1, 0, 2)), (d, b * k))
    return xp.reshape(X @ flat, (X.shape[0], b, k))


def accumulate(X: Array, R: Array) -> Array:
    """Return X' R, the transpose of `predict`: (d, k) for R (n, k), and (b, d, k) for R (n, b, k)."""
    xp = namespace(X, R)
    if R.ndim == 2:
        return xp.matrix_transpose(X) @ R
    n, b, k = R.shape
    flat = xp.matrix_transpose(X) @ xp.reshape(R, (n, b * k))
    return xp.permute_dims(xp.reshape(flat, (X.shape[1], b, k)), (1, 0, 2))


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
    """

    X: Array
    Y: Array
    loss: Loss
    l2: Array

    @property
    def n(self) -> int:
        """Number of records."""
        return int(self.X.shape[0])

    def targets_for(self, W: Array) -> Array:
        """Return Y shaped to broadcast with predict(X, W)."""
        return self.Y if W.ndim == 2 else self.Y[:, None, :]

    def value(self, W: Array) -> Array:
        """Return F: a scalar array, or (b,) for a batch."""
        xp = namespace(self.X, W)
        loss = xp.sum(self.loss.value(self.targets_for(W), predict(self.X, W)), axis=0)
        return loss + xp.sum(self.l2[:, None] * W**2, axis=(-2, -1)) / 2

    def gradient(self, W: Array) -> Array:
        """Return dF/dW, of W's shape. Cost 4 n d b k flops."""
        R = self.loss.residual(self.targets_for(W), predict(self.X, W))
        return accumulate(self.X, R) + self.l2[:, None] * W

    def hessian_vector_product(self, W: Array, V: Array) -> Array:
        """Return the Hessian at W (d, k) applied to V (d, k) or a batch (b, d, k). Cost 4 n d b k flops."""
        curvature = self.loss.curvature(self.Y, predict(self.X, W))
        if V.ndim == 3:
            curvature = curvature[:, None, :]
        return accumulate(self.X, curvature * predict(self.X, V)) + self.l2[:, None] * V

    def hessian(self, W: Array, output: int) -> Array:
        """Return the dense Hessian (d, d) of one output's column. Cost 2 n d^2 flops."""
        xp = namespace(self.X)
        curvature = self.loss.curvature(self.Y, predict(self.X, W))[:, output]
        H = xp.matrix_transpose(self.X) @ (curvature[:, None] * self.X)
        return H + xp.eye(H.shape[0], dtype=H.dtype, device=H.device) * self.l2[:, None]
