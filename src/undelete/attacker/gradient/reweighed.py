"""Class weights that balance the classes: a deletion changes what everybody weighs, by whose class it was. Maths (25).

With w_c = n / (K n_c) the weights after a deletion are known once the deleted record's class is, up to the classes'
sizes, which the public records tell. So there is one difference of the two models for each class that it may have
been, and the record that each of them makes is asked whether it would have pulled as hard as the difference says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from undelete.attacker.gradient.difference import Difference
from undelete.errors import InputError
from undelete.maths.arrays import Floats, Indices
from undelete.maths.loss import Loss
from undelete.maths.weighted import ClassWeighted
from undelete.release.release import Release

_SURE = 1e-4  # probability of the other classes from which their difference is in the error
_MOST_FEATURES = 1024  # up to which that is formed
_MOST_PARAMETERS = 400  # of several outputs, up to which all of the gradient is judged
_NULL = 1e-7  # of the largest eigenvalue: directions that no error has
_SHARE = 0.05  # of all classes' covariance in that of each: a class may have few public records, all alike


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


def balanced(release: Release, Z_after: Floats | None = None) -> Release:
    """Return a release of models whose class weights balance the classes, with the change that the deletion makes.

    Parameters
    ----------
    release : Release
        Its loss is weighted as the public records' classes are; public targets and n are known.
    Z_after : array (b, m, k), optional
        The new models' predictions for the public records, where W_after does not say them.

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
    Cost 4 m d b k flops for each class.
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
    for gone in range(len(loss.weights)):
        after = loss.after(gone, release.n, shares.tolist())
        change = before[None] - np.stack([after.residual(Y, one) for one in later])
        seen.append(replace(release, answer_change=change, reweighed=True))
    gradients = np.stack([Difference.by(one, "answers").gradient for one in seen])  # (K, b, d, k)
    found = _guessed(seen, gradients, own, shares)
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


def _classes(Y: Floats) -> Indices:
    return np.asarray(Y.argmax(axis=1) if Y.shape[1] > 1 else (Y[:, 0] > 0).astype(np.int64))


def _guessed(seen: list[Release], gradients: Floats, own: Indices, shares: Floats) -> Guessed:
    """Return how probable each class is: its share, times how likely the record it makes is, and its pull."""
    K, b = gradients.shape[:2]
    log = np.full((b, K), -np.inf)
    release = seen[0]
    if release.constant is None:
        chosen = np.zeros(b, dtype=np.int64)
        return Guessed(chosen, np.full((b, K), 1.0 / K))
    whole = np.cov(release.X_public.T, bias=True)
    for c in range(K):
        X = release.X_public[own == c]
        with np.errstate(divide="ignore"):
            prior = _Normal.of(X.mean(axis=0), (1 - _SHARE) * np.cov(X.T, bias=True) + _SHARE * whole, whole)
            log[:, c] = np.log(shares[c]) + np.array([_fit(seen[c], gradients[c, i], c, i, prior) for i in range(b)])
    best = log.max(axis=1, keepdims=True)
    weight = np.where(np.isfinite(best), np.exp(log - np.where(np.isfinite(best), best, 0.0)), 1.0)
    return Guessed(np.asarray(log.argmax(axis=1)), weight / weight.sum(axis=1, keepdims=True))


@dataclass(frozen=True, eq=False)
class _Normal:
    """A normal distribution of records, in the directions in which they vary at all."""

    mean: Floats
    half: Floats
    log_size: float

    @classmethod
    def of(cls, mean: Floats, covariance: Floats, whole: Floats) -> _Normal:
        unit = np.sqrt(np.diag(whole))
        unit = np.where(unit > 0, unit, 1.0)
        values, vectors = np.linalg.eigh(covariance / np.outer(unit, unit))
        kept = values > 1e-9 * values[-1]
        half = vectors[:, kept] / np.sqrt(values[kept]) / unit[:, None]
        return cls(mean, half, float(np.log(values[kept]).sum()))

    def log_density(self, x: Floats) -> float:
        return -0.5 * float((((x - self.mean) @ self.half) ** 2).sum()) - 0.5 * self.log_size

    @property
    def directions(self) -> int:
        return int(self.half.shape[1])


def _fit(release: Release, G: Floats, c: int, i: int, prior: _Normal) -> float:
    """Return the log-likelihood of deletion i's gradient (d, k) if it was of class c, up to a constant.

    The record that the gradient makes has a density, and its own residual is to be the gradient's scale, to within
    the error of (10) of their difference.
    """
    loss, W, k = release.loss, release.W_before, release.W_before.shape[1]
    assert release.constant is not None
    assert release.answer_change is not None
    j = 0 if k == 1 else c
    scale = float(G[:, j] @ release.constant)
    side = 1.0 if k > 1 or c == 1 else -1.0
    if not scale * side > 0 and not _may_turn(loss):
        return -np.inf
    if scale == 0:
        return -np.inf
    x = G[:, j] / scale
    Y = np.full((1, k), loss.low)
    Y[0, j] = side
    z = (x @ W)[None]
    rho = -loss.residual(Y, z)[0]
    bend = loss.curvature_action(np.repeat(Y, k, axis=0), np.repeat(z, k, axis=0), np.eye(k))  # of rho, (k, k)
    t = release.answer_change[i]
    n, m = release.n or len(t), len(t)
    X, own = release.X_public, (t[:, [j]] / scale) * (release.X_public - x)  # by what each public record moves x
    off, noise = G.T @ release.constant - rho, t + own @ W @ bend
    if 1 < k <= _MOST_PARAMETERS // len(x):  # x times rho is all of G, not of the constant's row alone
        unit = np.sqrt((X**2).mean(axis=0))
        unit = np.where(unit > 0, unit, 1.0)[:, None]
        off = ((G - x[:, None] * rho) / unit).ravel()
        noise = ((X[:, :, None] * t[:, None, :] - own[:, :, None] * rho + x[:, None] * (own @ W @ bend)[:, None, :])
                 / unit).reshape(m, -1)  # fmt: skip
    values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(noise.T, bias=True)) * n**2 * (1 / m + 1 / n))
    kept = values > _NULL * values[-1]
    if not kept.any():
        return -np.inf
    misfit = float(((off @ vectors[:, kept]) ** 2 / values[kept]).sum() + np.log(values[kept]).sum())
    return prior.log_density(x) - prior.directions * float(np.log(abs(scale))) - 0.5 * misfit


def _may_turn(loss: Loss) -> bool:
    """Whether a residual may have either sign for one class: the squared loss of a label."""
    return "number" in loss.targets


def _doubt(gradients: Floats, found: Guessed) -> Floats | None:
    """Return the covariance (b, k, d, d) of what the other classes would change; None where none is possible."""
    b, d = gradients.shape[1:3]
    other = found.probability.copy()
    other[np.arange(b), found.chosen] = 0.0
    if d > _MOST_FEATURES or not (other > _SURE).any():
        return None
    off = gradients - gradients[found.chosen, np.arange(b)][None]  # (K, b, d, k)
    return np.asarray(np.einsum("bc,cbdk,cbek->bkde", other, off, off))
