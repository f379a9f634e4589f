"""From what a frozen net makes of a record back to the record: a small network, trained on public pairs, maths (36).

A net loses what it does not need, and which records share features no formula says. Public records and their features
do: on these a map back is trained, the best linear one and a correction of one hidden layer, with the error of maths
(10) added to the features, small and large, so that it is E[record | features, size of their error]. Where the model
tells the record's class, the best linear map of that class takes its place, if it misses less. What is missed is seen
on public records that were not trained on: the error bars, and the prior about the answer in which the record is then
sought whose features are the ones that were recovered, paper Eq. (6).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from undelete.attacker.embedding.class_map import FEWEST, ClassMap, Held, Kind, as_class
from undelete.attacker.embedding.inversion import public_records
from undelete.attacker.embedding.search import Search
from undelete.maths.arrays import Floats, Indices, blocks
from undelete.maths.embeddings import Embedding
from undelete.maths.frozen import FrozenNet
from undelete.maths.network import torch
from undelete.release.release import Release
from undelete.release.shared import shared

_HELD = 0.1  # of the public records, not trained on
_MOST_HELD = 1000
_BATCH, _STEPS = 128, 400  # records a step, and how many
_RATE = 2e-3  # largest step of Adam; a fifth of it for the linear map, which is good from the start
_WIDE, _NARROW = 512, 128  # hidden units for records of many numbers, and of few
_MANY = 64
_NOISE = (1e-4, 10.0)  # variance of the features' error beside their own, in training
_JUDGED = np.array([1e-3, 0.1])  # at which the trained map has to be better than the linear one
_RIDGE = 1e-6  # of the features' mean variance, added to each direction
_SAMPLE = 256  # public records that a mean curvature is taken over
_DIAGONAL = 0.1  # share of the held-out errors' variance that is taken for each number's alone


@dataclass(frozen=True, eq=False)
class Decoder:
    """A trained map from features with an error to records.

    Parameters
    ----------
    phi : Embedding
        The net.
    centre, mean : arrays (D,), (d0,)
        Of the public features and records.
    white : array (D, D)
        Makes the features' covariance the identity.
    weights : sequence of torch tensors
        The linear map, and the correction's two layers.
    held : Held
        The records that were not trained on.
    low, high : arrays (d0,)
        The least and the greatest public value of each number.
    """

    phi: Embedding
    centre: Floats
    mean: Floats
    white: Floats
    weights: tuple[Any, ...]
    held: Held
    low: Floats
    high: Floats
    _kinds: dict[int, Kind | None] = field(default_factory=dict)

    def apply(self, features: Floats, noise: Floats, classes: Indices | None = None) -> Decoded:
        """Return what is decoded of features (b, D), whose error's variance is `noise` (b,) times their own.

        Parameters
        ----------
        features, noise
            What was recovered.
        classes : array (b,) of int, optional
            Whose records they are, by the column of the public classes; believed where the features fit it.
        """
        white = (features - self.centre) @ self.white
        records, error, share = self._decoded(white, noise), np.empty((len(noise), len(self.mean))), np.ones(len(noise))
        kinds: list[Kind | None] = [None] * len(noise)
        usual = float(np.median(noise))
        for label in [] if classes is None else np.unique(classes).tolist():
            kind = self._kind(label)
            if kind is None:
                continue
            own = np.flatnonzero(np.asarray(classes) == label)
            own = own[kind.map.fits(white[own], noise[own])]
            records[own] = kind.map.apply(white[own], noise[own])
            share[own] = (kind.missed(usual) ** 2).sum() / (self.missed(usual)[kind.held] ** 2).sum()
            for row in own.tolist():
                kinds[row] = kind
        seen: dict[tuple[Kind | None, float], Floats] = {}  # many have errors of one size
        for row, of in enumerate(zip(kinds, noise.tolist(), strict=True)):
            if of not in seen:
                kind, size = of
                seen[of] = np.sqrt(((self if kind is None else kind).missed(size) ** 2).mean(axis=0))
            error[row] = seen[of]
        return Decoded(records, error, share)

    def _kind(self, label: int) -> Kind | None:
        """Return a class's own map; None where it has few public records, or misses no less than that of all."""
        if label not in self._kinds:
            self._kinds[label] = self._fitted_kind(label)
        return self._kinds[label]

    def _fitted_kind(self, label: int) -> Kind | None:
        held = self.held
        used, apart = np.flatnonzero(held.classes[0] == label), np.flatnonzero(held.classes[1] == label)
        if len(used) < FEWEST or not len(apart):
            return None
        X, F = (array[held.used[used]] for array in (held.X, held.F))
        linear = np.asarray(self.weights[0].numpy(), dtype=np.float64)
        own = ClassMap.of((F - self.centre) @ self.white, X, linear)
        kind = Kind(own, apart, held.white[apart], held.error[apart], held.records[apart])
        off, every = (
            sum(float((one(float(v)) ** 2).sum()) for v in _JUDGED)
            for one in (kind.missed, lambda v: self.missed(v)[apart])
        )
        return kind if off < every else None

    def search(self, noise: float) -> Search:
        """Return the search for records about what is decoded, the prior as wide as the held-out errors (d0,)."""
        missed = self.missed(noise) / np.sqrt(len(self.held.white))
        if len(missed) < missed.shape[1]:  # the record is moved only as it was missed elsewhere
            root = missed.T
        else:
            own = (missed**2).sum(axis=0)
            S = (1 - _DIAGONAL) * (missed.T @ missed) + np.diag(_DIAGONAL * own + _RIDGE * own.mean())
            root = np.linalg.cholesky(S)
        metric = self.white @ self.white.T
        K = root.T @ self.phi.curvature(self.held.records[:_SAMPLE], metric) @ root
        values, vectors = np.linalg.eigh(K)
        return Search(self.phi, self.mean, root @ vectors, np.maximum(values, 0.0), metric, prior=True)

    def tried(self, noise: float, count: int) -> tuple[Floats, Floats, Indices]:
        """Return the features (r, D) of some records that were not trained on, an error each, and their classes."""
        held = self.held
        error = np.sqrt(noise) * held.error[:count] @ np.linalg.inv(self.white)
        return self.phi.transform(held.records[:count]), error, held.classes[1][:count]

    def missed(self, noise: float) -> Floats:
        """Return what is missed of the records that were not trained on (h, d0), with errors of this variance."""
        own = self.held.white + np.sqrt(noise) * self.held.error
        return self.held.records - self._decoded(own, np.full(len(own), noise))

    def _decoded(self, white: Floats, noise: Floats) -> Floats:
        library, found = torch(), np.empty((len(white), len(self.mean)))
        with library.no_grad():
            for part in blocks(len(white), 4096):
                e, v = (library.as_tensor(a[part], dtype=library.float32) for a in (white, np.asarray(noise)))
                found[part] = _forward(self.weights, e, v).numpy()
        return np.asarray(self.mean + found)


@dataclass(frozen=True, eq=False)
class Decoded:
    """Records (b, d0), the standard error (b, d0) of each number, and how large their errors are beside all records'.

    `share` (b,) is one but for those of a class that has a map of its own.
    """

    records: Floats
    error: Floats
    share: Floats


def decoder(release: Release) -> Decoder | None:
    """Return the decoder of a release behind a frozen net, trained once for its public records; None for another."""
    if not isinstance(release.embedding, FrozenNet):
        return None
    found: Decoder = shared(release, _trained)
    return found


def relative(release: Release, variance: Floats) -> Floats:
    """Return the total variance of features' errors (b,) beside that of the public features."""
    F = public_records(release)[2]
    return np.clip(variance / float(F.var(axis=0).sum()), _NOISE[0], _NOISE[1])


def _trained(release: Release) -> Decoder:
    """Train it: some seconds for ten thousand images."""
    phi, X, F = public_records(release)
    m, rng = len(X), np.random.default_rng(0)
    order = rng.permutation(m)
    held, used = np.split(order, [min(_MOST_HELD, max(1, int(_HELD * m)))])
    centre, mean = F[used].mean(axis=0), X[used].mean(axis=0)
    values, vectors = np.linalg.eigh((F[used] - centre).T @ (F[used] - centre) / len(used))
    white = vectors / np.sqrt(np.maximum(values, _RIDGE * values.mean()))
    E = (F - centre) @ white
    linear = E[used].T @ (X[used] - mean) / len(used)
    place = np.full(m, -1) if release.Y_public is None else as_class(release.Y_public)
    apart = Held(
        E[held], rng.normal(size=(len(held), E.shape[1])), np.asarray(X[held]), X, F, used, (place[used], place[held])
    )
    trained = _fitted(E[used], X[used] - mean, linear, rng)
    plain = (torch().as_tensor(linear, dtype=torch().float32), *(0 * one for one in trained[1:]))
    both = [Decoder(phi, centre, mean, white, one, apart, X.min(axis=0), X.max(axis=0)) for one in (trained, plain)]
    return min(both, key=lambda one: float(np.mean([np.sqrt((one.missed(v) ** 2).mean(axis=0)) for v in _JUDGED])))


def _fitted(E: Floats, X: Floats, linear: Floats, rng: np.random.Generator) -> tuple[Any, ...]:
    """Return the weights after some passes of Adam over features (m, D) and records (m, d0)."""
    library, (D, d0) = torch(), linear.shape
    units = _WIDE if d0 > _MANY else _NARROW
    first = rng.normal(size=(D + 1, units)) / np.sqrt(D + 1)
    parts = [linear, first, np.zeros(units), np.zeros((units, d0)), np.zeros(d0)]
    weights = [library.tensor(part, dtype=library.float32, requires_grad=True) for part in parts]
    E, X = (library.as_tensor(array, dtype=library.float32) for array in (E, X))
    rates = [_RATE / 5, *[_RATE] * (len(weights) - 1)]
    adam = library.optim.Adam([{"params": [one], "lr": rate} for one, rate in zip(weights, rates, strict=True)])
    schedule = library.optim.lr_scheduler.OneCycleLR(adam, rates, total_steps=_STEPS + 1)
    for _ in range(_STEPS):
        rows = rng.choice(len(E), size=min(_BATCH, len(E)), replace=False)
        v = np.exp(rng.uniform(np.log(_NOISE[0]), np.log(_NOISE[1]), size=len(rows)))
        error = np.sqrt(v)[:, None] * rng.normal(size=(len(rows), D))
        seen = E[rows] + library.as_tensor(error, dtype=library.float32)
        off = _forward(weights, seen, library.as_tensor(v, dtype=library.float32)) - X[rows]
        adam.zero_grad()
        (off**2).mean().backward()
        adam.step()
        schedule.step()
    return tuple(one.detach() for one in weights)


def _forward(weights: Any, white: Any, noise: Any) -> Any:
    """Return what is decoded of whitened features (b, D) with an error of variance `noise` (b,), less the mean."""
    library, (linear, first, shift, second, last) = torch(), weights
    seen = library.cat([white / library.sqrt(1 + noise)[:, None], library.log(noise)[:, None] / 3], dim=1)
    hidden = library.nn.functional.gelu(seen @ first + shift)
    return (white / (1 + noise)[:, None]) @ linear + hidden @ second + last
