"""Whether an attack is right as often as it says: reliability, its error, and the records it is surest of.

A deletion without a confidence (nothing came back) is in none of these.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undelete.maths.arrays import Floats
from undelete.scoring.intervals import wilson

BINS = 10
SUREST = 0.1  # share of the deletions that counts as those it is surest of


@dataclass(frozen=True)
class Bin:
    """Deletions of about one confidence: how many, its mean, and the share right with Wilson's interval."""

    n: int
    confidence: float
    right: float
    low: float
    high: float


def reliability(confidence: Floats, right: Floats, bins: int = BINS) -> list[Bin]:
    """Return the bins of equal width that have a deletion in them, in rising confidence.

    Parameters
    ----------
    confidence : array (b,)
        Probability that the whole record is right; NaN is left out.
    right : array (b,)
        1 where it was, else 0.
    bins : int
        Of equal width between 0 and 1.
    """
    known = np.isfinite(confidence) & np.isfinite(right)
    sure, hit = confidence[known], right[known]
    place = np.minimum((sure * bins).astype(int), bins - 1)
    found = []
    for k in np.unique(place):
        inside = place == k
        hits, n = float(hit[inside].sum()), int(inside.sum())
        found.append(Bin(n, float(sure[inside].mean()), hits / n, *wilson(hits, n)))
    return found


def calibration_error(confidence: Floats, right: Floats, bins: int = BINS) -> float:
    """Return the expected calibration error: the mean over deletions of |share right - confidence| of their bin.

    Luck alone makes it positive: about 0.8 sqrt(p (1 - p) bins / b) for b deletions spread over the bins, so up to .06
    for 400. NaN without a confidence. Source: Naeini, Cooper and Hauskrecht (2015), doi:10.1609/aaai.v29i1.9602.

    Examples
    --------
    >>> round(calibration_error(np.array([0.9, 0.9, 0.1]), np.array([1.0, 0.0, 0.0])), 3)
    0.3
    """
    found = reliability(confidence, right, bins)
    total = sum(one.n for one in found)
    return sum(one.n * abs(one.right - one.confidence) for one in found) / total if total else float("nan")


def surest(confidence: Floats, right: Floats, share: float = SUREST) -> float:
    """Return the share right among the most confident tenth (at least one deletion); NaN without a confidence."""
    ranked = by_confidence(confidence, right)
    return float(ranked[max(1, round(share * len(ranked))) - 1]) if len(ranked) else float("nan")


def by_confidence(confidence: Floats, right: Floats) -> Floats:
    """Return the share right among the k surest deletions, for k from 1 to all that have a confidence.

    Equal confidences count alike: each takes the mean of those it is tied with.
    """
    known = np.isfinite(confidence) & np.isfinite(right)
    values, place, counts = np.unique(-confidence[known], return_inverse=True, return_counts=True)
    means = np.bincount(place, weights=right[known], minlength=len(values)) / np.maximum(counts, 1)
    return np.asarray(np.cumsum(np.repeat(means, counts)) / np.arange(1, known.sum() + 1))
