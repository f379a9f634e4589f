"""Class weights that balance the classes: a deletion changes what everybody weighs, by whose class it was. Maths (25).

With w_c = n / (K n_c) the weights after a deletion are known once the deleted record's class is, up to the classes'
sizes, which the public records tell. So there is one difference of the two models for each class that it may have
been, and the record that each of them makes is asked whether it would have pulled as hard as the difference says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from undelete.attacker.gradient.difference import Difference
from undelete.attacker.gradient.pulls import directions, log_densities
from undelete.attacker.gradient.trained import Trained
from undelete.errors import InputError
from undelete.maths.arrays import Flags, Floats, Indices
from undelete.maths.weighted import ClassWeighted
from undelete.release.release import Release
from undelete.release.restricted import restricted

_SURE = 1e-4  # probability of the other classes from which their difference is in the error
_MOST_FEATURES = 1024  # up to which that is formed
_OFF = np.log(1e-6)  # probability of a misfit below which a class is none,
_FITS = np.log(1e-3)  # if another's is above this

Fits = Callable[[Release], Floats | None]


@dataclass(frozen=True, eq=False)
class Guessed:
    """Which class was deleted.

    Parameters
    ----------
    chosen : array (b,) of int
        The likeliest class of each deletion.
    probability : array (b, K)
        Of each class.
    """

    chosen: Indices
    probability: Floats


def balanced(
    release: Release,
    Z_after: Floats | None = None,
    *,
    fits: Fits | None = None,
    trained: Trained | None = None,
    gone: Sequence[int | None] = (),
) -> Release:
    """Return a release of models whose class weights balance the classes, with the change that the deletion makes.

    Parameters
    ----------
    release : Release
        Its loss is weighted as the public records' classes are; public targets and n are known.
    Z_after : array (b, m, k), optional
        The new models' predictions for the public records, where W_after does not say them.
    fits : callable, optional
        From a release to the log-probability (b,) of its records' misfit: of a class whose record no error explains
        the deletion was not, where another's record fits.
    trained : Trained, optional
        What public records would be among the training records, maths (56).
    gone : sequence of int or None, b of them, optional
        The class of each deletion where something else told it, as its words do.

    Returns
    -------
    Release
        With `answer_change`, that of the class that was deleted most probably, and where others are possible what
        they would change in `share_error`.

    Raises
    ------
    InputError
        When n is not known.

    Notes
    -----
    Cost 4 m d b k flops for each class; what `fits` costs once, and for each class where the likeliest does not fit.
    """
    if release.n is None:
        raise InputError(
            "the model's class weights balance its classes, so a deletion changes what each record weighs, by an "
            "amount that depends on the number of training records: give n (n=, --n)"
        )
    loss, Y = release.loss, release.Y_public
    assert isinstance(loss, ClassWeighted)
    assert Y is not None
    Z = release.predictions(release.W_before)
    later = release.predictions(release.W_after).transpose(1, 0, 2) if Z_after is None else Z_after
    own = _classes(Y)
    shares = np.bincount(own, minlength=len(loss.weights)) / len(own)
    before = loss.residual(Y, Z)
    seen = []
    for c in range(len(loss.weights)):
        after = loss.after(c, release.n, shares.tolist())
        told = None if trained is None else [trained.change(one, after) for one in later]
        if told is None or any(one is None for one in told):
            told = [before - after.residual(Y, one) for one in later]
        change = np.stack([one for one in told if one is not None])
        seen.append(replace(release, answer_change=change, reweighed=True))
    gradients = np.stack([Difference.by(one, "answers").gradient for one in seen])  # (K, b, d, k)
    kept = _known(release)
    log = _log_densities([_judged(one, kept) for one in seen], gradients[:, :, kept], own, shares)
    if fits is not None and (not gone or None in gone):
        log = _fitting(log, [one if kept.all() else restricted(one, kept) for one in seen], fits)
    for i, known in enumerate(gone):
        if known is not None:
            log[i] = np.where(np.arange(log.shape[1]) == known, 0.0, -np.inf)
    found = _guessed(log)
    index = np.arange(release.deletions)
    changes = np.stack([one.answer_change for one in seen if one.answer_change is not None])
    error = _doubt(gradients, found)
    if error is not None and release.share_error is not None:
        error = error + release.share_error
    return replace(
        release,
        answer_change=changes[found.chosen, index],
        reweighed=True,
        share_error=release.share_error if error is None else error,
    )


def _known(release: Release) -> Flags:
    """Return the features (d,) whose gradient is known: of one that an l1 penalty left out it is not."""
    moved = release.W_before.any(axis=1) & release.W_after.any(axis=2).all(axis=0)
    return np.ones_like(moved) if release.l1 is None else np.asarray(moved | (release.l1 == 0))


def _judged(release: Release, kept: Flags) -> Release:
    """Return a release in some of its features, as much of it as whose class it was is judged by."""
    return restricted(release.without_columns(), kept)


def _classes(Y: Floats) -> Indices:
    return np.asarray(Y.argmax(axis=1) if Y.shape[1] > 1 else (Y[:, 0] > 0).astype(np.int64))


def _log_densities(seen: list[Release], gradients: Floats, own: Indices, shares: Floats) -> Floats:
    """Return the logarithm (b, K) of each class's share, times how likely the gradient that it makes is."""
    K, b = gradients.shape[:2]
    if seen[0].constant is None:
        return np.zeros((b, K))
    log, basis = np.full((b, K), -np.inf), directions(seen[0].X_public, gradients.shape[3])
    for c in np.flatnonzero(shares):
        log[:, c] = np.log(shares[c]) + log_densities(seen[c], gradients[c], own == c, int(c), basis)
    return log


def _fitting(log: Floats, seen: list[Release], fits: Fits) -> Floats:
    """Return the logarithms (b, K) without classes whose records do not fit, where the likeliest is one of them.

    The density of (48) takes records for normal, and a gradient with halves of categories is one to it.
    """
    log, chosen = log.copy(), log.argmax(axis=1)
    fit = np.zeros(log.shape)
    for c in np.unique(chosen):
        rows = np.flatnonzero(chosen == c)
        told = fits(seen[c].take(rows))
        if told is None:
            return log
        fit[rows, c] = told
    off = np.flatnonzero(fit[np.arange(len(log)), chosen] < _OFF)
    for c in range(log.shape[1]):
        rows = off[(chosen[off] != c) & np.isfinite(log[off, c])]
        told = fits(seen[c].take(rows)) if rows.size else None
        if told is not None:
            fit[rows, c] = told
    fit[~np.isfinite(log)] = -np.inf
    log[(fit < _OFF) & (fit.max(axis=1, keepdims=True) > _FITS)] = -np.inf
    return log


def _guessed(log: Floats) -> Guessed:
    """Return how probable each class is."""
    best = log.max(axis=1, keepdims=True)
    weight = np.where(np.isfinite(best), np.exp(log - np.where(np.isfinite(best), best, 0.0)), 1.0)
    return Guessed(np.asarray(log.argmax(axis=1)), weight / weight.sum(axis=1, keepdims=True))


def _doubt(gradients: Floats, found: Guessed) -> Floats | None:
    """Return the covariance (b, k, d, d) of what the other classes would change; None where none is possible."""
    b, d = gradients.shape[1:3]
    other = found.probability.copy()
    other[np.arange(b), found.chosen] = 0.0
    if d > _MOST_FEATURES or not (other > _SURE).any():
        return None
    off = gradients - gradients[found.chosen, np.arange(b)][None]  # (K, b, d, k)
    return np.asarray(np.einsum("bc,cbdk,cbek->bkde", other, off, off))
