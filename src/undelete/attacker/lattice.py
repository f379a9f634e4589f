"""HRec+: the most probable whole record on the columns' own values, maths (13).

The penalty's share is added to the gradient where the release states the penalty; the paper leaves it out.
The estimate then has a known covariance, maths (10), and a record lies on a lattice: codes, whole numbers,
one-hot groups. With m the estimated terms of all columns, S their covariance and a(v) the terms of a record
v, this maximises

    log prior(v) - 1/2 (m - a(v))' S^-1 (m - a(v))

by a beam search over the columns, the least noisy first, along the Cholesky factor of S: each column's error
is predicted from those of the columns before it. The weights of the surviving records are their posterior:
a probability for each record and for each column. The prior is learnt from the public records.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from undelete.attacker.bounded import bounded
from undelete.attacker.decode import Estimate, recentred
from undelete.attacker.hrec import deleted_gradient, from_gradient, unchanged
from undelete.attacker.outputs import best_mix
from undelete.attacker.posterior import most_probable
from undelete.attacker.prior import Conditional, entropy, learn
from undelete.maths.arrays import blocks
from undelete.maths.losses import Softmax
from undelete.release import CONTINUOUS_TOLERANCE, Floats, Reconstruction, Release

Indices = NDArray[np.int64]

CANDIDATES = 3  # values of a column that are named with their probabilities
BEAM = 256  # records kept at each column
_ROUNDS = 2
_BLOCK = 64  # deletions whose covariances are formed at a time
_SHORT = 24  # values of an indicator column that are looked at, by their own likelihood
_TERMS = 64  # a column of more terms is taken as HRec decodes it
_FEATURES = 256  # up to which the whole record's covariance is formed
_BINS = 10  # of a numeric target, as what the prior may depend on
# Variance that every term has besides its sampling error, in its own (standardised) units: indicators of a group sum
# to one, so that S is singular, and a refitted pipeline or a solver's tolerance breaks that sum in the third digit.
_FLOOR = 1e-6
_TAIL = 60.0  # log-weight under the best at which a record is dropped


@dataclass(frozen=True, eq=False)
class _Lattice:
    """What all deletions share: the columns that are decoded, where their terms stand, and the prior.

    Parameters
    ----------
    order : list of int
        Columns on a lattice, in the order of the search.
    projection : array (d, q)
        From the model's space to the columns' terms, in that order.
    chain : dict of int to Conditional
        The prior; the last column of the codes is the target's.
    bits : float
        The prior's entropy, the target's class or tenth included.
    """

    order: list[int]
    projection: Floats
    chain: dict[int, Conditional]
    bits: float


def hrec_plus(release: Release, rng: np.random.Generator) -> Reconstruction:
    """Reconstruct each deleted record as the most probable one on the columns' own values.

    Parameters
    ----------
    release : Release
        The same as HRec sees; without raw columns records are decoded in the model's space, or before its embedding.
    rng : numpy.random.Generator
        Not used: the attack draws nothing.

    Returns
    -------
    Reconstruction
        With `probability` of each column, `record_probability`, and `bits`.

    Notes
    -----
    Cost per deletion 2 m q^2 flops for q terms and m public records, and a search of c columns times 256
    records times their values. Source: maths (13).
    """
    G = deleted_gradient(release, penalised=True)
    if not release.columns:
        return _continuous(release, G)
    found = from_gradient(release, G, unchanged(release), attack="hrec+", noisy=True, trace=most_probable)
    if release.embedding is not None:
        return found
    targeted = found.target is not None and release.Y_public is not None
    lattice = _shared_lattice(release, targeted=targeted) if release.columns else None
    if lattice is None or not lattice.order:
        return found
    arrays = {name: np.array(getattr(found, name)) for name in ("X", "codes", "values", "error", "probability")}
    shape = (release.deletions, len(release.columns), CANDIDATES)
    arrays |= {"candidates": np.full(shape, -1), "candidate_probability": np.full(shape, np.nan)}
    whole, bits, misfit = (np.full(release.deletions, np.nan) for _ in range(3))
    targets = _target_codes(release, found.target if targeted else None, release.deletions)
    rows = np.flatnonzero([status == "ok" for status in found.status])
    others = [j for j in range(len(release.columns)) if j not in lattice.order]
    for block in blocks(len(rows), _BLOCK):
        for i, posterior in zip(rows[block], _decode(release, found, lattice, rows[block], targets), strict=True):
            _write(release, lattice, posterior, arrays, int(i))
            whole[i] = posterior.weight[0] * np.nanprod(arrays["probability"][i, others])
            bits[i] = lattice.bits - posterior.entropy
            misfit[i] = posterior.misfit
    return dataclasses.replace(
        found,
        record_probability=whole,
        bits=bits,
        bits_of=lattice.bits,
        misfit=misfit,
        misfit_terms=lattice.projection.shape[1],
        **cast(dict[str, Any], arrays),
    )


def _continuous(release: Release, G: Floats) -> Reconstruction:
    """Reconstruct records that have no lattice, such as images: maths (11), (12)."""
    mix = label = None
    if isinstance(release.loss, Softmax) and release.constant is not None:
        mix, label = best_mix(release, G)
    same = unchanged(release)
    found = from_gradient(release, G, same, attack="hrec+", noisy=True, trace=most_probable, mix=mix)
    if label is not None:
        target = np.eye(G.shape[2])[label]
        found = dataclasses.replace(found, output=label, target=np.where(same[:, None], np.nan, target))
    if release.embedding is not None or release.constant is None:
        return found
    rows = np.flatnonzero(~same)
    estimate = Estimate.of(found).part(rows)
    if mix is None:  # the sign of the scale is not known but for a scale that is
        rows = np.flatnonzero([status == "ok" for status in found.status])
        estimate = Estimate.of(found).part(rows)
        g = found.X[rows] * np.abs(estimate.scale)[:, None]
        estimate = dataclasses.replace(estimate, scale=np.abs(estimate.scale))
    else:
        g = np.einsum("bdk,bk->bd", G[rows], mix[rows])
    X, status = np.array(found.X), np.array(found.status)
    if rows.size:
        X[rows], status[rows] = bounded(release.take(rows), g, estimate), "ok"
    return dataclasses.replace(found, X=X, status=status.tolist())


def _lattice(release: Release, *, targeted: bool) -> _Lattice:
    """Order the columns and learn the prior in that order; `targeted`: the prior may depend on the target."""
    columns, codes = release.columns, release.public_codes
    assert codes is not None
    usable = [
        j
        for j, c in enumerate(columns)
        if c.kind != "continuous" and 0 < c.projection.shape[1] <= _TERMS and (codes[:, j] >= 0).all()
    ]
    # indicators are told apart most surely, then numbers of few values
    order = sorted(usable, key=lambda j: (columns[j].projection.shape[1] == 1, len(columns[j].values)))
    targets = _target_codes(release, release.Y_public if targeted else None, len(codes))
    all_codes = np.hstack([codes, targets[:, None]])
    sizes = [max(1, len(c.values)) for c in columns] + [int(targets.max(initial=0)) + 1]
    chain = learn(all_codes, sizes, order, given=[len(columns)])
    projection = np.hstack([release.X_public[:0].T, *(columns[j].projection for j in order)])
    share = np.bincount(targets) / len(targets)
    bits = entropy(all_codes, chain) - float((share[share > 0] * np.log2(share[share > 0])).sum())
    return _Lattice(order, projection, chain, bits)


@dataclass(frozen=True)
class _Learnt:
    """The last public records a prior was learnt from: blocks of one sweep share it."""

    public: tuple[int, int, bool]
    keep: tuple[object, object]  # so that the identities above stay theirs
    lattice: _Lattice


_last: list[_Learnt] = []


def _shared_lattice(release: Release, *, targeted: bool) -> _Lattice:
    key = (id(release.public_codes), id(release.Y_public), targeted)
    if not _last or _last[0].public != key:
        lattice = _lattice(release, targeted=targeted)
        _last[:] = [_Learnt(key, (release.public_codes, release.Y_public), lattice)]
    return _last[0].lattice


def _target_codes(release: Release, Y: Floats | None, b: int) -> Indices:
    """Return what the prior may know of b targets: the class, or the tenth in which a number lies."""
    if Y is None or release.Y_public is None:
        return np.zeros(b, dtype=np.int64)
    if Y.shape[1] > 1:
        return np.asarray(np.nan_to_num(Y, nan=-np.inf).argmax(axis=1))
    edges = np.unique(np.quantile(release.Y_public[:, 0], np.linspace(0, 1, _BINS + 1)[1:-1]))
    if release.target_kind == "class":
        edges = np.zeros(1)
    return np.asarray(np.searchsorted(edges, np.nan_to_num(Y[:, 0]), side="right"))


@dataclass(frozen=True, eq=False)
class _Posterior:
    """Records (r, columns in the search's order) with weights (r,) that sum to one, the best first.

    `point` (d,) is where the best one lies in the model's space and `covariance` (d, d) what is left of its error;
    for a model of many features the point is in the space of the terms and there is no covariance. `misfit` is the
    squared distance of the best one from the estimate, in its errors' metric.
    """

    codes: Indices
    weight: Floats
    entropy: float
    point: Floats
    covariance: Floats | None
    misfit: float


def _decode(
    release: Release, found: Reconstruction, lattice: _Lattice, part: Indices, targets: Indices
) -> list[_Posterior]:
    """Search the records of some deletions."""
    assert found.scale is not None
    assert found.output is not None
    view, estimate = release.take(part), Estimate(found.scale[part], found.output[part])
    whole = found.X.shape[1] <= _FEATURES
    basis = np.eye(found.X.shape[1]) if whole else lattice.projection
    total, first, second = estimate.moments(view, estimate.weights(view) ** 2, basis)
    posteriors = []
    for b, i in enumerate(part):
        own = (total[b : b + 1], first[b : b + 1], second[b : b + 1])
        centre = found.X[i] @ basis
        for _ in range(_ROUNDS):  # the covariance is about the record itself: first its estimate, then what was found
            posterior = _search(release, lattice, found.X[i], recentred(own, centre[None])[0], int(targets[i]))
            centre = posterior.point
        posteriors.append(posterior)
    return posteriors


def _search(release: Release, lattice: _Lattice, x: Floats, covariance: Floats, target: int) -> _Posterior:
    """Search the records of one deletion: a beam over the columns along the Cholesky factor of the covariance."""
    m, P = x @ lattice.projection, lattice.projection
    whole = len(covariance) == len(x)
    cross = covariance @ P if whole else covariance
    S = P.T @ cross if whole else covariance
    S = S + _FLOOR * np.eye(len(S))
    inverse = np.linalg.inv(np.linalg.cholesky(S))
    whitened = inverse @ m
    codes, log_weight = np.zeros((1, 0), dtype=np.int64), np.zeros(1)
    shift = np.zeros((1, len(m)))  # inverse @ a(v) of the columns so far
    start = 0
    for position, j in enumerate(lattice.order):
        column, q = release.columns[j], release.columns[j].projection.shape[1]
        rows = slice(start, start + q)
        values = _shortlist(column.terms, m[rows], S[rows, rows])
        moved = column.terms[values] @ inverse[:, rows].T  # (values, terms)
        error = whitened[rows] - shift[:, None, rows] - moved[None, :, rows]
        prior = _log_prior(lattice, codes, position, target, len(release.columns))[:, values]
        score = log_weight[:, None] + prior - 0.5 * (error**2).sum(axis=2)
        keep = np.argsort(score, axis=None)[::-1][:BEAM]
        keep = keep[score.ravel()[keep] > score.max() - _TAIL]
        parent, value = np.unravel_index(keep, score.shape)
        codes = np.hstack([codes[parent], values[value][:, None]])
        shift, log_weight = shift[parent] + moved[value], score[parent, value]
        start += q
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    bits = float(-(weight[weight > 0] * np.log2(weight[weight > 0])).sum())
    # given the terms, the rest of the record follows as far as their errors go together
    gain = cross @ inverse.T
    point = (x if whole else m) + gain @ (shift[0] - whitened)
    misfit = float(((whitened - shift[0]) ** 2).sum())
    return _Posterior(codes, weight, bits, point, covariance - gain @ gain.T if whole else None, misfit)


def _shortlist(candidates: Floats, m: Floats, S: Floats) -> Indices:
    """Return the values worth looking at: all of a number, the likeliest of an indicator column."""
    if candidates.shape[1] == 1 or len(candidates) <= _SHORT:
        return np.arange(len(candidates))
    offset = candidates - m
    distance = (offset @ np.linalg.inv(S) * offset).sum(axis=1)
    return np.sort(np.argsort(distance)[:_SHORT])


def _log_prior(lattice: _Lattice, codes: Indices, position: int, target: int, columns: int) -> Floats:
    """Return log p(value | the record so far) (records, values), computed once for equal parents."""
    model = lattice.chain[lattice.order[position]]
    full = np.zeros((len(codes), columns + 1), dtype=np.int64)
    full[:, lattice.order[:position]] = codes
    full[:, columns] = target
    keys, where = np.unique(full[:, list(model.parents)], axis=0, return_inverse=True)
    known = np.zeros(columns + 1, dtype=np.int64)
    table = []
    for key in keys:
        known[list(model.parents)] = key
        table.append(model.log_distribution(known))
    return np.array(table)[where.ravel()]


def _write(release: Release, lattice: _Lattice, posterior: _Posterior, arrays: dict[str, Floats], i: int) -> None:
    """Put the best record, the columns' probabilities, and the point they imply in the model's space."""
    best = posterior.codes[0]
    for position, j in enumerate(lattice.order):
        column = release.columns[j]
        arrays["codes"][i, j] = best[position]
        share = np.bincount(posterior.codes[:, position], weights=posterior.weight, minlength=len(column.values))
        arrays["probability"][i, j] = share[best[position]]
        top = np.argsort(-share, kind="stable")[:CANDIDATES]
        arrays["candidates"][i, j, : len(top)] = np.where(share[top] > 0, top, -1)
        arrays["candidate_probability"][i, j, : len(top)] = np.where(share[top] > 0, share[top], np.nan)
        if column.kind == "discrete":
            values = column.values[posterior.codes[:, position]].astype(float)
            mean = float(posterior.weight @ values)
            arrays["values"][i, j] = float(column.values[best[position]])
            arrays["error"][i, j] = float(np.sqrt(posterior.weight @ (values - mean) ** 2))
    if posterior.covariance is None:
        return
    arrays["X"][i] = posterior.point
    for j, column in enumerate(release.columns):
        if column.kind == "continuous" and column.projection.shape[1]:
            v = column.projection[:, 0]
            error = abs(column.slope) * float(np.sqrt(max(float(v @ posterior.covariance @ v), 0.0)))
            arrays["values"][i, j] = column.offset + column.slope * float(posterior.point @ v)
            arrays["error"][i, j] = error
            width = CONTINUOUS_TOLERANCE * column.spread
            arrays["probability"][i, j] = 1.0 if error == 0 else float(erf(width / error / np.sqrt(2)))
