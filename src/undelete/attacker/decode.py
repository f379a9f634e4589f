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

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from undelete.attacker.difference import Way, deletions_at_a_time, weights
from undelete.maths.arrays import blocks
from undelete.release import CONTINUOUS_TOLERANCE, Column, Floats, Reconstruction, Release

Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]

TRACED = 256  # inputs of an embedding up to which each record's Jacobian is inverted for its error bars
_DENSE_TERMS = 64  # up to here a column's covariance is taken whole, beyond it its diagonal
_LINE = 1e-9  # of the range of a column, off which its values may lie from a line in their term
NEAR_ZERO = 2.0  # standard errors from zero under which the scale is not identified


@dataclass(frozen=True, eq=False)
class Estimate:
    """Minus the gradient of b deleted records in one output, as estimated from public data.

    Parameters
    ----------
    scale : array (b,)
        g_c, its component along the constant.
    output : array (b,) of int
        The output it belongs to.
    way : {"hessian", "answers", "exact"}
        How it was obtained, as `Difference` says; an exact one has no sampling error.
    mix : array (b, k) or None
        The weights by which all outputs' gradients were added up, maths (12); None: `output` alone was read.
    """

    scale: Floats
    output: Indices
    way: Way = "hessian"
    mix: Floats | None = None

    @classmethod
    def of(cls, found: Reconstruction) -> Estimate:
        """Return where an attack's reconstruction came from.

        Raises
        ------
        ValueError
            When it was not read off a difference of models.
        """
        if found.scale is None or found.output is None:
            raise ValueError(f"{found.attack} does not read a gradient, so it has no error of maths (10)")
        return cls(found.scale, found.output, found.way, found.mix)

    def weights(self, release: Release) -> Floats:
        """Return t (m, b): by how much each public record pulls less on the old model than on the new, maths (10)."""
        return weights(release, self.way, self.output, self.mix)

    def _factor(self, release: Release) -> float:
        m = len(release.X_public)
        n = release.n or m
        return float(n) ** 2 * (1 / m + 1 / n)

    def scale_identified(self, release: Release) -> Flags:
        """Return whether g_c is further than two standard errors from zero (b,)."""
        if release.constant is None:
            return np.zeros(len(self.scale), dtype=bool)
        found = np.isfinite(self.scale) & (self.scale != 0)
        if self.way != "exact":
            found &= np.abs(self.scale) > NEAR_ZERO * self.scale_error(release)
        return np.asarray(found, dtype=np.bool_)

    def scale_error(self, release: Release) -> Floats:
        """Return the standard error of g_c (b,)."""
        error = np.empty(len(self.scale))
        for part in blocks(len(self.scale), deletions_at_a_time(release)):
            t = self.part(part).weights(release.take(part))
            error[part] = np.sqrt(self._factor(release) * t.var(axis=0))
        return error

    def target_error(self, release: Release, X: Floats) -> Floats:
        """Return the standard error of the target of maths (8), y = g_c + x W, for records X (b, d)."""
        error = np.full(len(X), np.nan)
        for part in blocks(len(X), deletions_at_a_time(release)):
            here, view = self.part(part), release.take(part)
            W = view.W_after[np.arange(len(here.output)), :, here.output]  # (b, d)
            if self.way != "hessian":  # the residual at the old model
                W = view.W_before.T[here.output]
            shift = here.scale - (X[part] * W).sum(axis=1)
            noise = here.weights(view) * (release.X_public @ W.T + shift)
            with np.errstate(divide="ignore", invalid="ignore"):
                error[part] = np.sqrt(self._factor(release) * noise.var(axis=0)) / np.abs(here.scale)
        return error

    def part(self, part: slice | Indices) -> Estimate:
        """Return the same for some of the deletions."""
        mix = None if self.mix is None else self.mix[part]
        return Estimate(self.scale[part], self.output[part], self.way, mix)

    def covariance(self, release: Release, t2: Floats, projection: Floats, centre: Floats, *, dense: bool) -> Floats:
        """Return the covariance of x @ projection, maths (10).

        Parameters
        ----------
        release : Release
            The release this estimate was made from.
        t2 : array (m, b)
            The squares of `weights`.
        projection : array (d, q)
            The functionals.
        centre : array (b, q)
            The estimates x @ projection.
        dense : bool
            Whether to return (b, q, q), or only the variances (b, q).
        """
        if not dense:
            Q = release.X_public @ projection
            total, first = t2.sum(axis=0), t2.T @ Q
            second = t2.T @ Q**2 - 2 * first * centre + total[:, None] * centre**2
            return np.asarray(second * self.scatter(release)[:, None])
        return recentred(self.moments(release, t2, projection), centre)

    def moments(self, release: Release, t2: Floats, projection: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the moments of t^2 and the functionals q, scaled as the covariance: (b,), (b, q), (b, q, q).

        About any centre the covariance is `recentred` of them. Cost 2 m q^2 flops a deletion.
        """
        Q = release.X_public @ projection
        m, q = Q.shape
        second = np.zeros((t2.shape[1], q, q))
        for part in blocks(m, max(1, 4_000_000 // max(1, q**2))):
            pairs = (Q[part, :, None] * Q[part, None, :]).reshape(-1, q * q)
            second += (t2[part].T @ pairs).reshape(-1, q, q)
        scale = self.scatter(release)
        return t2.sum(axis=0) * scale, (t2.T @ Q) * scale[:, None], second * scale[:, None, None]

    def scatter(self, release: Release) -> Floats:
        """Return n^2 (1/m + 1/n) / (m g_c^2) (b,), by which maths (10) multiplies a sum over the public records."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self._factor(release) / len(release.X_public) / self.scale**2)


def recentred(moments: tuple[Floats, Floats, Floats], centre: Floats) -> Floats:
    """Return the covariance (b, q, q) about a centre (b, q) from `Estimate.moments`."""
    total, first, second = moments
    cross = first[:, :, None] * centre[:, None, :]
    square = total[:, None, None] * centre[:, :, None] * centre[:, None, :]
    return np.asarray(second + square - cross - cross.transpose(0, 2, 1))


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
                found = _decode_column(column, terms, cov)
                codes[block, j], values[block, j], error[block, j], probability[block, j] = found
            elif len(column.values) == 1:  # all public records agree: a guess, and no evidence for it
                codes[block, j] = 0
            else:
                probability[block, j] = 0.0
    return RawRecords(codes, values, error, probability)


def at_public_length(release: Release, found: Reconstruction) -> Reconstruction:
    """Return a reconstruction whose directions are as long as public records are (their root mean square).

    A record known up to a factor becomes a guess of the record, from public knowledge alone; the constant and
    what else is the same for all public records counts in no length. Not of an embedding: nothing was traced back.
    """
    directed = np.array([status == "direction" for status in found.status])
    if release.embedding is not None or not directed.any():
        return found
    varying = np.ptp(release.X_public, axis=0) > 0
    usual = np.sqrt((release.X_public[:, varying] ** 2).sum(axis=1).mean())
    length = np.linalg.norm(found.X[:, varying], axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        X = np.where(varying, found.X * usual / length, release.X_public[0])
    return dataclasses.replace(found, X=np.where(directed[:, None], X, found.X))


def input_covariance(release: Release, estimate: Estimate, X: Floats, inputs: Floats) -> Floats | None:
    """Return the covariance (b, d0, d0) of records that were traced back through an embedding.

    To first order x - x* = (J'J)^-1 J' error, J the Jacobian at x, for the nearest embedding of maths (7), and the
    embedding's error is that of maths (10). None for records of many inputs, whose Jacobians are dear to invert.

    Parameters
    ----------
    release : Release
        The deletions' own, with an embedding.
    estimate : Estimate
        Where the embeddings came from.
    X : array (b, d)
        The recovered embeddings, with the constant.
    inputs : array (b, d0)
        The records they were traced back to.

    Notes
    -----
    Cost a deletion 2 m d0 (d + d0) flops for m public records.
    """
    phi = release.embedding
    if phi is None or phi.inputs > TRACED:
        return None
    t2 = estimate.weights(release) ** 2
    found = np.empty((len(inputs), phi.inputs, phi.inputs))
    for i, x in enumerate(inputs):
        back = np.zeros((X.shape[1], phi.inputs))
        back[: phi.features] = np.linalg.pinv(phi.jacobian(x)).T
        off = release.X_public @ back - X[i] @ back
        found[i] = off.T @ (off * t2[:, i, None])
    return found * estimate.scatter(release)[:, None, None]


def _decode_column(column: Column, terms: Floats, cov: Floats | None) -> tuple[Indices, Floats, Floats, Floats]:
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
    code = distance.argmin(axis=1)
    if (
        column.kind == "discrete" and not np.isfinite(value).all()
    ):  # no term is a line in the value: that of the nearest
        value = column.values[code].astype(np.float64)
    if cov is None:
        return code, value, none, none
    weight = np.exp(-0.5 * (distance - distance.min(axis=1, keepdims=True)))
    return code, value, error, 1 / weight.sum(axis=1)


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

    The nearest of the curve's points in the errors' metric, and a step along its tangent there.
    """
    point = _distances(terms, column.terms, cov).argmin(axis=1)
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
    return values[point] + step, error


def _precision(cov: Floats) -> Floats:
    """Return the inverse (b, q, q) of covariances (b, q, q), or of variances (b, q)."""
    if cov.ndim == 2:
        least = 1e-12 * cov.max(axis=1, keepdims=True) + np.finfo(float).tiny
        return np.asarray(np.eye(cov.shape[1]) / np.maximum(cov, least)[:, None, :])
    q = cov.shape[1]
    # indicators of a whole group sum to one, so their covariance is singular along that direction
    floor = 1e-9 * np.trace(cov, axis1=1, axis2=2) / q + np.finfo(float).tiny
    return np.linalg.inv(cov + floor[:, None, None] * np.eye(q))


def _distances(terms: Floats, candidates: Floats, cov: Floats | None) -> Floats:
    """Return squared distances (b, c) from terms (b, q) to candidates (c, q), in the errors' metric."""
    if cov is None:
        cov = np.ones(terms.shape)
    if cov.ndim == 2:
        inverse = 1 / np.maximum(cov, 1e-12 * cov.max(axis=1, keepdims=True) + np.finfo(float).tiny)
        square = inverse @ (candidates**2).T - 2 * (terms * inverse) @ candidates.T
        return np.asarray(square + (terms**2 * inverse).sum(axis=1)[:, None])
    offset = candidates[None, :, :] - terms[:, None, :]
    return np.asarray(np.einsum("bcq,bqr,bcr->bc", offset, _precision(cov), offset, optimize=True))
