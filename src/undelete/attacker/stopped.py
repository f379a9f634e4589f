"""What an attacker makes of a model that was stopped, not converged, and knows how it was trained: maths (40).

Gradient descent that is stopped is a filter: along a direction of curvature h of the mean loss a deletion moves the
model by q(h) times the record's gradient, where at an optimum it would be 1 / h. q is a polynomial that the length of
the steps, their number and their momentum determine, so it can be undone. The curvature alone, as at an optimum, is
too little along flat directions, which a stopped model has hardly begun to follow.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from undelete.attacker.embedding.posterior import most_probable
from undelete.attacker.filtered import bent, gradients, public_objective
from undelete.attacker.gradient.difference import Difference, by_hessian, moves
from undelete.attacker.hrec import from_gradient, unchanged
from undelete.attacker.hrec_plus import hrec_plus
from undelete.errors import InputError
from undelete.maths.arrays import Floats, Indices
from undelete.maths.descent import Descent
from undelete.maths.objective import Objective, predict
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release

_PLAYED = 12  # public records whose deletion says how far off what is undone may be
_TRAINED, _OTHERS = 4_000, 20_000  # public records that stand for the training ones then, and for the public ones
_NULL = 1e-9  # of the largest eigenvalue: directions in which the gradients do not vary


def undone(release: Release, descent: Descent) -> Release:
    """Return a release whose attacker knows that its models were stopped, and undoes it.

    Parameters
    ----------
    release : Release
        Of models that were trained alike, from zero.
    descent : Descent
        How.

    Returns
    -------
    Release
        With what was missing of minus the deleted gradients as `penalty_share`, which `hrec+` adds; with targets also
        with `rest`, and of raw columns with `unlike` for what the filter cannot give back.

    Raises
    ------
    InputError
        Where n is not known, the preprocessing was refitted, or steps of this length do not converge on the public
        records.

    Notes
    -----
    Minus the gradient is about n q(H)^-1 D, D the change of the model and H the public records' mean Hessian with the
    penalty. Two things are put right: the mean is over one record less, which is as if all steps were longer; and the
    record pulled otherwise in earlier steps, by what the model had it be then, which is known once the record is. The
    curvature is that at the old model. The sampling error is that of maths (10) at most, to first order, where there is
    no momentum. What is off beside it is measured on deletions of public records, which are trained likewise. Cost 96
    products with the Hessian, the steps on the public records, and 13 times those on up to 4,000.

    Examples
    --------
    Twenty steps, too few for the second column, with and without the first record:

    >>> from undelete import Descent, Release
    >>> from undelete.maths.losses import Squared
    >>> rng = np.random.default_rng(0)
    >>> X = np.column_stack([rng.normal(size=(500, 2)) * [1.0, 0.2], np.ones(500)])
    >>> y = X @ np.array([[1.0], [2.0], [3.0]]) + rng.normal(size=(500, 1))
    >>> def train(X, y):
    ...     W = np.zeros((3, 1))
    ...     for _ in range(20):
    ...         W = W - 0.3 * X.T @ (X @ W - y) / len(X)
    ...     return W
    >>> seen = Release(loss=Squared(), W_before=train(X, y), W_after=train(X[1:], y[1:])[None],
    ...                X_public=X, n=500, constant=np.array([0.0, 0.0, 1.0]))
    >>> X[0].round(2).tolist()
    [0.13, -0.03, 1.0]
    >>> reconstruct(seen, Descent(step=0.3, steps=20), rng).X[0].round(2).tolist()
    [0.13, -0.03, 1.0]
    """
    if release.n is None:
        raise InputError("the number of training records is not known, so a step cannot be undone; give n")
    if release.answer_change is not None or release.penalty_share is not None:
        raise InputError(
            "the models' preprocessing was refitted, or their penalty is said otherwise: a stopped training can only "
            "be undone where nothing but the coefficients changed"
        )
    known = _shared(release, descent)
    if release.Y_public is None:
        return known
    known = dataclasses.replace(known, rest=_rest(release, descent))
    if not release.columns:
        return known
    return dataclasses.replace(known, unlike=release.unlike * _further(release, descent))


def reconstruct(release: Release, descent: Descent, rng: np.random.Generator) -> Reconstruction:
    """Return the records behind models that were stopped, by who knows how they were trained.

    Parameters
    ----------
    release : Release
        As for `undone`.
    descent : Descent
        How the models were trained.
    rng : numpy.random.Generator
        Not used: the attack draws nothing.

    Returns
    -------
    Reconstruction
        Of raw columns by `hrec+`. Of others one output is read, as HRec does, and what is behind an embedding is traced
        as by `hrec+`, maths (11): how far the outputs that `hrec+` mixes are off is known at an optimum only.
    """
    known = undone(release, descent)
    if known.columns:
        return hrec_plus(known, rng)
    return from_gradient(known, Difference.by(known, "hessian"), unchanged(known), attack="hrec+", trace=most_probable)


def _shared(release: Release, descent: Descent) -> Release:
    """Return a release whose penalty's share holds what the filter left out."""
    return dataclasses.replace(release, penalty_share=gradients(release, descent) - by_hessian(release))


def _rest(release: Release, descent: Descent) -> Floats:
    """Return the gradient (d, k) that the private records' objective has at the old model, as a replay says.

    The same steps on the public records end as far from the old model as the gradients on the way differed, undone:
    what those differ by, and not where training stopped, tells the public records from the private ones. On the way
    residuals may have been larger, and differed the more for it: a difference counts in the last ones' unit.
    """
    public, m = public_objective(release), len(release.X_public)
    W, mean = descent.trained(public)
    off = bent(release, (release.W_before - W)[None]).function(0, descent.back)
    last = public.loss.residual(public.Y, predict(public.X, release.W_before))
    square, on_the_way = ((public.X**2).T @ residual**2 for residual in (last, mean))
    with np.errstate(divide="ignore", invalid="ignore"):
        unit = np.sqrt(np.nan_to_num(square / np.maximum(square, on_the_way)))
    n = release.n or m
    return np.asarray(np.asarray(public.gradient(release.W_before)) * (n / m) - n * off * unit)


def _further(release: Release, descent: Descent) -> float:
    """Return by what the covariance of maths (10) is to be multiplied for what the filter cannot give back.

    Of the public records some are trained on, with and without a few, and the others are public; what is undone is then
    compared with the gradients, which are known. What it is off by beside sampling is as much among more records, of
    which sampling has less.
    """
    order = np.random.default_rng(0).permutation(len(release.X_public))
    half = min(len(order) // 2, _TRAINED)
    own, others = order[:half], order[half : half + _OTHERS]
    rows = np.arange(min(_PLAYED, half // 2))
    if len(rows) == 0:
        return 1.0
    assert release.Y_public is not None
    X, Y, n = release.X_public[own], release.Y_public[own], release.n or len(order)
    weights = np.ones((half, len(rows) + 1))
    weights[rows, rows] = 0.0
    l2 = np.zeros(X.shape[1]) if release.l2 is None else release.l2 * (half / n)
    W, _ = descent.trained(Objective(X, Y, release.loss, l2, weights))
    played = _shared(_played(release, W, half, l2, others), descent)
    true = -X[rows][:, :, None] * release.loss.residual(Y[rows], predict(X[rows], W[-1]))[:, None, :]
    times = _beyond(played, Difference.by(played, "hessian").gradient - true)
    now, then = 1 / len(release.X_public) + 1 / n, 1 / len(others) + 1 / half
    return 1.0 + max(0.0, times - 1.0) * then / now


def _played(release: Release, W: Floats, n: int, l2: Floats, others: Indices) -> Release:
    """Return a release of models W (b + 1, d, k), the last of them the old one, to some of the public records."""
    assert release.Y_public is not None
    return Release(
        loss=release.loss, W_before=W[-1], W_after=W[:-1], X_public=release.X_public[others],
        Y_public=release.Y_public[others], n=n, l2=l2, constant=release.constant, target_kind=release.target_kind,
    )  # fmt: skip


def _beyond(release: Release, error: Floats) -> float:
    """Return the mean of error' C^-1 error a direction, C the covariance of maths (10), for errors (b, d, k)."""
    X, (m, n) = release.X_public, (len(release.X_public), release.n or 1)
    t = moves(release, "hessian") * n  # (m, b, k)
    square = terms = 0.0
    for i in range(t.shape[1]):
        for j in range(t.shape[2]):
            G = X * t[:, i, [j]]
            unit = G.std(axis=0)
            unit[unit == 0] = 1.0
            values, vectors = np.linalg.eigh(np.atleast_2d(np.cov((G / unit).T, bias=True)) * (1 / m + 1 / n))
            kept = values > _NULL * values[-1]
            square += float((((error[i, :, j] / unit) @ vectors)[kept] ** 2 / values[kept]).sum())
            terms += int(kept.sum())
    return square / terms if terms else 1.0
