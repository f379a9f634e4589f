"""Least squares and ridge models without one record: closed form, maths (2).

Without a penalty the solution may not be unique: fewer records than features, one-hot groups beside a
constant, a record with leverage 1. Then it is the one of least norm, as by the Moore-Penrose inverse of the
paper's Appendix C; the constant is not counted in the norm, as in scikit-learn.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from undelete.maintainer.separable import REGULAR, SeparableStep
from undelete.maintainer.sweep import Block, gradient_norms, rows_in_block
from undelete.maths.arrays import Array, columns, namespace, take_rows, to_numpy
from undelete.maths.objective import Objective, accumulate, shifted
from undelete.maths.solvers import shortest

_ROUGH = 1e-13  # gradient per record, in the objective's units, over which the closed form is refined


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
        offset = objective.offset
        target = objective.Y if offset is None else objective.Y - offset[:, None]  # a difference alone counts
        target = target if objective.weights is None else target * objective.weights[:, None]
        self.moment = accumulate(objective.X, target)
        self.metric = least_norm_metric(objective, has_constant=has_constant)
        self.block_rows, self.light = rows_in_block(W.shape[0] * W.shape[1]), True

    def __call__(self, rows: NDArray[np.int64]) -> Block:
        """Return the models without each of the rows."""
        xp = namespace(self.W)
        own = self.step.objective.take(rows)
        xt = columns(own.X)
        hx = self.step.factored.solve(xt)
        c = take_rows(self.step.curvature, rows)
        slack = 1 - c * xp.sum(xt * hx, axis=0)
        safe = slack > REGULAR
        # maths (2): the inverse without the record, applied to x_i, is A^-1 x_i / (1 - h_i)
        pull = own.residual(own.predict(self.W)) / xp.where(safe, slack, xp.ones_like(slack))[:, None]
        V = hx[:, :, None] * pull[None, :, :]  # (d, b, k)
        V += self.W[:, None, :]
        gradient = xp.abs(self._gradient(own, xt, V)) / self.step.objective.unit[:, None, :]
        norm = np.array(to_numpy(xp.max(xp.max(gradient, axis=0), axis=1)) / self.step.objective.n)
        regular = to_numpy(safe)
        rough = regular & (norm > _ROUGH)
        V = xp.permute_dims(V, (1, 0, 2))
        if regular.all() and not rough.any() and self.step.factored.full_rank:
            return Block(V, norm, np.ones(len(rows), dtype=np.int64), np.zeros(len(rows), dtype=np.bool_))
        return self._mended(rows, V, regular, rough)

    def _mended(self, rows: NDArray[np.int64], V: Array, regular: NDArray[np.bool_], rough: NDArray[np.bool_]) -> Block:
        """Return the models of a block in which some need more than the closed form."""
        objective, xp = self.step.objective, namespace(self.W)
        fine = regular & ~rough
        where = np.concatenate([np.flatnonzero(fine), np.flatnonzero(rough), np.flatnonzero(~regular)])
        parts = [take_rows(V, np.flatnonzero(fine)) - self.W, self._refined(rows[rough])]
        D = shortest(xp.concat(parts, axis=0), self.step.factored.null, self.metric)
        V = take_rows(xp.concat([self.W + D, self._needed(rows[~regular])], axis=0), np.argsort(where))
        norm = gradient_norms(self._whole_gradient(objective.take(rows), V), objective)
        steps = 1 + rough.astype(np.int64)
        return Block(V, norm, steps, np.zeros(len(rows), dtype=np.bool_))

    def _gradient(self, own: Objective, xt: Array, V: Array) -> Array:
        """Return the gradient over the remaining records at V (d, b, k); `own` are the deleted ones, `xt` (d, b)."""
        xp = namespace(V)
        # one product for all deletions, not a small one for each
        gradient = xp.reshape(self.step.hessian @ xp.reshape(V, (V.shape[0], -1)), V.shape)
        gradient -= self.moment[:, None, :]
        left = own.residual(shifted(xp.sum(xt[:, :, None] * V, axis=0), own.offset))  # (b, k)
        gradient -= xt[:, :, None] * left[None, :, :]
        return gradient

    def _whole_gradient(self, own: Objective, V: Array) -> Array:
        """Return the same at V (b, d, k), of that shape."""
        xp = namespace(V)
        return xp.permute_dims(self._gradient(own, columns(own.X), xp.permute_dims(V, (1, 0, 2))), (1, 0, 2))

    def _refined(self, rows: NDArray[np.int64]) -> Array:
        """Return the changes D by two Newton steps: the second removes the rounding of the first."""
        own = self.step.objective.take(rows)
        D = namespace(self.W).zeros_like(own.own_gradients(self.W))
        for _ in range(2):
            D = D - self.step.solve(rows, self._whole_gradient(own, self.W + D))
        return D

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
