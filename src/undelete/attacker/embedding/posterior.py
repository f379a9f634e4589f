"""HRec+ for embeddings: the most probable record behind a noisy embedding, maths (11).

Eq. (6) of the paper weighs every direction of the recovered embedding alike and believes all of it. But its error
has a covariance that can be computed from the release, maths (10), and public records say which records there are.
With t the recovered embedding, C the error's shape, v its size for one deletion, c a number that is not known well,
m where its multiples begin, and N(mu, S) the public records' mean and covariance, this minimises

    1/2 (t - m - c (phi(x) - m))' (v C)^-1 (...) + 1/2 (x - mu)' S^-1 (x - mu)

over x and c, where mu and S are those of the record's class, if the gradient tells it. The shape is taken over all
deletions of a block, since it is nearly the same for all of one model; the size is each deletion's own.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from undelete.attacker.embedding.decoder import Decoder, decoder, relative
from undelete.attacker.embedding.free_scale import FreeScale
from undelete.attacker.embedding.inversion import public_records
from undelete.attacker.embedding.prior import Tracer
from undelete.attacker.embedding.search import Preimages, Search
from undelete.attacker.embedding.signed import Signed
from undelete.attacker.gradient.estimate import Estimate
from undelete.attacker.gradient.scale import GradientError, Size, probable_scale
from undelete.maths.arrays import Floats, Indices
from undelete.maths.objective import gram
from undelete.release.release import Release

_TWICE = 2.0  # the decoder has read the features too: their second reading counts half
_READ, _READS = 10_000_000, (24, 48)  # public records traced back again, times their numbers and features; and how many
_TINY = np.finfo(float).tiny
_RIDGE = 1e-4  # of the error's mean variance, added to each direction: its smallest eigenvalues are estimates too


def most_probable(release: Release, X: Floats, estimate: Estimate) -> Preimages:
    """Return the most probable records behind recovered embeddings, as `HRec` hands them over.

    Parameters
    ----------
    release : Release
        With an embedding.
    X : array (b, d)
        The recovered embeddings, the constant among the features.
    estimate : Estimate
        Where they came from, for their error.
    """
    return behind_gradient(release, X * estimate.scale[:, None], estimate)


def behind_gradient(release: Release, g: Floats, estimate: Estimate, classes: Indices | None = None) -> Preimages:
    """Return the most probable records behind minus the gradients (b, d) of a model on an embedding.

    The scale of the gradient is sought with the record, from its constant's entry, or where that is lost in its error
    from what the usual length of an embedding says; then either sign is tried. Behind a frozen net it stays there.

    Parameters
    ----------
    release : Release
        With an embedding, and a constant.
    g : array (b, d)
        Minus the gradients in one output, or mixed.
    estimate : Estimate
        Where they came from; `scale` is g's constant entry.
    classes : array (b,) of int, optional
        The records' classes, where the gradients tell them.

    Notes
    -----
    Once: m D^2 + 3 D^3 + 20 d0^3 + 4 d0 D^2 flops. A deletion: up to 150 steps of 4 d0 (D + d0) +
    2 D^2 flops; where the error is large twice as many, and 2 m D.
    Source: maths (11), (52), (12).
    """
    phi, _, F = public_records(release)
    error = GradientError.of(release, estimate)
    middle = error.middle[:, : phi.features]
    shape, variance = _shape(F, error.weights), _variance(F, error.weights, middle)
    tracer = None if decoder(release) is not None else Tracer.of(release, shape)
    lengths = ((F - middle.mean(axis=0)) ** 2).sum(axis=1)
    if classes is not None and estimate.mix is None:  # a label goes with the sign of one output
        classes = np.where(error.sure(estimate.scale), classes, -1)

    def at(rows: Indices, sign: Floats) -> Signed:
        signed, entry, own = g[rows] * sign[:, None], estimate.scale[rows] * sign, error.part(rows)
        observed = ((signed[:, : phi.features] - entry[:, None] * middle[rows]) ** 2).sum(axis=1)
        probable = probable_scale(entry, np.sqrt(own.total), Size.plain(observed), own.total * variance[rows], lengths)
        scale = np.where(own.sure(entry) & (entry > 0), entry, probable)
        targets = own.divided(signed, entry, scale)[:, : phi.features]
        free = FreeScale(middle[rows], entry / scale, own.total / scale**2)
        return Signed(targets, own.total * variance[rows] / scale**2, None if classes is None else classes[rows], free)

    def most_probable_at(signed: Signed) -> Preimages:
        if tracer is not None:
            return tracer.trace(signed)
        found = behind_features(release, signed.targets, signed.variance, signed.classes)
        ones = np.ones(len(found.value))
        return replace(found, value=found.value + signed.free.cost(ones), scale=ones)

    sign = np.where(estimate.scale < 0, -1.0, 1.0)
    found = most_probable_at(at(np.arange(len(g)), sign))
    unsure = np.flatnonzero(~error.sure(estimate.scale))
    if unsure.size:
        other = most_probable_at(at(unsure, -sign[unsure]))
        sign[unsure] *= np.where(other.value < found.value[unsure], -1.0, 1.0)
        found = found.better(unsure, other)
    signed = at(np.arange(len(g)), sign)
    if tracer is not None:
        found = tracer.opened(signed, found)
    return reread(release, signed.told(found, phi, np.diag(shape)), known=classes is not None)


def behind_features(release: Release, features: Floats, variance: Floats, classes: Indices | None = None) -> Preimages:
    """Return the records behind features of a frozen net: decoded, then refined through the net, maths (36).

    Parameters
    ----------
    release : Release
        Whose embedding is a net.
    features : array (b, D)
        As they were recovered.
    variance : array (b,)
        Of their errors, all of them together.
    classes : array (b,) of int, optional
        The records' classes, where they are known.
    """
    net = decoder(release)
    assert net is not None
    noise = relative(release, variance)
    found = _found(net, net.search(float(np.median(noise))), features, noise, classes)
    distance = np.linalg.norm(features - net.phi.transform(found.inputs), axis=1)
    return replace(found, distance=distance)


def _found(net: Decoder, search: Search, features: Floats, noise: Floats, classes: Indices | None) -> Preimages:
    """Return the records behind features (b, D) with an error of `noise` (b,), inside the public range."""
    seen = net.apply(features, noise, classes)
    shares = np.unique(seen.share)
    parts = [np.flatnonzero(seen.share == share) for share in shares]
    found = Preimages.joined([
        search.as_wide(float(share)).run(features[rows], seen.records[rows], _TWICE * noise[rows], about_start=True)
        for share, rows in zip(shares, parts, strict=True)
    ]).part(np.argsort(np.concatenate(parts)))  # fmt: skip
    return replace(found, inputs=np.clip(found.inputs, net.low, net.high), error=seen.error)


def reread(release: Release, found: Preimages, *, known: bool = False) -> Preimages:
    """Return the same with the features as the records that were found have them, as far as that makes them better.

    How far, and what error is left, public records say that the decoder was not trained on: maths (36). Nothing is
    changed where none was trained. `known`: whether the records' classes were.
    """
    net = decoder(release)
    if net is None or found.features is None or found.features_error is None:
        return found
    noise = float(np.median(relative(release, (found.features_error**2).sum(axis=1))))
    true, error, classes = net.tried(noise, int(np.clip(_READ // (net.phi.inputs * net.phi.features), *_READS)))
    again = _found(net, net.search(noise), true + error, np.full(len(true), noise), classes if known else None).inputs
    off = net.phi.transform(again) - true
    share = float(np.clip((error * (error - off)).sum() / max(((error - off) ** 2).sum(), _TINY), 0.0, 1.0))
    left = 1 - share * (1 - _beside(off, error))  # at most: if both err alike
    features = found.features + share * (net.phi.transform(found.inputs) - found.features)
    return replace(found, features=features, features_error=found.features_error * left)


def _beside(off: Floats, error: Floats) -> float:
    """Return how large errors (r, D) are beside others, a standard error more; at most 1.

    Of all features together: some few records have, and few records were tried.
    """
    one, other = ((e**2).sum(axis=1) for e in (off, error))
    share = float(one.sum()) / max(float(other.sum()), _TINY)
    unsure = float((one - share * other).std()) / np.sqrt(len(one)) / max(float(other.mean()), _TINY)
    return min(1.0, float(np.sqrt(share + unsure)))


def _shape(F: Floats, weights: Floats) -> Floats:
    """Return the covariance (D, D) of the public embeddings under the mean of the deletions' weights (m, b)."""
    share = weights.mean(axis=1)
    middle = share @ F
    shape = gram(F, np.sqrt(share)) - np.outer(middle, middle)
    diagonal = np.arange(len(shape))
    shape[diagonal, diagonal] += _RIDGE * float(np.trace(shape)) / len(shape)
    return np.asarray(shape)


def _variance(F: Floats, weights: Floats, middle: Floats) -> Floats:
    """Return the trace (b,) of the covariance of the public embeddings under each deletion's weights."""
    return np.asarray(weights.T @ (F**2).sum(axis=1) - (middle**2).sum(axis=1))
