"""Defences that add noise to the released parameters: fresh noise in each release."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from undelete.maintainer.defences.defence import Defence, Private, Protected, gaussian, refitted
from undelete.maintainer.defences.gaussian import mu_of
from undelete.maintainer.leave_one_out import retrain_without
from undelete.maths.arrays import Floats
from undelete.maths.losses import Logistic, Softmax, Squared
from undelete.maths.objective import Objective
from undelete.release.protection import Noise

_SPREADS = 5  # draws of the noise by which a setting is judged on public records
_PENALTIES = tuple(float(x) for x in np.logspace(-4, 0, 9))  # a record's, among which one is chosen


_WEIGHTED = "records have weights, by which one of them may count for many"


@dataclass(frozen=True)
class InstanceNoise(Defence):
    """Noise shaped like the changes that deletions make, scaled to the largest of those that were played."""

    name = "instance_noise"
    label = "Noise scaled to the deletions"
    unit = "as if epsilon"
    proof = "measured"
    source = "the Gaussian mechanism with a sensitivity measured on these records: no bound for others, so no proof"
    strengths: tuple[float, ...] = (300, 100, 30, 10, 3, 1)
    delta: float = 1e-6

    def protect(self, private: Private, strength: float, rng: np.random.Generator) -> Protected:
        """Add noise with covariance s^2 H^-1, s the largest change in the metric of H over mu(strength, delta)."""
        H = private.hessian(private.objective, private.W)
        moved = private.W_after - private.W
        largest = math.sqrt(max(np.einsum("bik,kij,bjk->b", moved, H, moved)))
        noise = Noise("hessian", largest / mu_of(strength, self.delta), tuple(private.unit))
        return _noisy(private.W, private.W_after, np.asarray(private.objective.l2), noise, H, rng)


@dataclass(frozen=True)
class OutputPerturbation(Defence):
    """Output perturbation: records clipped, a penalty on every parameter, noise for the most that one of them moves."""

    name = "output_perturbation"
    label = "DP: output perturbation"
    unit = "epsilon"
    proof = "proved"
    source = "Chaudhuri, Monteleoni and Sarwate (2011), Algorithm 1, with the noise of Balle and Wang (2018)"
    strengths: tuple[float, ...] = (30, 10, 3, 1, 0.3, 0.1)
    delta: float = 1e-6

    def refusal(self, private: Private) -> str:
        """Refuse losses whose gradient has no bound."""
        if private.objective.weights is not None:
            return _WEIGHTED
        bounded = isinstance(private.objective.loss, Logistic | Softmax)
        return "" if bounded else "the gradient of this loss has no bound that does not depend on the target"

    def protect(self, private: Private, strength: float, rng: np.random.Generator) -> Protected:
        """Fit clipped records with a penalty chosen on public ones, and add noise.

        Without one record the summed objective loses a term whose gradient is at most L R; it stays strongly convex
        with the penalty's modulus, so its minimiser moves by at most L R / penalty, in units of the features.
        """
        mu = mu_of(strength, self.delta)
        # of one class against the rest each output has a residual of up to 1; of softmax p - y is at most sqrt(2) long
        outputs = private.W.shape[1] if isinstance(private.objective.loss, Logistic) else 2
        lipschitz = math.sqrt(outputs)

        def deviation(share: float) -> float:
            return lipschitz * private.bound / (share * private.objective.n) / mu

        share = _best_on_public(private, deviation)
        clipped = dataclasses.replace(
            private.objective, X=private.clipped(private.objective.X), l2=_even(private, share)
        )
        W = refitted(clipped, private.W, private.has_constant)
        after = np.asarray(retrain_without(clipped, W, private.rows).W, dtype=np.float64)
        noise = Noise("isotropic", deviation(share), tuple(private.unit))
        proved = _noisy(W, after, np.asarray(clipped.l2), noise, private.hessian(clipped, W), rng)
        return dataclasses.replace(proved, epsilon=strength, delta=self.delta)


@dataclass(frozen=True)
class NoisyMoments(Defence):
    """Least squares from second moments with noise: records and targets clipped, everything after is free."""

    name = "noisy_moments"
    label = "DP: noisy moments"
    unit = "epsilon"
    proof = "proved"
    source = (
        "sufficient statistics perturbation (Vu and Slavkovic 2009; Wang 2018), with the noise of Balle and Wang (2018)"
    )
    strengths: tuple[float, ...] = (30, 10, 3, 1, 0.3, 0.1)
    delta: float = 1e-6

    def refusal(self, private: Private) -> str:
        """Refuse what is not least squares."""
        if private.objective.weights is not None:
            return _WEIGHTED
        squared = isinstance(private.objective.loss, Squared)
        return "" if squared else "only least squares is a function of second moments"

    def protect(self, private: Private, strength: float, rng: np.random.Generator) -> Protected:
        """Add noise to X'X and X'y, and solve.

        Records no longer than R and targets within B, in units: without one of them the moments (X'X, X'Y) lose
        (x x', x y'), of length at most sqrt(R^4 + R^2 B^2); the upper half of a symmetric matrix is no longer.
        """
        objective, unit = private.objective, private.unit
        size = np.sqrt((private.Y_public**2).mean(axis=0))
        size = np.where(size > 0, size, 1.0)
        most = float(np.quantile(np.linalg.norm(private.Y_public / size, axis=1), 0.99))
        sensitivity = private.bound * math.sqrt(private.bound**2 + most**2)
        sigma = sensitivity / mu_of(strength, self.delta)
        X = private.clipped(objective.X) / unit
        Y = objective.Y / size
        Y = Y * np.minimum(1.0, most / np.maximum(np.linalg.norm(Y, axis=1, keepdims=True), np.finfo(float).tiny))
        # so that the noise leaves it positive: the largest eigenvalue of the noise is about 2 sigma sqrt(d / 2)
        floor = np.asarray(objective.l2) / unit**2 + 2 * sigma * math.sqrt(len(unit) / 2)
        A, C = X.T @ X + np.diag(floor), X.T @ Y
        x, y = X[private.rows], Y[private.rows]

        def released(A: Floats, C: Floats) -> tuple[Floats, Floats]:
            upper = np.triu(rng.normal(0.0, sigma, A.shape))
            w = np.linalg.solve(A + upper + np.triu(upper, 1).T, C + rng.normal(0.0, sigma, C.shape))
            return np.linalg.solve(A, C) * size / unit[:, None], w * size / unit[:, None]

        exact, before = released(A, C)
        after = np.stack([released(A - np.outer(a, a), C - np.outer(a, b))[1] for a, b in zip(x, y, strict=True)])
        noise = Noise("statistics", sigma, tuple(unit), tuple(size))
        hessian = np.broadcast_to(A * unit[:, None] * unit, (C.shape[1], *A.shape))
        return Protected(
            before, after, exact, floor * unit**2, noise, noise.covariance(hessian, exact),
            epsilon=strength, delta=self.delta,
        )  # fmt: skip


def _noisy(
    W: Floats, W_after: Floats, l2: Floats, noise: Noise, hessian: Floats, rng: np.random.Generator
) -> Protected:
    covariance = noise.covariance(hessian, W)
    drawn = gaussian(covariance, 1 + len(W_after), rng)
    return Protected(W + drawn[0], W_after + drawn[1:], W, l2, noise, covariance)


def _even(private: Private, share: float) -> Floats:
    """Return a penalty (d,) of every parameter alike, in units, that is `share` a record."""
    return np.asarray(share * private.objective.n * private.unit**2)


def _best_on_public(private: Private, deviation: Callable[[float], float]) -> float:
    """Return the penalty a record that predicts public records best with its noise; it sees no private record."""
    rng = np.random.default_rng(0)
    start = np.zeros_like(private.W)
    best, least = _PENALTIES[0], np.inf
    for share in _PENALTIES:
        objective = dataclasses.replace(
            private.public_objective(_even(private, share)), X=private.clipped(private.X_public)
        )
        start = refitted(objective, start, private.has_constant)
        spread = rng.normal(0.0, deviation(share), (_SPREADS, *start.shape)) / private.unit[:, None]
        plain = Objective(private.X_public, private.Y_public, objective.loss, np.zeros(len(private.unit)))
        loss = float(np.mean([plain.value(start + one) for one in spread]))
        if loss < least:
            best, least = share, loss
    return best
