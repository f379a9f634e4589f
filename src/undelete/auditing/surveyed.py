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
    """Return a release of models whose training records weighed w (n,): an attacker knows how unevenly, not whose.

    Whatever their mean, the model is that of weights w / mean w and of the penalty over it, which is what an attacker
    takes for records that count alike. The sum over the others varies by the mean of their squares in place of 1,
    which is added to the error; by how much the deleted record's own weight may differ from the mean, its share of the
    change may: that is the error of the logarithm of n.
    """
    own = weights[weights > _NO_WEIGHT]
    mean = float(weights.mean())
    relative = own / mean
    spread = max(float((relative**2).sum()) - len(weights), 0.0)
    release = dataclasses.replace(
        release,
        l2=None if release.l2 is None else release.l2 / mean,
        penalty_change=None if release.penalty_change is None else release.penalty_change / mean,
        n_error=float(np.sqrt((np.log(relative) ** 2).mean())) if np.ptp(own) > _NO_WEIGHT * mean else 0.0,
    )
    b, (_, d), k = release.deletions, release.X_public.shape, release.W_before.shape[1]
    if spread <= _NO_WEIGHT * len(weights) or b * k * d * d > _MOST:
        return release
    t, X = moves(release, "answers"), release.X_public
    error = np.array([[np.cov((X * t[:, i, j, None]).T, bias=True) for j in range(k)] for i in range(b)]) * spread
    known = release.share_error
    return dataclasses.replace(release, share_error=error if known is None else error + known)


def unweighed(attack: Attack, weights: Floats) -> Attack:
    """Return an attack whose numbers of a target are as unsure as the deleted record's own weight makes them.

    What it takes for a residual is the record's own times its weight over the mean of all, w (n,).
    """
    own = weights[weights > _NO_WEIGHT]
    times = float(np.sqrt(((weights.mean() / own - 1) ** 2).mean()))

    def run(release: Release, rng: np.random.Generator) -> Reconstruction:
        found = attack.run(release, rng)
        if release.target_kind != "number" or found.target is None or found.target_error is None:
            return found
        with np.errstate(invalid="ignore"):
            apart = np.abs(found.target - release.loss.mean(np.einsum("bd,dk->bk", found.X, release.W_before)))
        return dataclasses.replace(found, target_error=np.hypot(found.target_error, times * apart))

    return dataclasses.replace(attack, run=run)


def told_of(weights: Floats) -> list[str]:
    """Return what a reader should know of it."""
    own = weights[weights > _NO_WEIGHT]
    if np.ptp(own) <= _NO_WEIGHT * float(own.mean()) and len(own) == len(weights):
        return []
    return [
        f"The records had weights (sample_weight) from {own.min():.3g} to {own.max():.3g}, of which the attacker is "
        "told how uneven they are, not the deleted record's own: a target that is told holds within what these "
        "say, and where the weights go with the columns the public records stand for others than they should."
    ]
