"""Newton steps of a softmax model whose Hessian is too large to form: by its products with the data alone.

Batched conjugate gradients, many deletions at once, with one preconditioner for all. They work in single precision,
on a copy of the data of half its size: a step need not be exact, since the gradient that says how far it led is
measured in the data's own precision, and the next step removes what is left.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from undelete.maintainer.preconditioner import PrincipalAxes, TwoLevel, principal_axes
from undelete.maths.arrays import Array, namespace, take_rows
from undelete.maths.objective import Objective
from undelete.maths.solvers import conjugate_gradients

FINEST = 1e-3  # relative residual to which a step is solved at most: Newton's own error is of that size
_INNER = 200  # products of a solve at most
_PROBES, _PROBED = 4, 1e-2  # deletions solved to see how many products they take, and how far
# such products, all deletions together, that pay for a thorough preconditioner: four times as many follow
_WORTH = 1000


class MatrixFree:
    """Solves with the Hessian of a softmax model of any size, to a few digits.

    Parameters
    ----------
    objective : Objective
        Softmax loss.
    principal : PrincipalAxes, optional
        Of its records, in the unit of its penalties, where they are known already; otherwise each preconditioner has
        those of the predictions that it is made at.

    Notes
    -----
    Memory beside the data: 4 (n d + d^2 + n r + (r c)^2) bytes, with c = k - 1 and r = min(d, 2048 / c), or of up to
    10,000 records half of that, and while the preconditioner is made 8 d^2 + 24 (r c)^2 more. The first is a copy of
    the data in single precision.
    """

    def __init__(self, objective: Objective, *, principal: PrincipalAxes | None = None) -> None:
        self.exact = objective
        self.single = objective.astype(namespace(objective.X).float32)
        self.principal = principal

    def preconditioner(self, Z: Array, *, thorough: bool = False) -> TwoLevel:
        """Return an approximate inverse of the Hessian where the predictions are Z (n, k), see `TwoLevel`."""
        Z = self._rounded(Z)
        principal = principal_axes(self.single, Z) if self.principal is None else self.principal
        return TwoLevel(self.single, principal, Z, thorough=thorough)

    def solve(
        self,
        at: tuple[Array, TwoLevel],
        G: Array,
        forcing: float | NDArray[np.float64],
        rows: NDArray[np.int64] | None = None,
    ) -> tuple[Array, int]:
        """Apply the inverse of the Hessian, or of that without its own record, to each G.

        Parameters
        ----------
        at : array (n, k), TwoLevel
            The predictions that the Hessian is taken at, and an approximate inverse of it.
        G : array (b, d, k)
            Right sides.
        forcing : float or array (b,)
            Residual at which a solution will do, relative to its right side, by their largest entries; 0.001 at least.
        rows : array (b,) of int, optional
            The record to leave out of the Hessian for each of them.

        Returns
        -------
        V : array (b, d, k)
            The solutions, without a part along null directions of the Hessian.
        products : int
            Products with the Hessian taken, 4 n d k flops each and for each right side.
        """
        xp = namespace(G)
        single, Z, precondition = self.single, self._rounded(at[0]), at[1]

        def operator(V: Array, active: NDArray[np.int64]) -> Array:
            moved = single.curved(Z, V)
            if rows is None:
                return moved
            own = rows[active]
            return moved - single.take(own).own_curved(take_rows(Z, own), V)

        # all classes alike is a direction that only the penalty bends, in each feature by itself
        alike, l2 = xp.mean(G, axis=-1, keepdims=True), self.exact.l2[:, None]
        size = xp.max(xp.abs(G), axis=(1, 2), keepdims=True)
        size = xp.where(size > 0, size, xp.ones_like(size))  # single precision has few exponents
        B = self._rounded((G - alike) / size)
        tol = xp.asarray(np.broadcast_to(np.maximum(forcing, FINEST), G.shape[0]), dtype=B.dtype, device=B.device)
        V, products = conjugate_gradients(operator, B, precondition, tol=tol, max_iterations=_INNER)
        alike = xp.where(l2 > 0, alike / xp.where(l2 > 0, l2, xp.ones_like(l2)), xp.zeros_like(alike))
        return xp.astype(V, G.dtype) * size + alike, products

    def _rounded(self, array: Array) -> Array:
        return namespace(array).astype(array, self.single.X.dtype, copy=False)


class MatrixFreeStep:
    """Newton steps without record i by batched, preconditioned conjugate gradients.

    Parameters
    ----------
    objective : Objective
        Softmax loss, any size.
    W : array (d, k)
        The full model.
    rows : array of int, optional
        The records to be deleted. Where they are many, or the first ones take many products, the preconditioner is
        made anew with more care.

    Notes
    -----
    A step costs some ten products with the data in single precision, 4 n d k flops a deletion each; without a penalty
    it may be hundreds. Memory as of `MatrixFree`, and 60 d k bytes for each of the deletions that run at a time; with
    a thorough preconditioner 4 d^2 k more.
    """

    def __init__(self, objective: Objective, W: Array, rows: NDArray[np.int64] | None = None) -> None:
        self.free = MatrixFree(objective)
        Z = objective.predict(W)
        self.at = (Z, self.free.preconditioner(Z))
        if rows is not None and len(rows) * _INNER > _WORTH:
            probes = np.sort(rows)[:_PROBES]
            _, products = self.free.solve(self.at, objective.take(probes).own_gradients(W), _PROBED, probes)
            if products * len(rows) > _WORTH:
                self.at = (Z, self.free.preconditioner(Z, thorough=True))

    def solve(self, rows: NDArray[np.int64], G: Array, forcing: float | NDArray[np.float64] = 0.0) -> Array:
        """Apply the inverse of the Hessian without its own record to each G (b, d, k), up to a share `forcing`."""
        return self.free.solve(self.at, G, forcing, rows)[0]
