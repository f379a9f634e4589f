"""The likelihood of deleted records, from what their gradients are estimated to be; maths (13)."""

from __future__ import annotations

import numpy as np

from undelete.attacker.gradient.difference import penalty_share
from undelete.attacker.gradient.estimate import Estimate
from undelete.attacker.table.further_error import of_few, rounding
from undelete.attacker.table.likelihood import Likelihood
from undelete.maths.arrays import Floats
from undelete.release.release import Release

_VALUES = 10  # of a target, up to which it has few
_FITS = 5.0  # standard errors within which G's scale must fit the target's value
_MISSES = 10.0  # and by which it must miss every other value
_SURE = 0.1  # of the scale, its largest error: rho is linearised
_PARTS = 3  # into which residuals are put by their size: of classes most may be next to nothing
_LEAST = 1e-6  # of the largest, the smallest deviation


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
    covariance = squares - release.scatter * mean[:, :, None] * mean[:, None, :]
    covariance = wider * of_few(
        covariance, _at_large(t, release.X_public @ basis, release.scatter), t**2, basis.shape[1]
    )
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
    # of coordinates that leave some out the change of the answers is more than these parameters' own
    partial = release.answer_change is not None and release.offset_public is not None
    single = projection is None and release.W_before.shape[1] == 1 and not partial
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
        change=(release.W_before - release.W_after)[:, :, 0] if single else None,
        records=(m, n) if single else None,
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


def _at_large(t: Floats, X: Floats, scatter: float) -> Floats:
    """Return the covariances (b, p, p) that weights t (m, b) would give if they fell on records X (m, p) at large."""
    m = len(X)
    return np.asarray((t**2).mean(axis=0)[:, None, None] * (X.T @ X) * (scatter / m))


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
