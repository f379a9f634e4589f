"""From the most probable record of a network to the raw columns: the lattice search of maths (13) on its error bars.

About the most probable record the gradient is a line in the record, so that what it says of it is normal: that takes
the place of the linear models' likelihood. Records that are kept at the end are judged by their own gradients.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from undelete.attacker.hrec_plus import write_record
from undelete.attacker.networks.estimate import GradientEstimate
from undelete.attacker.networks.held_out import widened
from undelete.attacker.networks.missed import target_mass, truncated, with_public
from undelete.attacker.networks.problem import Problem
from undelete.attacker.networks.record import Decoder, Found
from undelete.attacker.networks.told import Told
from undelete.attacker.networks.view import View
from undelete.attacker.table.columns import decode_column
from undelete.attacker.table.given import conditioned, write_given
from undelete.attacker.table.lattice import Lattice
from undelete.attacker.table.learnt import shared_lattice, target_codes
from undelete.attacker.table.room import with_room
from undelete.attacker.table.shown import CANDIDATES
from undelete.attacker.table.whole_record import Posterior, search
from undelete.maths.arrays import Floats
from undelete.release.networks import NetworkRelease

_SKETCH = 64  # records of the first round, which only says where to linearise
_BEHIND = 12.0  # log-evidence by which a class is out, at its best


@dataclass(frozen=True, eq=False)
class Located:
    """The most probable record of each class behind one deletion's gradient, the most probable class first.

    Parameters
    ----------
    estimate : GradientEstimate
        With the floor that makes the record's own error least.
    first, found : sequence of Found
        With the covariance as it was, which tells classes apart, and with this one, which tells a record's numbers.
    """

    estimate: GradientEstimate
    first: Sequence[Found]
    found: Sequence[Found]

    @classmethod
    def by(cls, decoder: Decoder, estimate: GradientEstimate) -> Located:
        """Return what the search over all records finds."""
        first = decoder.decode(estimate)
        estimate = widened(estimate, decoder.jacobians(estimate))
        return cls(estimate, first, decoder.again(estimate, first))


def on_columns(release: NetworkRelease, decoder: Decoder, located: Located) -> Told:
    """Return what one deletion's gradient says of the record, on the raw columns where there are any.

    Which class the record has, the lattice decides where there is one: between two classes the normal prior would
    prefer the one that leaves more records possible, and of the records that a table can have there are few.
    """
    estimate, first, found = located.estimate, located.first, located.found
    misfit = {one.label: one.misfit for one in first}
    lattice = shared_lattice(release, targeted=True) if release.columns else None
    if lattice is None or not lattice.order:
        # the covariance of the sharper floor tells classes apart, that of the wider one a record's numbers
        evidence = np.array([one.log_evidence for one in first])
        best = next(one for one in found if one.label == first[0].label)
        told = _as_found(release, decoder, best, misfit[best.label], 1 / np.exp(evidence - evidence[0]).sum())
        if lattice is None:
            return told
        d = release.X_public.shape[1]
        spread = _covariance(decoder, best, 1.0)[:d, :d]
        return dataclasses.replace(told, columns=_each_alone(release, told.point, spread))
    lattice = conditioned(dataclasses.replace(lattice, whole=True), release, 0)  # of one deletion, if any
    tried: list[_Tried] = []
    evidence = np.array([-0.5 * one.misfit + decoder.log_share(one.label) for one in found])  # no prior: at most
    public = (((decoder.own + estimate.gradient) @ estimate.whitening.T) ** 2).sum(axis=1)
    for k in np.argsort([one.value for one in found], kind="stable"):
        if tried and evidence[k] < max(one.evidence for one in tried) - _BEHIND:
            continue
        tried.append(
            _searched(
                release, decoder, Problem(release, estimate, found[k].label, decoder.prior), found[k], lattice, public
            )
        )
        evidence[k] = tried[-1].evidence
    chosen = max(tried, key=lambda one: one.evidence)
    sure = 1 / np.exp(evidence - chosen.evidence).sum()
    told = _as_found(release, decoder, chosen.found, misfit[chosen.found.label], sure)
    return _decoded(release, chosen, lattice, told)


def _as_found(release: NetworkRelease, decoder: Decoder, best: Found, misfit: float, sure: float) -> Told:
    """Return the record as the normal prior has it, without raw columns.

    One that has none lies between the least and the greatest public value of each feature, as pixels do.
    """
    X = release.X_public
    d, covariance = X.shape[1], _covariance(decoder, best, 1.0)
    return Told(
        point=best.point[:d] if release.columns else np.clip(best.point[:d], X.min(axis=0), X.max(axis=0)),
        error=np.sqrt(np.diag(covariance)[:d]),
        target=_target(release, best),
        target_error=0.0 if release.classes else np.sqrt(np.diag(covariance)[d:]),
        target_probability=float(sure),
        misfit=misfit,
        columns={},
        whole=float("nan"),
        bits=float("nan"),
        bits_of=float("nan"),
    )


def _target(release: NetworkRelease, best: Found) -> Floats:
    if not release.classes:
        return best.point[release.X_public.shape[1] :]
    k = release.Y_public.shape[1]
    return np.array([1.0 if best.label else -1.0]) if k == 1 else np.where(np.arange(k) == best.label, 1.0, -1.0)


def _covariance(decoder: Decoder, found: Found, weight: float) -> Floats:
    """Return the covariance (e, e) of a record's error, the prior counted `weight` times."""
    axes = decoder.prior_of(found.label).axes
    return np.asarray(axes @ np.linalg.solve(found.precision(weight), axes.T))


def _each_alone(release: NetworkRelease, point: Floats, covariance: Floats) -> dict[str, Floats]:
    """Return the raw columns of a record (d,) one by one, without what public records say of them together."""
    c = len(release.columns)
    own = {"codes": np.full(c, -1), **{name: np.full(c, np.nan) for name in ("values", "error", "probability")}}
    for j, column in enumerate(release.columns):
        if column.projection.shape[1]:
            terms = point[None] @ column.projection
            cov = column.projection.T @ covariance @ column.projection
            read = decode_column(column, terms, cov[None])
            for name, value in zip(("codes", "values", "error", "probability"), read, strict=True):
                own[name][j] = value[0]
        elif len(column.values) == 1:  # all public records agree
            own["codes"][j] = 0
        else:
            own["probability"][j] = 0.0
    return own


def _decoded(release: NetworkRelease, best: _Tried, lattice: Lattice, told: Told) -> Told:
    """Return the same with raw columns, from the search of the class that was chosen."""
    c, d, posterior = len(release.columns), release.X_public.shape[1], best.posterior
    own = _each_alone(release, best.view.centre[:d], best.view.covariance[:d, :d])
    arrays = {name: array[None].astype(float if name != "codes" else int) for name, array in own.items()}
    arrays |= {end: np.full((1, c), np.nan) for end in ("low", "high", "range_probability")}
    arrays |= {"candidates": np.full((1, c, CANDIDATES), -1), "X": told.point[None].copy()}
    arrays |= {"candidate_probability": np.full((1, c, CANDIDATES), np.nan)}
    one = write_record(release, lattice, posterior, arrays, 0)
    write_given(release, lattice, arrays, 0)
    others = [j for j in range(c) if j not in lattice.order]
    point = arrays.pop("X")[0]
    return dataclasses.replace(
        told,
        point=point,
        columns={name: array[0] for name, array in arrays.items()},
        whole=float(one.whole * np.nanprod(arrays["probability"][0, others])),
        bits=lattice.bits - posterior.entropy,
        bits_of=lattice.bits,
        **({} if release.classes else best.number()),
    )


@dataclass(frozen=True, eq=False)
class _Tried:
    """The search of one class: its posterior over whole records, and the logarithm of the gradient's density."""

    found: Found
    view: View
    posterior: Posterior
    evidence: float
    targets: Floats
    left: Floats

    def number(self) -> dict[str, Any]:
        """Return targets that are numbers, and their errors, over the records that are still possible."""
        weight, slope = self.posterior.weight, self.view.slope
        mean = weight @ self.targets
        square = weight @ ((self.targets - mean) ** 2 + self.left)
        square += np.einsum("dk,de,ek->k", slope, self.posterior.covariance, slope)
        return {"target": mean, "target_error": np.sqrt(square)}


def _searched(
    release: NetworkRelease, decoder: Decoder, problem: Problem, found: Found, lattice: Lattice, public: Floats
) -> _Tried:
    """Return the posterior over whole records of one class, linearised twice: about what was found, and its mean.

    `public` (m,) are the misfits of public records, which may explain the gradient where it is no line.
    """
    d = release.X_public.shape[1]
    code = int(target_codes(release, _target(release, found)[None], 1)[0])
    view = View.about(decoder, problem, found.point, d)
    first = search(lattice, view.terms(lattice.projection), code, _SKETCH)
    near = View.about(decoder, problem, view.complete(first.weight @ first.points), d)
    likelihood = near.terms(lattice.projection)
    posterior = truncated(with_room(lattice, likelihood, code, near.correction))
    density = posterior.log_evidence - 0.5 * float(likelihood.data @ likelihood.data)
    apart = [c for j, c in enumerate(release.columns) if j not in lattice.order and c.projection.shape[1]]
    density += near.remaining(posterior, np.hstack([release.X_public[:0].T, *(c.projection for c in apart)]))
    density += decoder.log_share(found.label)
    targets = left = np.zeros((len(posterior.points), 0 if release.classes else release.Y_public.shape[1]))
    if release.classes:
        public = np.where(decoder.place == found.label, public, np.inf)
    else:
        targets, covariance = near.targets(posterior.points)
        left = np.einsum("rkk->rk", covariance)
        density += _mass(release.Y_public, posterior.weight @ targets, posterior.weight @ left, near)
    known = release.X_public if release.classes else np.hstack([release.X_public, release.Y_public])
    posterior, rows, density = with_public(release, lattice, posterior, public, near.along(known), density)
    if not release.classes:
        targets = np.vstack([targets, release.Y_public[rows]])
        left = np.vstack([left, np.zeros((len(rows), left.shape[1]))])
    return _Tried(found, near, posterior, density, targets, left)


def _mass(public: Floats, values: Floats, variances: Floats, view: View) -> float:
    """Return the log-prior of targets (k,) that are known so well, without the volume that the search has counted."""
    each = (target_mass(*one) for one in zip(public.T, values.tolist(), variances.tolist(), strict=True))
    return float(sum(each) - view.log_volume(np.diag(variances)))
