"""How far a computed gradient can be from the exact one: what a certificate's bound adds for rounding."""

from __future__ import annotations

from undelete.maths.arrays import Array, blocks, namespace
from undelete.maths.objective import Objective, shifted

_NUMBERS = 4_000_000  # in a temporary array


class Rounding:
    """How far a computed remaining gradient can be from the exact one, in sums of absolute values.

    Parameters
    ----------
    objective : Objective
        One output.
    W : array (d, 1)
        The full model.
    residual, curvature : array (n,)
        Weighted, at the computed predictions.
    block : int
        Records in a block when the gradient was summed: by blocks, then over the blocks.

    Notes
    -----
    A computed sum of m products is off by at most gamma(m) times the sum of their absolute values, in any order of
    summation (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1), with gamma(m) about m eps / 2.
    Here gamma(m) = m eps: the other half covers the rounding of the bound itself.

    - The gradient at W: gamma(block + n / block) sum_j |x_jk| |r_j|; a few more for r itself, whose terms are
      |r| + 2 loss'' at most, maths (41).
    - The prediction that r is taken at: z_j is off by eta_j = gamma(d) (|x_j| |W| + |o_j|), hence r_j by eta_j times
      its steepest slope near. The expansion is around the computed z_j, so its higher terms have no such error.
    - H D: gamma(n + d) A |D|, A = |X|' C |X| + diag(l2). T[D, D]: the same times max|x| |D|, as |loss'''| <= loss''.
    """

    def __init__(self, objective: Objective, W: Array, residual: Array, curvature: Array, block: int) -> None:
        xp = namespace(W)
        X, (n, d) = objective.X, objective.X.shape
        self.eps = float(xp.finfo(X.dtype).eps)
        self.many = (n + d * d + 20) * self.eps
        weights = xp.ones_like(residual) if objective.weights is None else objective.weights
        etas, gross = [], self.eps * ((block + n / block + 10) * xp.abs(residual) + 20 * curvature)
        self.A = xp.eye(d, dtype=X.dtype, device=X.device) * objective.l2[:, None]
        self.B = xp.zeros_like(self.A)  # |X|' diag(w) |X|
        self.furthest = xp.zeros_like(W[:, 0])  # max_j |x_jk|
        self.summed = 2 * self.eps * objective.l2 * xp.abs(W[:, 0])  # of the gradient's own sum (d,)
        for rows in blocks(n, _NUMBERS // d):
            size = xp.abs(X[rows, :])
            back = xp.matrix_transpose(size)
            moved = shifted(
                size @ xp.abs(W[:, 0]), None if objective.offset is None else xp.abs(objective.offset[rows])
            )
            etas.append((d + 2) * self.eps * moved)
            self.A = self.A + back @ (curvature[rows, None] * size)
            self.B = self.B + back @ (weights[rows, None] * size)
            self.furthest = xp.maximum(self.furthest, xp.max(size, axis=0))
            self.summed = self.summed + back @ gross[rows]
        self.eta = xp.concat(etas)

    def slipped(self, X: Array, slope: Array, eta: Array) -> Array:
        """Return the error from the residuals of some records (d,), their predictions being off by eta."""
        return namespace(X).matrix_transpose(namespace(X).abs(X)) @ (slope * eta)
