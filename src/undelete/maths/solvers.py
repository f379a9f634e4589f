"""Solving with a symmetric positive semi-definite matrix, again and again.

Every fit here has a Hessian of d features that may lack full rank (one-hot groups beside a constant, no
penalty). An eigendecomposition after scaling the diagonal to one serves all cases: it solves in the range
and leaves the null space alone (the Moore-Penrose inverse in the scaled space), and it says the rank.
"""

from __future__ import annotations

from dataclasses import dataclass

from undelete.maths.arrays import Array, namespace


@dataclass(frozen=True, eq=False)
class Factored:
    """A symmetric positive semi-definite matrix A (d, d), ready to be solved with.

    Parameters
    ----------
    half : array (d, rank)
        A's pseudo-inverse is half @ half'.
    rank : int
        Numerical rank of A.
    """

    half: Array
    rank: int

    @property
    def full_rank(self) -> bool:
        """Whether A has an inverse."""
        return self.rank == int(self.half.shape[0])

    def solve(self, B: Array) -> Array:
        """Return the pseudo-inverse of A applied to B (d, b). Cost 4 d rank b flops."""
        xp = namespace(B)
        return self.half @ (xp.matrix_transpose(self.half) @ B)


def factor(A: Array) -> Factored:
    """Factor a symmetric positive semi-definite matrix A (d, d). Cost about 10 d^3 flops.

    Eigenvalues of the diagonally scaled matrix under d * 2e-15 (relative to one, float64) count as zero.

    Examples
    --------
    >>> import numpy as np
    >>> factor(np.array([[2.0, 0.0], [0.0, 0.0]])).solve(np.array([[4.0], [1.0]])).tolist()
    [[2.0], [0.0]]
    """
    xp = namespace(A)
    d = A.shape[0]
    diagonal = xp.linalg.diagonal(A)
    positive = diagonal > 0
    root = xp.sqrt(xp.where(positive, diagonal, xp.ones_like(diagonal)))
    scale = xp.where(positive, 1 / root, xp.zeros_like(diagonal))
    values, vectors = xp.linalg.eigh(A * scale[:, None] * scale[None, :])
    rank = int(xp.sum(xp.astype(values > d * 10 * xp.finfo(A.dtype).eps, xp.int64)))
    half = scale[:, None] * vectors[:, d - rank :] / xp.sqrt(values[d - rank :])[None, :]  # ascending order
    return Factored(half=half, rank=rank)
