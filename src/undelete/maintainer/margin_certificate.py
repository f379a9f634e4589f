"""Retraining of a squared hinge model without a pass over the data per deletion, its gradient measured all the same.

The gradient is linear where no record crosses its margin. A record j can cross only if
|1 - y_j z_j| < |x_j D| <= ||x_j S|| ||y||, so only the first few records in the order of
|1 - y_j z_j| / ||x_j S|| can: their true residuals are computed, the others' change is exact. The gradient is
then measured, without a pass.
Rounding is bounded as in certificate.py.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from undelete.maintainer.certificate import Certified, Expansion, Without
from undelete.maths.arrays import Array, blocks, columns, namespace, take_rows, to_numpy
from undelete.maths.objective import Objective

_MARGIN_STEPS = 12
_NUMBERS = 4_000_000  # in a temporary array


class MarginCertificate(Expansion):
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
        eta = self.rounding.eta
        self.distance = xp.abs(1 - objective.Y * self.z)[:, 0]
        # a record further than its own rounding beyond its margin has no residual, rounded or not
        near = xp.astype((self.curvature > 0) | (self.distance <= 2 * eta), eta.dtype)
        self.weights = xp.ones_like(eta) if objective.weights is None else objective.weights
        self.slipped = self.rounding.slipped(objective.X, 2 * self.weights * near, eta)
        # what D has beyond S y is a share of the largest reach: see `_length`
        self.spare = 1e-6 * (float(xp.max(self.reach)) or 1.0)
        limit = to_numpy((self.distance * (1 - 1e-9) - 2 * eta) / (self.reach * (1 + 1e-9) + self.spare))
        self.order = np.argsort(limit, kind="stable")
        self.limit = limit[self.order]

    @np.errstate(over="ignore", invalid="ignore")  # a step that runs away has an infinite bound, which says it
    def retrain(self, rows: NDArray[np.int64]) -> Certified:
        """Return the parameters without each row and their gradient, measured up to rounding."""
        xp = namespace(self.W)
        x, c, r = (take_rows(a, rows) for a in (self.objective.X, self.curvature, self.residual))
        x = columns(x)
        pull = x * r
        inside = to_numpy(xp.max(xp.abs(pull), axis=0) > 0)  # a record outside its margin changes nothing
        start = self.gradient[:, None] - pull
        without = Without(self.S, x, c)
        y, gradient, W = xp.zeros_like(without.own), start, self.W + xp.zeros_like(x)
        fixed = (self.rounding.summed + self.slipped)[:, None]
        rest = fixed + 6 * self.rounding.eps * (xp.abs(start) + xp.abs(pull))
        unit = self.objective.unit  # (d, 1)
        size = np.where(inside, np.inf, to_numpy(xp.max((xp.abs(start) + rest) / unit, axis=0)))
        steps = np.zeros(len(rows), dtype=np.int64)
        for _ in range(_MARGIN_STEPS):
            trial = y - without.solve(gradient)
            moved, D, beyond = self.moved(trial)
            length = to_numpy(xp.sqrt(xp.sum(trial**2, axis=0)) + beyond / self.spare)
            crossed = self._crossed(rows, xp.matrix_transpose(D), length)
            left, doubt = (xp.matrix_transpose(array) for array in crossed)
            left = left + start + self.hessian @ D - x * (c * xp.sum(x * D, axis=0))
            doubt = doubt + rest + self.rounding.many * (self.rounding.A @ xp.abs(D))
            now = to_numpy(xp.max((xp.abs(left) + doubt) / unit, axis=0))
            better = inside & (now < size)
            if not better.any():
                break
            keep = xp.asarray(better, device=D.device)
            y, W, gradient = xp.where(keep, trial, y), xp.where(keep, moved, W), xp.where(keep, left, gradient)
            size, steps = np.where(better, now, size), steps + better
        sound = np.isfinite(size) & without.regular
        return Certified(xp.matrix_transpose(W), np.where(sound, size / self.objective.n, np.inf), steps)

    def _crossed(self, rows: NDArray[np.int64], D: Array, length: NDArray[np.float64]) -> tuple[Array, Array]:
        """Return what the linear gradient misses (b, d), and its rounding: the records that may have crossed.

        The own record is left out. `length` (b,) is ||y|| and what D has beyond S y, relative to `spare`:
        |x_j D| <= reach_j ||y|| + beyond <= (reach_j + spare) (||y|| + beyond / spare).
        """
        xp = namespace(D)
        b, d = D.shape
        counts = np.searchsorted(self.limit, np.where(np.isfinite(length), length, -np.inf), side="right")
        order = np.argsort(-counts, kind="stable")  # those that reach far come first, and alone look further
        rows, counts, D = rows[order], counts[order], take_rows(D, order)
        missed, doubt = xp.zeros_like(D), xp.zeros_like(D)
        for piece in blocks(int(counts[0]), max(1, _NUMBERS // b)):
            a = int(np.searchsorted(-counts, -piece.start))
            found = self._missed(self.order[piece], rows[:a], D[:a, :])
            missed, doubt = (
                total + xp.concat([part, xp.zeros((b - a, d), dtype=D.dtype, device=D.device)])
                for total, part in zip((missed, doubt), found, strict=True)
            )
        back = np.argsort(order)
        return take_rows(missed, back), take_rows(doubt, back)

    def _missed(self, near: NDArray[np.int64], rows: NDArray[np.int64], D: Array) -> tuple[Array, Array]:
        """Return the exact change of some records' gradient less the linear one (b, d), and its rounding."""
        xp, rounding = namespace(D), self.rounding
        part = self.objective.take(near)
        z, moved = take_rows(self.z, near), part.X @ xp.matrix_transpose(D)  # (count, b)
        change = part.residual((z + moved)[:, :, None])[:, :, 0] - part.residual(z)
        missed = change - take_rows(self.curvature, near)[:, None] * moved
        own = xp.asarray(near[:, None] == rows[None, :], device=D.device)
        missed = xp.where(own, xp.zeros_like(missed), missed)
        eta, weights, distance = (take_rows(a, near) for a in (rounding.eta, self.weights, self.distance))
        fixed = rounding.slipped(part.X, 2 * weights, eta + 4 * rounding.eps * (1 + distance))
        scale = rounding.slipped(part.X, 4 * weights, xp.full_like(eta, rounding.many))
        doubt = fixed + scale * (xp.abs(D) @ rounding.furthest)[:, None]
        return xp.matrix_transpose(missed) @ part.X, doubt
