"""Functions of a symmetric matrix applied to vectors, where only products with the matrix can be had: Lanczos."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from undelete.maths.arrays import Floats

MOST = 48  # products with the matrix, at most
_NOTHING = 1e-13  # of the largest curvature met: a direction shorter than this is rounding


class Krylov:
    """The directions that a symmetric, positive semidefinite H leads a few vectors in.

    Parameters
    ----------
    times : callable
        From a batch to H times each of it, of the same shape.
    V : array (b, ...)
        The vectors, in whatever shape `times` takes them.
    most : int
        Products at most. With as many as H has different eigenvalues, functions are exact to rounding; with fewer they
        are those of the best polynomial of this degree, about, so that a smooth one needs few.

    Notes
    -----
    Cost `most` products with H and 4 `most`^2 numbers of a vector, for each of the batch. Every new direction is made
    orthogonal to all earlier ones, twice. Source: Golub and Van Loan, Matrix Computations, chapter 10.

    Examples
    --------
    >>> H = np.diag([1.0, 4.0, 9.0])
    >>> Krylov(lambda V: V @ H, np.ones((1, 3))).function(0, np.sqrt).round(9).tolist()
    [1.0, 2.0, 3.0]
    """

    def __init__(self, times: Callable[[Floats], Floats], V: Floats, most: int = MOST) -> None:
        b, size = len(V), V[0].size
        v = V.reshape(b, size)
        self._shape = V.shape[1:]
        self._norm = np.linalg.norm(v, axis=1)
        basis, diagonal, beside = [_unit(v, self._norm)], [], []
        largest = np.zeros(b)
        for _ in range(min(most, size)):
            w = np.asarray(times(basis[-1].reshape(V.shape))).reshape(b, size)
            diagonal.append((w * basis[-1]).sum(axis=1))
            for earlier in 2 * basis:
                w = w - (w * earlier).sum(axis=1)[:, None] * earlier
            length = np.linalg.norm(w, axis=1)
            largest = np.maximum(largest, np.abs(diagonal[-1]) + length)
            length = np.where(length > _NOTHING * largest, length, 0.0)
            if not length.any():
                break
            beside.append(length)
            basis.append(_unit(w, length))
        p = len(diagonal)
        self._basis = np.stack(basis[:p], axis=1)  # (b, p, size)
        T = np.zeros((b, p, p))
        at = np.arange(p)
        T[:, at, at] = np.transpose(diagonal)
        if p > 1:
            T[:, at[1:], at[:-1]] = T[:, at[:-1], at[1:]] = np.transpose(beside[: p - 1])
        values, vectors = np.linalg.eigh(T)
        self._vectors = vectors
        self.values = np.maximum(values, 0.0)
        """About eigenvalues of H (b, p) in the directions of each vector."""

    @property
    def shares(self) -> Floats:
        """How much of each vector's square lies at each of these values (b, p)."""
        return np.asarray(self._vectors[:, 0] ** 2)

    def basis(self, i: int) -> Floats:
        """Return the orthogonal directions of vector i (p, ...)."""
        return np.asarray(self._basis[i].reshape(-1, *self._shape))

    def weights(self, i: int, f: Callable[[Floats], Floats]) -> Floats:
        """Return what f(H) v_i is of each direction: (p,), or (t, p) for an f from (p,) to t functions (t, p)."""
        U = self._vectors[i]
        return np.asarray(self._norm[i] * ((f(self.values[i]) * U[0]) @ U.T))

    def function(self, i: int, f: Callable[[Floats], Floats]) -> Floats:
        """Return f(H) v_i, of the vector's shape, for f of eigenvalues (p,)."""
        return np.asarray((self.weights(i, f) @ self._basis[i]).reshape(self._shape))


def _unit(w: Floats, length: Floats) -> Floats:
    """Return vectors (b, size) divided by their lengths (b,); of no length they become nothing."""
    factor = np.divide(1.0, length, out=np.zeros_like(length), where=length > 0)
    return np.asarray(w * factor[:, None])
