"""Public records as if the model had been trained on them: maths (56).

A model gives way to each record that it is trained on, the more so the more parameters it has for its records. When
one of them is deleted, the answers of those that remain change by less than those of people the model never saw, and
public records, taken as they are, tell the deleted record's pull too large.

What a record's prediction z would be, had it been among the training records, is the z+ with z+ + q r(y, z+) = z, for
q = x' H^-1 x by the Hessian H of the others. So its answer before and after the deletion is found from what both models
say of it, and its own leverage.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from undelete.attacker.gradient.unvaried import unseen_features
from undelete.maths.arrays import Floats
from undelete.maths.loss import Loss
from undelete.release.release import Release
from undelete.release.shared import shared

_PAYS = 0.01  # mean leverage from which it counts beside what public records miss by being others
_PARAMETERS = 1000  # of all outputs that bend together
_FLOPS = 4e11  # of forming and solving with H, in all rounds
_NUMBERS = 100_000_000  # of answers held: 800 MB
_ROUNDS = 6  # H is that of the training records' predictions, and these follow from H
_NULL = 1e-10  # of the largest eigenvalue of H in features of one size: directions that are not there
_LEAST = 0.05  # of what a record leaves of itself, as a divisor: beyond that it decides its own answer
_STEPS, _STEP, _EXACT = 100, 3.0, 1e-9  # of Newton's method


@dataclass(frozen=True, eq=False)
class _Leverage:
    """What public records would be among the training records.

    Parameters
    ----------
    q : array (m, k, k), or (m, k) of a separable loss
        x' H^-1 x, of each output by each.
    Z : array (m, k)
        Their predictions by the old model, had it been trained on them.
    mean : float
        Of the leverage of one output.
    """

    q: Floats
    Z: Floats
    mean: float


def as_trained(release: Release) -> Release:
    """Return a release with the change of the answers that its public records would have as training records.

    Where that is known: models without weights, offsets, an l1 penalty or noise, that are optima of a penalty and a
    number of records that are said. The release itself where leverages are below .01 or there are too many parameters.

    Notes
    -----
    Cost once 6 times 4 m p^2 flops for p parameters, of one output of a separable loss and of all of another; then some
    10 steps of m b k numbers (k^3 where outputs bend together).
    """
    m, (d, k) = len(release.X_public), release.W_before.shape
    p = d if release.loss.separable else d * k
    told = release.n is not None and not release.n_error and release.l2 is not None and release.Y_public is not None
    other = (release.l1, release.answer_change, release.offset_public, release.noise, release.rest, release.embedding)
    if not told or release.reweighed or any(one is not None for one in other) or release.error_told:
        return release
    assert release.n is not None
    if unseen_features(release):  # what the private people do who have such a category, no public record says
        return release
    few = d / release.n < _PAYS or p > min(_PARAMETERS, m) or release.deletions * m * k > _NUMBERS
    if few or 4 * _ROUNDS * m * p**2 * (k if release.loss.separable else 1) > _FLOPS:
        return release
    found: _Leverage | None = shared(release, _leverage, release.W_before, release.l2)
    if found is None or found.mean < _PAYS:
        return release
    assert release.Y_public is not None
    Y, before = release.Y_public, release.loss.residual(release.Y_public, found.Z)
    changes = []
    for W in release.W_after:
        Z = _given_way(release.loss, Y, release.predictions(W), found.q, found.Z)
        if Z is None:
            return release
        changes.append(before - release.loss.residual(Y, Z))
    return replace(release, answer_change=np.stack(changes))


def _leverage(release: Release) -> _Leverage | None:
    X, Y, loss, n = release.X_public, release.Y_public, release.loss, release.n
    assert Y is not None
    assert n is not None
    assert release.l2 is not None
    share = n / len(X)
    Z = release.predictions(release.W_before)
    within: Floats | None = Z
    for _ in range(1 if loss.quadratic else _ROUNDS):
        assert within is not None
        C = _bends(loss, Y, within)  # (m, k), or (m, k, k)
        if loss.separable:
            u = np.stack([_own(X, C[:, [j]], release.l2, share)[:, 0, 0] for j in range(Z.shape[1])], axis=1)
            q = u / np.maximum(1 - share * C * u, _LEAST)
        else:
            u = _own(X, C, release.l2, share)
            left = np.eye(Z.shape[1]) - share * C @ u
            q = u @ np.linalg.inv(left + _LEAST * np.eye(Z.shape[1]))
        within = _given_way(loss, Y, Z, q, within)
        if within is None or not np.isfinite(q).all():
            return None
    assert within is not None
    C = _bends(loss, Y, within)
    total = (q * C).sum() if loss.separable else np.einsum("mij,mji->", q, C)
    return _Leverage(q, within, float(total) / Z.size)


def _bends(loss: Loss, Y: Floats, Z: Floats) -> Floats:
    """Return each record's curvature, (m, k), or between its outputs (m, k, k)."""
    if loss.separable:
        return np.broadcast_to(np.asarray(loss.curvature(Y, Z)), Z.shape)
    return np.stack([np.asarray(loss.curvature_action(Y, Z, np.broadcast_to(one, Z.shape)))
                     for one in np.eye(Z.shape[1])], axis=2)  # fmt: skip


def _own(X: Floats, C: Floats, l2: Floats, share: float) -> Floats:
    """Return x' H^-1 x (m, k, k) of records X (m, d) in the Hessian of `share` times all of them, bending by C."""
    (m, d), k = X.shape, C.shape[1]
    unit = np.sqrt((X**2).mean(axis=0))
    unit = np.where(unit > 0, unit, 1.0)
    A = X / unit
    H = np.empty((d, k, d, k))
    for i in range(k):
        for j in range(k):
            c = C[:, i] if C.ndim == 2 else C[:, i, j]
            H[:, i, :, j] = share * A.T @ (c[:, None] * A)
    whole = H.reshape(d * k, d * k)
    whole[np.diag_indices(d * k)] += np.repeat(l2 / unit**2, k)
    values, vectors = np.linalg.eigh(whole)
    kept = values > _NULL * values[-1]
    half = (vectors[:, kept] / np.sqrt(values[kept])).reshape(d, k, -1)
    found = np.empty((m, k, k))
    sides = [A @ half[:, i] for i in range(k)]
    for i in range(k):
        for j in range(k):
            found[:, i, j] = np.einsum("mr,mr->m", sides[i], sides[j])
    return found


def _given_way(loss: Loss, Y: Floats, Z: Floats, q: Floats, start: Floats) -> Floats | None:
    """Return z+ (m, k) with z+ + q r(y, z+) = z, by Newton's method; None where it does not come to an end."""
    found, size = start.copy(), 1 + float(np.abs(Z).max())
    for _ in range(_STEPS):
        r = np.asarray(loss.residual(Y, found))
        C = _bends(loss, Y, found)
        if loss.separable:
            off = found + q * r - Z
            step = off / (1 + q * C)
        else:
            off = found + (q @ r[:, :, None])[:, :, 0] - Z
            step = np.linalg.solve(np.eye(Z.shape[1]) + q @ C, off[:, :, None])[:, :, 0]
        if not np.isfinite(step).all():
            return None
        if np.abs(off).max() <= _EXACT * size:
            return found
        found = found - step * (1.0 if loss.quadratic else np.minimum(1, _STEP / np.maximum(np.abs(step), _STEP)))
    return None
