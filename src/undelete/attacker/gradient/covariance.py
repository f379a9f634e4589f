"""The covariance of an estimated gradient in all outputs at once, maths (10)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from undelete.attacker.gradient.difference import Way, moves
from undelete.errors import InputError
from undelete.maths.arrays import Floats, blocks
from undelete.release.release import Release

MOST_PARAMETERS = 4096  # d k up to which the covariance is formed: (d k)^2 numbers
_BLOCK_NUMBERS = 16_000_000


def covariance(release: Release, way: Way, n: int | None = None) -> Floats:
    """Return the covariance of vec(G), (d k, d k), of one deletion, maths (10), and of what a refit adds, (20).

    Parameters
    ----------
    release : Release
        One deletion; vec(G) goes output after output within a feature.
    way : {"hessian", "answers"}
        How G is obtained.
    n : int, optional
        Number of records that G sums over; by default the release's, or of the public ones where that is not known.

    Raises
    ------
    InputError
        For a model of more than 4,096 parameters.

    Notes
    -----
    Cost m (d k)^2 flops.
    """
    X, m = release.X_public, len(release.X_public)
    d, k = release.W_before.shape
    size = d * k
    if size > MOST_PARAMETERS:
        raise InputError(
            f"the model has {size:,} parameters: the covariance of the estimate needs the square of that, which is "
            f"formed up to {MOST_PARAMETERS:,}"
        )
    bent = moves(release, way)[:, 0]  # (m, k)
    second, first = np.zeros((size, size)), np.zeros(size)
    for part in blocks(m, _BLOCK_NUMBERS // size):
        S = (X[part, :, None] * bent[part, None, :]).reshape(-1, size)
        second += S.T @ S
        first += S.sum(axis=0)
    factor = release.scatter if n is None else replace(release, n=n).scatter
    found = (second / m - np.outer(first, first) / m**2) * factor
    if release.share_error is not None:
        for j in range(k):
            found[j::k, j::k] += release.share_error[0, j]
    return np.asarray(found)
