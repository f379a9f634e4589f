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

from undelete.attacker.gradient.difference import penalty_share
from undelete.attacker.gradient.estimate import Estimate
from undelete.attacker.table.further_error import rounding
from undelete.attacker.table.term_likelihood import TermLikelihood, whitened
from undelete.maths.arrays import Floats
from undelete.maths.losses import Loss
from undelete.release.release import Release

_VALUES = 10  # of a target, up to which it has few
_FITS = 5.0  # standard errors within which G's scale must fit the target's value
_MISSES = 10.0  # and by which it must miss every other value
_SURE = 0.1  # of the scale, its largest error: rho is linearised
_PARTS = 3  # into which residuals are put by their size: of classes most may be next to nothing
_LEAST = 1e-6  # of the largest, the smallest deviation
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


def likelihood(
    release: Release, estimate: Estimate, X: Floats, projection: Floats | None = None, wider: float = 1.0
) -> Likelihood:
    """Return the likelihood of deleted records.

    Parameters
    ----------
    release : Release
        Their release, in which the constant is known.
    estimate : Estimate
        Scale and output of their gradients, the penalty's share included.
    X : array (b, d)
        The records as HRec estimates them.
    projection : array (d, q), optional
        Terms to which records are reduced, for models of many features; the constant is added to them. They are
        not tied then.
    wider : float
        By what the sampling covariance is multiplied: `strangers`.

    Notes
    -----
    Cost 2 m p^2 flops a deletion for m public records.
    """
    assert release.constant is not None
    basis, constant = np.eye(len(release.constant)), release.constant
    if projection is not None:
        basis = np.c_[projection, release.constant]
        constant = np.eye(basis.shape[1])[-1]
    t = estimate.weights(release)  # (m, b)
    (m, b), n = t.shape, release.n or len(t)
    mean = (t.T @ release.X_public) @ basis / m
    squares = estimate.moments(release, t**2, basis)[2] * (estimate.scale**2)[:, None, None]
    covariance = squares - n**2 * (1 / m + 1 / n) * mean[:, :, None] * mean[:, None, :]
    covariance = wider * _of_few(covariance, t, release.X_public @ basis, n**2 * (1 / m + 1 / n))
    rounded = rounding(release, estimate.output, basis)
    if rounded is not None:
        covariance = covariance + rounded
    gradient = (n - 1) * mean
    share = penalty_share(release)
    if share is not None:
        gradient += share[np.arange(b), :, estimate.output] @ basis
    if release.share_error is not None:
        covariance = covariance + basis.T @ release.share_error[np.arange(b), estimate.output] @ basis
    leftover = n * (release.tolerance or 0.0) if release.tolerance != np.inf else 0.0  # then nothing is promised
    W = release.W_before.T[estimate.output]
    target = np.full(b, np.nan)
    if projection is None and release.n is not None and not release.n_error:  # an estimated n has used the tie up
        error = np.sqrt(np.einsum("bij,i,j->b", covariance, constant, constant))
        target = _few(release, gradient @ constant, (X * W).sum(axis=1), error)
    return Likelihood(
        loss=release.loss,
        gradient=gradient,
        covariance=covariance,
        constant=constant,
        free=np.linalg.svd(constant[None])[2][1:].T,
        weights=W,
        start=X @ basis,
        target=target,
        leftover=leftover**2 * (basis.T @ basis),
        widths=_widths(release),
    )


def _widths(release: Release) -> Floats | None:
    """Return the root mean square of the public residuals in each of `_PARTS` parts of them, by their size.

    Of several outputs the largest counts, since it is the one that is read.
    """
    if release.Y_public is None or release.n is None:
        return None
    residual = release.loss.residual(release.Y_public, release.predictions(release.W_before))
    size = np.sort(np.abs(residual).max(axis=1))
    if not size[-1] > 0:
        return None
    parts = np.array_split(size, min(_PARTS, len(size)))
    return np.array([max(float(np.sqrt((part**2).mean())), _LEAST * float(size[-1])) for part in parts])


def _of_few(covariance: Floats, t: Floats, X: Floats, factor: float) -> Floats:
    """Return covariances (b, p, p) that allow for having been estimated, from weights t (m, b) of records X (m, p).

    Where a deletion moves the answers of few public records, those of a rare category, the covariance rests on as many:
    v = (sum t^2)^2 / sum t^4. It is then taken p / v times larger, and as much of what it would be if the same weights
    had fallen on records at large is added, since few records leave directions that none of them has.
    """
    square = t**2
    # the least normal number stands for models that are the same, whose weights are all zero
    ratio = X.shape[1] * (square**2).sum(axis=0) / np.maximum(square.sum(axis=0) ** 2, np.finfo(float).tiny)
    at_large = (square.mean(axis=0) * factor)[:, None, None] * (X.T @ X / len(X))
    return np.asarray(covariance + ratio[:, None, None] * (covariance + at_large))


def _few(release: Release, scale: Floats, Z: Floats, error: Floats) -> Floats:
    """Return the target (b,) where it has few values and minus the residual at z, `scale`, fits one alone; else NaN."""
    nothing = np.full(len(scale), np.nan)
    if not release.loss.separable or release.offset_public is not None:  # z has an offset that is not known
        return nothing
    values = np.array([-1.0, 1.0])
    if release.target_kind == "number":
        if release.Y_public is None or release.Y_public.shape[1] > 1:
            return nothing
        values = np.unique(release.Y_public)
        if not 2 <= len(values) <= _VALUES:
            return nothing
    rho = -release.loss.residual(values[None, :, None], Z[:, None, None])[:, :, 0]  # (b, values)
    distance = np.abs(scale[:, None] - rho) / error[:, None]
    nearest = np.sort(distance, axis=1)
    tied = (nearest[:, 0] < _FITS) & (nearest[:, 1] > _MISSES) & (error < _SURE * np.abs(scale))
    return np.where(tied, values[distance.argmin(axis=1)], np.nan)
