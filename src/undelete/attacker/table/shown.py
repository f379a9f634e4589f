"""What of a posterior over whole records is shown: one record, each column's probability, and ranges, maths (13).

The record that is shown has the largest sum of two chances: that all of it is right, and that a column of it is. Where
one record holds much of the probability it is that one; where millions share it, each column has its own most probable
value, which is right more often than in any one of the millions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import erf, ndtri

from undelete.attacker.table.atoms import Atoms
from undelete.attacker.table.columns import read_off
from undelete.attacker.table.whole_record import Posterior
from undelete.maths.arrays import Floats, Indices
from undelete.release.columns import CONTINUOUS_TOLERANCE, Column
from undelete.release.reconstruction import WITHIN

CANDIDATES = 3  # values of a column that are named with their probabilities
INSIDE = 0.95  # probability inside a range, at least
_SLICES = 200  # into which a number that lies on no atom is cut for its range
_ROUNDING = 1e-9  # of sums of probabilities


@dataclass(frozen=True, eq=False)
class Shown:
    """One deleted record as it is shown, its columns in the search's order.

    Parameters
    ----------
    codes : array (columns,) of int
        The record.
    probability : array (columns,)
        That each value is right.
    whole : float
        That all are.
    point : array (p,)
        Where the record lies in the likelihood's coordinates.
    misfit : float
        Its squared distance from the likelihood's mean.
    candidates, candidate_probability : arrays (columns, 3)
        The likeliest values of each column and their probabilities; -1 and NaN for none.
    spread : float
        Standard deviation of how many of the values are right: of columns that follow from one another all or none.
    """

    codes: Indices
    probability: Floats
    whole: float
    point: Floats
    misfit: float
    candidates: Indices
    candidate_probability: Floats
    spread: float


def shown(posterior: Posterior, alike: Sequence[Indices]) -> Shown:
    """Return the record to show, and how sure each of its values is.

    Parameters
    ----------
    posterior : Posterior
        Of one deletion.
    alike : sequence of arrays (c,)
        `Column.alike` of each column, in the search's order.
    """
    each = [  # of every value, the several ways to fill a missing cell apart
        np.bincount(codes, weights=posterior.weight, minlength=len(same))
        for codes, same in zip(posterior.codes.T, alike, strict=True)
    ]
    shares = [
        np.bincount(same, weights=share, minlength=len(same))[same] for share, same in zip(each, alike, strict=True)
    ]
    mean = np.mean([share[codes] for share, codes in zip(shares, posterior.codes.T, strict=True)], axis=0)
    best = int(np.argmax(posterior.probability + mean))
    codes, whole = posterior.codes[best], float(posterior.probability[best])
    point, misfit = posterior.points[best], float(posterior.misfit[best])
    likeliest = np.array([int(np.lexsort((-own, -share))[0]) for own, share in zip(each, shares, strict=True)])
    if (likeliest != codes).any():
        own = posterior.of(likeliest)
        if own[0] + np.mean([share.max() for share in shares]) > whole + mean[best]:
            codes, (whole, point, misfit) = likeliest, own
    candidates = np.full((len(alike), CANDIDATES), -1)
    chances = np.full((len(alike), CANDIDATES), np.nan)
    for j, share in enumerate(shares):
        share = np.where(alike[j] == np.arange(len(share)), share, 0.0)
        top = np.argsort(-share, kind="stable")[:CANDIDATES]
        top = top[share[top] > 0]
        candidates[j, : len(top)], chances[j, : len(top)] = top, share[top]
    probability = np.array([share[code] for share, code in zip(shares, codes, strict=True)])
    told = np.array([same[code] for same, code in zip(alike, codes, strict=True)])
    right = np.column_stack([same[own] for same, own in zip(alike, posterior.codes.T, strict=True)]) == told
    if any((same != np.arange(len(same))).any() for same in alike):  # the record, however its cells were filled
        whole = max(whole, float(posterior.weight[right.all(axis=1)].sum()))
    codes, hits = told, right.sum(axis=1)
    spread = float(np.sqrt(posterior.weight @ (hits - posterior.weight @ hits) ** 2))
    # no whole record is surer than its least sure column
    whole = min(whole, float(probability.min()))
    return Shown(codes, probability, whole, point, misfit, candidates, chances, spread)


def number_range(column: Column, codes: Indices, weight: Floats) -> tuple[float, tuple[float, float, float]]:
    """Return a number's standard deviation, and the ends and the probability of the range that holds it.

    Parameters
    ----------
    column : Column
        Of numbers on a lattice.
    codes, weight : arrays (r,)
        Their values in some records, and the records' shares.
    """
    values = column.values.astype(float)
    there = np.isfinite(values)  # a missing cell is no number
    values, share = values[there], np.bincount(codes, weights=weight, minlength=len(there))[there]
    if share.sum() == 0:
        return float("nan"), (float("nan"), float("nan"), float("nan"))
    share /= share.sum()
    return float(np.sqrt(max(share @ (values - share @ values) ** 2, 0.0))), shortest(values, share)


def shortest(values: Floats, share: Floats) -> tuple[float, float, float]:
    """Return the ends of the shortest range that holds at least .95, and what it holds.

    Between two values there is nowhere to end, so on a lattice it may hold much more.

    Parameters
    ----------
    values, share : arrays (c,)
        In rising order, and their probabilities, which sum to one.

    Examples
    --------
    >>> shortest(np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.01, 0.96, 0.02, 0.01]))
    (1.0, 1.0, 0.96)
    """
    below = np.concatenate([[0.0], np.cumsum(share)])
    ends = np.searchsorted(below, below[:-1] + min(INSIDE, float(below[-1])) - _ROUNDING)  # first past each start's
    possible = np.flatnonzero(ends < len(below))
    last = ends[possible] - 1
    held = below[last + 1] - below[possible]
    best = int(np.lexsort((-held, values[last] - values[possible]))[0])
    return float(values[possible[best]]), float(values[last[best]]), float(held[best])


@dataclass(frozen=True)
class Number:
    """What is known of one continuous column: its value, error, the probability that it is right, and a range's."""

    value: float
    error: float
    probability: float
    low: float
    high: float
    held: float = INSIDE


def read(column: Column, points: Floats, weight: Floats, covariance: Floats) -> Number:
    """Return what is known of a continuous column of which no value is common.

    Parameters
    ----------
    column : Column
        Which one.
    points : array (r, p)
        Records that stand for all.
    weight : array (r,)
        Their shares.
    covariance : array (p, p)
        Of a point's error.
    """
    terms = points @ column.projection
    middle = weight @ terms / weight.sum()
    between = (terms - middle).T @ (weight[:, None] * (terms - middle)) / weight.sum()
    within = column.projection.T @ covariance @ column.projection
    value, error = (float(a[0]) for a in read_off(column, middle[None], (within + between)[None]))
    value = min(max(value, column.least), column.greatest)
    width = CONTINUOUS_TOLERANCE * column.spread
    right = 1.0 if error == 0 else float(erf(width / error / np.sqrt(2)))
    return Number(value, error, right, value - WITHIN * error, value + WITHIN * error)


def read_mixed(atoms: Atoms, chances: Floats, points: Floats, weight: Floats, covariance: Floats) -> tuple[Number, int]:
    """Return what is known of a column with atoms, and the position of the one that is shown; -1 for none.

    Parameters
    ----------
    atoms : Atoms
        Of the column.
    chances : array (r, a + 1)
        Of each record.
    points, weight, covariance : arrays
        As of `read`.
    """
    column, share = atoms.column, weight @ chances
    rest = read(column, points, weight * chances[:, -1] + np.finfo(float).tiny, covariance)
    best, off = int(share[:-1].argmax()), float(share[-1])
    cut = np.clip(rest.value + rest.error * ndtri((np.arange(_SLICES) + 0.5) / _SLICES), column.least, column.greatest)
    values = np.concatenate([atoms.values, cut])
    each = np.concatenate([share[:-1], np.full(_SLICES, off / _SLICES)])
    order = np.argsort(values, kind="stable")
    low, high, held = shortest(values[order], each[order])
    error = float(np.sqrt(max(each @ (values - each @ values) ** 2, 0.0)))
    if share[best] < off * rest.probability:
        return Number(rest.value, error, off * rest.probability, low, high, held), -1
    return Number(float(atoms.values[best]), error, float(share[best]), low, high, held), best


def moved(point: Floats, covariance: Floats, shown: Sequence[tuple[Atoms, int]]) -> Floats:
    """Return where a record lies (p,) if its numbers are the atoms shown; the rest follows."""
    at = [(atoms, k) for atoms, k in shown if k >= 0]
    if not at:
        return point
    P = np.column_stack([atoms.column.projection[:, 0] for atoms, _ in at])
    wanted = np.array([atoms.terms[k] for atoms, k in at])
    S = P.T @ covariance @ P + np.diag([atoms.floor for atoms, _ in at])
    return np.asarray(point + covariance @ P @ np.linalg.solve(S, wanted - point @ P))
