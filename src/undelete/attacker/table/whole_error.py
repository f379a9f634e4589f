"""The covariance of an estimated gradient in all outputs, with all that the release shows of its error: (10), (13).

Beside sampling: strangers among the public records, weights that fall on few of them, rounded parameters, fits that
stop early, and people of categories that no public record has.
"""

from __future__ import annotations

import numpy as np

from undelete.attacker.gradient.covariance import covariance
from undelete.attacker.gradient.difference import Way, moves
from undelete.attacker.gradient.unvaried import moved, unseen, unvaried
from undelete.attacker.table.further_error import LEFT, of_few, rounding, strangers
from undelete.maths.arrays import Floats
from undelete.maths.solvers import factor
from undelete.release.release import Release


def whole_error(release: Release, way: Way, n: int, wider: float | None = None) -> Floats:
    """Return the covariance (d k, d k) of vec(G) of one deletion, output after output within a feature.

    Parameters
    ----------
    release : Release
        One deletion, whose fits are the optimum up to a known tolerance.
    way : {"hessian", "answers"}
        How G is obtained.
    n : int
        Number of records that G sums over.
    wider : float, optional
        What `strangers` says, if that is known.

    Notes
    -----
    Cost 2 m (d k)^2 flops.
    """
    X, t = release.X_public, moves(release, way)[:, 0]  # (m, d), (m, k)
    (m, d), k = X.shape, t.shape[1]
    wider = strangers(release) if wider is None else wider
    at_large = np.kron(X.T @ X, t.T @ t) * (release.scatter / m**2)
    C = wider * of_few(covariance(release, way, n)[None], at_large[None], (t**2).sum(axis=1, keepdims=True), d)[0]
    every, outputs = np.eye(d), np.arange(k)
    for j in range(k):
        rounded = rounding(release, outputs[j : j + 1], every)
        if rounded is not None:
            C[j::k, j::k] += rounded[0]
    free = unvaried(release, every)
    if free is not None:
        C += np.kron(free[0], n**2 * (t.T @ t) / m)
        for people in unseen(release):
            pulls = moved(people, lambda view: moves(view, way)[:, 0])
            each = (people.view.X_public[:, :, None] * pulls[:, None, :]).reshape(len(pulls), -1)
            count, mean = float(people.expected[0]), each.mean(axis=0)
            C += count * each.T @ each / len(each) + count**2 * np.outer(mean, mean)
    left = LEFT * n * (release.tolerance or 0.0)
    if left:
        null = np.asarray(factor(C).null)  # sums of indicators, or over classes, are what they are in every fit
        C += left**2 * (np.eye(len(C)) - null @ np.linalg.pinv(null))
    return np.asarray(C)
