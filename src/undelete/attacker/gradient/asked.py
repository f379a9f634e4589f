"""What a few answers say of how a model changed, and how well: maths (34).

Each answer is an equation for the change D of the parameters, and d of them settle it. With fewer, or with rounded
ones, the likeliest D is taken of a population of changes with the covariance that one deleted record makes, c H^-1, and
what the answers leave open becomes an error of the deleted gradient. Records that are alike are one question: rounded
answers to them are off alike, and asking again tells nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve, lstsq, solve_triangular
from scipy.sparse.linalg import LinearOperator, lsmr

from undelete.attacker.gradient.refit import RANK
from undelete.maths.arrays import Floats, Indices
from undelete.maths.loss import Loss
from undelete.maths.objective import predict

MOST_FEATURES = 1024  # up to which the covariance of what stays open is formed
_FULL = 1e-15  # relative, to which a number that is written in full is known
_CURVED = 1e-9  # of the mean curvature: what keeps H from being singular
_FLAT = 1e-3  # of the mean curvature: the least that an answer counts with
_EXACT = 1e-12  # of their mean square: the least variance of answers, so that those in full leave the rest to be seen
_TOLD = 10  # answers a feature from which on their error is what is left of them
_ROUNDS = 2  # in which the second order of the change is taken off
_SETTLED = 1e-12  # to which the solution of many outputs at once is solved for


@dataclass(frozen=True, eq=False)
class Change:
    """How a model changed, as some answers tell it.

    Parameters
    ----------
    D : array (d, k)
        W_before - W_after, the likeliest.
    error : array (k, d, d) or None
        The covariance of what is unknown of n H D, output by output; None where there are too many features to form it.
    """

    D: Floats
    error: Floats | None


class Asked:
    """An old model, public records, and those of them that both models answered.

    Parameters
    ----------
    loss : Loss
        Of the model.
    W : array (d, k)
        The old model.
    X : array (m, d)
        Public records in its space.
    rows : array (p,) of int
        Those that were asked.
    n : int or None
        Training records; None: m stands in for them.
    l2 : array (d,) or None
        The penalty in the summed objective.
    Y : array (m, k) or None
        Public targets, where the curvature needs them.
    offset : array (m,) or None
        What each public record has added to its predictions, maths (47).

    Notes
    -----
    Cost m d^2 flops, once.
    """

    def __init__(
        self, loss: Loss, W: Floats, X: Floats, rows: Indices, *, n: int | None, l2: Floats | None, Y: Floats | None,
        offset: Floats | None = None,
    ) -> None:  # fmt: skip
        self.loss, self.W, self.X, self.n, self.l2 = loss, W, X, n or len(X), l2
        Z = np.asarray(predict(X, W, offset))
        self.curvature = np.asarray(loss.curvature(Y, Z))  # (m, k)
        first, self._alike = alike(X[rows], None if offset is None else offset[rows])
        self.asked, self.Z = X[rows[first]], Z[rows[first]]
        self.slope = self.curvature[rows[first]]
        mean = self._hessian(self.curvature.mean(axis=1))
        mean[np.diag_indices_from(mean)] += _CURVED * (np.trace(mean) / len(mean) or 1.0)
        self._factor = np.linalg.cholesky(mean)  # H = F F', so that D = F'^-1 y has the covariance c H^-1 of a y of c I
        self.B = solve_triangular(self._factor, self.asked.T, lower=True).T  # (p, d): asked @ D = B y

    def decisions(self, moved: Floats, step: Floats) -> Change:
        """Return the change of decision values (p, k), each known to multiples of `step` (p, k); 0: written in full."""
        moved, step = self._once(moved), self._once(np.broadcast_to(step, moved.shape))
        full = _FULL * np.maximum(np.abs(self.Z), 1.0)
        V = _variance(moved, np.hypot(step, full)) / self._relative()
        return self._change(moved, step, np.ones_like(moved), V, alone=True)

    def answers(self, moved: Floats, step: Floats) -> Change:
        """Return the change of canonical answers (p, k), rounded to multiples of `step` (p, k), to first order."""
        moved, step = self._once(moved), self._once(np.broadcast_to(step, moved.shape))
        V = _variance(moved, step) * self._relative()
        return self._change(moved, step, self.slope, V, alone=self.loss.separable)

    def nearest(self, moved: Floats) -> Floats:
        """Return about the change (d, k) that moves the residuals of all records asked so (p, k): one Newton step."""
        mean = solve_triangular(self._factor, self.asked.T @ self._once(moved) / len(moved), lower=True)
        return np.asarray(solve_triangular(self._factor, mean, lower=True, trans="T"))

    def _once(self, values: Floats) -> Floats:
        """Return the mean (q, k) of values (p, k) over records that are alike."""
        found = np.zeros((len(self.asked), values.shape[1]))
        np.add.at(found, self._alike, values)
        return found / np.bincount(self._alike)[:, None]

    def _relative(self) -> Floats:
        """Return the curvature of each answer beside their mean (p, k)."""
        slope = np.maximum(self.slope, _FLAT * self.slope.mean(axis=0))
        return np.asarray(slope / slope.mean(axis=0))

    def _change(self, moved: Floats, step: Floats, slope: Floats, V: Floats, *, alone: bool) -> Change:
        """Return the likeliest change; `alone`: each answer hangs on its own output, by `slope` (p, k)."""
        (p, k), d = moved.shape, self.B.shape[1]
        if not moved.any():
            return Change(np.zeros((d, k)), None)
        square = slope**2 if alone else self._square()[:, None]
        unit, found = square * (self.B**2).sum(axis=1)[:, None], moved
        c = _size(_one_more(moved, step), V, unit)
        for _ in range(_ROUNDS):
            y = self._alone(found, slope, V, c) if alone else self._together(found, 1 / np.sqrt(V), c)
            made = self.B @ y
            first = slope * made if alone else self.loss.curvature_action(None, self.Z, made)
            left = found - first
            c = max(c, float((y**2).mean()))  # by the noise alone too much was taken off what was seen
            if slope is self.slope:  # answers, which are linear in the change to first order only
                found = moved - (self.loss.mean(self.Z) - self.loss.mean(self.Z - made) - first)
        least = _EXACT * float((moved**2).mean())
        told = min(p, int((moved != 0).sum() / k)) > _TOLD * d
        own = left**2 * p / (p - d) if told else np.maximum(left**2, V)  # what no change of the parameters explains
        D = np.asarray(solve_triangular(self._factor, y, lower=True, trans="T"))
        return Change(D, self._error(slope, np.maximum(V, least), np.maximum(own, least), c))

    def _alone(self, moved: Floats, slope: Floats, V: Floats, c: float) -> Floats:
        """Return y (d, k) where each answer hangs on one output."""
        outputs = range(moved.shape[1])
        each = [_likeliest(slope[:, [j]] * self.B, moved[:, j], V[:, j] / c) for j in outputs]
        return np.column_stack(each)

    def _square(self) -> Floats:
        """Return the mean square of what one unit of each decision value does to each answer (p,), of a softmax."""
        k = self.Z.shape[1]
        units = [self.loss.curvature_action(None, self.Z, np.eye(k)[[j]] + 0 * self.Z) for j in range(k)]
        return np.asarray(sum((np.asarray(one) ** 2).mean(axis=1) for one in units))

    def _together(self, moved: Floats, weight: Floats, c: float) -> Floats:
        """Return y (d, k) where an answer hangs on all outputs."""
        (p, k), d = moved.shape, self.B.shape[1]

        def onto(y: Floats) -> Floats:
            return np.asarray(weight * self.loss.curvature_action(None, self.Z, self.B @ y.reshape(d, k))).ravel()

        def back(v: Floats) -> Floats:
            return np.asarray(self.B.T @ self.loss.curvature_action(None, self.Z, weight * v.reshape(p, k))).ravel()

        system = LinearOperator((p * k, d * k), matvec=onto, rmatvec=back, dtype=np.float64)
        found = lsmr(system, (weight * moved).ravel(), damp=1 / np.sqrt(c), atol=_SETTLED, btol=_SETTLED)[0]
        return np.asarray(found).reshape(d, k)

    def _hessian(self, slope: Floats) -> Floats:
        """Return (H (d, d) + penalty) / n for curvatures (m,)."""
        H = self.X.T @ (slope[:, None] * self.X) / len(self.X)
        return H if self.l2 is None else H + np.diag(self.l2) / self.n

    def _error(self, slope: Floats, V: Floats, own: Floats, c: float) -> Floats | None:
        """Return the covariance of n H (D - its estimate), each answer weighed by 1 / V and off by `own` (p, k)."""
        d = self.B.shape[1]
        if d > MOST_FEATURES:
            return None
        found = []
        for j in range(V.shape[1]):
            weight = slope[:, [j]] / V[:, [j]]
            told, U = np.linalg.eigh(self.B.T @ (slope[:, [j]] * weight * self.B))
            off = U.T @ (self.B.T @ (own[:, [j]] * weight**2 * self.B)) @ U + np.eye(d) / c
            H = self.n * self._hessian(self.curvature[:, j])
            half = U.T @ solve_triangular(self._factor, H, lower=True)  # F^-1 n H
            half /= (np.maximum(told, 0.0) + 1 / c)[:, None]
            found.append(half.T @ off @ half)
        return np.array(found)


def alike(X: Floats, offset: Floats | None = None) -> tuple[Indices, Indices]:
    """Return the first of each kind of record (q,), and of which kind each of X (p, d) is (p,): the same one in all.

    With an offset (p,) it is that which is the same, too.
    """
    X = X if offset is None else np.c_[X, offset]
    rows = np.ascontiguousarray(X + 0.0).view(np.dtype((np.void, X.itemsize * X.shape[1])))[:, 0]
    _, first, kind = np.unique(rows, return_index=True, return_inverse=True)
    return first, kind.ravel()


def _variance(moved: Floats, step: Floats) -> Floats:
    """Return about the variance of the difference of two rounded numbers, maths (21): q |t|, and q^2 / 4 at most."""
    mean = _one_more(moved, step).mean(axis=0, keepdims=True)
    return np.asarray(np.minimum(step * mean, step**2 / 4))


def _one_more(moved: Floats, step: Floats) -> Floats:
    """Return |t| (p, k) as if one answer more had moved by a step, which it may have, and p are few."""
    return np.abs(moved) + step / len(moved)


def _size(moved: Floats, V: Floats, unit: Floats) -> float:
    """Return c, from the mean of |t|, which rounding leaves as it is, and the mean squares that c = 1 would make."""
    weight = 1 / np.sqrt(V)
    one = max(float((weight * np.sqrt(unit)).mean()), np.finfo(float).tiny)
    return np.pi / 2 * (float((weight * moved).mean()) / one) ** 2


def _likeliest(B: Floats, t: Floats, V: Floats) -> Floats:
    """Return the y (d,) of least |y|^2 + (t - B y)' V^-1 (t - B y)."""
    p, d = B.shape
    if p < d:
        K = B @ B.T
        K[np.diag_indices_from(K)] += V + 1e-14 * np.trace(K) / p
        return np.asarray(B.T @ cho_solve(cho_factor(K), t))
    weight = 1 / np.sqrt(V)
    return np.asarray(lstsq(np.r_[weight[:, None] * B, np.eye(d)], np.r_[weight * t, np.zeros(d)], cond=RANK)[0])
