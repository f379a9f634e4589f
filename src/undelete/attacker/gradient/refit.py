"""What the refit of the preprocessing itself does to the deleted gradient: maths (20).

Before the deletion records have features x, after it x'. Over the records that remain the new model's gradient in its
own features is zero, sum x_i' r_i' + penalty = 0. What (19) needs is sum x_i r_i' in the old ones. The part of the
refit that is affine says it exactly: with x' = x B + e it is -B'^-1 (penalty + sum e_i r_i'). The e_i are small, and
so is what they add: it is estimated from public records where that is worth its own error, and left out elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import lstsq

from undelete.maths.arrays import Floats
from undelete.maths.solvers import factor

PAYS = 4.0  # times its own variance, above which the square of a mean is worth having
RANK = 1e-10  # singular values under this share of the largest are no direction of the features
_AFFINE = 1e-8  # of a feature's size: what is left of an affine refit is round-off


@dataclass(frozen=True, eq=False)
class Refit:
    """The new model's features, as far as they are affine in the old ones: x' = x B + e.

    Parameters
    ----------
    mixing : array (d, d')
        B, of least squares over the public records.
    rest : array (m, d')
        e of each public record; zero where it is no more than round-off.
    foreign : array (d',)
        Deviation of e over that of the new feature: 0 for an affine refit, about 1 where a feature means something
        else than any old one.
    same : array (d, d')
        1 where an old feature and a new one are the same but for the refit.
    unmixing : array (d', d) or None
        Where there are fewer new features, of which all old ones are made in the records that remain, how: x = x' M.
    """

    mixing: Floats
    rest: Floats
    foreign: Floats
    same: Floats
    unmixing: Floats | None = None

    @classmethod
    def of(
        cls, X: Floats, X_after: Floats, same: Floats | None = None, others: tuple[Floats, Floats] | None = None
    ) -> Refit:
        """Return it from public records in the old features and in the new ones. Cost 6 m d^2 flops.

        Parameters
        ----------
        X, X_after : arrays (m, d), (m, d')
            The records.
        same : array (d, d') or None
            1 where an old feature and a new one are the same but for the refit; None: all, in one order, if there are
            as many. What is fitted is the change from there, so that no digits of a small one are lost.
        others : pair of arrays (r, d), (r, d'), optional
            Records that nobody has, with categories that no public record has: how old features are made of new ones
            holds for them as well.
        """
        d, later = X.shape[1], X_after.shape[1]
        start = same if same is not None else np.eye(d) if d == later else np.zeros((d, later))
        mixing, rest = _fitted(X, X_after, start)
        own, back = X_after.std(axis=0), None
        if later < d:
            first, second = (
                (X, X_after) if others is None else (np.vstack([X, others[0]]), np.vstack([X_after, others[1]]))
            )
            back, left = _fitted(second, first, start.T)
            back = None if left.any() else back
        foreign = np.where(own > 0, rest.std(axis=0) / np.where(own > 0, own, 1.0), 0.0)
        return cls(mixing, rest, foreign, start, back)

    @property
    def affine(self) -> bool:
        """Whether the new features are exactly affine in the old ones."""
        return not self.rest.any()

    def share(
        self, penalty: Floats, penalty_after: Floats, residual: Floats | None, n: int, pays: float = PAYS
    ) -> Floats:
        """Return what the penalty and the refit add to minus the deleted gradient (d, k), maths (20).

        Parameters
        ----------
        penalty : array (d, k)
            The gradient of the old model's penalty, l2 W, in the old features.
        penalty_after : array (d', k)
            That of the new model's, in its own.
        residual : array (m, k) or None
            The public records' residuals at the new model, where their targets are known.
        n : int
            Private records before the deletion.
        pays : float
            A mean of e r' is taken where its square is above this times its own variance; 0: everywhere.
        """
        moved = np.array(penalty_after, dtype=np.float64)
        if residual is not None:
            m = len(self.rest)
            mean = self.rest.T @ residual / m
            variance = np.maximum((self.rest**2).T @ residual**2 / m - mean**2, 0.0) / m
            moved += (n - 1) * np.where(mean**2 > pays * variance, mean, 0.0)
        return np.asarray(penalty - self._back(moved))

    def error(self, residual: Floats | None, n: int) -> Floats | None:
        """Return the covariance (k, d, d) of what `share` adds, by the argument of maths (10); None where it is exact.

        Without targets nothing is known of the residuals, and it is None too. Cost 2 m d^2 k flops.
        """
        if self.affine or residual is None:
            return None
        m, back = len(self.rest), self._back(self.rest.T)  # (d, m)
        found = [np.cov(back * r, bias=True) for r in residual.T]
        return np.array(found) * (n**2 * (1 / m + 1 / n))

    def held_at_zero(self, bound: Floats) -> Floats | None:
        """Return the covariance (d, d) that features add whose gradient is known to be within `bound` (d',) of zero.

        An l1 penalty says no more of those that it holds at zero, of which `share` takes the penalty's gradient to be
        zero: they have a bound above 0, and all between is alike. None where no such feature is part of another.
        """
        held = np.flatnonzero(bound)
        if not held.size:
            return None
        back = self._back(np.eye(len(bound))[:, held]) * (bound[held] / np.sqrt(3.0))
        return np.asarray(back @ back.T)

    def _back(self, gradients: Floats) -> Floats:
        """Return gradients of the new features (d', q) as gradients of the old ones (d, q): B'^-1, or M'."""
        if self.unmixing is not None:
            return np.asarray(self.unmixing.T @ gradients)
        return np.asarray(lstsq(self.mixing.T, gradients, cond=RANK)[0])


def _fitted(X: Floats, X_after: Floats, start: Floats) -> tuple[Floats, Floats]:
    """Return B (d, d') about a start, of least squares, and what is left (m, d') of X_after = X B, 0 if round-off."""
    moved, size = X_after - X @ start, np.sqrt((X_after**2).mean(axis=0))
    shift = _scaled(X, moved, start)
    rest = moved - X @ shift
    mixed = np.abs(rest).max(axis=0) > _AFFINE * size
    if mixed.any():
        whole = factor(X.T @ X)
        shift[:, mixed], rest[:, mixed] = 0.0, moved[:, mixed]
        for _ in range(2):  # the second time removes the round-off of the normal equations
            shift[:, mixed] += whole.solve(X.T @ rest[:, mixed])
            rest[:, mixed] = moved[:, mixed] - X @ shift[:, mixed]
    rest[:, np.abs(rest).max(axis=0) <= _AFFINE * size] = 0.0
    return start + shift, rest


def _scaled(X: Floats, moved: Floats, same: Floats) -> Floats:
    """Return what would be added to `same` (d, d') if each feature had moved by a factor and a shift of its own.

    As a scaler's refit has it: features that add up to the constant take no part in a shift then.
    """
    shift, at = np.zeros(same.shape), same.argmax(axis=0)
    ones = np.flatnonzero((np.ptp(X, axis=0) == 0) & (X[0] != 0))
    own = X[:, at] * same.any(axis=0)
    centred, left = own - own.mean(axis=0), moved.copy()
    square = (centred**2).sum(axis=0)
    new = np.arange(same.shape[1])
    for _ in range(2):  # the second time for the round-off
        slope = (centred * left).sum(axis=0) / np.where(square > 0, square, 1.0)
        shift[at, new] += np.where(same.any(axis=0), slope, 0.0)
        if ones.size:
            shift[ones[-1]] += (left.mean(axis=0) - slope * own.mean(axis=0)) / X[0, ones[-1]]
        left = moved - X @ shift
    return shift
