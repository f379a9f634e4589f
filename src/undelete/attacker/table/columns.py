"""From an estimate in the model's space to the raw columns, with error bars.

The estimate x = g / g_c carries the sampling error of the public Hessian. Its covariance can be computed
from the release alone, maths (10): with t_i the curvature-weighted change of public record i's prediction,
a linear functional v of the record has

    var(v'x) = n^2 (1/m + 1/n) / g_c^2 * mean_i [t_i (v'x_i - v'x)]^2.

Each raw column takes the nearest of the values that public records have, in this metric. The probability
of that value is its share of the Gaussian likelihood over all values of the column: no prior is used, and
columns are taken one by one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import erf

from undelete.attacker.embedding.traced_error import input_covariance
from undelete.attacker.gradient.estimate import Estimate
from undelete.maths.arrays import Flags, Floats, Indices, blocks
from undelete.release.columns import CONTINUOUS_TOLERANCE, Column
from undelete.release.release import Release

_DENSE_TERMS = 64  # up to here a column's covariance is taken whole, beyond it its diagonal
_LINE = 1e-9  # of the range of a column, off which its values may lie from a line in their term
_LEAST = 1e-150  # of a variance: a square over it is still a number


@dataclass(frozen=True, eq=False)
class RawRecords:
    """Records on the raw columns: `codes`, `values`, `error` and `probability` of `Reconstruction`."""

    codes: Indices | None
    values: Floats | None
    error: Floats | None
    probability: Floats | None


def decode(
    release: Release, X: Floats, inputs: Floats | None, estimate: Estimate | None, identified: Flags
) -> RawRecords:
    """Put reconstructed records on the raw columns.

    Parameters
    ----------
    release : Release
        Its `columns` say what each raw column's values look like to the model.
    X : array (b, d)
        Reconstructed records in the model's space.
    inputs : array (b, d0) or None
        With an embedding, the records before it: the raw columns are read off these.
    estimate : Estimate or None
        Where X came from, for the error bars; None when X is exact.
    identified : array (b,) of bool
        Records to decode; the others get -1 and NaN.
    """
    if not release.columns:
        return RawRecords(None, None, None, None)
    b, c = len(X), len(release.columns)
    codes = np.full((b, c), -1, dtype=np.int64)
    values, error, probability = (np.full((b, c), np.nan) for _ in range(3))
    rows = np.flatnonzero(identified)
    for part in blocks(len(rows), 256):
        block = rows[part]
        view = release.take(block)
        here = None if estimate is None else estimate.part(block)
        t2 = None if here is None or inputs is not None else here.weights(view) ** 2
        spread = None if inputs is None or here is None else input_covariance(view, here, X[block], inputs[block])
        for j, column in enumerate(release.columns):
            if column.projection.shape[1]:
                terms, cov = (X if inputs is None else inputs)[block] @ column.projection, None
                if here is not None and t2 is not None:
                    dense = terms.shape[1] <= _DENSE_TERMS
                    cov = here.covariance(view, t2, column.projection, terms, dense=dense)
                elif spread is not None:
                    cov = column.projection.T @ spread @ column.projection
                found = decode_column(column, terms, cov)
                codes[block, j], values[block, j], error[block, j], probability[block, j] = found
            elif len(column.values) == 1:  # all public records agree: a guess, and no evidence for it
                codes[block, j] = 0
            else:
                probability[block, j] = 0.0
    return RawRecords(codes, values, error, probability)


def decode_column(column: Column, terms: Floats, cov: Floats | None) -> tuple[Indices, Floats, Floats, Floats]:
    """Return code, value, standard error and probability (b,) of one raw column from its terms (b, q)."""
    b = len(terms)
    none = np.full(b, np.nan)
    value, error = read_off(column, terms, cov)
    if column.kind == "continuous":
        width = CONTINUOUS_TOLERANCE * column.spread
        value = np.clip(value, column.least, column.greatest)
        with np.errstate(divide="ignore"):
            return np.full(b, -1), value, error, erf(width / error / np.sqrt(2))
    distance = _distances(terms, column.terms, cov)  # (b, values)
    code, alike = distance.argmin(axis=1), column.alike
    if (
        column.kind == "discrete" and not np.isfinite(value).all()
    ):  # no term is a line in the value: that of the nearest
        value = column.values[code].astype(np.float64)
    if cov is None:
        return alike[code], value, none, none
    weight = np.exp(-0.5 * (distance - distance.min(axis=1, keepdims=True)))
    weight /= np.bincount(alike, minlength=len(alike))[alike]  # the ways to fill a missing cell are one value together
    right = np.where(alike == alike[code][:, None], weight, 0.0).sum(axis=1)
    return alike[code], value, error, right / weight.sum(axis=1)


def _affine(column: Column) -> tuple[float, float]:
    """Return offset and slope with value = offset + slope * first term; NaN where it is no line in the value."""
    if column.kind == "continuous":
        return column.offset, column.slope
    known = column.kind == "discrete" and np.isfinite(column.values.astype(np.float64))
    if not np.any(known) or np.ptp(column.terms[known, 0]) == 0:
        return np.nan, np.nan
    first, values = column.terms[known, 0], column.values[known].astype(np.float64)
    if first[-1] == first[0]:
        return np.nan, np.nan
    slope = (values[-1] - values[0]) / (first[-1] - first[0])
    offset = values[0] - slope * first[0]
    line = np.abs(offset + slope * first - values).max() <= _LINE * np.ptp(values)
    return (float(offset), float(slope)) if line else (np.nan, np.nan)


def read_off(column: Column, terms: Floats, cov: Floats | None) -> tuple[Floats, Floats]:
    """Return the numbers (b,) that a column's terms (b, q) stand for, and their standard errors (b,); NaN for none.

    Parameters
    ----------
    column : Column
        Which one.
    terms : array (b, q)
        Its terms, as estimated.
    cov : array (b, q, q), (b, q) or None
        Their covariances, or their variances; None: not known.
    """
    if column.kind == "continuous" and len(column.values):
        return _on_curve(column, terms, cov)
    none = np.full(len(terms), np.nan)
    offset, slope = _affine(column)
    if not np.isfinite(slope):
        return none, none
    variance = none if cov is None else (cov[:, 0, 0] if cov.ndim == 3 else cov[:, 0])
    return offset + slope * terms[:, 0], np.abs(slope) * np.sqrt(np.maximum(variance, 0.0))


def _on_curve(column: Column, terms: Floats, cov: Floats | None) -> tuple[Floats, Floats]:
    """Return the values (b,) of a continuous column whose terms (b, q) bend, and their standard errors (b,).

    The nearest of the curve's points in the errors' metric, and a step along its tangent there. Where the errors leave
    several points open, as within a bin, all of whose numbers have the same terms: their mean and deviation.
    """
    distance = _distances(terms, column.terms, cov)
    point = distance.argmin(axis=1)
    last = len(column.values) - 1
    below, above = np.maximum(point - 1, 0), np.minimum(point + 1, last)
    values = column.values.astype(np.float64)
    tangent = (column.terms[above] - column.terms[below]) / (values[above] - values[below])[:, None]  # (b, q)
    precision = _precision(np.ones(terms.shape) if cov is None else cov)
    weighed = np.einsum("bqr,br->bq", precision, tangent)
    sure = (weighed * tangent).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        step = (weighed * (terms - column.terms[point])).sum(axis=1) / sure
        error = np.full(len(terms), np.nan) if cov is None else 1 / np.sqrt(sure)
    step = np.clip(np.nan_to_num(step), values[below] - values[point], values[above] - values[point])
    if cov is None:
        return values[point] + step, error
    share = np.exp(-0.5 * (distance - distance.min(axis=1, keepdims=True)))
    share /= share.sum(axis=1, keepdims=True)
    mean = share @ values
    deviation = np.sqrt(np.maximum(share @ values**2 - mean**2, 0.0))
    # between points that are further apart than the errors reach the tangent says more
    sharp = (deviation < error) & np.isfinite(error)
    return np.where(sharp, values[point] + step, mean), np.where(sharp, error, deviation)


def _precision(cov: Floats) -> Floats:
    """Return the inverse (b, q, q) of covariances (b, q, q), or of variances (b, q)."""
    if cov.ndim == 2:
        least = 1e-12 * cov.max(axis=1, keepdims=True) + _LEAST
        return np.asarray(np.eye(cov.shape[1]) / np.maximum(cov, least)[:, None, :])
    q = cov.shape[1]
    # indicators of a whole group sum to one, so their covariance is singular along that direction
    floor = 1e-9 * np.trace(cov, axis1=1, axis2=2) / q + _LEAST
    return np.linalg.inv(cov + floor[:, None, None] * np.eye(q))


def _distances(terms: Floats, candidates: Floats, cov: Floats | None) -> Floats:
    """Return squared distances (b, c) from terms (b, q) to candidates (c, q), in the errors' metric."""
    if cov is None:
        cov = np.ones(terms.shape)
    if cov.ndim == 2:
        inverse = 1 / np.maximum(cov, 1e-12 * cov.max(axis=1, keepdims=True) + _LEAST)
        square = inverse @ (candidates**2).T - 2 * (terms * inverse) @ candidates.T
        return np.asarray(square + (terms**2 * inverse).sum(axis=1)[:, None])
    offset = candidates[None, :, :] - terms[:, None, :]
    return np.asarray(np.einsum("bcq,bqr,bcr->bc", offset, _precision(cov), offset, optimize=True))
