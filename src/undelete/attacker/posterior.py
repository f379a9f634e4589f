"""HRec+ for embeddings: the most probable record behind a noisy embedding, maths (11).

Eq. (6) of the paper weighs every direction of the recovered embedding alike and believes all of it. But its error
has a covariance that can be computed from the release, maths (10), and public records say which records there are.
With t the recovered embedding, C the error's shape, v its size for one deletion and N(mu, S) the public records'
mean and covariance, this minimises

    1/2 (t - phi(x))' (v C)^-1 (t - phi(x)) + 1/2 (x - mu)' S^-1 (x - mu)

from the linear least mean square error estimate. The shape is taken over all deletions of a block, since it is
nearly the same for all of one model; the size is each deletion's own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undelete.attacker.decode import Estimate
from undelete.attacker.inversion import Preimages, Search, linear_inverse, public_records, shared
from undelete.maths.objective import gram
from undelete.release import Floats, Release

_SAMPLE = 512  # public records that the mean Gauss-Newton matrix is taken over
_RIDGE = 1e-4  # of the error's mean variance, added to each direction: its smallest eigenvalues are estimates too


def most_probable(release: Release, X: Floats, estimate: Estimate) -> Preimages:
    """Return the most probable records behind recovered embeddings.

    Parameters
    ----------
    release : Release
        With an embedding.
    X : array (b, d)
        The recovered embeddings, the constant among the features.
    estimate : Estimate
        Where they came from, for their error.

    Notes
    -----
    Once: m D^2 + 3 D^3 + 20 d0^3 + 4 d0 D^2 flops. A deletion: up to 150 steps of 4 d0 (D + d0) + 2 D^2 flops.
    Source: maths (11).
    """
    phi, _, _ = public_records(release)
    targets = X[:, : phi.features]
    prior: _Gaussian = shared(release, _gaussian)
    start = shared(release, linear_inverse).apply(targets)
    # the error is about the record itself: what the linear estimate says of it stands in
    noise = _Noise.of(release, estimate, phi.transform(start))
    metric = np.asarray(np.linalg.inv(noise.shape))
    K = prior.root.T @ phi.curvature(prior.sample, metric) @ prior.root
    values, vectors = np.linalg.eigh(K)
    search = Search(phi, prior.mean, prior.root @ vectors, np.maximum(values, 0.0), metric, prior=True)
    return search.run(targets, start, noise.size)


@dataclass(frozen=True, eq=False)
class _Gaussian:
    """Public records as a normal distribution: mean (d0,), a root of the covariance (d0, d0), and some of them."""

    mean: Floats
    root: Floats
    sample: Floats


def _gaussian(release: Release) -> _Gaussian:
    _, inputs, _ = public_records(release)
    mean = inputs.mean(axis=0)
    values, vectors = np.linalg.eigh(inputs.T @ inputs / len(inputs) - np.outer(mean, mean))
    return _Gaussian(mean, vectors * np.sqrt(np.maximum(values, 0.0)), inputs[:_SAMPLE])


@dataclass(frozen=True, eq=False)
class _Noise:
    """The covariance of b recovered embeddings: size (b,) times one shape (D, D) of the trace of phi's own."""

    size: Floats
    shape: Floats

    @classmethod
    def of(cls, release: Release, estimate: Estimate, centre: Floats) -> _Noise:
        """Return it for embeddings near `centre` (b, D), maths (10)."""
        _, _, F = public_records(release)
        t2 = estimate.weights(release) ** 2  # (m, b)
        m, n = len(F), release.n or len(F)
        own = n**2 * (1 / m + 1 / n) / m / estimate.scale**2  # (b,)
        total, first = t2.sum(axis=0), t2.T @ F
        square = (F**2).sum(axis=1)
        spread = t2.T @ square - 2 * (first * centre).sum(axis=1) + total * (centre**2).sum(axis=1)  # trace of each
        variance = float(square.mean() - (F.mean(axis=0) ** 2).sum())
        size = own * spread / variance
        part = own / size / len(size)  # weight of each deletion in the shape
        shape = gram(F, np.sqrt(t2 @ part))
        cross = (first * part[:, None]).T @ centre
        shape += (centre * (total * part)[:, None]).T @ centre - cross - cross.T
        diagonal = np.arange(len(shape))
        shape[diagonal, diagonal] += _RIDGE * float(np.trace(shape)) / len(shape)
        return cls(size, shape)
