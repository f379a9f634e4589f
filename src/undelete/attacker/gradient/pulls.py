"""How likely a gradient is, if it is that of a record of one class: maths (48).

A record's gradient is x times its pull rho, and its pull follows from its predictions z. Given z the record is normal
about what its class's public records of those predictions are, so its gradient is normal too, with the error of (10)
added, and an integral over z is left: of one output taken as it is, of more by Laplace's approximation. It holds for
records that hardly pull, or not at all, as well as for others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve, eigh, solve_triangular
from scipy.special import logsumexp

from undelete.maths.arrays import Flags, Floats
from undelete.release.release import Release

_SHARE = 0.05  # of all classes' covariance in that of each: a class may have few public records, all alike
_DIRECTIONS = 256  # in which records vary most: the gradient is judged in these
_TURNS = 3  # of a random subspace towards those of a wide table
_PARAMETERS = 400  # of all outputs together
_RECORDS = 20_000  # of which the error is estimated
_FLOOR = 1e-3  # of the mean variance: of what hardly any public record has, the error is not known
_NULL = 1e-10  # of the largest eigenvalue: directions in which nothing varies
_POINTS, _FINER, _ROUNDS = 129, 8, 4  # of the integral, and how often the stretches that count are divided
_BELOW = 40.0  # of the largest logarithm: what does not count
_SMOOTH = 0.1  # by which it changes along a stretch that needs no division
_CENTRES = 512  # of the density of the predictions
_STARTS, _STEPS, _LEAST = 16, 30, 1e-3  # public records to start from, Gauss-Newton steps, and their least share


Pull = Callable[[Floats], Floats]  # of predictions (p, k): (p, k)
Bend = Callable[[Floats], Floats]  # of predictions (k,): the pull's derivative (k, k)


def log_densities(release: Release, G: Floats, member: Flags, c: int, basis: Floats) -> Floats:
    """Return the log-density of each gradient if its record was of class c, up to a constant that all classes share.

    Parameters
    ----------
    release : Release
        Of a known n; with `answer_change`, as deletions of class c make it.
    G : array (b, d, k)
        The gradients that it makes.
    member : array (m,) of bool
        Which public records are of the class; at least one is.
    c : int
        The class.
    basis : array (d, q)
        As `directions` gives it.

    Returns
    -------
    array (b,)

    Notes
    -----
    Cost b (min(m, 20,000) p^2 + 10 p^3) flops for p parameters in the directions that are judged, at most 400.
    """
    assert release.answer_change is not None
    assert release.n is not None
    m = len(member)
    k = release.W_before.shape[1]
    X, few = release.X_public @ basis, slice(None, None, -(-m // _RECORDS))
    people = _People.of(X, release.predictions(release.W_before), member)
    Y = np.full((1, k), release.loss.low if k > 1 else -1.0)
    Y[0, c if k > 1 else 0] = 1.0 if k > 1 or c else -1.0

    def pull(z: Floats) -> Floats:
        return np.asarray(-release.loss.residual(np.repeat(Y, len(z), axis=0), z))

    def bend(z: Floats) -> Floats:
        return -np.asarray(release.loss.curvature_action(np.repeat(Y, k, axis=0), np.tile(z, (k, 1)), np.eye(k))).T

    found = np.empty(len(G))
    for i in range(len(G)):
        summand = (X[few, :, None] * release.answer_change[i][few, None, :]).reshape(-1, X.shape[1] * k)
        error = np.atleast_2d(np.cov(summand.T, bias=True)) * release.scatter
        for j in range(k if release.share_error is not None else 0):
            assert release.share_error is not None
            error[j::k, j::k] += basis.T @ release.share_error[i, j] @ basis
        error += np.eye(len(error)) * (_FLOOR * np.trace(error) / len(error) + np.finfo(float).tiny)
        own = basis.T @ G[i]
        if k == 1:
            found[i] = people.along(own[:, 0], error, pull)
        else:
            found[i] = people.about(own, error, pull, bend, _told(release, G[i]))
    return found


def _told(release: Release, G: Floats) -> Floats:
    """Return the predictions (k,) of the record that a gradient (d, k) is x times a pull of, had it no error."""
    assert release.constant is not None
    rho = release.constant @ G
    return np.asarray((G @ rho / max(float(rho @ rho), np.finfo(float).tiny)) @ release.W_before)


def directions(X: Floats, k: int) -> Floats:
    """Return the directions (d, q) in which public records (m, d) vary most, with mean square 1, for k outputs."""
    most = max(min(_DIRECTIONS, _PARAMETERS // k), 1)
    unit = np.sqrt((X**2).mean(axis=0))
    unit = np.where(unit > 0, unit, 1.0)
    A = X / unit
    if min(A.shape) > 4 * most:  # within a random subspace, turned towards them: Halko, Martinsson and Tropp (2011)
        turned = np.random.default_rng(0).normal(size=(A.shape[1], 2 * most))
        for _ in range(_TURNS):
            turned = A.T @ np.linalg.qr(A @ turned)[0]
        A = np.linalg.qr(A @ turned)[0].T @ A
    _, values, vectors = np.linalg.svd(A, full_matrices=False)
    kept = values**2 > _NULL * values[0] ** 2
    kept[most:] = False
    return np.asarray(vectors[kept].T / (values[kept] / np.sqrt(len(X))) / unit[:, None])


@dataclass(frozen=True, eq=False)
class _People:
    """The records of a class: normal, given their predictions.

    Parameters
    ----------
    Z : array (c, k)
        The predictions of the class's public records; of one output so many of their quantiles.
    middle, covariance : arrays (k,), (k, k)
        Of the predictions.
    mean, slope : arrays (q,), (q, k)
        A record of predictions z is mean + slope z, and
    spread : array (q, q)
        its covariance about that.
    """

    Z: Floats
    middle: Floats
    covariance: Floats
    mean: Floats
    slope: Floats
    spread: Floats

    @classmethod
    def of(cls, X: Floats, Z: Floats, member: Flags) -> _People:
        q, both = X.shape[1], np.hstack([X, Z])
        own = both[member]
        covariance = (1 - _SHARE) * np.cov(own.T, bias=True) + _SHARE * np.cov(both.T, bias=True)
        inner = covariance[q:, q:]
        inner = inner + np.eye(len(inner)) * (_NULL * np.trace(inner) / len(inner) + np.finfo(float).tiny)
        slope = np.linalg.solve(inner, covariance[q:, :q]).T
        mean, spread = own.mean(axis=0), covariance[:q, :q] - slope @ covariance[q:, :q]
        Z = own[:, q:]
        if len(Z) > _CENTRES:
            Z = np.quantile(Z, (np.arange(_CENTRES) + 0.5) / _CENTRES, axis=0) if Z.shape[1] == 1 else Z[:_CENTRES]
        return cls(Z, mean[q:], inner, mean[:q] - slope @ mean[q:], slope, spread)

    def along(self, G: Floats, error: Floats, pull: Pull) -> float:
        """Return the log-density of a gradient (q,) of one output, with an error of covariance (q, q)."""
        ratios, vectors = eigh(self.spread, error)  # vectors' error vectors = 1
        ratios = np.maximum(ratios, 0.0)
        own, mean, slope, centres = G @ vectors, self.mean @ vectors, self.slope[:, 0] @ vectors, self.Z[:, 0]
        width = max(1.06 * float(centres.std()) * len(centres) ** -0.2, 1e-6 * (1 + float(np.abs(centres).max())))

        def log_integrand(z: Floats) -> Floats:
            rho = pull(z[:, None])
            variance = 1 + rho**2 * ratios
            misfit = (own - rho * (mean + slope * z[:, None])) ** 2 / variance + np.log(variance)
            near = logsumexp(-0.5 * ((z[:, None] - centres) / width) ** 2, axis=1)
            return np.asarray(near - 0.5 * misfit.sum(axis=1))

        size = float(np.linalg.slogdet(vectors)[1])  # of the error, to the power of -1/2
        low, high = float(centres.min()) - 4 * width, float(centres.max()) + 4 * width
        return _log_integral(log_integrand, low, high) + size - float(np.log(width * len(centres)))

    def about(self, G: Floats, error: Floats, pull: Pull, bend: Bend, near: Floats) -> float:
        """Return the log-density of a gradient (q, k), with an error of covariance (q k, q k), by Laplace."""
        q, k = G.shape
        root = np.linalg.cholesky(error)
        white = solve_triangular(root, np.eye(q * k), lower=True).reshape(q * k, q, k)
        values, vectors = np.linalg.eigh(self.spread)
        half = vectors * np.sqrt(np.maximum(values, 0.0))
        own, precision = white.reshape(q * k, -1) @ G.ravel(), np.linalg.inv(self.covariance)
        sizes = float(np.log(np.diag(root)).sum() + 0.5 * np.linalg.slogdet(self.covariance)[1])

        def at(z: Floats) -> tuple[float, Floats, Floats]:  # the logarithm, its slope, and less its curvature
            rho, x = pull(z[None])[0], self.mean + self.slope @ z
            A = white @ rho
            B, off = A @ half, own - A @ x
            inner = cho_factor(np.eye(q) + B.T @ B)
            D = A @ self.slope + (white.transpose(0, 2, 1) @ x) @ bend(z)
            weighed = np.column_stack([off, D])
            weighed = weighed - B @ cho_solve(inner, B.T @ weighed)
            far = precision @ (z - self.middle)
            log = -0.5 * float(off @ weighed[:, 0] + far @ (z - self.middle)) - float(np.log(np.diag(inner[0])).sum())
            return log, D.T @ weighed[:, 0] - far, D.T @ weighed[:, 1:] + precision

        starts = [near, self.middle, max(self.Z[:_STARTS], key=lambda z: at(z)[0])]
        return max(_laplace(at, start) for start in starts) - sizes


def _laplace(at: Callable[[Floats], tuple[float, Floats, Floats]], z: Floats) -> float:
    """Return the logarithm of an integral about the maximum that Gauss-Newton steps lead to."""
    value, slope, bend = at(z)
    for _ in range(_STEPS):
        step, share = np.linalg.solve(bend, slope), 1.0
        promised = float(slope @ step)
        while share > _LEAST and at(z + share * step)[0] < value + 1e-4 * share * promised:
            share /= 2
        if share <= _LEAST or promised < _SMOOTH**2:
            break
        z = z + share * step
        value, slope, bend = at(z)
    return value - 0.5 * float(np.linalg.slogdet(bend)[1])


def _log_integral(log_of: Callable[[Floats], Floats], low: float, high: float) -> float:
    """Return the logarithm of an integral, its stretches divided where they count."""
    at = np.linspace(low, high, _POINTS)
    value = log_of(at)
    for _ in range(_ROUNDS):
        rough = np.abs(np.diff(value)) > _SMOOTH
        large = rough & (np.maximum(value[1:], value[:-1]) > value.max() - _BELOW)
        steps = np.linspace(0, 1, _FINER + 1)[1:-1]
        more = (at[:-1][large, None] + np.diff(at)[large, None] * steps).ravel()
        order = np.argsort(np.concatenate([at, more]))
        at, value = np.concatenate([at, more])[order], np.concatenate([value, log_of(more)])[order]
    return float(logsumexp(np.logaddexp(value[1:], value[:-1]) + np.log(np.diff(at) / 2)))
