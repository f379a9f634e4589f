"""What an estimated gradient says of the record as a whole: a normal likelihood, maths (13).

Minus the gradient of a deleted record x is x rho, with rho = -residual(y, x W_before). Its estimate G by the public
Hessian, times the n - 1 records that remain, has the covariance C of maths (10), whatever x is. So

    -1/2 (G - x rho)' C^-1 (G - x rho)

is the likelihood of x. Where the target has few values and G tells which it was, rho is a function of x: the
likelihood is *tied*, and G's entry at the constant counts like any other; x rho is then linearised. Elsewhere rho is
one more unknown, over which the likelihood is integrated.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from undelete.attacker.table.term_likelihood import TermLikelihood, whitened
from undelete.maths.arrays import Floats
from undelete.maths.loss import Loss

_STEPS = 3  # of Gauss and Newton
# Variance of every feature beside its sampling error, in units of the (standardised) record: indicators of a group
# sum to one, so that C is singular, and a refitted pipeline or a solver's tolerance breaks that sum in the third digit.
FLOOR = 1e-6


@dataclass(frozen=True, eq=False)
class Likelihood:
    """What is known of b deleted records, in p coordinates of the model's space.

    Parameters
    ----------
    loss : Loss
        The model's.
    gradient : array (b, p)
        G.
    covariance : array (b, p, p)
        C.
    constant : array (p,)
        The v with x @ v = 1.
    free : array (p, p - 1)
        Directions along which a record can move, orthogonal to `constant`.
    weights : array (b, p)
        W_before in the output that G belongs to.
    start : array (b, p)
        HRec's estimates.
    target : array (b,)
        Where the target ties rho to x, its value there; NaN elsewhere.
    leftover : array (p, p)
        Covariance of what fits leave of their gradient that stop at the solver's tolerance; zero where they do not.
    widths : array (k,) or None
        Deviations of rho, as likely each: `_widths`. None where its size is not known.
    change : array (b, p) or None
        W_before - W_after, of models of one output whose whole record is estimated.
    records : tuple of two numbers or None
        Public and private ones, where `change` is given.
    """

    loss: Loss
    gradient: Floats
    covariance: Floats
    constant: Floats
    free: Floats
    weights: Floats
    start: Floats
    target: Floats
    leftover: Floats
    widths: Floats | None = None
    change: Floats | None = None
    records: tuple[float, float] | None = None

    def stopped(self, share: float) -> Likelihood:
        """Return the same if the fits left gradients that differ by a share of the solver's tolerance."""
        return dataclasses.replace(self, covariance=self.covariance + share**2 * self.leftover)

    def terms(self, i: int, projection: Floats) -> TermLikelihood:
        """Return what record i's gradient says of terms (p, q) of it, its scale unknown."""
        T = np.c_[self.constant, projection]
        covariance = self.floored(i)
        inverse, gain = whitened(covariance, T)
        g = self.gradient[i]
        return TermLikelihood(
            data=inverse @ (g @ T), constant=inverse[:, 0], matrix=inverse[:, 1:], scaled=False, centre=g, gain=gain,
            left=covariance - gain.T @ gain,
            offset=float(np.log(np.diag(inverse)).sum()) - 0.5 * float(((inverse @ (g @ T)) ** 2).sum()),
            widths=self.widths,
        )  # fmt: skip

    def tied(self, i: int, projection: Floats, start: Floats, steps: int = _STEPS) -> TermLikelihood:
        """Return the same where the target ties rho to the record: x rho is linearised about the fit from `start` (p,).

        Parameters
        ----------
        i : int
            Which record.
        projection : array (p, q)
            Its terms.
        start : array (p,)
            Where the first step begins.
        steps : int
            Steps of Gauss and Newton's method; the covariance is that of the last one's linearisation.
        """
        G, N, W, point = self.gradient[i], self.free, self.weights[i], start
        precision = self._precision(i)
        for _ in range(steps):
            y, z = np.full((1, 1), self.target[i]), np.full((1, 1), point @ W)
            rho = -float(self.loss.residual(y, z)[0, 0])
            J = rho * N - float(self.loss.curvature(y, z)[0, 0]) * np.outer(point, W @ N)
            JP = J.T @ precision
            covariance = np.linalg.inv(JP @ J)
            point = point + N @ (covariance @ (JP @ (G - rho * point)))
        error = N @ covariance @ N.T
        inverse, gain = whitened(error, projection, FLOOR)
        data = inverse @ (point @ projection)
        return TermLikelihood(
            data=data, constant=np.zeros(len(inverse)), matrix=inverse, scaled=True, centre=point, gain=gain,
            left=error - gain.T @ gain, offset=0.5 * float(np.linalg.slogdet(precision)[1] - data @ data),
        )  # fmt: skip

    def correction(self, i: int) -> Callable[[Floats, Floats], Floats]:
        """Return what the log-likelihoods of tied record i's points (r, p), of misfits (r,), lack where linearised."""
        G, precision = self.gradient[i], self._precision(i)
        y = self.target[i]

        def lacking(points: Floats, misfit: Floats) -> Floats:
            z = (points @ self.weights[i])[:, None]
            rho = -self.loss.residual(np.full(z.shape, y), z)
            off = G - points * rho
            return np.asarray(0.5 * misfit - 0.5 * ((off @ precision) * off).sum(axis=1))

        return lacking

    def number(self, i: int, points: Floats, covariance: Floats) -> tuple[Floats, float]:
        """Return a number's target (squared loss: rho + x W_before) if record i is each of some points, and its error.

        With x known rho is all that is left to fit, by all of G's entries and not the constant's alone, maths (8).

        Parameters
        ----------
        i : int
            Which record.
        points : array (r, p)
            Records in the model's space.
        covariance : array (p, p)
            What a point's own error is.

        Returns
        -------
        y : array (r,)
            Of each point.
        error : float
            Standard error of the first.
        """
        W = self.weights[i]
        if np.isfinite(self.target[i]):
            return np.full(len(points), self.target[i]), 0.0
        rho, weighed, size = self._pull(i, points)
        y, along, against = (np.asarray(part) for part in self.loss.target_from(points @ W, -rho))
        slope = along[0] * W + against[0] * rho[0] * weighed[0] / size[0]  # of y in x, at G = x rho
        return y, float(np.sqrt(against[0] ** 2 / size[0] + max(slope @ covariance @ slope, 0.0)))

    def pull(self, i: int, points: Floats, covariance: Floats) -> tuple[Floats, float]:
        """Return rho (r,) if record i is each of some points (r, p), and the first one's error; as `number`."""
        rho, weighed, size = self._pull(i, points)
        slope = rho[0] * weighed[0] / size[0]
        return rho, float(np.sqrt(1 / size[0] + max(slope @ covariance @ slope, 0.0)))

    def pulls(self, i: int, points: Floats) -> Floats:
        """Return rho (r,) if record i is each of some points (r, p)."""
        return self._pull(i, points)[0]

    def _pull(self, i: int, points: Floats) -> tuple[Floats, Floats, Floats]:
        """Return rho (r,) of points (r, p), these times the precision (r, p), and their lengths by it (r,)."""
        weighed = points @ self._precision(i)
        size = (weighed * points).sum(axis=1)
        return np.asarray(weighed @ self.gradient[i] / size), weighed, size

    def floored(self, i: int) -> Floats:
        """Return record i's covariance (p, p), with a little of each direction added: it may be singular."""
        G = self.gradient[i]
        return np.asarray(self.covariance[i] + FLOOR * float(G @ self.constant) ** 2 * np.eye(len(G)))

    def _precision(self, i: int) -> Floats:
        return np.asarray(np.linalg.inv(self.floored(i)), dtype=np.float64)
