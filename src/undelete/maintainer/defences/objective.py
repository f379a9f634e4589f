"""Defences that tilt the objective before it is minimised: with fresh noise at each fit, or with the same one kept."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from undelete.maintainer.defences.budget import Budget
from undelete.maintainer.defences.defence import Defence, Private, Protected
from undelete.maintainer.defences.fitting import EXACT, WEIGHTED, best_on_public, even, minimum, refitted
from undelete.maintainer.defences.gaussian import delta_of, mu_of
from undelete.maintainer.defences.tilted import Bounds, Tilted, tilted_delta, tilted_mu
from undelete.maths.arrays import Floats
from undelete.release.protection import Noise

_OUTPUT = 0.01  # of epsilon and of delta, for the noise that hides where the minimiser stopped


@dataclass(frozen=True)
class ObjectivePerturbation(Defence):
    """Objective perturbation: records clipped, a penalty on every parameter, and the objective tilted by noise."""

    name = "objective_perturbation"
    label = "DP: objective perturbation"
    unit = "epsilon"
    proof = "proved"
    source = (
        "Kifer, Smith and Thakurta (2012); Iyengar et al. (2019), whose noise in the output makes up for a minimum "
        "that is reached approximately; the expectation of the privacy loss as in Redberg, Koskela and Wang (2023)"
    )
    strengths: tuple[float, ...] = (30, 10, 3, 1, 0.3, 0.1)
    delta: float = 1e-6

    def refusal(self, private: Private) -> str:
        """Refuse losses whose gradient or curvature has no bound."""
        if private.objective.weights is not None:
            return WEIGHTED
        bounded = Bounds.of(private.objective.loss, private.W.shape[1]) is not None
        return "" if bounded else "the gradient or the curvature of this loss has no bound or jumps"

    def protect(self, private: Private, strength: float, rng: np.random.Generator) -> Protected:
        """Minimise clipped records' objective with a penalty chosen on public ones and a fresh tilt, each time."""
        objective, shape = private.objective, private.W.shape
        bounds = Bounds.of(objective.loss, shape[1])
        assert bounds is not None
        reach = bounds.gradient * private.bound
        own, rest = strength * (1 - _OUTPUT), self.delta * (1 - _OUTPUT)

        def law(share: float) -> Noise | None:
            mu = tilted_mu(own, rest, bounds.directions, self._determinant(bounds, private, share))
            return None if mu == 0 else Noise("gradient", reach / mu, tuple(private.unit))

        share = best_on_public(private, law)
        noise, l2 = law(share), even(private, share)
        assert noise is not None
        # each minimiser is this far off at most, in units: its gradient over the penalty
        off = EXACT * private.bound / share
        spread = 2 * off / mu_of(strength * _OUTPUT, self.delta * _OUTPUT)
        whole = dataclasses.replace(objective, X=private.clipped(objective.X), l2=l2)
        exact = refitted(whole, private.W, private.has_constant)

        def released(rng: np.random.Generator, gone: int | None = None) -> Floats:
            part = whole if gone is None else whole.take(np.delete(np.arange(whole.n), gone))
            b = rng.normal(0.0, noise.scale, shape) * private.unit[:, None]
            found = minimum(Tilted.by(part, b), exact, private)
            return np.asarray(found + rng.normal(0.0, spread, shape) / private.unit[:, None])

        determinant, at = self._determinant(bounds, private, share), reach / noise.scale

        def curve(epsilon: float) -> float:
            # what the output's noise proves by itself is added, at a hundredth of epsilon
            tilt = tilted_delta(epsilon * (1 - _OUTPUT), at, bounds.directions, determinant)
            return tilt + delta_of(2 * off / spread, epsilon * _OUTPUT)

        after = np.stack([released(rng, int(row)) for row in private.rows])
        return Protected(
            released(rng), after, exact, l2, noise, lambda again: (released(again), l2),
            budget=Budget(strength, self.delta, curve),
        )  # fmt: skip

    @staticmethod
    def _determinant(bounds: Bounds, private: Private, share: float) -> float:
        return bounds.determinant(private.bound, share * private.objective.n)


@dataclass(frozen=True)
class CertifiedRemoval(Defence):
    """The perturbed objective of certified removal: one tilt is drawn, and kept in the model when somebody leaves."""

    name = "certified_removal"
    label = "Perturbed objective, noise kept"
    unit = "as if epsilon"
    proof = "measured"
    source = (
        "Guo et al., Certified Data Removal (2020): its certificate is that the new model tells nothing of who left, "
        "to somebody who has not seen the old one"
    )
    strengths: tuple[float, ...] = (30, 10, 3, 1, 0.3, 0.1)
    delta: float = 1e-6

    def protect(self, private: Private, strength: float, rng: np.random.Generator) -> Protected:
        """Tilt by noise as large as the public records' gradients over mu(strength), and delete under the same tilt."""
        public = private.public_objective(np.zeros(len(private.unit)))
        own = public.own_gradients(private.W) / (private.unit[:, None] * private.objective.n / len(private.X_public))
        largest = float(np.quantile(np.sqrt((own**2).sum(axis=(1, 2))), 0.99))
        b = rng.normal(0.0, largest / mu_of(strength, self.delta), private.W.shape) * private.unit[:, None]
        objective = private.objective
        if not objective.loss.separable:  # of softmax all classes alike may be shifted, and nothing would hold that
            b -= b.mean(axis=1, keepdims=True)
        W = refitted(Tilted.by(objective, b), private.W, private.has_constant)
        everyone = np.arange(objective.n)
        after = []
        for row in private.rows:
            rest = objective.take(np.delete(everyone, row))
            after.append(refitted(Tilted.by(rest, b), W, private.has_constant))
        return Protected(W, np.stack(after), W, np.asarray(objective.l2))
