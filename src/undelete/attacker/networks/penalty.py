"""With which penalty is an old model the optimum of data like the public data? maths (54).

At the optimum the private records' mean gradient is minus the penalty's, c u with u = l2 theta / n as it was named and
c = 1. The public records' mean gradient is that within sampling, and but for what fitting took from the private
records alone: of their gradient the mean of H_i F^-1 g_i / n, F the second moment of gradients with the penalty.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from undelete.attacker.networks.estimate import floored
from undelete.maths.arrays import Floats
from undelete.release.networks import NetworkRelease
from undelete.release.release import Release

_TINY = 1e-6  # of the mean eigenvalue of F: dead units take nothing
_FLOOR = 1e-2  # of the mean eigenvalue of the gradients' covariance: directions known better than that rest on few
_MOST = 2_000  # parameters of a head that are compared, of outputs evenly taken where there are more
_NUMBERS = 20_000_000  # of their gradients


@dataclass(frozen=True)
class ToldPenalty:
    """How many times the named penalty the old model has; where none was named, how large the penalty of all is.

    Parameters
    ----------
    value, error : float
        The number of times, or l2 of the summed objective, and its standard error.
    named : bool
        Which of the two.
    """

    value: float
    error: float
    named: bool

    @property
    def off(self) -> float:
        """By how many standard errors it is not what was named."""
        return abs(self.value - self.named) / self.error


def told_penalty(
    own: Floats, bent: Callable[[Floats], Floats], theta: Floats, l2: Floats, n: int
) -> ToldPenalty | None:
    """Return the penalty of an old model by generalised least squares; None where its parameters are zero.

    Parameters
    ----------
    own : array (m, p)
        The public records' own gradients at the old model.
    bent : callable
        From directions (m, p) to each record's Hessian times its own direction (m, p).
    theta, l2 : arrays (p,)
        The old parameters, and the penalty that was named of each, of the summed objective.
    n : int
        Number of training records.

    Notes
    -----
    What fitting took is to first order in 1 / n, and counts in full as an error too; of further orders the share of
    the records that the parameters take up does, tr(F^-1 g'g / m) / n. Cost 3 m p^2 + p^3 flops.
    """
    m, named = len(own), bool(l2.any())
    pull = (l2 if named else np.ones_like(theta)) * theta / n
    moment = np.cov(own.T, bias=True).reshape(own.shape[1], -1)
    fitted = cho_factor(floored(moment + np.diag(l2 / n), _TINY))
    taken = bent(cho_solve(fitted, own.T).T).mean(axis=0) / n
    weight = cho_solve(cho_factor(floored(moment * (1 / m + 1 / n), _FLOOR)), pull)
    size = float(pull @ weight)
    if not size > 0:
        return None
    correction = float(weight @ taken) / size
    value = correction - float(weight @ own.mean(axis=0)) / size
    further = float(np.trace(cho_solve(fitted, moment))) / n * max(abs(value), float(named))
    return ToldPenalty(value, float(np.sqrt(1 / size + correction**2 + further**2)), named)


def network_penalty(release: NetworkRelease, own: Floats) -> ToldPenalty | None:
    """Return the same of an old network, with the gradients (m, p) of its public records; None of noised ones."""
    if not release.optimal or release.error is not None:
        return None
    along = partial(release.network.gradients_along, release.theta_before, release.X_public, release.Y_network)
    return told_penalty(own, along, release.theta_before, release.penalty_before, release.n)


def head_penalty(release: Release) -> ToldPenalty | None:
    """Return the same of a linear model, by as many outputs and records as there is room for; None of noised ones."""
    if release.Y_public is None or release.l2 is None or release.noise is not None or release.n is None:
        return None
    d, k = release.W_before.shape
    if d > _MOST:
        return None
    outputs = np.unique(np.linspace(k - 1, 0, min(k, max(1, _MOST // d))).astype(np.int64))
    some = slice(None, None, -(-len(release.X_public) * d * len(outputs) // _NUMBERS))
    X, Y = release.X_public[some], release.Y_public[some]
    Z = release.predictions(release.W_before)[some]
    own = np.einsum("mi,mj->mij", X, release.loss.residual(Y, Z)[:, outputs]).reshape(len(X), -1)

    def bent(directions: Floats) -> Floats:
        moved = np.zeros_like(Z)
        moved[:, outputs] = np.einsum("mi,mij->mj", X, directions.reshape(len(X), d, -1))
        turned = release.loss.curvature_action(Y, Z, moved)[:, outputs]
        return np.asarray(np.einsum("mi,mj->mij", X, turned).reshape(len(X), -1))

    l2 = np.broadcast_to(np.reshape(release.l2, (d, -1)), (d, k))[:, outputs]
    return told_penalty(own, bent, release.W_before[:, outputs].ravel(), l2.ravel(), release.n)
