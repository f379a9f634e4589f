"""From the embedding of a record to the record: paper Eq. (6), maths (7), for a whole batch of deletions.

    x = argmin_x || t - phi(x) ||,    t = g / g_c, the recovered embedding

The objective has local minima, and with as many inputs as features it is nearly flat in most directions. So the
search is scaled by the mean Gauss-Newton matrix, and starts from two guesses that need no truth: the best linear
map from public embeddings back to public records, and the public record whose embedding is nearest. The lower end
of the two is taken.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undelete.attacker.embedding.search import Preimages, Search
from undelete.maths.arrays import Floats, blocks
from undelete.maths.embeddings import Embedding
from undelete.release.release import Release
from undelete.release.shared import shared

_NUMBERS = 16_000_000  # of distances held at a time: 128 MB
_SAMPLE = 512  # public records that the mean Gauss-Newton matrix is taken over
_FLAT = 1e-4  # curvature, relative to the largest, under which a direction is scaled as if it had this much


def nearest_embedding(release: Release, targets: Floats) -> Preimages:
    """Return the records whose embeddings are nearest to the targets (b, D), in Euclidean distance: paper Eq. (6).

    Parameters
    ----------
    release : Release
        With an embedding.
    targets : array (b, D)
        Recovered embeddings, the constant left out.

    Notes
    -----
    Once for all deletions of the same public data: about m D^2 + 2 m D d0 + D^3 flops. A deletion: two starts of up
    to 150 steps, 4 d0 (D + d0) flops each. Source: paper Eq. (6), Algorithm 1.
    """
    search: Search = shared(release, _euclidean)
    noise = np.ones(len(targets))
    starts = (shared(release, linear_inverse).apply(targets), nearest_public(release, targets))
    one, other = (search.run(targets, start, noise) for start in starts)
    return one.better(np.arange(len(targets)), other)


@dataclass(frozen=True, eq=False)
class LinearInverse:
    """The affine map from embeddings back to records that is best on the public ones: x = mean + (t - centre) slope.

    Parameters
    ----------
    mean, centre : arrays (d0,), (D,)
        Of the public records and embeddings.
    slope : array (D, d0)
        For embeddings whose error's covariance is their own, times `noise`.
    noise : float
        The error's variance beside the embeddings' own.
    variance : float
        The embeddings' own, of all features together.
    """

    mean: Floats
    centre: Floats
    slope: Floats
    noise: float
    variance: float

    def apply(self, targets: Floats) -> Floats:
        """Return records (b, d0) for embeddings (b, D)."""
        return self.mean + (targets - self.centre) @ self.slope

    def shrunk(self, targets: Floats, variance: Floats) -> tuple[Floats, Floats]:
        """Return records (b, d0) and embeddings (b, D), nearer the mean, for errors of these variances (b,).

        As if errors were distributed as the embeddings are: the more there is of them, the more is left out.
        """
        kept = 1.0 / (1.0 + variance / self.variance)[:, None]
        records = self.mean + (targets - self.centre) @ self.slope * ((1.0 + self.noise) * kept)
        return records, self.centre + (targets - self.centre) * kept


def linear_inverse(release: Release) -> LinearInverse:
    """Return the linear least mean square error estimate of a record from its noisy embedding, from public records.

    The noise is taken to be D (1/m + 1/n) times the embedding's own covariance: that of the squared loss for an
    average record, maths (10).
    """
    phi, X, F = public_records(release)
    centre, mean, m = np.asarray(F.mean(axis=0)), np.asarray(X.mean(axis=0)), len(X)
    C = F.T @ F / m - np.outer(centre, centre)
    cross = F.T @ X / m - np.outer(centre, mean)
    diagonal, variance = np.arange(len(C)), float(np.trace(C))
    noise = phi.features * (1 / m + 1 / (release.n or m))
    C *= 1.0 + noise
    C[diagonal, diagonal] += 1e-8 * float(np.trace(C)) / len(C)  # features may depend on each other
    return LinearInverse(mean, centre, np.asarray(np.linalg.solve(C, cross), dtype=np.float64), noise, variance)


def _euclidean(release: Release) -> Search:
    """Return the search of Eq. (6), in coordinates where the mean Gauss-Newton matrix is the identity."""
    phi, X, _ = public_records(release)
    values, vectors = np.linalg.eigh(phi.curvature(X[:_SAMPLE]))
    scale = np.sqrt(np.maximum(values, _FLAT * values[-1]))
    return Search(phi, X.mean(axis=0), vectors / scale, np.ones(len(scale)))


def nearest_public(release: Release, targets: Floats) -> Floats:
    """Return the public records whose embeddings are nearest to each target (b, d0)."""
    _, X, F = public_records(release)
    square: Floats = shared(release, _square)
    rows = []
    for part in blocks(len(targets), max(1, _NUMBERS // len(F))):
        away = -2 * targets[part] @ F.T  # (b, m): the least of a row is found several times faster than of a column
        away += square
        rows.append(away.argmin(axis=1))
    return np.asarray(X[np.concatenate(rows)])


def _square(release: Release) -> Floats:
    F = public_records(release)[2]
    return np.asarray(np.einsum("ij,ij->i", F, F))


def public_records(release: Release) -> tuple[Embedding, Floats, Floats]:
    """Return a release's embedding, its public records (m, d0), and their embeddings (m, D) without the constant."""
    if release.embedding is None or release.inputs_public is None:
        raise ValueError("this release has no embedding: its model is linear in the records themselves")
    return release.embedding, release.inputs_public, release.X_public[:, : release.embedding.features]
