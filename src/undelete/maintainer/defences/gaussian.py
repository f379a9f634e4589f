"""The analytic Gaussian mechanism, and how often it may be used.

Balle and Wang, Improving the Gaussian Mechanism for Differential Privacy (2018), Theorem 8: noise of deviation sigma on
a value that one person moves by at most Delta is (epsilon, delta) private exactly where

    Phi(Delta / 2 sigma - epsilon sigma / Delta) - e^epsilon Phi(-Delta / 2 sigma - epsilon sigma / Delta) <= delta.

Only mu = Delta / sigma counts, and mus of several releases add up in squares (Dong, Roth and Su, Gaussian Differential
Privacy, 2019, Corollary 3.3).
"""

from __future__ import annotations

import math

from scipy.optimize import brentq
from scipy.special import log_ndtr, ndtr

_LEAST, _MOST = 1e-8, 1e4  # of mu and of epsilon


def delta_of(mu: float, epsilon: float) -> float:
    """Return the least delta at which noise of deviation Delta / mu is (epsilon, delta) private."""
    far = math.exp(min(epsilon + float(log_ndtr(-mu / 2 - epsilon / mu)), 0.0))
    return float(ndtr(mu / 2 - epsilon / mu)) - far


def mu_of(epsilon: float, delta: float) -> float:
    """Return the largest mu = Delta / sigma that is (epsilon, delta) private."""
    return math.exp(brentq(lambda x: delta_of(math.exp(x), epsilon) - delta, math.log(_LEAST), math.log(_MOST)))


def epsilon_of(mu: float, delta: float) -> float:
    """Return the least epsilon at which noise of deviation Delta / mu is (epsilon, delta) private; 0 where any is."""
    if delta_of(mu, 0.0) <= delta:
        return 0.0
    return float(brentq(lambda e: delta_of(mu, e) - delta, 0.0, _MOST))


def composed(mu: float, releases: int) -> float:
    """Return the mu of so many releases of the same people, each with fresh noise."""
    return mu * math.sqrt(releases)
