"""What records there are, and the search for the most probable one behind an embedding: maths (11), (52).

Public records are taken for normally distributed, all together and each class by itself: records of a class are more
alike. A class's covariance is what its own records say as far as they are many beside their numbers, else that of all.

The search starts from the linear least mean square error estimate at this size of the error: one that begins at what
much noise has made of a record ends far from it. Of much noise it is done a second time, from the nearest public
record. Where the record's class is known it goes on with the prior of that class, from there and from its mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from undelete.attacker.embedding.class_map import FEWEST, as_class
from undelete.attacker.embedding.free_scale import LEAST
from undelete.attacker.embedding.inversion import LinearInverse, linear_inverse, nearest_public, public_records
from undelete.attacker.embedding.search import Preimages, Search
from undelete.attacker.embedding.signed import Signed
from undelete.maths.arrays import Floats, Indices
from undelete.release.release import Release
from undelete.release.shared import shared

_SAMPLE = 512  # public records that the mean Gauss-Newton matrix is taken over
_NOISY = 0.5  # of the embeddings' own variance: an error from which a second start pays
_FLAT = 1e-9  # of the numbers' mean variance, added to each: some never vary
_KEPT = 100_000_000  # numbers of classes' precisions: 800 MB


@dataclass(frozen=True, eq=False)
class Prior:
    """A normal distribution of records: mean (d0,) and precision (d0, d0)."""

    mean: Floats
    precision: Floats


@dataclass(frozen=True, eq=False)
class Priors:
    """Public records (m, d0) as normal distributions: of all, and of each class.

    Parameters
    ----------
    records : array (m, d0)
        They.
    mean, variance, axes : arrays (d0,), (d0,), (d0, d0)
        Of all: their mean, and their covariance's principal variances and axes.
    classes : array (m,) of int or None
        Whose they are.
    """

    records: Floats
    mean: Floats
    variance: Floats
    axes: Floats
    classes: Indices | None
    _own: dict[int, Prior] = field(default_factory=dict)

    @classmethod
    def of(cls, release: Release) -> Priors:
        """Return those of a release with an embedding."""
        records = public_records(release)[1]
        mean = records.mean(axis=0)
        variance, axes = np.linalg.eigh(records.T @ records / len(records) - np.outer(mean, mean))
        classes = None if release.Y_public is None or release.target_kind != "class" else as_class(release.Y_public)
        return cls(records, mean, np.maximum(variance, 0.0), axes, classes)

    def of_class(self, label: int) -> Prior | None:
        """Return the distribution of a class's records; None of fewer than a hundred. 2 r d0^2 + 2 d0^3 flops."""
        if self.classes is None or label < 0:
            return None
        if label not in self._own:
            own = self.records[self.classes == label]
            if len(own) < FEWEST:
                return None
            r, d0 = own.shape
            weight, mean = r / (r + d0), own.mean(axis=0)
            off = own - mean
            covariance = weight / r * off.T @ off + (1 - weight) * (self.axes * self.variance) @ self.axes.T
            covariance[np.diag_indices(d0)] += _FLAT * self.variance.mean()
            found = Prior(mean, np.asarray(np.linalg.inv(covariance)))
            if (len(self._own) + 1) * d0 * d0 > _KEPT:
                return found
            self._own[label] = found
        return self._own[label]


@dataclass(frozen=True, eq=False)
class Tracer:
    """Traces embeddings with errors of one shape back to the most probable records.

    Parameters
    ----------
    priors : Priors
        What records there are.
    search : Search
        With all of them for a prior.
    back : LinearInverse
        Where it starts.
    size : float
        Of the error's shape: the sum of its variances.
    release : Release
        Whose public embeddings it starts from a second time where the error is large.
    """

    priors: Priors
    search: Search
    back: LinearInverse
    size: float
    release: Release

    @classmethod
    def of(cls, release: Release, shape: Floats) -> Tracer:
        """Return that of a release, for embeddings whose errors have this shape (D, D)."""
        phi, metric = public_records(release)[0], np.asarray(np.linalg.inv(shape))
        priors: Priors = shared(release, Priors.of)
        deviation = np.sqrt(priors.variance)
        root = priors.axes * deviation
        K = root.T @ phi.curvature(priors.records[:_SAMPLE], metric) @ root
        values, vectors = np.linalg.eigh(K)
        inverse = vectors.T @ (priors.axes / np.where(deviation > 0, deviation, np.inf)).T
        search = Search(
            phi, priors.mean, root @ vectors, np.maximum(values, 0.0), metric, prior=True, inverse=inverse
        )  # fmt: skip
        return cls(priors, search, shared(release, linear_inverse), float(np.trace(shape)), release)

    def trace(self, signed: Signed) -> Preimages:
        """Return the most probable records and scales behind embeddings with errors."""
        targets, noise, free = signed.targets, signed.variance / self.size, signed.free
        start, likely = self.back.shrunk(targets, signed.variance)
        found = self.search.run(targets, start, noise, free=free)
        noisy = np.flatnonzero(signed.variance > _NOISY * self.back.variance)
        if noisy.size:
            nearest = nearest_public(self.release, likely[noisy])
            found = found.better(noisy, self.search.run(targets[noisy], nearest, noise[noisy], free=free.part(noisy)))
        for rows, search in self._by_class(signed.classes):
            middle = np.broadcast_to(search.centre, (len(rows), len(search.centre)))
            one, other = (
                search.run(targets[rows], start, noise[rows], free=free.part(rows))
                for start in (middle, found.inputs[rows])
            )
            found = found.replaced(rows, one).better(rows, other)
        return found

    def opened(self, signed: Signed, found: Preimages) -> Preimages:
        """Return where the search ends that goes on from the most probable records, what is open of them integrated.

        A record left: where its scale goes to nothing by that, it stays the most probable one's.
        """
        searches = [(np.arange(len(signed.targets)), self.search), *self._by_class(signed.classes)]
        own = np.zeros(len(signed.targets), dtype=np.int64)
        for i, (rows, _) in enumerate(searches):
            own[rows] = i
        for i, (_, search) in enumerate(searches):
            rows = np.flatnonzero(own == i)
            if rows.size:
                part, start = signed.part(rows), found.inputs[rows]
                free = replace(part.free, integrated=True)
                other = search.run(part.targets, start, part.variance / self.size, free=free)
                kept = np.flatnonzero(np.asarray(other.scale) > LEAST)
                found = found.replaced(rows[kept], other.part(kept))
        return found

    def _by_class(self, classes: Indices | None) -> Iterator[tuple[Indices, Search]]:
        """Yield the records of each class that is known and has a prior of its own, and the search with it."""
        for label in [] if classes is None else np.unique(classes).tolist():
            prior = self.priors.of_class(label)
            if prior is not None:
                yield (
                    np.flatnonzero(classes == label),
                    replace(self.search, centre=prior.mean, precision=prior.precision),
                )
