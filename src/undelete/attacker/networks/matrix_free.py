"""The estimate of maths (22) for networks of many parameters: no record's gradient is formed.

(g'g + rho I) v = -l2 theta / n - mean g is solved by conjugate gradients, of which a step takes each record's
directional derivative g v, one pass forward, and the gradient of losses so weighed, one pass back. The weights
w = 1/m + g v then make the estimate with one more pass at each model. Memory is that of a batch.
"""

from __future__ import annotations

import numpy as np

from undelete.maths.arrays import Floats
from undelete.release.networks import NetworkRelease

_MOST = 500  # steps
_PROBES = 16  # of the mean eigenvalue


def public_weights(release: NetworkRelease, ridge: float, *, tol: float = 1e-10) -> Floats:
    """Return the weights (m,) that give the public records the private optimum, maths (22); they sum to about one.

    Parameters
    ----------
    release : NetworkRelease
        What the attacker sees.
    ridge : float
        rho, beside the mean eigenvalue of g'g.
    tol : float
        Of the residual's length beside the right side's.
    """
    network, theta = release.network, release.theta_before
    seen, m = (release.X_public, release.Y_network), len(release.X_public)
    mean = network.gradient(theta, *seen) / m
    right = -release.penalty_before * theta / release.n - mean
    rho = ridge * _mean_eigenvalue(release)
    v, r = np.zeros_like(right), right.copy()
    p, size = r.copy(), float(r @ r)
    goal = tol**2 * size
    for _ in range(_MOST):
        if size <= goal:
            break
        along = network.along(theta, *seen, p)
        Ap = network.gradient(theta, *seen, along) + rho * p
        step = size / float(p @ Ap)
        v, r = v + step * p, r - step * Ap
        new = float(r @ r)
        p, size = r + new / size * p, new
    return np.asarray(1 / m + network.along(theta, *seen, v))


def estimated(release: NetworkRelease, i: int, weights: Floats) -> Floats:
    """Return minus the gradient of deletion i (p,) from public records so weighed (m,)."""
    network, n = release.network, release.n
    before = network.gradient(release.theta_before, release.X_public, release.Y_network, weights)
    after = network.gradient(release.theta_after[i], release.X_later, release.Y_network, weights)
    share = release.penalty_before * release.theta_before - release.penalty_after * release.theta_after[i]
    return np.asarray((n - 1) * (before - after) + share)


def _mean_eigenvalue(release: NetworkRelease) -> float:
    """Return the mean eigenvalue of g'g: the sum of the squared lengths of all gradients, a parameter."""
    network, rng, p = release.network, np.random.default_rng(0), release.network.parameters
    found = 0.0
    for _ in range(_PROBES):  # E |g v|^2 = tr g'g for v of independent signs
        v = rng.choice([-1.0, 1.0], p)
        along = network.along(release.theta_before, release.X_public, release.Y_network, v)
        found += float(along @ along) / _PROBES
    return found / p
