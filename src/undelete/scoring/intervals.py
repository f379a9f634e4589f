"""Intervals beside rates, so that nobody reads luck as leakage."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, norm


def wilson(successes: float, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's interval for a proportion.

    Source: Wilson (1927), doi:10.1080/01621459.1927.10502953. NaN for no trials.

    Examples
    --------
    >>> tuple(round(bound, 4) for bound in wilson(8, 10))
    (0.4902, 0.9433)
    """
    if trials == 0:
        return float("nan"), float("nan")
    z = float(norm.ppf(0.5 + level / 2))
    rate, spread = successes / trials, z * z / trials
    centre = rate + spread / 2
    half = z * np.sqrt(rate * (1 - rate) / trials + spread / (4 * trials))
    low = 0.0 if successes == 0 else float((centre - half) / (1 + spread))
    return low, 1.0 if successes == trials else float((centre + half) / (1 + spread))


def beyond_luck(right: NDArray[np.bool_], guess: NDArray[np.float64], level: float = 0.95) -> NDArray[np.bool_]:
    """Return for each of several columns (c,) whether more answers are right (b, c) than guesses would be by luck.

    Parameters
    ----------
    right : array (b, c)
        One row a deletion.
    guess : array (c,)
        How often a guess is right.
    level : float
        Of all columns together: by Bonferroni, each is held to its share of the risk.

    Examples
    --------
    >>> right = np.arange(11)[:, None] < [7, 10]  # seven of eleven right, and ten
    >>> beyond_luck(right, np.array([0.4, 0.4])).tolist()
    [False, True]
    """
    tail = binom.sf(right.sum(axis=0) - 1, len(right), guess)
    return np.asarray(tail <= (1 - level) / right.shape[1])


def mean_interval(
    values: NDArray[np.float64], rng: np.random.Generator, level: float = 0.95, draws: int = 2000
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of a mean; NaN for fewer than two values.

    Parameters
    ----------
    values : array (b,)
        One number a deletion; for a lift, the paired differences.
    rng : numpy.random.Generator
        Draws the resamples.
    level : float
        Coverage.
    draws : int
        Resamples.
    """
    values = values[np.isfinite(values)]
    if len(values) < 2:
        return float("nan"), float("nan")
    # resampling counts instead of rows: the same means from one product, in bounded memory
    means = np.empty(draws)
    for start in range(0, draws, 200):
        counts = rng.multinomial(len(values), np.full(len(values), 1 / len(values)), size=min(200, draws - start))
        means[start : start + len(counts)] = counts @ values / len(values)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def nested_interval(
    splits: Sequence[NDArray[np.float64]],
    statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    rng: np.random.Generator,
    level: float = 0.95,
    draws: int = 500,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return percentile bootstrap intervals (k,), (k,) of statistics of deletions that were played on several splits.

    All deletions of a split share its error of the public Hessian, so splits are resampled first, and the deletions
    within each. Of few splits the interval is too narrow; of a single one it is that split's own.

    Parameters
    ----------
    splits : sequence of array (b, ...)
        One row a deletion.
    statistic : callable
        Of all rows of all splits, one below the other: k numbers. The interval of one that is NaN is NaN.
    rng : numpy.random.Generator
        Draws the resamples.
    level : float
        Coverage.
    draws : int
        Resamples.
    """
    found = []
    for _ in range(draws):
        chosen = [splits[k] for k in rng.integers(len(splits), size=len(splits))]
        resampled = [rows[rng.integers(len(rows), size=len(rows))] for rows in chosen]
        found.append(statistic(np.concatenate(resampled)))
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high
