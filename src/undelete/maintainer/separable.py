"""The Hessian of one output without one record: factored once, changed by rank one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from undelete.maintainer.softmax import leverage_one
from undelete.maths.arrays import Array, namespace, summed, take_rows, to_numpy
from undelete.maths.objective import Objective
from undelete.maths.solvers import Factored, factor

REGULAR = 1e-10  # one minus the leverage, under which the model needs the record to be determined


class SeparableStep:
    """One Hessian (d, d), factored once; without record i it changes by rank one.

    Parameters
    ----------
    objective : Objective
        One output, or any number of outputs of the squared loss.
    W : array (d, k)
        The full model.
    """

    def __init__(self, objective: Objective, W: Array) -> None:
        self.objective = objective
        self.curvature = objective.curvature(W)[:, 0]
        self.hessian = objective.hessian(W, 0)
        self.factored: Factored = factor(self.hessian)

    def solve(self, rows: NDArray[np.int64], G: Array, forcing: float | NDArray[np.float64] = 0.0) -> Array:
        """Apply the inverse of H - c_i x_i' x_i to each G (b, d, k): Sherman-Morrison; exact, whatever the forcing."""
        xp = namespace(G)
        b, d, k = G.shape
        hx, c, slack = self.lifted(rows)
        needed = np.flatnonzero(to_numpy(~(slack > REGULAR)))
        if needed.size:
            return self._one_by_one(rows, G, needed)
        flat = xp.reshape(xp.permute_dims(G, (1, 0, 2)), (d, b * k))
        hg = xp.permute_dims(xp.reshape(self.factored.solve(flat), (d, b, k)), (1, 0, 2))
        lifted = xp.sum(hx[:, :, None] * G, axis=1) * (c / slack)[:, None]  # (b, k)
        return hg + hx[:, :, None] * lifted[:, None, :]

    def _one_by_one(self, rows: NDArray[np.int64], G: Array, needed: NDArray[np.int64]) -> Array:
        """Solve for records of leverage near 1 with a factorisation each; refuse where rank is lost."""
        xp = namespace(G)
        found = [None if i in needed else self.solve(rows[i : i + 1], G[i : i + 1, :, :]) for i in range(len(rows))]
        for i in needed:
            x = take_rows(self.objective.X, rows[i : i + 1])
            H = self.hessian - xp.matrix_transpose(x) @ x * self.curvature[int(rows[i])]
            without = factor(H, like=self.hessian)
            if without.rank < self.factored.rank:
                raise leverage_one(int(rows[i]))
            found[i] = without.solve(G[int(i), :, :])[None, :, :]
        return xp.concat(found, axis=0)

    def lifted(self, rows: NDArray[np.int64]) -> tuple[Array, Array, Array]:
        """Return H^-1 x_i (b, d), the curvature c_i and one minus the leverage (b,)."""
        xp = namespace(self.hessian)
        x, c = take_rows(self.objective.X, rows), take_rows(self.curvature, rows)
        hx = xp.matrix_transpose(self.factored.solve(xp.matrix_transpose(x)))
        return hx, c, 1 - c * summed(x * hx)[:, 0]
