"""What an attacker on networks makes of a defence that is known to everybody: a larger error, and nothing else.

Minus the deleted gradient is the change of the summed gradients between the models, maths (9). Noise of covariance C in
the parameters adds H C H to its error, H the Hessian of the summed objective, and so does rounding. Where t people left
or joined together the gradients of the t - 1 others are in it, about as many draws of a public record's: maths (45).
"""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.stats import chi2

from undelete.maths.arrays import Floats
from undelete.release.networks import NetworkRelease


def knowing(
    release: NetworkRelease,
    noise: tuple[Floats | None, Floats | None],
    together: int = 1,
    hessian: Floats | None = None,
) -> NetworkRelease:
    """Return a release whose attacker knows by what law it was protected.

    Parameters
    ----------
    release : NetworkRelease
        The models as they were released.
    noise : two of array (p, p) or None
        Covariance of what was added to the old model and to each new one, independently; None for nothing.
    together : int
        How many people left or joined at once.
    hessian : array (p, p), optional
        What `curvature` returns, where it is formed already.

    Returns
    -------
    NetworkRelease
        With `error`.

    Notes
    -----
    Cost m p^2 flops, once for all deletions.
    """
    added = [one for one in noise if one is not None]
    if not added and together == 1:
        return release
    seen = release.X_public, release.Y_network
    p, m = release.network.parameters, len(release.X_public)
    error = np.zeros((p, p)) if release.error is None else release.error
    if added:
        H = curvature(release) if hessian is None else hessian
        error = error + H @ np.sum(added, axis=0) @ H
    if together > 1:
        own = release.network.gradients(release.theta_before, *seen)
        error = error + (together - 1) * own.T @ own / m
    return dataclasses.replace(release, error=(error + error.T) / 2, optimal=noise[0] is None and release.optimal)


def curvature(release: NetworkRelease) -> Floats:
    """Return the Hessian (p, p) of the summed objective at the old network, as public records have it."""
    seen, share = (release.X_public, release.Y_network), release.n / len(release.X_public)
    return np.asarray(release.network.hessian(release.theta_before, *seen) * share + np.diag(release.penalty_before))


def smaller(release: NetworkRelease, noise: Floats) -> float:
    """Return how often noise of covariance `noise` (p, p) in both networks together would move one less than it moved.

    Next to never means that it was not added.
    """
    change = release.theta_after[0] - release.theta_before
    return float(chi2.cdf(change @ np.linalg.solve(noise, change), len(change)))
