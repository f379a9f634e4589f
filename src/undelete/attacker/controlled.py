"""What other features, which the deleted record lacks, say of the error of its own: control variates, maths (55).

Public records stand for the remaining ones, and what they are off by is seen wherever the deleted record's part is
known: of nearly every word it is zero. A word's summand and a column's are of the same records, so their errors go
together: public records are weighed so that such words come to nothing, and of the columns' error is left what the
words' summands do not explain. Source: the regression estimator of survey sampling, Deville and Sarndal, Calibration
Estimators (1992).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from undelete.attacker.table.further_error import of_few
from undelete.maths.arrays import Floats, Indices
from undelete.maths.solvers import conjugate_gradients
from undelete.release.release import Release

_RIDGES = (1.0, 10.0, 100.0)  # tried, in units of a feature's mean square
_FOLDS = 5
_SKETCH = 6  # combinations of the columns by which the ridge is chosen
_TOL, _MOST = 1e-4, 60  # of conjugate gradients


@dataclass(frozen=True, eq=False)
class Controls:
    """Features beside a release's own.

    Parameters
    ----------
    X : sparse array (m, p)
        Of the public records.
    share : array (p, k)
        The penalty's share in minus the deleted record's gradient there.
    doubt : array (p, k)
        About its true one's mean square: how likely the record is to have the feature, times what it then pulls.
    """

    X: sp.csr_array
    share: Floats
    doubt: Floats


@dataclass(frozen=True, eq=False)
class Controlled:
    """A release whose public records are weighed by what controls show of their error.

    Parameters
    ----------
    release : Release
        With another `answer_change`, and in `share_error` all of the sum's error: `error_told`.
    score : array (e, k)
        Minus the deleted gradient of further numbers of each record.
    error : array (k, d + e, d + e)
        The covariance of the release's gradient and these, output by output.
    """

    release: Release
    score: Floats
    error: Floats


def controlled(release: Release, controls: Controls, scores: Floats, share: Floats) -> Controlled:
    """Weigh the public records of one deletion by what controls show of their error.

    Parameters
    ----------
    release : Release
        With `answer_change`, of a known n.
    controls : Controls
        Other features of the same records.
    scores : array (m, e)
        Further numbers of each record, whose gradient is wanted: what its words add to its predictions.
    share : array (e, k)
        The penalty's share in it.

    Notes
    -----
    Exact for normal errors whose covariance is known; it is estimated from the public records with a ridge, and what is
    left of the error is that of records left out. Cost some 200 d passes for each output over the entries of X that are
    not zero, for d features of the release's own; nothing is made dense but d numbers a record and control.
    """
    assert release.answer_change is not None
    assert release.n is not None
    features = np.hstack([release.X_public, scores])
    (m, d), k = features.shape, release.W_before.shape[1]
    moves, error = np.array(release.answer_change[0]), np.empty((k, d, d))
    order = np.random.default_rng(0).permutation(m)
    parts = [order[start::_FOLDS] for start in range(_FOLDS)]
    for j in range(k):
        t = moves[:, j]
        own, A = features * t[:, None], sp.csr_array(sp.diags_array(t) @ controls.X)
        square = np.asarray(A.multiply(A).sum(axis=0)).ravel()
        unit = float(square[square > 0].mean()) if square.any() else 1.0
        noise = m * controls.doubt[:, j] / release.scatter + np.finfo(float).tiny
        ridge = _chosen(A, own, noise, unit, parts) * unit + noise
        left, B = _left_over(A, own, ridge, parts)
        lead = t if release.constant is None else left[:, : len(release.constant)] @ release.constant
        covariance = np.atleast_2d(np.cov(left.T, bias=True)) * release.scatter
        at_large = float((lead**2).mean()) * features.T @ features * (release.scatter / m)
        error[j] = release.unlike * of_few(covariance[None], at_large[None], lead[:, None] ** 2, d)[0]
        error[j] += B.T @ (controls.doubt[:, j : j + 1] * B)
        moves[:, j] = t * (1 - m / (release.n - 1) * _off(A, controls.share[:, j], release.n, ridge, parts))
    own = release.X_public.shape[1]
    if release.share_error is not None:
        error[:, :own, :own] += release.share_error[0]
    told = replace(release, answer_change=moves[None], share_error=error[None, :, :own, :own], error_told=True)
    return Controlled(told, (release.n - 1) / m * (scores.T @ moves) + share, error)


def _chosen(A: sp.csr_array, own: Floats, noise: Floats, unit: float, parts: list[Indices]) -> float:
    """Return the ridge by which A explains columns `own` (m, d) of records left out best."""
    spread = own.std(axis=0)
    mixed = np.random.default_rng(1).normal(size=(own.shape[1], _SKETCH))
    few = own / np.where(spread > 0, spread, 1.0) @ mixed
    sizes = [float((_left_over(A, few, ridge * unit + noise, parts)[0] ** 2).sum()) for ridge in _RIDGES]
    return _RIDGES[int(np.argmin(sizes))]


def _off(A: sp.csr_array, share: Floats, n: int, ridge: Floats, parts: list[Indices]) -> Floats:
    """Return by how much (m,) public records count too much, as far as controls A (m, p) that should be nothing say.

    What each part of the records is off by is explained by the others: a regression on the same records would explain
    some of the deleted record too.
    """
    m, found = A.shape[0], np.zeros(A.shape[0])
    for part in parts:
        rest = np.setdiff1d(np.arange(m), part)
        seen = (n - 1) / m * np.asarray(A[part].sum(axis=0)).ravel() + len(part) / m * share
        found[rest] += (A[rest] @ _ridge(A[rest], seen[:, None], ridge))[:, 0]
    return found


def _left_over(A: sp.csr_array, own: Floats, ridge: Floats, parts: list[Indices]) -> tuple[Floats, Floats]:
    """Return what A (m, p) does not explain of columns (m, q) of records left out, and the mean coefficients (p, q)."""
    left, mean = own.copy(), np.zeros((A.shape[1], own.shape[1]))
    for part in parts:
        rest = np.setdiff1d(np.arange(len(own)), part)
        B = _ridge(A[rest], A[rest].T @ own[rest], ridge)
        left[part] -= A[part] @ B
        mean += B * (len(part) / len(own))
    return left, mean


def _ridge(A: sp.csr_array, right: Floats, ridge: Floats) -> Floats:
    """Return (A'A + diag(ridge))^-1 times right sides (p, q)."""
    scale = 1 / (np.asarray(A.multiply(A).sum(axis=0)).ravel() + ridge)

    def operator(V: Floats, _: Indices) -> Floats:  # (q, p, 1)
        flat = V[:, :, 0].T
        return np.asarray((A.T @ (A @ flat) + ridge[:, None] * flat).T[:, :, None])

    found, _ = conjugate_gradients(
        operator, np.ascontiguousarray(right.T)[:, :, None], lambda V: V * scale[:, None],
        tol=np.full(right.shape[1], _TOL), max_iterations=_MOST,
    )  # fmt: skip
    return np.asarray(found[:, :, 0].T)
