"""Defences that add noise to the released parameters: fresh noise in each release."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np

from undelete.maintainer.defences.budget import Budget
from undelete.maintainer.defences.defence import Defence, Private, Protected
from undelete.maintainer.defences.fitting import EXACT, WEIGHTED, best_on_public, even, minimum, noisy
from undelete.maintainer.defences.gaussian import mu_of
from undelete.maintainer.leave_one_out import retrain_without
from undelete.maths.arrays import Floats
from undelete.maths.loss import Loss
from undelete.maths.losses import Logistic, Squared, SquaredHinge
from undelete.maths.softmax import Softmax
from undelete.release.protection import Noise

_FACTORS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)  # of the noise's size, among which a penalty is chosen
_MOMENT_DRAWS = 40  # of the noise, by which it is


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
        l2 = np.asarray(private.objective.l2)
        return noisy(private.W, private.W_after, l2, self.law(private, strength), H, rng)

    def law(self, private: Private, strength: float) -> Noise:
        """Return what is added at one strength."""
        H, moved = private.hessian(private.objective, private.W), private.W_after - private.W
        largest = math.sqrt(max(np.einsum("bik,kij,bjk->b", moved, H, moved)))
        return Noise("hessian", largest / mu_of(strength, self.delta), tuple(private.unit))


@dataclass(frozen=True)
class Repeated(Defence):
    """The noise of `InstanceNoise` at one strength, in a model that is published so many times, with fresh noise."""

    name = "repeated"
    label = "The same noise, published often"
    unit = "releases of each model"
    proof = "measured"
    source = "what one draw hides the mean of many shows; publishing that mean is one draw of less noise"
    only_a_way = True
    strengths: tuple[float, ...] = (1, 3, 10, 30, 100, 300)
    once: float = 30.0

    def protect(self, private: Private, strength: float, rng: np.random.Generator) -> Protected:
        """Average so many releases of each model; who does not think of it works with one of each."""
        base = InstanceNoise().law(private, self.once)
        H, l2 = private.hessian(private.objective, private.W), np.asarray(private.objective.l2)
        mean = dataclasses.replace(base, scale=base.scale / math.sqrt(strength))
        found = noisy(private.W, private.W_after, l2, mean, H, rng)
        rest = base.scale**2 - mean.scale**2
        if rest <= 0:
            return found
        # one of the releases is their mean and the rest of its own noise
        own = dataclasses.replace(base, scale=math.sqrt(rest))
        alone = noisy(found.W_before, found.W_after, l2, own, H, rng)
        return dataclasses.replace(found, unknowing=(alone.W_before, alone.W_after))


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
            return WEIGHTED
        if isinstance(private.objective.loss, SquaredHinge) and private.objective.offset is not None:
            return "an offset may put a record at any distance from the margin, so that its gradient has no bound"
        bounded = isinstance(private.objective.loss, Logistic | Softmax | SquaredHinge)
        return "" if bounded else "the gradient of this loss has no bound that does not depend on the target"

    def protect(self, private: Private, strength: float, rng: np.random.Generator) -> Protected:
        """Fit clipped records with a penalty chosen on public ones, and add noise.

        Without one record the summed objective loses a term whose gradient is at most L R; it stays strongly convex
        with the penalty's modulus, so its minimiser moves by at most L R / penalty, in units of the features. Twice
        what the fit leaves of its gradient is added to that.
        """
        budget, loss, n = Budget.gaussian(strength, self.delta), private.objective.loss, private.objective.n
        mu = mu_of(strength, self.delta)

        def law(share: float) -> Noise:
            steepest = slope(loss, private.W.shape[1], private.bound, share * n / (n + 1))
            moved = private.bound * (steepest / (share * n) + 2 * EXACT / share)
            return Noise("isotropic", moved / mu, tuple(private.unit))

        share = best_on_public(private, law)
        noise = law(share)
        clipped = dataclasses.replace(
            private.objective, X=private.clipped(private.objective.X), l2=even(private, share)
        )
        W = minimum(clipped, private.W, private)
        after = np.asarray(retrain_without(clipped, W, private.rows).W, dtype=np.float64)
        proved = noisy(W, after, np.asarray(clipped.l2), noise, private.hessian(clipped, W), rng)
        return dataclasses.replace(proved, budget=budget)


def slope(loss: Loss, outputs: int, bound: float, share: float) -> float:
    """Return the longest residual that a record can have at the minimiser.

    Of one class against the rest each output has a residual of up to 1; of softmax p - y is at most sqrt(2) long. That
    of the squared hinge is at most 2 (1 + R |v|), and the minimiser's objective is no larger than that of zeros, the
    number of records, so that |v|^2 <= 2 / share, the penalty over that number.
    """
    if isinstance(loss, Softmax):
        return math.sqrt(2)
    one = 1.0 if isinstance(loss, Logistic) else 2 * (1 + bound * math.sqrt(2 / share))
    return math.sqrt(outputs) * one


@dataclass(frozen=True)
class NoisyMoments(Defence):
    """Least squares from second moments with noise: records and targets clipped, everything after is free."""

    name = "noisy_moments"
    label = "DP: noisy moments"
    unit = "epsilon"
    proof = "proved"
    source = (
        "sufficient statistics perturbation (Vu and Slavkovic 2009; Wang 2018), with the noise of Balle and Wang "
        "(2018), and a penalty chosen on public records"
    )
    strengths: tuple[float, ...] = (30, 10, 3, 1, 0.3, 0.1)
    delta: float = 1e-6

    def refusal(self, private: Private) -> str:
        """Refuse what is not least squares."""
        if private.objective.weights is not None:
            return WEIGHTED
        squared = isinstance(private.objective.loss, Squared)
        return "" if squared else "only least squares is a function of second moments"

    def protect(self, private: Private, strength: float, rng: np.random.Generator) -> Protected:
        """Add noise to X'X and X'y, and solve.

        Records no longer than R and targets within B, in units: without one of them the moments (X'X, X'Y) lose
        (x x', x y'), of length at most sqrt(R^4 + R^2 B^2); the upper half of a symmetric matrix is no longer. With
        an offset y less it is the target.
        """
        Y_public = unshifted(private.Y_public, private.offset_public)
        unit, size = private.unit, np.sqrt((Y_public**2).mean(axis=0))
        size = np.where(size > 0, size, 1.0)
        most = float(np.quantile(np.linalg.norm(Y_public / size, axis=1), 0.99))
        sigma = private.bound * math.sqrt(private.bound**2 + most**2) / mu_of(strength, self.delta)

        def inside(X: Floats, Y: Floats) -> tuple[Floats, Floats]:
            Y = Y / size
            length = np.maximum(np.linalg.norm(Y, axis=1, keepdims=True), np.finfo(float).tiny)
            return private.clipped(X) / unit, Y * np.minimum(1.0, most / length)

        public = inside(private.X_public, Y_public), (private.X_public / unit, Y_public / size)
        own = np.asarray(private.objective.l2) / unit**2
        floor = own + _penalty(public, private.objective.n, own, sigma)
        X, Y = inside(private.objective.X, unshifted(private.objective.Y, private.objective.offset))
        A, C = X.T @ X + np.diag(floor), X.T @ Y

        def released(rng: np.random.Generator, A: Floats = A, C: Floats = C) -> Floats:
            return np.asarray(_solved(A, C, sigma, rng) * size / unit[:, None])

        x, y = X[private.rows], Y[private.rows]
        after = [released(rng, A - np.outer(a, a), C - np.outer(a, b)) for a, b in zip(x, y, strict=True)]
        exact, l2 = np.linalg.solve(A, C) * size / unit[:, None], floor * unit**2
        noise, budget = Noise("statistics", sigma, tuple(unit), tuple(size)), Budget.gaussian(strength, self.delta)
        return Protected(
            released(rng), np.stack(after), exact, l2, noise, lambda again: (released(again), l2), budget=budget
        )


def unshifted(Y: Floats, offset: Floats | None) -> Floats:
    """Return targets (n, k) of least squares less each record's offset (n,), which are fitted without one."""
    return Y if offset is None else Y - offset[:, None]


def _solved(A: Floats, C: Floats, sigma: float, rng: np.random.Generator) -> Floats:
    """Return the solution of moments with noise of deviation sigma in each entry, X'X kept symmetric."""
    upper = np.triu(rng.normal(0.0, sigma, A.shape))
    return np.asarray(np.linalg.solve(A + upper + np.triu(upper, 1).T, C + rng.normal(0.0, sigma, C.shape)))


def _penalty(public: tuple[tuple[Floats, Floats], tuple[Floats, Floats]], n: int, own: Floats, sigma: float) -> float:
    """Return the penalty that predicts public records best, with noise as large as the private ones' moments get.

    Parameters
    ----------
    public : two pairs of arrays (m, d), (m, k)
        The public records and targets in units, clipped and as they are.
    n : int
        Private records.
    own : array (d,)
        The model's own penalty, in units.
    sigma : float
        Of the noise.
    """
    (X, Y), (X_plain, Y_plain) = public
    m, rng = len(X), np.random.default_rng(0)
    A, C = X.T @ X * (n / m) + np.diag(own), X.T @ Y * (n / m)
    S, c = X_plain.T @ X_plain / m, X_plain.T @ Y_plain / m
    unit = sigma * math.sqrt(2 * len(own))  # about the largest eigenvalue of the noise
    most = 4 * float((Y_plain**2).sum() / m)  # of a loss: where the noise is all there is, one draw is not to decide

    def loss(factor: float) -> float:
        found = [_solved(A + factor * unit * np.eye(len(A)), C, sigma, rng) for _ in range(_MOMENT_DRAWS)]
        return float(np.mean([min(float((W * (S @ W - 2 * c)).sum()), most) for W in found]))

    return unit * min(_FACTORS, key=loss)
