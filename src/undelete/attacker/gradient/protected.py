"""What an attacker makes of a defence that is known to everybody: a larger error, and nothing else.

Minus the deleted gradient is read off W - W' through the Hessian H. Noise of covariance S in one of the two adds
H S H to the error's covariance. Where G people were deleted together, the gradients of the G - 1 others are in it,
too: about as many independent draws of a public record's.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from undelete.attacker.gradient.difference import by_hessian
from undelete.maths.arrays import Floats
from undelete.maths.objective import Objective
from undelete.release.protection import Noise
from undelete.release.release import Release


def knowing(release: Release, noise: tuple[Noise | None, Noise | None], together: int = 1) -> Release:
    """Return a release whose attacker knows by what law it was protected.

    Parameters
    ----------
    release : Release
        Its penalty and n are known.
    noise : two of Noise or None
        What was added to the old model and to each new one, independently; None for nothing.
    together : int
        How many people were deleted at once.

    Returns
    -------
    Release
        With `noise`, whose sum is in `share_error` too.

    Notes
    -----
    Cost m d^2 k flops, once for all deletions.
    """
    if noise == (None, None) and together == 1:
        return release
    assert release.l2 is not None
    assert release.n is not None
    (d, k), (m, _) = release.W_before.shape, release.X_public.shape
    Y = np.zeros((m, k)) if release.Y_public is None else release.Y_public
    public = Objective(release.X_public, Y, release.loss, np.zeros(d), offset=release.offset_public)
    H = np.stack([np.asarray(public.hessian(release.W_before, j)) for j in range(k)]) * (release.n / m)
    H += np.diag(release.l2)
    own = np.stack(
        [np.zeros((k, d, d)) if one is None else H @ one.covariance(H, release.W_before) @ H for one in noise]
    )
    error = own.sum(axis=0)
    if together > 1:
        error = error + (together - 1) * _scatter(public, release.W_before)
    if release.share_error is not None:
        error = error + release.share_error
    share = release.l2[:, None] * (release.W_before - release.W_after)
    return dataclasses.replace(
        release,
        penalty_share=release.penalty_share if release.penalty_share is not None else share,
        share_error=np.broadcast_to(error, (release.deletions, k, d, d)),
        noise=None if noise == (None, None) else own,
    )


def _scatter(public: Objective, W: Floats) -> Floats:
    """Return the second moments of a record's gradient (k, d, d)."""
    R = np.asarray(public.residual(public.predict(W)))
    return np.stack([(public.X * R[:, j : j + 1] ** 2).T @ public.X / public.n for j in range(R.shape[1])])


@dataclass(frozen=True)
class Hiding:
    """What noise of a known law leaves to be told, whatever attack is tried.

    Parameters
    ----------
    apart : float
        By how many standard deviations of the noise the gradients of two public people differ: no more than this for
        `MOST` of them. Whoever has to say which of two it was is right with probability Phi(apart / 2) at best.
    smaller : float
        How often such noise alone moves the parameters less than they did: next to never means that it was not added.
    """

    apart: float
    smaller: float


MOST = 0.99


def hiding(release: Release) -> Hiding | None:
    """Return what the known noise of one deletion's release hides; None without noise or public targets.

    Notes
    -----
    What else the attacker does not know counts for nothing here: others may know it. Cost 2 m d^2 k flops.
    """
    if release.noise is None or release.Y_public is None:
        return None
    R = np.asarray(release.loss.residual(release.Y_public, release.predictions(release.W_before)))
    minus = by_hessian(release)[0]
    if release.penalty_share is not None:
        minus = minus + release.penalty_share[0]
    apart, moved, terms = np.zeros(len(R)), 0.0, 0
    for j, covariance in enumerate(release.noise.sum(axis=0)):
        values, vectors = np.linalg.eigh(covariance)
        kept = values > len(values) * np.finfo(np.float64).eps * values.max()
        half = vectors[:, kept] / np.sqrt(values[kept])
        own = (release.X_public * R[:, j : j + 1]) @ half
        apart += ((own - own.mean(axis=0)) ** 2).sum(axis=1)
        moved += float(((minus[:, j] @ half) ** 2).sum())
        terms += int(kept.sum())
    # two are at most as far apart as both are from the middle
    return Hiding(2 * float(np.sqrt(np.quantile(apart, MOST))), float(chi2.cdf(moved, terms)))
