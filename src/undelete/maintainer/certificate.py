"""Retraining without a pass over the data per deletion, and a proof that the result is retrained.

Logistic loss. With the Hessian H and the third-derivative tensor T of the full model (d^2 and d^3 numbers,
computed once), the step D solves the second-order expansion of the remaining gradient, both terms without
record i:

    H_i D + 1/2 T_i[D, D] + g_i = 0.

What the expansion leaves out is a fourth derivative along D. |loss''''| <= 1/8, so the remaining gradient's
entry k at W + D is at most, maths (14),

    |e_k| + 1/48 max_j |x_j D| D' M_k D,    M_k = sum_j w_j |x_jk| x_j x_j',

with e the residual of the equation above, which is computed, w_j the record's weight, and
max_j |x_j D| <= max_j ||x_j||_(H^-1) ||D||_H. A bound on the rounding of the sums is added. The sums run over
all n records, which only makes the bound larger. Cost O(n d^3) once and O(d^3) a deletion.

Squared hinge. The gradient is linear where no record crosses its margin. A record j can cross only if
|1 - y_j z_j| < |x_j D| <= ||x_j||_(H^-1) ||D||_H, so only the first few records in the order of
|1 - y_j z_j| / ||x_j||_(H^-1) can: their true residuals are computed, the others' change is exact. The
gradient is then measured, without a pass.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from undelete.maths.arrays import Array, blocks, namespace, take_rows, to_numpy
from undelete.maths.objective import Objective, predict
from undelete.maths.solvers import Factored, factor

_LARGEST_TENSOR = 4_000_000  # numbers in the third-derivative tensor: d up to 158
_FIXED_POINT_STEPS = 2  # each removes all but about 1/n of what is left
_MARGIN_STEPS = 12
_ROUNDING = 4 * float(np.finfo(np.float64).eps)  # a few roundings per term of a pairwise sum, per level


@dataclass(frozen=True, eq=False)
class Certified:
    """Parameters (b, d) and an upper bound of |remaining gradient|_inf / n (b,)."""

    W: Array
    bound: NDArray[np.float64]
    iterations: NDArray[np.int64]


class _Expansion:
    """What both losses share: the Hessian, its inverse without a record, norms, and the rounding of a gradient."""

    def __init__(self, objective: Objective, W: Array) -> None:
        xp = namespace(W)
        self.objective, self.W = objective, W
        self.z = predict(objective.X, W)  # (n, 1)
        self.curvature = objective.curvature(W)[:, 0]
        self.hessian = objective.hessian(W, 0)
        self.factored: Factored = factor(self.hessian)
        self.gradient = objective.gradient(W)[:, 0]
        # ||x_j||_(H^-1): how far a unit step can move record j's prediction
        self.reach = xp.sqrt(xp.sum((objective.X @ self.factored.half) ** 2, axis=1))
        levels = float(np.log2(max(2, objective.n))) + W.shape[0]
        size = xp.abs(objective.residual(self.z))
        self.rounding = (
            _ROUNDING * levels * float(xp.max(xp.matrix_transpose(xp.abs(objective.X)) @ size)) / objective.n
        )

    def length(self, D: Array) -> Array:
        """Return ||D||_H (b,)."""
        xp = namespace(D)
        return xp.sqrt(xp.sum(D * (D @ self.hessian), axis=1))

    def solve(self, x: Array, c: Array, G: Array) -> Array:
        """Apply the inverse of H - c_i x_i' x_i to each G (b, d); no meaning where it is not `regular`."""
        xp = namespace(G)
        hx = self._inverse(x)
        hg = self._inverse(G)
        slack = 1 - c * xp.sum(x * hx, axis=1)
        return hg + hx * (c * xp.sum(hx * G, axis=1) / slack)[:, None]

    def regular(self, x: Array, c: Array) -> NDArray[np.bool_]:
        """Return whether the Hessian without each record still has an inverse (b,): leverage below 1."""
        return to_numpy(1 - c * namespace(x).sum(x * self._inverse(x), axis=1) > 1e-10)

    def _inverse(self, G: Array) -> Array:
        xp = namespace(G)
        return xp.matrix_transpose(self.factored.solve(xp.matrix_transpose(G)))


class LogisticCertificate(_Expansion):
    """Certified retraining of a logistic model, one output.

    Parameters
    ----------
    objective : Objective
        Logistic loss, k = 1.
    W : array (d, 1)
        The full model.
    """

    def __init__(self, objective: Objective, W: Array) -> None:
        super().__init__(objective, W)
        xp = namespace(W)
        X, d = objective.X, W.shape[0]
        s = objective.loss.residual(xp.ones_like(self.z), self.z)[:, 0] + 1  # s(z)
        self.third = self.curvature * (1 - 2 * s)
        weights = xp.ones_like(s) if objective.weights is None else objective.weights
        self.T = _tensor(X, self.third, X)
        self.M = xp.reshape(_tensor(X, weights, xp.abs(X)), (d * d, d))
        self.furthest = float(xp.max(self.reach))

    def retrain(self, rows: NDArray[np.int64]) -> Certified:
        """Return the parameters without each row and the bound on their gradient."""
        xp = namespace(self.W)
        own = self.objective.take(rows)
        x, c = own.X, take_rows(self.curvature, rows)
        third = take_rows(self.third, rows)
        b, d = x.shape
        gradient = self.gradient - own.own_gradients(self.W)[:, :, 0]

        def bend(D: Array) -> Array:
            pairs = xp.reshape(D[:, :, None] * D[:, None, :], (b, d * d))
            return 0.5 * (pairs @ self.T - x * (third * xp.sum(x * D, axis=1) ** 2)[:, None])

        D = -self.solve(x, c, gradient)
        for _ in range(_FIXED_POINT_STEPS):
            D = -self.solve(x, c, gradient + bend(D))
        left = D @ self.hessian - x * (c * xp.sum(x * D, axis=1))[:, None] + bend(D) + gradient
        pairs = xp.reshape(D[:, :, None] * D[:, None, :], (b, d * d))
        quartic = (pairs @ self.M) * (self.furthest * self.length(D) / 48)[:, None]
        bound = to_numpy(xp.max(xp.abs(left) + quartic, axis=1)) / self.objective.n + self.rounding
        steps = np.full(len(rows), 1 + _FIXED_POINT_STEPS, dtype=np.int64)
        sound = np.isfinite(bound) & self.regular(x, c)
        return Certified(self.W[:, 0] + D, np.where(sound, bound, np.inf), steps)


class MarginCertificate(_Expansion):
    """Retraining of a squared hinge model, one output, by the records that can cross their margin.

    Parameters
    ----------
    objective : Objective
        Squared hinge loss, k = 1.
    W : array (d, 1)
        The full model.
    """

    def __init__(self, objective: Objective, W: Array) -> None:
        super().__init__(objective, W)
        xp = namespace(W)
        distance = xp.abs(1 - objective.Y * self.z)[:, 0]
        unreached = xp.full_like(distance, np.inf)
        reached = self.reach > 0
        limit = xp.where(reached, distance / xp.where(reached, self.reach, xp.ones_like(distance)), unreached)
        self.order = np.argsort(to_numpy(limit), kind="stable")
        self.limit = to_numpy(limit)[self.order]

    def retrain(self, rows: NDArray[np.int64]) -> Certified:
        """Return the parameters without each row and their gradient, measured up to rounding."""
        xp = namespace(self.W)
        own = self.objective.take(rows)
        x, c = own.X, take_rows(self.curvature, rows)
        pull = own.own_gradients(self.W)[:, :, 0]
        start = self.gradient - pull
        D, gradient = xp.zeros_like(x), start
        size, steps = np.full(len(rows), np.inf), np.zeros(len(rows), dtype=np.int64)
        for _ in range(_MARGIN_STEPS):
            trial = D - self.solve(x, c, gradient)
            left = start + trial @ self.hessian - x * (c * xp.sum(x * trial, axis=1))[:, None]
            left = left + self._crossed(rows, trial)
            now = to_numpy(xp.max(xp.abs(left), axis=1)) / self.objective.n
            better = now < size
            if not better.any():
                break
            keep = xp.asarray(better)[:, None]
            D, gradient = xp.where(keep, trial, D), xp.where(keep, left, gradient)
            size, steps = np.where(better, now, size), steps + better
        inside = xp.any(pull != 0, axis=1)  # a record outside its margin changes nothing
        W = self.W[:, 0] + xp.where(inside[:, None], D, xp.zeros_like(D))
        sound = np.isfinite(size) & self.regular(x, c)
        return Certified(W, np.where(sound, size + self.rounding, np.inf), steps * to_numpy(inside))

    def _crossed(self, rows: NDArray[np.int64], D: Array) -> Array:
        """Return what the linear gradient misses (b, d): the records that may have crossed, but not the own one."""
        xp = namespace(D)
        count = int(np.searchsorted(self.limit, float(xp.max(self.length(D))) * (1 + 1e-9), side="right"))
        near = self.order[:count]
        part = self.objective.take(near)
        z, moved = take_rows(self.z, near), part.X @ xp.matrix_transpose(D)  # (count, b)
        change = part.residual((z + moved)[:, :, None])[:, :, 0] - part.residual(z)
        missed = change - take_rows(self.curvature, near)[:, None] * moved
        own = xp.asarray(near[:, None] == rows[None, :])
        missed = xp.where(own, xp.zeros_like(missed), missed)
        return xp.matrix_transpose(missed) @ part.X


def fits(objective: Objective) -> bool:
    """Return whether a certificate exists for the loss and is affordable for the number of features."""
    d = objective.X.shape[1]
    return objective.loss.name == "squared_hinge" or (objective.loss.name == "logistic" and d**3 <= _LARGEST_TENSOR)


def _tensor(X: Array, weights: Array, outer: Array) -> Array:
    """Return sum_j weights_j x_j x_j' outer_jk as (d^2, d), in blocks of records. Cost 2 n d^3 flops."""
    xp = namespace(X)
    n, d = X.shape
    total = xp.zeros((d * d, outer.shape[1]), dtype=X.dtype, device=X.device)
    for rows in blocks(n, 4_000_000 // d**2):
        pairs = xp.reshape(X[rows, :, None] * X[rows, None, :], (-1, d * d))
        total = total + xp.matrix_transpose(pairs) @ (weights[rows, None] * outer[rows, :])
    return total
