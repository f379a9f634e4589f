"""Public records as if the model had been trained on them, told by their columns alone: maths (56).

H is formed of all outputs that bend together, and each record's own part is taken out of its leverage.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from undelete.attacker.gradient.trained import PAYS, ROUNDS, Trained, bends, given_way
from undelete.attacker.gradient.unvaried import unseen_features
from undelete.maths.arrays import Floats
from undelete.release.release import Release
from undelete.release.shared import shared

_PARAMETERS = 1000  # of all outputs that bend together
_FLOPS = 4e11  # of forming and solving with H, in all rounds
_NUMBERS = 100_000_000  # of answers held: 800 MB
_NULL = 1e-10  # of the largest eigenvalue of H in features of one size: directions that are not there
_LEAST = 0.05  # of what a record leaves of itself, as a divisor: beyond that it decides its own answer


def as_trained(release: Release) -> Release:
    """Return a release with the change of the answers that its public records would have as training records.

    Where the change is the parameters' alone, and `trained_on` knows. The release itself elsewhere.
    """
    other = (release.answer_change, release.offset_public, release.rest)
    if release.reweighed or release.error_told or any(one is not None for one in other):
        return release
    m, k = len(release.X_public), release.W_before.shape[1]
    found = trained_on(release) if release.deletions * m * k <= _NUMBERS else None
    return release if found is None else changed(release, map(release.predictions, release.W_after), found)


def changed(release: Release, Z_after: Iterable[Floats], trained: Trained) -> Release:
    """Return a release with the change of the answers of `trained`, where the new models say Z_after, each (m, k).

    The release itself where it is not found.
    """
    changes = [trained.change(Z) for Z in Z_after]
    told = [change for change in changes if change is not None]
    return replace(release, answer_change=np.stack(told)) if len(told) == len(changes) else release


def trained_on(release: Release) -> Trained | None:
    """Return what public records would be among the training records; None where that is not known, or hardly counts.

    It is of models without an l1 penalty or noise that are optima of a penalty and a number of records which are said;
    where leverages are below .01 it hardly counts, and of too many parameters it is too dear.

    Notes
    -----
    Cost once 6 times 4 m p^2 flops for p parameters, of one output of a separable loss and of all of another; then some
    10 steps of m k numbers a deletion (k^3 where outputs bend together).
    """
    m, (d, k) = len(release.X_public), release.W_before.shape
    p = d if release.loss.separable else d * k
    told = release.n is not None and not release.n_error and release.l2 is not None and release.Y_public is not None
    if not told or any(one is not None for one in (release.l1, release.noise, release.embedding)):
        return None
    assert release.n is not None
    if unseen_features(release):  # what the private people do who have such a category, no public record says
        return None
    few = d / release.n < PAYS or p > min(_PARAMETERS, m)
    if few or 4 * ROUNDS * m * p**2 * (k if release.loss.separable else 1) > _FLOPS:
        return None
    found: Trained | None = shared(release, _trained_on, release.W_before, release.l2)
    return None if found is None or found.leverage < PAYS else found


def _trained_on(release: Release) -> Trained | None:
    X, Y, loss, n = release.X_public, release.Y_public, release.loss, release.n
    assert Y is not None
    assert n is not None
    assert release.l2 is not None
    share = n / len(X)
    Z = release.predictions(release.W_before)
    within: Floats | None = Z
    for _ in range(1 if loss.quadratic else ROUNDS):
        assert within is not None
        C = bends(loss, Y, within)  # (m, k), or (m, k, k)
        if loss.separable:
            u = np.stack([_own(X, C[:, [j]], release.l2, share)[:, 0, 0] for j in range(Z.shape[1])], axis=1)
            q = u / np.maximum(1 - share * C * u, _LEAST)
        else:
            u = _own(X, C, release.l2, share)
            left = np.eye(Z.shape[1]) - share * C @ u
            q = u @ np.linalg.inv(left + _LEAST * np.eye(Z.shape[1]))
        within = given_way(loss, Y, Z, q, within)
        if within is None or not np.isfinite(q).all():
            return None
    assert within is not None
    return Trained(loss, Y, q, within)


def _own(X: Floats, C: Floats, l2: Floats, share: float) -> Floats:
    """Return x' H^-1 x (m, k, k) of records X (m, d) in the Hessian of `share` times all of them, bending by C."""
    (m, d), k = X.shape, C.shape[1]
    unit = np.sqrt((X**2).mean(axis=0))
    unit = np.where(unit > 0, unit, 1.0)
    A = X / unit
    H = np.empty((d, k, d, k))
    for i in range(k):
        for j in range(i, k):
            c = C[:, i] if C.ndim == 2 else C[:, i, j]
            H[:, i, :, j] = share * A.T @ (c[:, None] * A)
            H[:, j, :, i] = H[:, i, :, j]
    whole = H.reshape(d * k, d * k)
    whole[np.diag_indices(d * k)] += np.repeat(l2 / unit**2, k)
    values, vectors = np.linalg.eigh(whole)
    kept = values > _NULL * values[-1]
    half = (vectors[:, kept] / np.sqrt(values[kept])).reshape(d, k, -1)
    found = np.empty((m, k, k))
    sides = [A @ half[:, i] for i in range(k)]
    for i in range(k):
        for j in range(i, k):
            found[:, i, j] = found[:, j, i] = np.einsum("mr,mr->m", sides[i], sides[j])
    return found
