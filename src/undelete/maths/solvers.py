"""Solving with symmetric positive semi-definite matrices: one of moderate size again and again, or a large one
that is only known by its products.

The Hessian of d features may lack full rank (one-hot groups beside a constant, no penalty). An
eigendecomposition after scaling the diagonal to one serves all cases: it solves in the range and leaves the
null space alone (the Moore-Penrose inverse in the scaled space), and it says the rank.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from undelete.maths.arrays import Array, Floats, namespace, take_rows, to_numpy

_LARGE = 500  # order from which Cholesky's method is tried first: 5 times less work than the eigenvectors


@dataclass(frozen=True, eq=False)
class Factored:
    """A symmetric positive semi-definite matrix A (d, d), ready to be solved with.

    Parameters
    ----------
    half : array (d, rank)
        A's pseudo-inverse is half @ half'.
    rank : int
        Numerical rank of A.
    null : array (d, d - rank)
        Directions that A takes to zero.
    """

    half: Array
    rank: int
    null: Array

    @property
    def full_rank(self) -> bool:
        """Whether A has an inverse."""
        return self.rank == int(self.half.shape[0])

    def solve(self, B: Array) -> Array:
        """Return the pseudo-inverse of A applied to B (d, b). Cost 4 d rank b flops."""
        xp = namespace(B)
        return self.half @ (xp.matrix_transpose(self.half) @ B)


def factor(A: Array, *, like: Array | None = None) -> Factored:
    """Factor a symmetric positive semi-definite matrix A (d, d), its diagonal scaled to one, or as `like`'s would be.

    Eigenvalues of the diagonally scaled matrix under d * 2e-15 (relative to one, float64) count as zero. Cost about
    10 d^3 flops; a third of that for a large matrix that is surely regular.

    Examples
    --------
    >>> import numpy as np
    >>> factor(np.array([[4.0, 0.0], [0.0, 0.0]])).solve(np.array([[8.0], [1.0]])).tolist()
    [[2.0], [0.0]]
    """
    xp = namespace(A)
    d = A.shape[0]
    diagonal = xp.linalg.diagonal(A if like is None else like)
    positive = diagonal > 0
    root = xp.sqrt(xp.where(positive, diagonal, xp.ones_like(diagonal)))
    scale = 1 / root
    scaled = A * scale[:, None] * scale[None, :]
    floor = d * 10 * xp.finfo(A.dtype).eps
    quick = _regular(scaled, floor) if d > _LARGE else None
    if quick is not None:
        return Factored(half=scale[:, None] * quick, rank=d, null=xp.zeros((d, 0), dtype=A.dtype, device=A.device))
    values, vectors = xp.linalg.eigh(scaled)
    rank = int(xp.sum(xp.astype(values > floor, xp.int64)))
    half = scale[:, None] * vectors[:, d - rank :] / xp.sqrt(values[d - rank :])[None, :]  # ascending order
    return Factored(half=half, rank=rank, null=scale[:, None] * vectors[:, : d - rank])


FLOOR = 1e-3
"""Of the mean curvature, added to all by `bent`: along directions that no record bends noise would have no bound."""


def bent(H: Floats) -> Floats:
    """Return a Hessian (p, p) as a metric: its curvatures without their signs, and a floor of `FLOOR` of their mean."""
    values, vectors = np.linalg.eigh(H)
    bend = np.abs(values) + FLOOR * float(np.abs(values).mean()) + np.finfo(float).tiny
    return np.asarray((vectors * bend) @ vectors.T)


def _regular(A: Array, floor: float) -> Array | None:
    """Return a square half of A's inverse by Cholesky's method; None unless all eigenvalues are surely above floor."""
    xp = namespace(A)
    try:
        half = xp.matrix_transpose(xp.linalg.inv(xp.linalg.cholesky(A)))
    except (np.linalg.LinAlgError, RuntimeError):  # torch's own error is a RuntimeError
        return None
    # the squared Frobenius norm of the half bounds the inverse's largest eigenvalue
    return half if float(xp.sum(half**2)) * floor < 1 else None


def shortest(V: Array, null: Array, metric: Array) -> Array:
    """Return V (..., d, k) plus the null directions (d, r) that make sum_j metric_j V_j^2 least.

    Of all solutions of a singular system this is the one of least norm: the Moore-Penrose solution for a
    metric of ones, scikit-learn's for a metric that leaves the constant out.
    """
    if null.shape[1] == 0:
        return V
    xp = namespace(V)
    weighted = xp.matrix_transpose(metric[:, None] * null)  # (r, d)
    return V - xp.matmul(null, xp.linalg.solve(weighted @ null, xp.matmul(weighted, V)))


def conjugate_gradients(
    operator: Callable[[Array, NDArray[np.int64]], Array],
    B: Array,
    precondition: Callable[[Array], Array],
    *,
    tol: Array,
    max_iterations: int,
) -> tuple[Array, int]:
    """Solve b systems at once, each by its own preconditioned conjugate gradients.

    Parameters
    ----------
    operator : callable
        From an array (m, d, k) and which m of the systems it is for (m,), the matrices applied each to its own slice.
    B : array (b, d, k)
        Right sides, in the range of the matrices.
    precondition : callable
        Applies an approximate inverse, symmetric positive definite on that range, the same for all systems.
    tol : array (b,)
        A system is solved when its residual is at most its tol times its right side, by their largest entries.
    max_iterations : int
        Products with the operator at most.

    Returns
    -------
    V : array (b, d, k)
        The solutions.
    iterations : int
        Products taken by the system that took most; those that are solved leave the others' products.
    """
    xp = namespace(B)

    def dot(left: Array, right: Array) -> Array:
        return xp.sum(left * right, axis=(1, 2), keepdims=True)

    def ratio(top: Array, bottom: Array) -> Array:
        safe = bottom > 0  # a system that is solved exactly stands still
        return xp.where(safe, top / xp.where(safe, bottom, xp.ones_like(bottom)), xp.zeros_like(top))

    def size(array: Array) -> Array:
        return xp.max(xp.abs(array), axis=(1, 2), keepdims=True)

    still, done, solved = np.arange(B.shape[0]), [], []
    V, residual, goal = xp.zeros_like(B), B, tol[:, None, None] * size(B)
    direction, rz = xp.zeros_like(B), xp.zeros_like(goal)
    for iteration in range(max_iterations + 1):
        ready = to_numpy(size(residual) <= goal)[:, 0, 0] | (iteration == max_iterations)
        if ready.any():
            done.append(still[ready])
            solved.append(take_rows(V, np.flatnonzero(ready)))
            open_ = np.flatnonzero(~ready)
            still = still[open_]
            V, residual, goal, direction, rz = (take_rows(a, open_) for a in (V, residual, goal, direction, rz))
        if not still.size:
            break
        z = precondition(residual)
        rz, before = dot(residual, z), rz
        direction = z + ratio(rz, before) * direction
        moved = operator(direction, still)
        step = ratio(rz, dot(direction, moved))
        V = V + step * direction
        residual = residual - step * moved
    return take_rows(xp.concat(solved, axis=0), np.argsort(np.concatenate(done))), iteration
