"""Retraining without a pass over the data per deletion, and a proof that the result is retrained.

Logistic loss. With the Hessian H and the third-derivative tensor T of the full model (d^2 and d^3 numbers,
computed once), the step D solves the second-order expansion of the remaining gradient, both terms without
record i:

    H_i D + 1/2 T_i[D, D] + g_i = 0.

What the expansion leaves out is a fourth derivative along D. |loss''''| <= 1/8, so the remaining gradient's
entry k at W + D is at most, maths (14),

    |e_k| + 1/48 max_j |x_j D| D' M_k D,    M_k = sum_j w_j |x_jk| x_j x_j',

with e the residual of the equation above, which is computed, and w_j the record's weight. With H^-1 = S S' and
D = S y, max_j |x_j D| <= max_j ||x_j S|| ||y||. The sums run over all n records, which only makes the bound
larger. Cost O(n d^3) once and O(d^3) a deletion.

Squared hinge. The gradient is linear where no record crosses its margin. A record j can cross only if
|1 - y_j z_j| < |x_j D| <= ||x_j S|| ||y||, so only the first few records in the order of
|1 - y_j z_j| / ||x_j S|| can: their true residuals are computed, the others' change is exact. The gradient is
then measured, without a pass.

Rounding. Both bounds hold for the parameters returned and exact arithmetic on the data: D is taken again as
their difference to W, so rounding W + D is no error, and all else that is rounded is bounded by `_Rounding`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from undelete.maths.arrays import Array, blocks, largest, namespace, summed, take_rows, to_numpy
from undelete.maths.objective import Objective, accumulate, predict
from undelete.maths.solvers import Factored, factor

_LARGEST_TENSOR = 4_000_000  # numbers in the third-derivative tensor: d up to 158
_FIXED_POINT_STEPS = 1  # removes all but about 1/n of what is left: as much as the expansion leaves out
_MARGIN_STEPS = 12
_REGULAR = 1e-10  # one minus the leverage, under which the Hessian without the record counts as singular
_NUMBERS = 4_000_000  # in a temporary array
_PAIRS = 128_000  # products of two features held at once: 1 MB, what a processor's cache holds
_FEWEST = 256  # records, or the products lose their speed


@dataclass(frozen=True, eq=False)
class Certified:
    """Parameters (b, d) and an upper bound of |remaining gradient|_inf / n (b,)."""

    W: Array
    bound: NDArray[np.float64]
    iterations: NDArray[np.int64]


class _Rounding:
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

    - The gradient at W: gamma(block + n / block) sum_j |x_jk| |r_j|; a few more for r itself.
    - The prediction that r is taken at: z_j is off by eta_j = gamma(d) |x_j| |W|, hence r_j by eta_j times its
      steepest slope near. The expansion is around the computed z_j, so its higher terms have no such error.
    - H D: gamma(n + d) A |D|, A = |X|' C |X| + diag(l2). T[D, D]: the same times max|x| |D|, as |loss'''| <= loss''.
    """

    def __init__(self, objective: Objective, W: Array, residual: Array, curvature: Array, block: int) -> None:
        xp = namespace(W)
        X, (n, d) = objective.X, objective.X.shape
        self.eps = float(xp.finfo(X.dtype).eps)
        self.many = (n + d * d + 20) * self.eps
        weights = xp.ones_like(residual) if objective.weights is None else objective.weights
        etas, gross = [], self.eps * (block + n / block + 10) * xp.abs(residual)
        self.A = xp.eye(d, dtype=X.dtype, device=X.device) * objective.l2[:, None]
        self.B = xp.zeros_like(self.A)  # |X|' diag(w) |X|
        self.furthest = xp.zeros_like(W[:, 0])  # max_j |x_jk|
        self.summed = 2 * self.eps * objective.l2 * xp.abs(W[:, 0])  # of the gradient's own sum (d,)
        for rows in blocks(n, _NUMBERS // d):
            size = xp.abs(X[rows, :])
            back = xp.matrix_transpose(size)
            etas.append((d + 2) * self.eps * (size @ xp.abs(W[:, 0])))
            self.A = self.A + back @ (curvature[rows, None] * size)
            self.B = self.B + back @ (weights[rows, None] * size)
            self.furthest = xp.maximum(self.furthest, xp.max(size, axis=0))
            self.summed = self.summed + back @ gross[rows]
        self.eta = xp.concat(etas)

    def slipped(self, X: Array, slope: Array, eta: Array) -> Array:
        """Return the error from the residuals of some records (d,), their predictions being off by eta."""
        return namespace(X).matrix_transpose(namespace(X).abs(X)) @ (slope * eta)


class _Without:
    """The Hessian without each of some records, solved with in the coordinates y of D = S y, H^-1 = S S'."""

    def __init__(self, S: Array, x: Array, c: Array) -> None:
        xp = namespace(x)
        self.S, self.own = S, x @ S  # (b, rank)
        slack = 1 - c * summed(self.own**2)[:, 0]
        regular = slack > _REGULAR
        self.lift = xp.where(regular, c / xp.where(regular, slack, xp.ones_like(slack)), xp.zeros_like(slack))
        self.regular: NDArray[np.bool_] = to_numpy(regular)

    def solve(self, G: Array) -> Array:
        """Return y of the inverse of H - c_i x_i' x_i applied to each G (b, d); no meaning where not `regular`."""
        y = G @ self.S
        return y + self.own * self.lift[:, None] * summed(self.own * y)


class _Expansion:
    """What both losses share: the Hessian, its inverse without a record, norms, and the gradient at W."""

    def __init__(self, objective: Objective, W: Array) -> None:
        xp = namespace(W)
        X, n = objective.X, objective.n
        self.objective, self.W = objective, W
        self.z = predict(X, W)  # (n, 1)
        self.curvature = objective.curvature(W)[:, 0]
        self.residual = objective.residual(self.z)[:, 0]
        self.hessian = objective.hessian(W, 0)
        self.factored: Factored = factor(self.hessian)
        self.S = self.factored.half
        block = int(np.ceil(np.sqrt(n)))  # the shortest chain of additions: block + n / block
        self.gradient = objective.l2 * W[:, 0]
        for rows in blocks(n, block):
            self.gradient = self.gradient + accumulate(X[rows, :], self.residual[rows, None])[:, 0]
        self.rounding = _Rounding(objective, W, self.residual, self.curvature, block)
        parts = [summed((X[rows, :] @ self.S) ** 2)[:, 0] for rows in blocks(n, _NUMBERS // X.shape[1])]
        self.reach = xp.sqrt(xp.concat(parts))  # ||x_j S||: how far a unit y can move record j's prediction

    def moved(self, y: Array) -> tuple[Array, Array, Array]:
        """Return W + S y rounded, D its difference to W (b, d), and what x_j D has beyond x_j S y, at most (b,)."""
        xp = namespace(y)
        step = y @ xp.matrix_transpose(self.S)
        W = self.W[:, 0] + step
        D = W - self.W[:, 0]  # exact where |D| <= |W|, else off by eps |D|, which the bounds include
        rounded = xp.abs(y) @ xp.matrix_transpose(xp.abs(self.S))  # S y and x_j S are computed, too
        lost = xp.abs(D - step) + 4 * self.W.shape[0] * self.rounding.eps * rounded
        return W, D, lost @ self.rounding.furthest


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
        X = objective.X
        s = objective.loss.residual(xp.ones_like(self.z), self.z)[:, 0] + 1  # s(z)
        self.third = self.curvature * (1 - 2 * s)
        weights = xp.ones_like(s) if objective.weights is None else objective.weights
        self.tensors = _tensors(X, self.third, weights)  # T and M
        self.furthest = float(xp.max(self.reach))
        eta = self.rounding.eta
        # |loss'''| <= loss'', so within t of z the curvature grows by exp(t) at most; it is 1/4 at most anyway
        near = xp.where(eta < 1, xp.minimum(3 * self.curvature, weights / 4), weights / 4)
        self.slipped = self.rounding.slipped(X, near, eta)
        self.most_slipped = self.rounding.slipped(X, weights / 4, eta)

    @np.errstate(over="ignore", invalid="ignore")  # a step that runs away has an infinite bound, which says it
    def retrain(self, rows: NDArray[np.int64]) -> Certified:
        """Return the parameters without each row and the bound on their gradient."""
        xp = namespace(self.W)
        x, c, third, r = (take_rows(a, rows) for a in (self.objective.X, self.curvature, self.third, self.residual))
        d = x.shape[1]
        pull = x * r[:, None]
        gradient = self.gradient - pull
        without = _Without(self.S, x, c)

        def own(D: Array) -> Array:
            return x * third[:, None] * summed(x * D) ** 2

        y = -without.solve(gradient)
        for _ in range(_FIXED_POINT_STEPS):
            D = y @ xp.matrix_transpose(self.S)
            y = -without.solve(gradient + (_twice(D, self.tensors[:, :d]) - own(D)) / 2)
        pulls = largest(xp.abs(pull)) > 0
        y = xp.where(pulls, y, xp.zeros_like(y))  # no pull: nothing changes at all
        W, D, beyond = self.moved(y)
        twice = _twice(D, self.tensors)  # T[D, D] and D'M D
        left = D @ self.hessian - x * c[:, None] * summed(x * D) + (twice[:, :d] - own(D)) / 2 + gradient
        move = self.furthest * xp.sqrt(summed(y**2)[:, 0]) + beyond
        quartic = twice[:, d:] * (move / 48)[:, None]
        bounds = xp.abs(left) + xp.abs(quartic) + self._rounded(D, move, xp.abs(gradient) + xp.abs(pull))
        bound = to_numpy(largest(bounds)[:, 0]) / self.objective.n
        steps = np.where(to_numpy(pulls)[:, 0], 1 + _FIXED_POINT_STEPS, 0).astype(np.int64)
        sound = np.isfinite(bound) & without.regular
        return Certified(W, np.where(sound, bound, np.inf), steps)

    def _rounded(self, D: Array, move: Array, start: Array) -> Array:
        """Return the rounding of all terms (b, d); see `_Rounding`."""
        xp, rounding = namespace(D), self.rounding
        size = xp.abs(D)
        linear, widest = size @ rounding.A, (size @ rounding.furthest)[:, None]
        quartic = (move / 48)[:, None] * widest * (size @ rounding.B)
        terms = rounding.many * (linear + widest * linear + quartic) + 6 * rounding.eps * start
        grown = xp.exp(xp.minimum(move, xp.full_like(move, 300.0)))[:, None]  # up to a number that does not overflow
        return terms + rounding.summed + xp.minimum(grown * self.slipped, self.most_slipped)


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
        pull = x * r[:, None]
        inside = to_numpy(largest(xp.abs(pull)) > 0)[:, 0]  # a record outside its margin changes nothing
        start = self.gradient - pull
        without = _Without(self.S, x, c)
        y, gradient, W = xp.zeros_like(without.own), start, self.W[:, 0] + xp.zeros_like(x)
        rest = self.rounding.summed + self.slipped + 6 * self.rounding.eps * (xp.abs(start) + xp.abs(pull))
        size = np.where(inside, np.inf, to_numpy(largest(xp.abs(start) + rest)[:, 0]))
        steps = np.zeros(len(rows), dtype=np.int64)
        for _ in range(_MARGIN_STEPS):
            trial = y - without.solve(gradient)
            moved, D, beyond = self.moved(trial)
            left, doubt = self._crossed(rows, D, to_numpy(xp.sqrt(summed(trial**2)[:, 0]) + beyond / self.spare))
            left = left + start + D @ self.hessian - x * c[:, None] * summed(x * D)
            doubt = doubt + rest + self.rounding.many * (xp.abs(D) @ self.rounding.A)
            now = to_numpy(largest(xp.abs(left) + doubt)[:, 0])
            better = inside & (now < size)
            if not better.any():
                break
            keep = xp.asarray(better, device=D.device)[:, None]
            y, W, gradient = xp.where(keep, trial, y), xp.where(keep, moved, W), xp.where(keep, left, gradient)
            size, steps = np.where(better, now, size), steps + better
        sound = np.isfinite(size) & without.regular
        return Certified(W, np.where(sound, size / self.objective.n, np.inf), steps)

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


def fits(objective: Objective) -> bool:
    """Return whether a certificate exists for the loss and is affordable for the number of features."""
    d = objective.X.shape[1]
    return objective.loss.name == "squared_hinge" or (objective.loss.name == "logistic" and d**3 <= _LARGEST_TENSOR)


def _pairs(X: Array) -> Array:
    """Return the products of two features, each pair once: (d (d + 1) / 2, n)."""
    xp, columns = namespace(X), namespace(X).matrix_transpose(X)
    columns = xp.asarray(columns, copy=True)  # each feature's numbers side by side: four times as fast
    return xp.concat([columns[i : i + 1, :] * columns[i:, :] for i in range(X.shape[1])], axis=0)


def _tensors(X: Array, third: Array, weights: Array) -> Array:
    """Return T = sum_j third_j x_j x_j' x_jk and M = sum_j weights_j x_j x_j' |x_jk|, by pairs (d (d + 1) / 2, 2 d).

    A pair of two different features counts twice. Cost 2 n d^3 flops.
    """
    xp, d = namespace(X), X.shape[1]
    total = xp.zeros((d * (d + 1) // 2, 2 * d), dtype=X.dtype, device=X.device)
    for rows in blocks(X.shape[0], max(_FEWEST, _PAIRS // d**2)):
        x = X[rows, :]
        total += _pairs(x) @ xp.concat([third[rows, None] * x, weights[rows, None] * xp.abs(x)], axis=1)
    for i in range(d):
        first = i * d - i * (i - 1) // 2  # the pair of feature i with itself; those with later ones follow
        total[first + 1 : first + d - i, :] *= 2
    return total


def _twice(D: Array, tensors: Array) -> Array:
    """Return tensors, by pairs, applied to each D (b, d) twice."""
    return namespace(D).matrix_transpose(_pairs(D)) @ tensors
