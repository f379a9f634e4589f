"""Least squares and ridge models without one record: closed form, maths (2).

Without a penalty the solution may not be unique: fewer records than features, one-hot groups beside a
constant, a record with leverage 1. Then it is the one of least norm, as by the Moore-Penrose inverse of the
paper's Appendix C; the constant is not counted in the norm, as in scikit-learn.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from undelete.maintainer.separable import REGULAR, SeparableStep
from undelete.maintainer.sweep import Block, largest, rows_in_block
from undelete.maths.arrays import Array, namespace, take_rows, to_numpy
from undelete.maths.objective import Objective, accumulate
from undelete.maths.solvers import shortest


def least_norm_metric(objective: Objective, *, has_constant: bool) -> Array:
    """Return the weight of each feature (d,) in the norm: one, and zero for the constant."""
    xp = namespace(objective.l2)
    ones = xp.ones_like(objective.l2)
    return xp.concat([ones[:-1], xp.zeros_like(ones[-1:])]) if has_constant else ones


class ClosedForm:
    """All deletions of a model with the squared loss; the gradient follows from the sufficient statistics.

    Parameters
    ----------
    objective : Objective
        Squared loss, k outputs.
    W : array (d, k)
        The full model.
    has_constant : bool
        Whether the last feature is the constant.
    """

    def __init__(self, objective: Objective, W: Array, *, has_constant: bool) -> None:
        self.W, self.step = W, SeparableStep(objective, W)
        target = objective.Y if objective.weights is None else objective.Y * objective.weights[:, None]
        self.moment = accumulate(objective.X, target)
        self.metric = least_norm_metric(objective, has_constant=has_constant)
        self.block_rows = rows_in_block(W.shape[0] * W.shape[1])

    def __call__(self, rows: NDArray[np.int64]) -> Block:
        """Return the models without each of the rows."""
        xp = namespace(self.W)
        regular = to_numpy(self.step.lifted(rows)[2] > REGULAR)
        order = np.argsort(~regular, kind="stable")
        parts = [self._regular(rows[regular]), self._needed(rows[~regular])]
        V = take_rows(xp.concat(parts, axis=0), np.argsort(order))
        norm = largest(self._gradient(rows, V), self.step.objective.n)
        return Block(V, norm, np.full(len(rows), 2, dtype=np.int64), np.zeros(len(rows), dtype=np.bool_))

    def _gradient(self, rows: NDArray[np.int64], V: Array) -> Array:
        """Return the gradient over the remaining records at V (b, d, k)."""
        own = self.step.objective.take(rows).own_gradients(V)
        return namespace(V).matmul(self.step.hessian, V) - self.moment - own

    def _regular(self, rows: NDArray[np.int64]) -> Array:
        """Return the models without records that the model does not need."""
        D = namespace(self.W).zeros_like(self.step.objective.take(rows).own_gradients(self.W))
        for _ in range(2):  # the second step removes the rounding of the first
            D = D - self.step.solve(rows, self._gradient(rows, self.W + D))
        return self.W + shortest(D, self.step.factored.null, self.metric)

    def _needed(self, rows: NDArray[np.int64]) -> Array:
        """Return the models without records of leverage 1.

        The model fits such a record exactly, so it is still a solution without it; u = A^-1 x_i is a new direction
        in which solutions may move, and the one of least norm is wanted.
        """
        xp = namespace(self.W)
        u = shortest(self.step.lifted(rows)[0][:, :, None], self.step.factored.null, self.metric)  # (b, d, 1)
        weighted = self.metric[:, None] * u
        share = xp.sum(weighted * self.W, axis=1, keepdims=True) / xp.sum(weighted * u, axis=1, keepdims=True)
        return self.W - u * share
