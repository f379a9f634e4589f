"""From the most probable record of a network to the raw columns: the lattice search of maths (13) on its error bars.

About the most probable record the gradient is a line in the record, so that what it says of it is normal: that takes
the place of the linear models' likelihood. Records that are kept at the end are judged by their own gradients.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from undelete.attacker.hrec_plus import DRAWN, ROOM, write_record
from undelete.attacker.networks.estimate import GradientEstimate
from undelete.attacker.networks.record import WEAK, Decoder, Found, Problem
from undelete.attacker.table.columns import decode_column
from undelete.attacker.table.learnt import shared_lattice, target_codes
from undelete.attacker.table.shown import CANDIDATES
from undelete.attacker.table.term_likelihood import TermLikelihood
from undelete.attacker.table.whole_record import Posterior, search
from undelete.maths.arrays import Floats
from undelete.release.networks import NetworkRelease
from undelete.release.reconstruction import Reconstruction

_SKETCH = 64  # records of the first round, which only says where to linearise
_FLOOR = 1e-6  # of a term's public variance, added to its error's


@dataclass(frozen=True, eq=False)
class Told:
    """What is said of one deletion: the fields of a `Reconstruction` without their first axis."""

    point: Floats
    error: Floats
    target: Floats
    target_error: float
    target_probability: float
    misfit: float
    columns: dict[str, Floats]
    whole: float
    bits: float
    bits_of: float


def on_columns(release: NetworkRelease, decoder: Decoder, estimate: GradientEstimate) -> Told:
    """Return what one deletion's gradient says of the record, on the raw columns where there are any."""
    found = decoder.decode(estimate)
    best, d = found[0], release.X_public.shape[1]
    evidence = np.array([one.log_evidence for one in found])
    sure = float(1 / np.exp(evidence - evidence[0]).sum())
    covariance = _covariance(decoder, best, 1.0)
    target = _target(release, best)
    told = Told(
        point=best.point[:d],
        error=np.sqrt(np.diag(covariance)[:d]),
        target=target,
        target_error=0.0 if release.classes else float(np.sqrt(covariance[d, d])),
        target_probability=sure,
        misfit=best.misfit,
        columns={},
        whole=float("nan"),
        bits=float("nan"),
        bits_of=float("nan"),
    )
    return told if not release.columns else _decoded(release, decoder, estimate, best, told)


def _target(release: NetworkRelease, best: Found) -> Floats:
    if not release.classes:
        return best.point[release.X_public.shape[1] :]
    k = release.Y_public.shape[1]
    return np.array([1.0 if best.label else -1.0]) if k == 1 else np.where(np.arange(k) == best.label, 1.0, -1.0)


def _covariance(decoder: Decoder, found: Found, weight: float) -> Floats:
    """Return the covariance (e, e) of a record's error, the prior counted `weight` times."""
    axes = decoder.prior.axes
    return np.asarray(axes @ np.linalg.solve(found.precision(weight), axes.T))


def _decoded(release: NetworkRelease, decoder: Decoder, estimate: GradientEstimate, best: Found, told: Told) -> Told:
    """Return the same with raw columns."""
    c, d = len(release.columns), release.X_public.shape[1]
    own = {"codes": np.full(c, -1), **{name: np.full(c, np.nan) for name in ("values", "error", "probability")}}
    spread = _covariance(decoder, best, 1.0)[:d, :d]
    for j, column in enumerate(release.columns):
        if column.projection.shape[1]:
            terms = told.point[None] @ column.projection
            cov = column.projection.T @ spread @ column.projection
            read = decode_column(column, terms, cov[None])
            for name, value in zip(("codes", "values", "error", "probability"), read, strict=True):
                own[name][j] = value[0]
        elif len(column.values) == 1:  # all public records agree
            own["codes"][j] = 0
        else:
            own["probability"][j] = 0.0
    lattice = shared_lattice(release, targeted=True)
    if not lattice.order:
        return dataclasses.replace(told, columns=own)
    lattice = dataclasses.replace(lattice, whole=True)
    code = int(target_codes(release, told.target[None], 1)[0])
    problem = Problem(release, estimate, best.label, decoder.prior)
    posterior, rest = _searched(decoder, problem, best, lattice, code, d)
    arrays = {name: array[None].astype(float if name != "codes" else int) for name, array in own.items()}
    arrays |= {end: np.full((1, c), np.nan) for end in ("low", "high", "range_probability")}
    arrays |= {"candidates": np.full((1, c, CANDIDATES), -1), "X": told.point[None].copy()}
    arrays |= {"candidate_probability": np.full((1, c, CANDIDATES), np.nan)}
    one = write_record(release, lattice, posterior, arrays, 0)
    others = [j for j in range(c) if j not in lattice.order]
    point = arrays.pop("X")[0]
    number = {} if release.classes else rest(posterior)
    return dataclasses.replace(
        told,
        point=point,
        columns={name: array[0] for name, array in arrays.items()},
        whole=float(one.whole * np.nanprod(arrays["probability"][0, others])),
        bits=lattice.bits - posterior.entropy,
        bits_of=lattice.bits,
        **number,
    )


def _searched(
    decoder: Decoder, problem: Problem, best: Found, lattice: Any, code: int, d: int
) -> tuple[Posterior, Callable[[Posterior], dict[str, Any]]]:
    """Return the posterior over whole records, and what it says of a target that is a number."""
    view = _View.about(decoder, problem, best.point, d)
    first = search(lattice, view.terms(lattice.projection), code, _SKETCH)
    middle = best.point.copy()
    middle[:d] = first.weight @ first.points
    middle[d:] = view.rest(middle[None, :d])[0]
    near = _View.about(decoder, problem, middle, d)
    likelihood = near.terms(lattice.projection)
    posterior = search(lattice, likelihood, code, ROOM[0], near.correction)
    if posterior.drawn > DRAWN:
        posterior = search(lattice, likelihood, code, ROOM[1], near.correction)

    def number(posterior: Posterior) -> dict[str, Any]:
        values = near.rest(posterior.points)[:, 0]
        mean = float(posterior.weight @ values)
        slope = near.slope[:, 0]
        left = float(near.left[0, 0] + slope @ posterior.covariance @ slope)
        spread = float(posterior.weight @ (values - mean) ** 2)
        return {"target": np.array([mean]), "target_error": float(np.sqrt(max(left, 0.0) + spread))}

    return posterior, number


@dataclass(frozen=True, eq=False)
class _View:
    """The gradient's likelihood made a line in the record about one point: normal, with a mean and a covariance.

    Parameters
    ----------
    problem : Problem
        The deletion and its class.
    centre, covariance : arrays (e,), (e, e)
        Of the record, and of the target after it where that is a number.
    unit : array (d,)
        Variance of each of the record's numbers among the public records.
    d : int
        How many they are.
    """

    problem: Problem
    centre: Floats
    covariance: Floats
    unit: Floats
    d: int

    @classmethod
    def about(cls, decoder: Decoder, problem: Problem, point: Floats, d: int) -> _View:
        """Return the likelihood about a point (e,), with a prior wide enough to say nothing."""
        prior = decoder.prior
        u = prior.coordinates(point[None])[0]
        _, off, jacobian = problem.at(u[None])
        J = jacobian[0]
        inverse = np.linalg.inv(J.T @ J + np.eye(J.shape[1]) / WEAK)
        end = u - inverse @ (J.T @ off[0] + u / WEAK)
        return cls(problem, prior.mean + prior.axes @ end, prior.axes @ inverse @ prior.axes.T,
                   (prior.axes**2).sum(axis=1)[:d], d)  # fmt: skip

    def terms(self, projection: Floats) -> TermLikelihood:
        """Return what the gradient says of terms (d, q) of the record."""
        d = self.d
        error, centre = self.covariance[:d, :d], self.centre[:d]
        cross = error @ projection
        floor = _FLOOR * (projection**2).T @ self.unit + np.finfo(float).tiny
        inverse = np.linalg.inv(np.linalg.cholesky(projection.T @ cross + np.diag(floor)))
        gain = inverse @ cross.T
        return TermLikelihood(
            data=inverse @ (centre @ projection), constant=np.zeros(len(inverse)), matrix=inverse, scaled=True,
            centre=centre, gain=gain, left=error - gain.T @ gain, offset=0.0,
        )  # fmt: skip

    @property
    def slope(self) -> Floats:
        """By how much the target follows the record (d, e - d)."""
        d = self.d
        return np.asarray(np.linalg.pinv(self.covariance[:d, :d], hermitian=True) @ self.covariance[:d, d:])

    @property
    def left(self) -> Floats:
        """What is left of the target's variance when the record is known (e - d, e - d)."""
        d = self.d
        return np.asarray(self.covariance[d:, d:] - self.covariance[d:, :d] @ self.slope)

    def rest(self, records: Floats) -> Floats:
        """Return the target (r, e - d) that goes with each record (r, d)."""
        return np.asarray(self.centre[self.d :] + (records - self.centre[: self.d]) @ self.slope)

    def correction(self, points: Floats, misfit: Floats) -> Floats:
        """Return what the log-likelihoods of records (r, d) lack where the gradient is not a line in them."""
        off = self.problem.residuals(np.hstack([points, self.rest(points)]))
        return np.asarray(0.5 * misfit - 0.5 * (off**2).sum(axis=1))


def joined(release: NetworkRelease, told: Sequence[Told | None]) -> Reconstruction:
    """Return what is said of all deletions; nothing of those whose models are the same (None)."""
    b, d, c, k = len(told), release.X_public.shape[1], len(release.columns), release.Y_public.shape[1]
    X, error = np.full((b, d), np.nan), np.full((b, d), np.nan)
    target, target_error = np.full((b, k), np.nan), np.full((b, k), np.nan)
    numbers = {name: np.full(b, np.nan) for name in ("target_probability", "whole", "bits", "misfit")}
    shapes: dict[str, tuple[int, ...]] = {"candidate_probability": (CANDIDATES,), "candidates": (CANDIDATES,)}
    names = (
        "values",
        "error",
        "probability",
        "low",
        "high",
        "range_probability",
        "candidate_probability",
        "codes",
        "candidates",
    )
    columns: dict[str, Floats] = {
        name: np.full((b, c, *shapes.get(name, ())), -1 if name in ("codes", "candidates") else np.nan)
        for name in names
    }
    bits_of = float("nan")
    for i, one in enumerate(told):
        if one is None:
            continue
        X[i], error[i], target[i] = one.point, one.error, one.target
        target_error[i] = one.target_error
        for name in numbers:
            numbers[name][i] = getattr(one, name)
        for name, array in one.columns.items():
            columns[name][i] = array
        bits_of = one.bits_of
    more = columns if c else {}
    return Reconstruction(
        "hrec+", X, target=target, target_error=None if release.classes else target_error, way="answers",
        status=["unchanged" if one is None else "ok" for one in told], record_error=error,
        target_probability=numbers["target_probability"] if release.classes else None,
        record_probability=numbers["whole"] if c else None, bits=numbers["bits"], bits_of=bits_of,
        **cast(dict[str, Any], more),
    )  # fmt: skip
