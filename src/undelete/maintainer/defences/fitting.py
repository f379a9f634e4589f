"""What defences share: fits as exact as a proof needs, draws, and a penalty that is chosen on public records."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from undelete.errors import InputError
from undelete.maintainer.defences.defence import Private, Protected
from undelete.maintainer.fit import fit, unsettled
from undelete.maths.arrays import Floats
from undelete.maths.objective import Objective
from undelete.release.protection import Noise

EXACT = 1e-12
"""Gradient a record, in units of the most that one adds, to which a proof's minimum is reached: rounding is far below.
"""
_JUDGED = 10_000  # public records on which a setting is chosen
_SPREADS = 5  # draws of the noise by which a setting is judged on public records
PENALTIES = tuple(float(x) for x in np.logspace(-4, 1, 11))
"""A record's, among which one is chosen."""
WEIGHTED = "records have weights, by which one of them may count for many"


def gaussian(covariance: Floats, count: int, rng: np.random.Generator) -> Floats:
    """Return draws (count, d, k) of normal noise with covariances (k, d, d)."""
    drawn = []
    for C in covariance:
        values, vectors = np.linalg.eigh((C + C.T) / 2)
        half = vectors * np.sqrt(np.maximum(values, 0.0))
        drawn.append(rng.standard_normal((count, len(C))) @ half.T)
    return np.stack(drawn, axis=2)


def noisy(W: Floats, W_after: Floats, l2: Floats, noise: Noise, hessian: Floats, rng: np.random.Generator) -> Protected:
    """Return models with fresh noise added to each."""
    covariance = noise.covariance(hessian, W)
    drawn = gaussian(covariance, 1 + len(W_after), rng)
    return Protected(
        W + drawn[0], W_after + drawn[1:], W, l2, noise, lambda again: (W + gaussian(covariance, 1, again)[0], l2)
    )


def refitted(objective: Objective, start: Floats, has_constant: bool, tol: float = 1e-10) -> Floats:
    """Return an objective's minimiser (d, k); InputError where it does not converge."""
    found = fit(objective, start=start, has_constant=has_constant, tol=tol)
    if not found.converged:
        raise InputError(
            f"a defence's model does not converge (gradient {found.gradient_norm:.1e} per record after "
            f"{found.iterations} steps): {unsettled(objective)}"
        )
    return np.asarray(found.W, dtype=np.float64)


def minimum(objective: Objective, start: Floats, private: Private) -> Floats:
    """Return a minimiser (d, k) whose gradient is as small as a proof says; InputError where it is not."""
    most = float(np.linalg.norm(np.asarray(objective.unit) / private.unit[:, None]))  # a gradient of one unit each
    W = refitted(objective, start, private.has_constant, tol=EXACT * private.bound / most)
    gradient = float(np.linalg.norm(np.asarray(objective.gradient(W)) / private.unit[:, None]))
    if not gradient <= EXACT * private.bound * objective.n:
        raise InputError(
            f"a minimum is reached to a gradient of {gradient:.1e}, and its proof needs "
            f"{EXACT * private.bound * objective.n:.1e}: scale the features alike"
        )
    return W


def even(private: Private, share: float) -> Floats:
    """Return a penalty (d,) of every parameter alike, in units, that is `share` a record."""
    return np.asarray(share * private.objective.n * private.unit**2)


def best_on_public(private: Private, noise: Callable[[float], Noise | None]) -> float:
    """Return the penalty a record that predicts public records best with its noise; it sees no private record.

    Parameters
    ----------
    private : Private
        Its public records, and the number of private ones.
    noise : callable
        From the penalty to the noise that it takes; None where none suffices.

    Raises
    ------
    InputError
        Where none of the penalties will do.
    """
    rng, few = np.random.default_rng(0), np.arange(min(_JUDGED, len(private.X_public)))
    start = np.zeros_like(private.W)
    whole = private.public_objective(np.zeros(len(private.unit))).take(few)
    share_of = private.objective.n / whole.n  # each stands for so many private ones
    clipped = dataclasses.replace(whole, X=private.clipped(whole.X), weights=np.full(whole.n, share_of))
    plain = dataclasses.replace(whole, weights=None)
    best, least = 0.0, np.inf
    for share in PENALTIES:
        law = noise(share)
        if law is None:
            continue
        objective = dataclasses.replace(clipped, l2=even(private, share))
        start = refitted(objective, start, private.has_constant)
        spread = gaussian(law.covariance(private.hessian(objective, start), start), _SPREADS, rng)
        loss = float(np.mean([plain.value(start + one) for one in spread]))
        if loss < least:
            best, least = share, loss
    if not best:
        raise InputError(f"{private.objective.n:,} records are too few for so strong a proof with any penalty")
    return best
