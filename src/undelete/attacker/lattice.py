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

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from undelete.attacker.decode import Estimate
from undelete.attacker.hrec import deleted_gradient, from_gradient, unchanged
from undelete.attacker.prior import Conditional, entropy, learn
from undelete.release import CONTINUOUS_TOLERANCE, Floats, Reconstruction, Release

Indices = NDArray[np.int64]

BEAM = 256  # records kept at each column
_SHORT = 24  # values of an indicator column that are looked at, by their own likelihood
_TERMS = 64  # a column of more terms is taken as HRec decodes it
_FEATURES = 256  # up to which the whole record's covariance is formed
_BINS = 10  # of a numeric target, as what the prior may depend on
_JITTER = 1e-9  # of the mean variance: indicators of a whole group sum to one
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
        The prior's entropy.
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
        The same as HRec sees; without raw columns the result is HRec's.
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
    found = from_gradient(release, G, unchanged(release), attack="hrec+", noisy=True)
    lattice = _lattice(release, found) if release.columns else None
    if lattice is None or not lattice.order:
        return found
    arrays = {name: np.array(getattr(found, name)) for name in ("X", "codes", "values", "error", "probability")}
    whole, bits = np.full(release.deletions, np.nan), np.full(release.deletions, np.nan)
    targets = _target_codes(release, found.target)
    for i in np.flatnonzero([status == "ok" for status in found.status]):
        posterior = _decode(release, found, lattice, int(i), int(targets[i]))
        _write(release, lattice, posterior, arrays, int(i))
        others = [j for j in range(len(release.columns)) if j not in lattice.order]
        whole[i] = posterior.weight[0] * arrays["probability"][i, others].prod()
        bits[i] = lattice.bits - posterior.entropy
    return dataclasses.replace(found, record_probability=whole, bits=bits, bits_of=lattice.bits, **arrays)


def _lattice(release: Release, found: Reconstruction) -> _Lattice:
    """Order the columns by their noise and learn the prior in that order."""
    columns, codes = release.columns, release.public_codes
    assert codes is not None
    usable = [
        j
        for j, c in enumerate(columns)
        if c.kind != "continuous" and 0 < c.projection.shape[1] <= _TERMS and (codes[:, j] >= 0).all()
    ]
    sure = np.zeros(len(columns)) if found.probability is None else np.nan_to_num(found.probability).mean(axis=0)
    order = sorted(usable, key=lambda j: -sure[j])
    targets = (
        np.zeros(len(codes), dtype=np.int64) if release.Y_public is None else _target_codes(release, release.Y_public)
    )
    all_codes = np.hstack([codes, targets[:, None]])
    sizes = [max(1, len(c.values)) for c in columns] + [int(all_codes[:, -1].max(initial=0)) + 1]
    chain = learn(all_codes, sizes, order, given=[len(columns)])
    projection = np.hstack([release.X_public[:0].T, *(columns[j].projection for j in order)])
    return _Lattice(order, projection, chain, entropy(all_codes, chain))


def _target_codes(release: Release, Y: Floats | None) -> Indices:
    """Return what the prior may know of the target: the class, or the tenth in which a number lies."""
    b = release.deletions if Y is None else len(Y)
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

    `X` (d,) is the point in the model's space that the best one implies and `covariance` (d, d) what is left of
    its error; None where the model has too many features for that.
    """

    codes: Indices
    weight: Floats
    entropy: float
    X: Floats | None
    covariance: Floats | None


def _decode(release: Release, found: Reconstruction, lattice: _Lattice, i: int, target: int) -> _Posterior:
    """Search the records of deletion i."""
    assert found.scale is not None
    assert found.output is not None
    one = slice(i, i + 1)
    view, estimate = release.take(one), Estimate(found.scale[one], found.output[one])
    d, t2 = len(found.X[i]), estimate.weights(view) ** 2
    m = found.X[i] @ lattice.projection
    if d <= _FEATURES:
        whole = estimate.covariance(view, t2, np.eye(d), found.X[one], dense=True)[0]
        cross = whole @ lattice.projection
        S = lattice.projection.T @ cross
    else:
        S = estimate.covariance(view, t2, lattice.projection, m[None], dense=True)[0]
    S = S + _JITTER * np.trace(S) / len(S) * np.eye(len(S))
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
    if d > _FEATURES:
        return _Posterior(codes, weight, bits, None, None)
    # given the terms, the rest of the record follows as far as their errors go together
    gain = cross @ inverse.T
    X = found.X[i] + gain @ (shift[0] - whitened)
    return _Posterior(codes, weight, bits, X, whole - gain @ gain.T)


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
        arrays["probability"][i, j] = posterior.weight[posterior.codes[:, position] == best[position]].sum()
        if column.kind == "discrete":
            values = column.values[posterior.codes[:, position]].astype(float)
            mean = float(posterior.weight @ values)
            arrays["values"][i, j] = float(column.values[best[position]])
            arrays["error"][i, j] = float(np.sqrt(posterior.weight @ (values - mean) ** 2))
    if posterior.X is None or posterior.covariance is None:
        return
    arrays["X"][i] = posterior.X
    for j, column in enumerate(release.columns):
        if column.kind == "continuous" and column.projection.shape[1]:
            v = column.projection[:, 0]
            error = abs(column.slope) * float(np.sqrt(max(v @ posterior.covariance @ v, 0.0)))
            arrays["values"][i, j] = column.offset + column.slope * float(posterior.X @ v)
            arrays["error"][i, j] = error
            width = CONTINUOUS_TOLERANCE * column.spread
            arrays["probability"][i, j] = 1.0 if error == 0 else erf(width / error / np.sqrt(2))
