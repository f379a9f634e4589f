"""Records that counted for more or less in the fit, which an attacker is not told: what that does to what it says."""

from __future__ import annotations

import dataclasses

import numpy as np

from undelete.attacker.attack import Attack
from undelete.attacker.gradient.difference import moves
from undelete.maths.arrays import Floats
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release

_MOST = 50_000_000  # numbers of the covariances that are formed
_NO_WEIGHT = 1e-12  # under which a record is not there


def unequal(release: Release, weights: Floats) -> Release:
    """Return a release of models whose training records weighed w (n,): an attacker knows how much and how unevenly.

    Their sum stands for their number. The sum over the others varies by Σ w^2 in place of it, which is added to the
    error; and by how much the deleted record's own weight may differ from the mean, its share of the change may: that
    is the error of the logarithm of n.
    """
    own = weights[weights > _NO_WEIGHT]
    total = float(own.sum())
    spread = max(float((own**2).sum()) - total, 0.0)
    n = max(2, round(total))
    release = dataclasses.replace(release, n=n, n_error=float(np.log(own).std()))
    b, (_, d), k = release.deletions, release.X_public.shape, release.W_before.shape[1]
    if spread == 0.0 or b * k * d * d > _MOST:
        return release
    t, X = moves(release, "answers"), release.X_public
    error = np.array([[np.cov((X * t[:, i, j, None]).T, bias=True) for j in range(k)] for i in range(b)]) * spread
    known = release.share_error
    return dataclasses.replace(release, share_error=error if known is None else error + known)


def unweighed(attack: Attack) -> Attack:
    """Return an attack whose numbers of a target are as far as the deleted record's own weight may take them."""

    def run(release: Release, rng: np.random.Generator) -> Reconstruction:
        found = attack.run(release, rng)
        if release.target_kind != "number" or found.target is None or found.target_error is None or not release.n_error:
            return found
        with np.errstate(invalid="ignore"):
            apart = np.abs(found.target - np.einsum("bd,dk->bk", found.X, release.W_before))
        return dataclasses.replace(found, target_error=np.hypot(found.target_error, release.n_error * apart))

    return dataclasses.replace(attack, run=run)


def told_of(weights: Floats) -> list[str]:
    """Return what a reader should know of it."""
    own = weights[weights > _NO_WEIGHT]
    if np.ptp(own) == 0.0 and own.sum() == len(weights):
        return []
    return [
        f"The records had weights (sample_weight) from {own.min():.3g} to {own.max():.3g}, of which the attacker is "
        "told the sum and the spread, not the deleted record's own: a target that is told holds within what these "
        "say, and where the weights go with the columns the public records stand for others than they should."
    ]
