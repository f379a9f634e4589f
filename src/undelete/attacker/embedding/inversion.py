"""From the embedding of a record to the record: paper Eq. (6), maths (7), for a whole batch of deletions.

    x = argmin_x || t - phi(x) ||,    t = g / g_c, the recovered embedding

The objective has local minima, and with as many inputs as features it is nearly flat in most directions. So the
search is scaled by the mean Gauss-Newton matrix, and starts from two guesses that need no truth: the best linear
map from public embeddings back to public records, and the public record whose embedding is nearest. The lower end
of the two is taken.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from undelete.maths.arrays import Floats, blocks
from undelete.maths.embeddings import Embedding
from undelete.maths.minimise import minimise
from undelete.release.release import Release

_TOLERANCE = 1e-4  # relative decrease of the objective that a further step must promise
_STEPS = 150
_SAMPLE = 512  # public records that the mean Gauss-Newton matrix is taken over
_FLAT = 1e-4  # curvature, relative to the largest, under which a direction is scaled as if it had this much
_NUMBERS = 4_000_000  # of embeddings held at a time: 32 MB


@dataclass(frozen=True, eq=False)
class Preimages:
    """The records (b, d0) that an embedding was traced back to, and how the search ended.

    Parameters
    ----------
    inputs : array (b, d0)
        The records.
    distance : array (b,)
        ||t - phi(x)||, Euclidean.
    iterations : array (b,) of int
        Steps of the better start.
    converged : array (b,) of bool
        Whether it stopped because no further decrease was in sight.
    value : array (b,)
        What was minimised, there.
    features, features_error : arrays (b, D), optional
        The embedding that was traced, and the standard error of each of its numbers.
    error : array (b, d0), optional
        Standard error of each number of the records, where it is known.
    """

    inputs: Floats
    distance: Floats
    iterations: NDArray[np.int64]
    converged: NDArray[np.bool_]
    value: Floats
    features: Floats | None = None
    features_error: Floats | None = None
    error: Floats | None = None

    @classmethod
    def joined(cls, parts: Sequence[Preimages]) -> Preimages:
        """Return all parts' records, one after the other."""
        held = {name: [getattr(part, name) for part in parts] for name in (field.name for field in fields(cls))}
        return cls(**{name: np.concatenate(own) for name, own in held.items() if own[0] is not None})

    def part(self, rows: NDArray[np.int64]) -> Preimages:
        """Return some of the records."""
        held = {field.name: getattr(self, field.name) for field in fields(self)}
        return Preimages(**{name: own[rows] for name, own in held.items() if own is not None})

    def replaced(self, rows: NDArray[np.int64], by: Preimages) -> Preimages:
        """Return the records with some of them replaced."""
        held = {field.name: getattr(self, field.name) for field in fields(self)}
        arrays = {name: own.copy() for name, own in held.items() if own is not None}
        for name, array in arrays.items():
            array[rows] = getattr(by, name)
        return Preimages(**arrays)


@dataclass(frozen=True, eq=False)
class Search:
    """Least squares for the record behind an embedding, in coordinates u where its curvature is about one.

    x = centre + (u / sqrt(stiffness)) basis'. It minimises, for each record with its own noise,

        1/2 (t - phi(x))' metric (t - phi(x)) / noise  [+ 1/2 |(x - centre) in the basis|^2 with a prior].

    Parameters
    ----------
    embedding : Embedding
        phi, from d0 inputs to D features.
    centre : array (d0,)
        Origin of the coordinates; the prior's mean.
    basis : array (d0, p)
        Diagonalises the mean Gauss-Newton matrix, and makes the prior's precision the identity.
    curvature : array (p,)
        The mean Gauss-Newton matrix in that basis, at noise 1.
    metric : array (D, D) or None
        None: Euclidean.
    prior : bool
        Whether distance from the centre counts.
    """

    embedding: Embedding
    centre: Floats
    basis: Floats
    curvature: Floats
    metric: Floats | None = None
    prior: bool = False

    def as_wide(self, share: float) -> Search:
        """Return the search with a prior of so many times the variance."""
        return replace(self, basis=self.basis * np.sqrt(share), curvature=self.curvature * share)

    def run(self, targets: Floats, start: Floats, noise: Floats, *, about_start: bool = False) -> Preimages:
        """Trace targets (b, D) back from start (b, d0), each with its own noise (b,): a variance, relative.

        `about_start`: the prior's mean is where each starts, not the centre of all. Cost a step and record:
        4 d0 (D + d0) flops, and 2 D^2 with a metric.
        """
        parts = [
            self._run(targets[part], start[part], noise[part], start[part] if about_start else self.centre)
            for part in blocks(len(targets), max(1, _NUMBERS // self.embedding.features))
        ]
        return Preimages.joined(parts)

    def _run(self, targets: Floats, start: Floats, noise: Floats, centre: Floats) -> Preimages:
        centres = np.broadcast_to(centre, start.shape)
        root = np.asarray(np.sqrt(self.curvature / noise[:, None] + self.prior))  # (b, p)

        def objective(U: Floats, rows: NDArray[np.int64]) -> tuple[Floats, Floats]:
            u = U / root[rows]
            X = centres[rows] + u @ self.basis.T
            off = self.embedding.transform(X) - targets[rows]
            weighed = off if self.metric is None else off @ self.metric
            value = (off * weighed).sum(axis=1) / 2 / noise[rows]
            slope = self.embedding.pull_back(X, weighed) @ self.basis / noise[rows, None]
            if self.prior:
                value, slope = value + (u**2).sum(axis=1) / 2, slope + u
            return value, slope / root[rows]

        away = start - centres
        u = np.linalg.lstsq(self.basis, away.T, rcond=None)[0].T if away.any() else away @ np.zeros_like(self.basis)
        found = minimise(objective, np.asarray(u * root), tol=_TOLERANCE, max_iterations=_STEPS)
        inputs = centres + (found.U / root) @ self.basis.T
        distance = np.linalg.norm(targets - self.embedding.transform(inputs), axis=1)
        return Preimages(inputs, distance, found.iterations, found.converged, found.value)


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
    better = np.flatnonzero(other.distance < one.distance)
    return one.replaced(better, other.part(better))


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
    square = (F**2).sum(axis=1)[:, None]
    rows = [(square - 2 * F @ targets[part].T).argmin(axis=0) for part in blocks(len(targets), 128)]
    return np.asarray(X[np.concatenate(rows)])


def public_records(release: Release) -> tuple[Embedding, Floats, Floats]:
    """Return a release's embedding, its public records (m, d0), and their embeddings (m, D) without the constant."""
    if release.embedding is None or release.inputs_public is None:
        raise ValueError("this release has no embedding: its model is linear in the records themselves")
    return release.embedding, release.inputs_public, release.X_public[:, : release.embedding.features]


_kept: dict[Callable[[Release], Any], tuple[weakref.ref[Floats], int | None, Any]] = {}


def shared(release: Release, make: Callable[[Release], Any]) -> Any:
    """Return make(release), made once for all releases that share their public records: blocks of one sweep do.

    Only what depends on public data alone may be made here; one result a function is kept.
    """
    found = _kept.get(make)
    if found is None or found[0]() is not release.X_public or found[1] != release.n:
        found = (weakref.ref(release.X_public), release.n, make(release))
        _kept[make] = found
    return found[2]
