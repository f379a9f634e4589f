"""What of a posterior over whole records is shown: one record, each column's probability, and ranges, maths (13).

The record that is shown has the largest sum of two chances: that all of it is right, and that a column of it is. Where
one record holds much of the probability it is that one; where millions share it, each column has its own most probable
value, which is right more often than in any one of the millions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undelete.attacker.prior import Indices
from undelete.attacker.whole_record import Posterior
from undelete.release import Column, Floats

CANDIDATES = 3  # values of a column that are named with their probabilities
OUTSIDE = 0.05  # probability outside a range, half of it on either side


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
    """

    codes: Indices
    probability: Floats
    whole: float
    point: Floats
    misfit: float
    candidates: Indices
    candidate_probability: Floats


def shown(posterior: Posterior, sizes: list[int]) -> Shown:
    """Return the record to show, and how sure each of its values is.

    Parameters
    ----------
    posterior : Posterior
        Of one deletion.
    sizes : list of int
        Number of values of each column, in the search's order.
    """
    shares = [
        np.bincount(codes, weights=posterior.weight, minlength=size)
        for codes, size in zip(posterior.codes.T, sizes, strict=True)
    ]
    columns = np.mean([share[codes] for share, codes in zip(shares, posterior.codes.T, strict=True)], axis=0)
    best = int(np.argmax(posterior.probability + columns))
    codes, whole = posterior.codes[best], float(posterior.probability[best])
    point, misfit = posterior.points[best], float(posterior.misfit[best])
    likeliest = np.array([share.argmax() for share in shares])
    if (likeliest != codes).any():
        own = posterior.of(likeliest)
        if own[0] + np.mean([share.max() for share in shares]) > whole + columns[best]:
            codes, (whole, point, misfit) = likeliest, own
    candidates = np.full((len(sizes), CANDIDATES), -1)
    chances = np.full((len(sizes), CANDIDATES), np.nan)
    for j, share in enumerate(shares):
        top = np.argsort(-share, kind="stable")[:CANDIDATES]
        top = top[share[top] > 0]
        candidates[j, : len(top)], chances[j, : len(top)] = top, share[top]
    probability = np.array([share[code] for share, code in zip(shares, codes, strict=True)])
    # no whole record is surer than its least sure column
    return Shown(codes, probability, min(whole, float(probability.min())), point, misfit, candidates, chances)


def number_range(column: Column, codes: Indices, weight: Floats) -> tuple[float, tuple[float, float]]:
    """Return a number's standard deviation and the range that holds it with probability .95.

    Parameters
    ----------
    column : Column
        Of numbers on a lattice.
    codes, weight : arrays (r,)
        Their values in some records, and the records' shares.
    """
    values = column.values.astype(float)
    there = np.isfinite(values)  # a missing cell is no number
    values, share = values[there], np.bincount(codes, weights=weight, minlength=len(values))[there]
    if share.sum() == 0:
        return float("nan"), (float("nan"), float("nan"))
    share /= share.sum()
    below = np.cumsum(share)
    low, high = (float(values[min(np.searchsorted(below, q), len(values) - 1)]) for q in (OUTSIDE / 2, 1 - OUTSIDE / 2))
    return float(np.sqrt(max(share @ (values - share @ values) ** 2, 0.0))), (low, high)
