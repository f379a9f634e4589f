"""Retraining a smooth model without a pass over the data per deletion, and a proof that the result is retrained.

With the Hessian H and the third-derivative tensor T of the full model (d^2 and d^3 numbers,
computed once), the step D solves the second-order expansion of the remaining gradient, both terms without
record i:

    H_i D + 1/2 T_i[D, D] + g_i = 0.

What the expansion leaves out is a fourth derivative along D, at most q_j for record j as far as D moves its
prediction; times exp(c max_j |x_j D|) where derivatives are exponentials. So the remaining gradient's entry k at
W + D is at most, maths (14) and (41),

    |e_k| + 1/6 max_j |x_j D| exp(c max_j |x_j D|) D' M_k D,    M_k = sum_j w_j q_j |x_jk| x_j x_j',

with e the residual of the equation above, which is computed, and w_j the record's weight. With H^-1 = S S' and
D = S y, max_j |x_j D| <= max_j ||x_j S|| ||y||. The sums run over all n records, which only makes the bound
larger. Cost O(n d^3) once and O(d^3) a deletion.

Rounding. The bound holds for the parameters returned and exact arithmetic on the data: D is taken again as
their difference to W, so rounding W + D is no error, and all else that is rounded is bounded by `Rounding`.

The squared hinge has a certificate of its own, margin_certificate.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from undelete.maintainer.rounding import Rounding
from undelete.maths.arrays import Array, blocks, columns, namespace, summed, take_rows, to_numpy
from undelete.maths.loss import Bounds
from undelete.maths.objective import Objective, accumulate
from undelete.maths.solvers import Factored, factor

_LARGEST_TENSOR = 4_000_000  # numbers in the third-derivative tensor: d up to 158
_FIXED_POINT_STEPS = 1  # removes all but about 1/n of what is left: as much as the expansion leaves out
_REGULAR = 1e-10  # one minus the leverage, under which the Hessian without the record counts as singular
_LARGEST_EXPONENT = 80.0  # beyond it exponentials come near the largest number of single precision: no certificate
_NUMBERS = 4_000_000  # in a temporary array
_PAIRS = 128_000  # products of two features held at once: 1 MB, what a processor's cache holds
_FEWEST = 256  # records, or the products lose their speed


@dataclass(frozen=True, eq=False)
class Certified:
    """Parameters (b, d) and an upper bound of |remaining gradient|_inf / n (b,), in the objective's units."""

    W: Array
    bound: NDArray[np.float64]
    iterations: NDArray[np.int64]


class Without:
    """The Hessian without each of some records x (d, b), solved with in the coordinates y of D = S y, H^-1 = S S'.

    Here and in what follows each deletion is a column: sums over a few features then run along many deletions.
    """

    def __init__(self, S: Array, x: Array, c: Array) -> None:
        xp = namespace(x)
        self.back = xp.matrix_transpose(S)
        self.own = self.back @ x  # (rank, b)
        slack = 1 - c * xp.sum(self.own**2, axis=0)
        regular = slack > _REGULAR
        self.lift = xp.where(regular, c / xp.where(regular, slack, xp.ones_like(slack)), xp.zeros_like(slack))
        self.regular: NDArray[np.bool_] = to_numpy(regular)

    def solve(self, G: Array) -> Array:
        """Return y of the inverse of H - c_i x_i' x_i applied to each G (d, b); no meaning where not `regular`."""
        y = self.back @ G
        return y + self.own * (self.lift * namespace(y).sum(self.own * y, axis=0))


class Expansion:
    """What both losses share: the Hessian, its inverse without a record, norms, and the gradient at W."""

    def __init__(self, objective: Objective, W: Array) -> None:
        xp = namespace(W)
        X, n = objective.X, objective.n
        self.objective, self.W = objective, W
        self.z = objective.predict(W)  # (n, 1)
        self.curvature = objective.curvature(W)[:, 0]
        self.residual = objective.residual(self.z)[:, 0]
        self.hessian = objective.hessian(W, 0)
        self.factored: Factored = factor(self.hessian)
        self.S = self.factored.half
        block = int(np.ceil(np.sqrt(n)))  # the shortest chain of additions: block + n / block
        self.gradient = objective.l2 * W[:, 0]
        for rows in blocks(n, block):
            self.gradient = self.gradient + accumulate(X[rows, :], self.residual[rows, None])[:, 0]
        self.rounding = Rounding(objective, W, self.residual, self.curvature, block)
        parts = [summed((X[rows, :] @ self.S) ** 2)[:, 0] for rows in blocks(n, _NUMBERS // X.shape[1])]
        self.reach = xp.sqrt(xp.concat(parts))  # ||x_j S||: how far a unit y can move record j's prediction

    def moved(self, y: Array) -> tuple[Array, Array, Array]:
        """Return W + S y rounded, D its difference to W (d, b), and what x_j D has beyond x_j S y, at most (b,)."""
        xp = namespace(y)
        step = self.S @ y
        W = self.W + step
        D = W - self.W  # exact where |D| <= |W|, else off by eps |D|, which the bounds include
        rounded = xp.abs(self.S) @ xp.abs(y)  # S y and x_j S are computed, too
        lost = xp.abs(D - step) + 4 * self.W.shape[0] * self.rounding.eps * rounded
        return W, D, self.rounding.furthest @ lost


class SmoothCertificate(Expansion):
    """Certified retraining with a loss whose derivatives have `bounds`: logistic, Poisson, Gamma, Tweedie.

    Parameters
    ----------
    objective : Objective
        Such a loss, k = 1.
    W : array (d, 1)
        The full model.
    """

    def __init__(self, objective: Objective, W: Array) -> None:
        super().__init__(objective, W)
        xp = namespace(W)
        X = objective.X
        assert objective.loss.bounds is not None
        self.bounds: Bounds = objective.loss.bounds
        weights = xp.ones_like(self.curvature) if objective.weights is None else objective.weights
        self.third = weights * objective.loss.third(objective.Y, self.z)[:, 0]
        self.furthest = float(xp.max(self.reach))
        # how far a deletion's first step moves any prediction, at most
        self.near = self.furthest * float(xp.max(xp.abs(self.residual) * self.reach))
        fourth = xp.abs(objective.loss.fourth(objective.Y, self.z)[:, 0])
        fourth = fourth + self.bounds.fifth * self.near + 4 * self.rounding.eps
        fourth = xp.minimum(fourth, xp.full_like(fourth, self.bounds.fourth))
        self.tensors = _tensors(X, self.third, weights * fourth)  # T and M
        # at most sum_j |x_j|' w_j q_j |x_j|; of exponentials q <= loss'', and their arguments are rounded, too
        bounded = math.isfinite(self.bounds.fourth)
        self.quartic = self.bounds.fourth * self.rounding.B if bounded else self.rounding.A
        self.many = self.rounding.many
        # |loss'''| <= loss'', so within t of z the curvature grows by exp(t) at most
        near, eta = 3 * self.curvature, self.rounding.eta
        if bounded:  # by `most` at most, anyway
            most = weights * self.bounds.curvature
            near = xp.where(eta < 1, xp.minimum(near, most), most)
            self.most_slipped = self.rounding.slipped(X, most, eta)
        else:
            top = float(xp.max(xp.abs(self.z)))
            sound = top < _LARGEST_EXPONENT and float(xp.max(eta)) < 1
            self.many += self.rounding.eps * top if sound else math.inf
            self.most_slipped = xp.full_like(self.gradient, math.inf)
        self.slipped = self.rounding.slipped(X, near, eta)

    @np.errstate(over="ignore", invalid="ignore")  # a step that runs away has an infinite bound, which says it
    def retrain(self, rows: NDArray[np.int64]) -> Certified:
        """Return the parameters without each row and the bound on their gradient."""
        xp = namespace(self.W)
        x, c, third, r = (take_rows(a, rows) for a in (self.objective.X, self.curvature, self.third, self.residual))
        x, d = columns(x), x.shape[1]
        pull = x * r
        gradient = self.gradient[:, None] - pull
        without = Without(self.S, x, c)

        def own(D: Array) -> Array:
            return x * (third * xp.sum(x * D, axis=0) ** 2)

        y = -without.solve(gradient)
        for _ in range(_FIXED_POINT_STEPS):
            D = self.S @ y
            y = -without.solve(gradient + (_twice(D, self.tensors[:, :d]) - own(D)) / 2)
        pulls = xp.max(xp.abs(pull), axis=0) > 0
        y = xp.where(pulls, y, xp.zeros_like(y))  # no pull: nothing changes at all
        W, D, beyond = self.moved(y)
        twice = _twice(D, self.tensors)  # T[D, D] and D'M D
        left = self.hessian @ D - x * (c * xp.sum(x * D, axis=0)) + (twice[:d, :] - own(D)) / 2 + gradient
        move = self.furthest * xp.sqrt(xp.sum(y**2, axis=0)) + beyond
        quartic = (xp.abs(twice[d:, :]) * (move / 6) + self._beyond(D, move)) * xp.exp(self.bounds.growth * move)
        bounds = xp.abs(left) + quartic + self._rounded(D, move, xp.abs(gradient) + xp.abs(pull))
        bound = to_numpy(xp.max(bounds / self.objective.unit, axis=0)) / self.objective.n
        steps = np.where(to_numpy(pulls), 1 + _FIXED_POINT_STEPS, 0).astype(np.int64)
        sound = np.isfinite(bound) & without.regular
        return Certified(xp.matrix_transpose(W), np.where(sound, bound, np.inf), steps)

    def _beyond(self, D: Array, move: Array) -> Array:
        """Return what the fourth derivatives add where a prediction moves further than `near`: (d, b), or zero."""
        xp = namespace(D)
        far = xp.maximum(move - self.near, xp.zeros_like(move))
        if not self.bounds.fifth or not bool(xp.any(far > 0)):
            return xp.zeros_like(move)
        return (self.bounds.fifth * far * move**2 / 6) * (self.rounding.B @ xp.abs(D))

    def _rounded(self, D: Array, move: Array, start: Array) -> Array:
        """Return the rounding of all terms (d, b); see `Rounding`."""
        xp, rounding = namespace(D), self.rounding
        size = xp.abs(D)
        linear, widest = rounding.A @ size, rounding.furthest @ size
        quartic = (move * xp.exp(self.bounds.growth * move) / 6) * widest * (self.quartic @ size)
        terms = self.many * (linear + widest * linear + quartic) + 6 * rounding.eps * start
        # where the curvature has a most, up to a number that does not overflow
        furthest = 300.0 if math.isfinite(self.bounds.curvature) else math.inf
        grown = xp.exp(xp.minimum(move, xp.full_like(move, furthest)))
        slipped = xp.minimum(grown * self.slipped[:, None], self.most_slipped[:, None])
        return terms + rounding.summed[:, None] + slipped


def fits(objective: Objective) -> bool:
    """Return whether a certificate exists for the loss and is affordable for the number of features."""
    d = objective.X.shape[1]
    return objective.loss.margin or (objective.loss.bounds is not None and d**3 <= _LARGEST_TENSOR)


def _pairs(x: Array) -> Array:
    """Return the products of two features of records x (d, n), each pair once: (d (d + 1) / 2, n)."""
    return namespace(x).concat([x[i : i + 1, :] * x[i:, :] for i in range(x.shape[0])], axis=0)


def _tensors(X: Array, third: Array, weights: Array) -> Array:
    """Return T = sum_j third_j x_j x_j' x_jk and M = sum_j weights_j x_j x_j' |x_jk|, by pairs (d (d + 1) / 2, 2 d).

    A pair of two different features counts twice. Cost 2 n d^3 flops.
    """
    xp, d = namespace(X), X.shape[1]
    total = xp.zeros((d * (d + 1) // 2, 2 * d), dtype=X.dtype, device=X.device)
    for rows in blocks(X.shape[0], max(_FEWEST, _PAIRS // d**2)):
        x = X[rows, :]
        total += _pairs(columns(x)) @ xp.concat([third[rows, None] * x, weights[rows, None] * xp.abs(x)], axis=1)
    for i in range(d):
        first = i * d - i * (i - 1) // 2  # the pair of feature i with itself; those with later ones follow
        total[first + 1 : first + d - i, :] *= 2
    return total


def _twice(D: Array, tensors: Array) -> Array:
    """Return tensors, by pairs, applied to each D (d, b) twice: one row for each of their columns."""
    return namespace(D).matrix_transpose(tensors) @ _pairs(D)
