"""What an attacker makes of a defence that is known to everybody: a larger error, and nothing else.

Minus the deleted gradient is read off W - W' through the Hessian H. Noise of covariance S in each of the two adds
2 H S H to the error's covariance. Where G people were deleted together, the gradients of the G - 1 others are in it,
too: about as many independent draws of a public record's.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from undelete.maths.arrays import Floats
from undelete.maths.objective import Objective
from undelete.release.protection import Noise
from undelete.release.release import Release


def knowing(release: Release, noise: Noise | None, together: int = 1) -> Release:
    """Return a release whose attacker knows by what law it was protected.

    Parameters
    ----------
    release : Release
        Its penalty is known.
    noise : Noise or None
        What was added to each model, independently.
    together : int
        How many people were deleted at once.

    Notes
    -----
    Cost m d^2 k flops, once for all deletions.
    """
    if noise is None and together == 1:
        return release
    assert release.l2 is not None
    assert release.n is not None
    (d, k), (m, _) = release.W_before.shape, release.X_public.shape
    Y = np.zeros((m, k)) if release.Y_public is None else release.Y_public
    public = Objective(release.X_public, Y, release.loss, np.zeros(d))
    error = np.zeros((k, d, d))
    if noise is not None:
        H = np.stack([np.asarray(public.hessian(release.W_before, j)) for j in range(k)]) * (release.n / m)
        H += np.diag(release.l2)
        error += 2 * H @ noise.covariance(H, release.W_before) @ H
    if together > 1:
        error += (together - 1) * _scatter(public, release.W_before)
    if release.share_error is not None:
        error = error + release.share_error
    share = release.l2[:, None] * (release.W_before - release.W_after)
    return dataclasses.replace(
        release,
        penalty_share=release.penalty_share if release.penalty_share is not None else share,
        share_error=np.broadcast_to(error, (release.deletions, k, d, d)),
    )


def _scatter(public: Objective, W: Floats) -> Floats:
    """Return the second moments of a record's gradient (k, d, d)."""
    R = np.asarray(public.residual(public.X @ W))
    return np.stack([(public.X * R[:, j : j + 1] ** 2).T @ public.X / public.n for j in range(R.shape[1])])
