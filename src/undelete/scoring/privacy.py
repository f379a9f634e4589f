"""The least epsilon that a game contradicts: a claim of differential privacy, tested from outside.

Somebody who knows everything but whether one record was there plays many times, with it and without it, and guesses
from what is released. (epsilon, delta) privacy bounds every such guess (Kairouz, Oh and Viswanath 2015):

    1 - (misses) <= e^epsilon (false alarms) + delta,        and likewise with the two changed.

Upper Clopper-Pearson ends of both rates turn what was seen into a lower bound of epsilon (Jagielski, Ullman and Oprea
2020).
"""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import beta

from undelete.maths.arrays import Floats


def epsilon_seen(with_record: Floats, without: Floats, delta: float, level: float = 0.99) -> float:
    """Return the least epsilon that two samples of a statistic are consistent with, with probability `level`.

    Parameters
    ----------
    with_record, without : arrays (plays,)
        The statistic, larger where the record is thought to be there. The threshold is chosen on the first half of
        each, and the rates are counted on the second.
    delta : float
        Of the claim.
    level : float
        Confidence.
    """
    a, b = (np.asarray(x)[: len(x) // 2] for x in (with_record, without))
    threshold = max(np.quantile(b, np.linspace(0.5, 0.999, 60)), key=lambda t: _bound(a, b, t, delta, 0.5))
    c, d = (np.asarray(x)[len(x) // 2 :] for x in (with_record, without))
    return max(0.0, _bound(c, d, threshold, delta, level))


def _bound(with_record: Floats, without: Floats, threshold: float, delta: float, level: float) -> float:
    share = 1 - (1 - level) / 2
    caught, alarms = int((with_record > threshold).sum()), int((without > threshold).sum())
    hits = float(beta.ppf(1 - share, caught, len(with_record) - caught + 1)) if caught else 0.0
    false = float(beta.ppf(share, alarms + 1, len(without) - alarms)) if alarms < len(without) else 1.0
    return math.log((hits - delta) / false) if hits > delta else -math.inf
