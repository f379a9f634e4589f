"""Are the public records like the training records? What a fitted scaler says of these, compared and made use of.

A StandardScaler stores each column's mean and variance over the training records. Public records of another population
differ there by more than sampling, and then the Hessian of (10), a mean over them, is off by more than its error bars
say. Of such records a part is kept that together has the stored means and variances. What they differ in besides,
nobody stores; matching the means alone leaves the variances off by a factor, and error bars grow by its fourth root.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp, softmax
from scipy.stats import chi2

from undelete.adapters.model import LinearModel
from undelete.adapters.stored.statistic import Moments
from undelete.maths.arrays import Flags, Floats

UNLIKELY = 1e-3  # probability of a difference under which it counts as more than sampling
_PER_STATISTIC = 10  # public records for each compared mean and variance under which there is nothing to compare
_MOST = 100  # columns compared: the first ones
_CARRIERS = 100.0  # records that a statistic's standard error must rest on
_VARIES = 1e-6  # deviation under which a statistic of standardised numbers is the same for all: a square of two values
_CUT = 6.0  # deviations at which a column's number counts in a weight no further
_DEPENDENT = 0.01  # of a statistic's variance: added, so that what depends on others in public alone counts little
_RIDGE = 1e-3  # of a weight's exponents
_HEAVIEST = 0.98  # quantile of the weights from which on a record is kept surely


@dataclass(frozen=True, eq=False)
class Alike:
    """The public records to go on with.

    Parameters
    ----------
    kept : array (m,) of int, or None
        Their rows; None: all.
    unlike : float
        By what the covariance of the estimated gradient is to be multiplied, at least 1.
    notes : tuple of str
        What a reader should know, in a sentence.
    """

    kept: NDArray[np.int64] | None = None
    unlike: float = 1.0
    notes: tuple[str, ...] = ()


def alike(model: LinearModel, table: pd.DataFrame, n: int | None, *, draw: bool = True, seed: int = 0) -> Alike:
    """Compare public records with what the old model's file says of its training records.

    Parameters
    ----------
    model : LinearModel
        The old model, with what its steps store.
    table : DataFrame (m, columns)
        The public records, raw.
    n : int or None
        Number of training records.
    draw : bool
        Whether a part of the records may be kept; otherwise all are, and error bars alone are widened.
    seed : int
        Of the draw of those that are kept.

    Returns
    -------
    Alike
        All records and no widening where nothing is stored, too few records are there, or the difference is what
        sampling makes.

    Notes
    -----
    With f the columns' (x - mean) / deviation and their squares less 1, of which the training records' mean is 0, and
    e the public mean of f, e' (Cov(f) (1/m + 1/n))^-1 e is about chi-squared. Weights are exp(f t), of all weights
    with these moments those nearest to even ones; a record stays with a probability in proportion to its weight, so
    that the kept ones are different people, independent of each other. Cost O(m columns^2).
    """
    m = len(table)
    if m < _PER_STATISTIC:
        return Alike()
    names, first, second = _statistics(model, table, n)
    count = first.shape[1] + second.shape[1]
    if not names or m < _PER_STATISTIC * count:
        return Alike()
    off, unlikely = _off(np.hstack([first, second]), n)
    if not unlikely:
        return Alike()
    told = (
        "The public records are not like the training records, by the means and variances that the old model's scaler "
        f"stores ({_most(names, first)}): the difference is {np.sqrt(off):,.2g} times what sampling makes"
    )
    wide = Alike(unlike=off, notes=(f"{told}. Error bars are widened by that; bring records of this population.",))
    if not draw:
        return wide
    rng = np.random.default_rng(seed)
    cut = np.clip(first, -_CUT, _CUT), np.minimum(second, _CUT**2)
    means = _kept(cut[0], rng)
    both = _kept(np.hstack(cut), rng)
    unmatched = _off(second[means], n)[0] if second.shape[1] and means.sum() > _PER_STATISTIC * count else off
    left, still = _off(np.hstack([first, second])[both], n) if both.sum() > _PER_STATISTIC * count else (off, True)
    unmatched = max(float(np.sqrt(unmatched)), left if still else 1.0, 1.0)
    sampling = [1 / size + 1 / (n or m) for size in (m, max(int(both.sum()), 1))]
    if both.sum() < _PER_STATISTIC * table.shape[1] or unmatched * sampling[1] >= off * sampling[0]:
        return wide
    kept = np.flatnonzero(both)
    bars = f", and error bars are {np.sqrt(unmatched):.2g} times as wide" if unmatched > 1 else ""
    note = (
        f"{told}. {len(kept):,} of {m:,} are used, which together have those means and variances{bars}; records of "
        "this population would do better."
    )
    return Alike(kept, unmatched, (note,))


def _statistics(model: LinearModel, table: pd.DataFrame, n: int | None) -> tuple[list[str], Floats, Floats]:
    """Return columns whose moments are stored, their standardised numbers, and squares less 1 where they can tell."""
    names, first, second = [], [], []
    for one, x in _columns(model, table, n):
        known = np.isfinite(one.variance) and one.variance > 0
        spread = float(np.sqrt(one.variance)) if known else float(x.std())
        if not (spread > 0 and np.isfinite(x).all() and np.isfinite(one.mean)):
            continue
        z = (x - one.mean) / spread
        if not _carried(z):
            continue
        names.append(str(one.feature.column))
        first.append(z)
        if known and one.feature.category is None and _carried(z**2 - 1):
            second.append(z**2 - 1)
        if len(names) == _MOST:
            break
    empty = np.empty((len(table), 0))
    return names, np.stack(first, axis=1) if first else empty, np.stack(second, axis=1) if second else empty


def _columns(model: LinearModel, table: pd.DataFrame, n: int | None) -> Iterator[tuple[Moments, Floats]]:
    """Yield each stored mean over the training records with the public records' numbers in that column."""
    seen = set()
    for one in model.stored:
        if not isinstance(one, Moments) or one.group or one.feature.column not in table.columns:
            continue
        cells, feature = table[one.feature.column], one.feature
        gaps = cells.isna().any()
        if one.feature.label in seen or feature.codes is not None or (gaps and len(feature.fills) != 1):
            continue
        if n is not None and one.n is not None and not (one.n == n or (one.n < n and gaps)):
            continue  # fitted on other records than the model
        if feature.category is not None:
            x = (cells.where(~cells.isna(), feature.fills[0]) if gaps else cells) == feature.category
        elif pd.api.types.is_numeric_dtype(cells):
            x = cells.fillna(feature.fills[0]) if gaps else cells
        else:
            continue
        seen.add(one.feature.label)
        yield one, x.to_numpy(dtype=float)


def _carried(f: Floats) -> bool:
    """Return whether a statistic's standard error rests on enough records to be one."""
    centred = (f - f.mean()) ** 2
    return bool(np.sqrt(centred.mean()) > _VARIES and centred.sum() ** 2 >= _CARRIERS * (centred**2).sum())


def _off(f: Floats, n: int | None) -> tuple[float, bool]:
    """Return the mean square of statistics (m, p) whose expectation is 0, in sampling errors, and if it is unlikely."""
    m, spread = len(f), f.std(axis=0)
    f = (f / np.where(spread > _VARIES, spread, 1.0))[:, spread > _VARIES]
    if not f.shape[1]:
        return 1.0, False
    spread = np.atleast_2d(np.cov(f.T, bias=True)) + _DEPENDENT * np.eye(f.shape[1])
    e = f.mean(axis=0)
    square = float(e @ np.linalg.solve(spread, e)) / (1 / m + 1 / (n or m))
    return square / len(e), bool(chi2.sf(square, len(e)) < UNLIKELY)


def _kept(f: Floats, rng: np.random.Generator) -> Flags:
    """Draw the records (m,) that stay, by weights exp(f t) under which statistics (m, p) have the mean 0."""
    f = f / np.maximum(f.std(axis=0), _VARIES)

    def balance(t: Floats) -> tuple[float, Floats]:
        z = f @ t
        return float(logsumexp(z) + _RIDGE * t @ t / 2), softmax(z) @ f + _RIDGE * t

    found = minimize(balance, np.zeros(f.shape[1]), jac=True, method="L-BFGS-B")
    weight = softmax(f @ found.x)
    return np.asarray(rng.random(len(f)) * np.quantile(weight, _HEAVIEST) < weight)


def _most(names: list[str], first: Floats) -> str:
    """Return the three columns that differ most, in words."""
    order = np.argsort(-np.abs(first.mean(axis=0) / first.std(axis=0)))[:3]
    return ", ".join(f"{names[j]} by {first[:, j].mean():+.2f} deviations" for j in order)
