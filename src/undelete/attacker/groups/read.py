"""What samples of a group say of each person: who is who in each of them, and how sure each value is."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from undelete.attacker.groups.lattice import GroupLattice
from undelete.attacker.groups.likelihood import SumLikelihood
from undelete.attacker.groups.search import Samples
from undelete.maths.arrays import Floats, Indices
from undelete.release.columns import CONTINUOUS_TOLERANCE
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release

GROUP = "group"
_ROUNDS = 2  # of telling who is who
_WHOLE = 0.5  # probability from which one whole record is shown, and not each column's likeliest value
_BELIEVED = 0.007  # of the likeliest search's share: others are not asked
_FEW = 4  # people, up to which every order is compared


def same_people(found: Samples, signs: Floats, start: int) -> Indices:
    """Return for each sample the order (R, t) of its people in which they are most like those of the sample `start`.

    People who left have no order, nor have those who joined.
    """
    whole = np.concatenate([found.codes, found.labels[:, :, None]], axis=2)
    order = np.tile(np.arange(len(signs)), (len(whole), 1))
    shown = whole[start]
    for _ in range(_ROUNDS):
        alike = (whole[:, None, :, :] == shown[None, :, None, :]).sum(axis=3).astype(float)  # (R, shown, t)
        alike -= 1e3 * (signs[:, None] != signs)
        order = _orders(alike)
        placed = np.take_along_axis(whole, order[:, :, None], axis=1)
        shown = np.array([[_likeliest(placed[:, i, j], found.weight) for j in range(whole.shape[2])]
                          for i in range(len(signs))])  # fmt: skip
    return order


def _orders(alike: Floats) -> Indices:
    t = alike.shape[1]
    if t > _FEW:
        return np.array([linear_sum_assignment(-one)[1] for one in alike])
    every = np.array(list(permutations(range(t))))
    score = alike[:, np.arange(t), every].sum(axis=2)
    return np.asarray(every[score.argmax(axis=1)])


def _likeliest(codes: Indices, weight: Floats) -> int:
    return int(np.bincount(codes, weights=weight).argmax())


def read(
    release: Release,
    lattice: GroupLattice,
    known: SumLikelihood,
    signs: Floats,
    found: Samples,
    *,
    start: int,
    exact: Mapping[int, Floats] = MappingProxyType({}),
) -> Reconstruction:
    """Return a group's people as a reconstruction of t records.

    Parameters
    ----------
    release : Release
        Of the group, as if of one deletion, its columns those of the lattice but for continuous ones.
    lattice, known : GroupLattice, SumLikelihood
        What the search knew.
    signs : array (t,)
        1 for who left, -1 for who joined.
    found : Samples
        What it found.
    start : int
        The most probable of these.
    exact : mapping of int to array
        Numbers of a continuous column that the files give: all others on its grid stand for those around them.
    """
    order = same_people(found, signs, start)
    codes = np.take_along_axis(found.codes, order[:, :, None], axis=1)
    labels, rho = np.take_along_axis(found.labels, order, axis=1), np.take_along_axis(
        found.rho, order[:, :, None], axis=1)  # fmt: skip
    t, c = codes.shape[1:]
    arrays: dict[str, Any] = {name: np.full((t, c), np.nan) for name in ("values", "error", "probability")}
    shown, whole = np.empty((t, c), dtype=np.int64), np.empty(t)
    for i in range(t):
        shown[i], whole[i] = _shown(codes[:, i], found)
    held = np.array(shown)
    for j, (column, own) in enumerate(zip(lattice.columns, release.columns, strict=True)):
        alike = column.alike
        right = sure(alike[codes[:, :, j]] == alike[shown[:, j]], found)
        held[:, j] = alike[shown[:, j]]
        arrays["probability"][:, j] = right
        if column.kind == "categorical":
            continue
        numbers = column.values.astype(float)[codes[:, :, j]]
        mean = found.weight @ numbers
        given = np.isin(column.values, exact.get(j, []))
        cell = _cells(column.values, given, own.spread) if own.kind == "continuous" else np.zeros(len(given))
        variance = found.weight @ ((numbers - mean) ** 2 + cell[codes[:, :, j]] ** 2 / 12)
        value = column.values.astype(float)[shown[:, j]]
        if own.kind == "continuous":
            listed = (
                found.weight @ given[codes[:, :, j]] > 1 - 1e-6
            )  # the files say everybody's number, not whose it is
            near = _near(np.sqrt(variance), own.spread)
            value = np.where(listed, value, mean)
            arrays["probability"][:, j] = np.where(listed, right, near)
            whole *= np.where(listed, 1.0, near)
            held[:, j] = -1
        else:  # in samples that are not believed, anybody's
            apart = np.nansum(column.frequency[:, None] * (column.values.astype(float)[:, None] - value) ** 2, axis=0)
            variance = variance + (found.weight @ (codes[:, :, j] == shown[:, j]) - right) * apart
        arrays["values"][:, j] = value
        arrays["error"][:, j] = np.sqrt(np.maximum(variance + (mean - value) ** 2, 0.0))
    points = _points(lattice, codes)
    X, error, mean = _placed(release, points, found.weight, _points(lattice, shown[None])[0], whole)
    target, target_error, target_probability = _targets(release, known, signs, points, labels, rho, found)
    return Reconstruction(
        attack=GROUP,
        X=X,
        target=target,
        target_error=target_error,
        target_probability=target_probability,
        codes=held,
        record_probability=whole,
        record_error=error,
        status=("ok",) * t,
        **arrays,
    )


def _shown(codes: Indices, found: Samples) -> tuple[Indices, float]:
    """Return the record that is shown of one person's samples (R, c), and its probability."""
    weight = found.weight
    records, place = np.unique(codes, axis=0, return_inverse=True)
    share = np.bincount(place.ravel(), weights=weight)
    if share.max() >= _WHOLE:
        each = records[share.argmax()]
    else:
        each = np.array([_likeliest(codes[:, j], weight) for j in range(codes.shape[1])])
    return each, float(sure((codes == each).all(axis=1), found))


def sure(right: NDArray[np.bool_], found: Samples) -> Floats:
    """Return how probable something is that is right in some of the samples (R, ...).

    Of three searches and more, no surer than those that explain the change about as well are without the one that finds
    it surest: what is shown was chosen among their samples, and what a search happens to stop at is in most of its own.
    """
    every = np.asarray(np.tensordot(found.weight, right, axes=1))
    runs = (found.search == np.arange(found.search.max() + 1)[:, None]) * found.weight
    share = runs.sum(axis=1)
    believed = share >= _BELIEVED * share.max()
    if len(runs) < 3 or believed.sum() < 2:
        return every
    each = np.tensordot(runs[believed] / share[believed][:, None], right, axes=1)
    return np.asarray(np.minimum(every, np.sort(each, axis=0)[:-1].mean(axis=0)))


def _near(error: Floats, spread: float) -> Floats:
    """Return about how probable it is that a continuous number is within the tolerance of its mean."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.minimum(1.0, 2 * CONTINUOUS_TOLERANCE * spread / (np.sqrt(2 * np.pi) * error)))


def _cells(grid: Floats, exact: NDArray[np.bool_], spread: float) -> Floats:
    """Return the width of what each value of a grid (c,) stands for: none of an exact one, a deviation at the ends."""
    apart = np.concatenate([[2 * spread], np.diff(grid), [2 * spread]])
    return np.where(exact, 0.0, (apart[1:] + apart[:-1]) / 2)


def _points(lattice: GroupLattice, codes: Indices) -> Floats:
    """Return the records (R, t, d) in the model's space."""
    terms = [column.terms[codes[:, :, j]] for j, column in enumerate(lattice.columns)]
    return np.asarray(np.concatenate([*terms, np.ones((*codes.shape[:2], 1))], axis=2) @ lattice.back)


def _placed(release: Release, points: Floats, weight: Floats, shown: Floats, whole: Floats) -> tuple[Floats, ...]:
    """Return each person's record, its numbers' errors and the samples' mean, (t, d) each.

    The mean of all samples where no whole record is sure. The errors are such that the centred cosine they promise is
    the mean over the samples.
    """
    mean = np.einsum("r,rtd->td", weight, points)
    X = np.where((whole >= _WHOLE)[:, None], shown, mean)
    centre = release.X_public.mean(axis=0)
    a, b = X - centre, points - centre
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = np.einsum("td,rtd->rt", a, b) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=2))
    promised = np.clip(weight @ np.nan_to_num(cosine), 0.0, 1.0)
    total = (a**2).sum(axis=1) * (1 - promised**2)
    return X, np.sqrt(total / a.shape[1])[:, None] * np.ones(a.shape[1]), mean


def _targets(
    release: Release, known: SumLikelihood, signs: Floats, points: Floats, labels: Indices, rho: Floats, found: Samples
) -> tuple[Floats, Floats | None, Floats | None]:
    """Return the targets (t, k), of numbers their errors, of classes their probabilities (t,)."""
    weight = found.weight
    if known.labels is not None:
        best = np.array([_likeliest(labels[:, i], weight) for i in range(labels.shape[1])])
        return known.labels[best], None, sure(labels == best, found)
    if release.offset_public is not None:  # each has one of their own, which is not known
        return np.full((len(signs), release.W_before.shape[1]), np.nan), None, None
    W = np.where((signs > 0)[:, None, None], release.W_before, release.W_after[0])
    z = np.einsum("rtd,tdk->rtk", points, W)
    y = np.asarray(release.loss.target_from(z, -signs[:, None] * rho)[0])
    mean = np.einsum("r,rtk->tk", weight, y)
    return mean, np.sqrt(np.einsum("r,rtk->tk", weight, (y - mean) ** 2)), None
