"""The search for the record behind an embedding: least squares with a metric, a prior, and a scale that may be free.

For a whole batch of targets at once, each with its own noise, in coordinates in which the curvature is about one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from undelete.attacker.embedding.free_scale import FreeScale
from undelete.maths.arrays import Floats, blocks
from undelete.maths.embeddings import Embedding
from undelete.maths.minimise import minimise

_TOLERANCE = 1e-4  # relative decrease of the objective that a further step must promise
_STEPS = 150
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
    scale : array (b,), optional
        What the embedding was multiplied by, where that was sought too.
    """

    inputs: Floats
    distance: Floats
    iterations: NDArray[np.int64]
    converged: NDArray[np.bool_]
    value: Floats
    features: Floats | None = None
    features_error: Floats | None = None
    error: Floats | None = None
    scale: Floats | None = None

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

    def better(self, rows: NDArray[np.int64], other: Preimages) -> Preimages:
        """Return the records with those of some rows replaced where another start led lower."""
        lower = np.flatnonzero(other.value < self.value[rows])
        return self.replaced(rows[lower], other.part(lower))


@dataclass(frozen=True, eq=False)
class Search:
    """Least squares for the record behind an embedding, in coordinates u where its curvature is about one.

    x = centre + (u / sqrt(stiffness)) basis'. It minimises, for each record with its own noise,

        1/2 (t - phi(x))' metric (t - phi(x)) / noise  [+ 1/2 (x - centre)' precision (x - centre) with a prior].

    Parameters
    ----------
    embedding : Embedding
        phi, from d0 inputs to D features.
    centre : array (d0,)
        Origin of the coordinates; the prior's mean.
    basis : array (d0, p)
        Diagonalises the mean Gauss-Newton matrix, and makes the usual prior's precision the identity.
    curvature : array (p,)
        The mean Gauss-Newton matrix in that basis, at noise 1.
    metric : array (D, D) or None
        None: Euclidean.
    prior : bool
        Whether distance from the centre counts.
    precision : array (d0, d0), optional
        Of a prior other than the usual one: that of a class of records.
    inverse : array (p, d0), optional
        Of the basis; else it is solved for.
    """

    embedding: Embedding
    centre: Floats
    basis: Floats
    curvature: Floats
    metric: Floats | None = None
    prior: bool = False
    precision: Floats | None = None
    inverse: Floats | None = None

    def as_wide(self, share: float) -> Search:
        """Return the search with a prior of so many times the variance."""
        basis, curvature = self.basis * np.sqrt(share), self.curvature * share
        return replace(self, basis=basis, curvature=curvature, inverse=None)

    def run(
        self,
        targets: Floats,
        start: Floats,
        noise: Floats,
        *,
        about_start: bool = False,
        free: FreeScale | None = None,
    ) -> Preimages:
        """Trace targets (b, D) back from start (b, d0), each with its own noise (b,): a variance, relative.

        `about_start`: the prior's mean is where each starts, not the centre of all. `free`: the targets are known up to
        a number. Cost a step and record: 4 d0 (D + d0) flops, and 2 D^2 with a metric.
        """
        every = blocks(len(targets), max(1, _NUMBERS // self.embedding.features))
        middle = start if about_start else np.broadcast_to(self.centre, start.shape)
        if free is None:
            return Preimages.joined([self._run(targets[p], start[p], noise[p], middle[p]) for p in every])
        return Preimages.joined([self._run(targets[p], start[p], noise[p], middle[p], free.part(p)) for p in every])

    def _run(
        self, targets: Floats, start: Floats, noise: Floats, centres: Floats, free: FreeScale | None = None
    ) -> Preimages:
        root = np.asarray(np.sqrt(self.curvature / noise[:, None] + self.prior))  # (b, p)
        scale = np.ones(len(targets))
        aims = targets if free is None else targets - free.middle
        aimed = None if free is None else self._weighed(aims)

        def seen(X: Floats, rows: NDArray[np.int64]) -> tuple[Floats, Floats, Floats]:
            """Return how far phi(x) is from the targets, the same weighed, and what the scales cost."""
            if free is None or aimed is None:
                off = self.embedding.transform(X) - aims[rows]
                return off, self._weighed(off), np.zeros(len(rows))
            own, from_middle = free.part(rows), self.embedding.transform(X) - free.middle[rows]
            weighed = self._weighed(from_middle)
            along, square = (from_middle * aimed[rows]).sum(axis=1), (from_middle * weighed).sum(axis=1)
            curvature = self.curvature / noise[rows, None]
            c = scale[rows] = own.best(along / noise[rows], square / noise[rows], curvature)
            return (
                c[:, None] * from_middle - aims[rows],
                c[:, None] * weighed - aimed[rows],
                own.cost(c) + own.integrated * self.left_open(c, noise[rows]),
            )

        def objective(U: Floats, rows: NDArray[np.int64]) -> tuple[Floats, Floats]:
            u = U / root[rows]
            away = u @ self.basis.T
            X = centres[rows] + away
            off, weighed, cost = seen(X, rows)
            value = (off * weighed).sum(axis=1) / 2 / noise[rows] + cost
            slope = self.embedding.pull_back(X, scale[rows, None] * weighed) / noise[rows, None]
            if self.precision is not None:
                pulled = away @ self.precision
                value, slope = value + (away * pulled).sum(axis=1) / 2, slope + pulled
            slope = slope @ self.basis
            if self.prior and self.precision is None:
                value, slope = value + (u**2).sum(axis=1) / 2, slope + u
            return value, slope / root[rows]

        u = self._coordinates(start - centres)
        found = minimise(objective, np.asarray(u * root), tol=_TOLERANCE, max_iterations=_STEPS)
        if free is not None:
            objective(found.U, np.arange(len(targets)))  # the scales of the last step
        inputs = centres + (found.U / root) @ self.basis.T
        distance = np.linalg.norm(targets - self.embedding.transform(inputs), axis=1)
        return Preimages(
            inputs, distance, found.iterations, found.converged, found.value, scale=None if free is None else scale
        )  # fmt: skip

    def _weighed(self, off: Floats) -> Floats:
        return off if self.metric is None else off @ self.metric

    def left_open(self, c: Floats, noise: Floats) -> Floats:
        """Return half the logarithm (b,) of the prior's volume beside what is left of it where the scale is c (b,)."""
        return np.asarray(np.log1p((c**2 / noise)[:, None] * self.curvature).sum(axis=1) / 2)

    def _coordinates(self, away: Floats) -> Floats:
        """Return offsets from the centre (b, d0) in the basis (b, p)."""
        if not away.any():
            return np.zeros((len(away), self.basis.shape[1]))
        if self.inverse is not None:
            return np.asarray(away @ self.inverse.T)
        return np.asarray(np.linalg.lstsq(self.basis, away.T, rcond=None)[0].T)
