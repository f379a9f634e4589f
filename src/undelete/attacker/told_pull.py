"""What is known of a deleted record's pull beside its gradient's constant entry, as by its words: maths (55).

The constant's entry is a sum over public records, and so is every other: what the one is off by says what the others
are. Where something else tells the pull better, public records are weighed to say it too. Source: the regression
estimator of survey sampling, Deville and Sarndal, Calibration Estimators (1992).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from undelete.attacker.gradient.difference import own_share
from undelete.attacker.table.further_error import of_few
from undelete.maths.arrays import Floats
from undelete.release.release import Release

_FAR = 4.0  # errors by which two tellings of one pull may differ: beyond, the other one is none


def with_pull(
    release: Release, features: Floats, direction: Floats, pull: float, error: float
) -> tuple[Release, Floats]:
    """Return a release whose public records say that pull, with what is left of the error, and that of more features.

    Parameters
    ----------
    release : Release
        Of one deletion, with `answer_change` and a constant.
    features : array (m, d + e)
        The release's own features of the public records, and others of the same records.
    direction : array (k,)
        Of the outputs, of length one.
    pull, error : float
        Minus the deleted record's residual along it, and its standard error.

    Returns
    -------
    Release
        With another `answer_change`, and in `share_error` all of the error: `error_told`.
    array (k, d + e, d + e)
        The error's covariance, output by output.

    Notes
    -----
    Both tellings weigh as they are sure; one that is far from the constant's entry does not. Cost 2 m (d + e)^2 k
    flops.
    """
    assert release.answer_change is not None
    assert release.n is not None
    assert release.constant is not None
    (m, d), n, own = features.shape, release.n, release.X_public.shape[1]
    t, k = np.array(release.answer_change[0]), release.W_before.shape[1]
    along = t @ direction
    away = along - along.mean()
    share = own_share(release)
    known = 0.0 if share is None else float(release.constant @ share[0] @ direction)
    variance = release.scatter * release.unlike * float(along.var())
    off = pull - ((n - 1) / m * float(along.sum()) + known)
    near = np.isfinite(error) and variance + error**2 > 0 and off**2 < _FAR**2 * (variance + error**2)
    gain = release.scatter * release.unlike / (variance + error**2) if near else 0.0
    covariance, wide = np.empty((k, d, d)), np.column_stack([features, np.ones(m)])
    square = wide.T @ wide * (release.scatter / m**2)
    for j in range(k):
        U = np.column_stack([features * t[:, [j]], along])
        C = np.atleast_2d(np.cov(U.T, bias=True)) * release.scatter
        at_large = square * (t[:, j] @ t[:, j])
        at_large[d] = square[d] * (t[:, j] @ along)
        at_large[:, d] = at_large[d]
        at_large[d, d] = square[d, d] * (along @ along)
        C = release.unlike * of_few(C[None], at_large[None], t[:, [j]] ** 2, d)[0]
        g = U[:, :d].T @ away / m * gain
        spread = C[d, d] + (error**2 if near else 0.0)
        covariance[j] = C[:d, :d] - np.outer(g, C[d, :d]) - np.outer(C[:d, d], g) + np.outer(g, g) * spread
    if not near:
        return release, covariance
    told = covariance[None, :, :own, :own]
    told = told if release.share_error is None else told + release.share_error
    t = t * (1 + away * (off * gain / (n - 1)))[:, None]
    return replace(release, answer_change=t[None], share_error=told, error_told=True), covariance
