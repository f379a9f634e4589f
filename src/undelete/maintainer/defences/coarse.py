"""Defences without noise: fewer digits of the parameters or of the answers, and a stronger penalty."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from undelete.maintainer.defences.defence import Defence, Private, Protected
from undelete.maintainer.defences.fitting import refitted
from undelete.maintainer.leave_one_out import retrain_without
from undelete.maths.arrays import Floats


@dataclass(frozen=True)
class Rounding(Defence):
    """Parameters with few significant digits."""

    name = "rounding"
    label = "Round the parameters"
    unit = "significant digits"
    proof = "measured"
    source = "common practice"
    strengths: tuple[float, ...] = (6, 5, 4, 3, 2, 1)

    def protect(self, private: Private, strength: float, rng: np.random.Generator) -> Protected:
        """Round both models. Nothing is drawn."""
        before, after = (significant(W, int(strength)) for W in (private.W, private.W_after))
        return Protected(before, after, private.W, np.asarray(private.objective.l2))


def significant(W: Floats, digits: int) -> Floats:
    """Return numbers with so many significant digits, as printing them would."""
    return np.array([float(f"{number:.{digits}g}") for number in W.ravel()]).reshape(W.shape)


@dataclass(frozen=True)
class Penalty(Defence):
    """A stronger penalty on all features but the constant."""

    name = "penalty"
    label = "A stronger penalty"
    unit = "of the records' own curvature"
    proof = "measured"
    source = "Guo et al., Certified Data Removal (2020): a stronger penalty shrinks what one record changes"
    strengths: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)

    def protect(self, private: Private, strength: float, rng: np.random.Generator) -> Protected:
        """Fit and delete with `strength` times the mean curvature of a feature added to the penalty."""
        objective = private.objective
        l2 = np.array(objective.l2, dtype=np.float64)
        free = np.arange(len(l2)) < len(l2) - private.has_constant
        curvature = np.diagonal(private.hessian(objective, private.W), axis1=1, axis2=2).mean(axis=0)
        l2[free] += strength * np.maximum(curvature - l2, 0.0)[free]
        stronger = dataclasses.replace(objective, l2=l2)
        W = refitted(stronger, private.W, private.has_constant)
        after = retrain_without(stronger, W, private.rows).W
        return Protected(W, np.asarray(after, dtype=np.float64), W, l2)


@dataclass(frozen=True)
class RoundedAnswers(Defence):
    """The new model is not given out: it answers, with few decimals; whoever asks has the old one."""

    name = "rounded_answers"
    label = "Give out rounded answers only"
    unit = "decimals of each answer"
    proof = "measured"
    source = "common practice; every public record is asked for, and least squares averages the rounding away"
    only_a_way = True
    strengths: tuple[float, ...] = (6, 5, 4, 3, 2, 1)

    def protect(self, private: Private, strength: float, rng: np.random.Generator) -> Protected:
        """Keep both models as they are, and give out answers."""
        return Protected(private.W, private.W_after, private.W, np.asarray(private.objective.l2), digits=int(strength))

    def refusal(self, private: Private) -> str:
        """Refuse answers that are no probability and no number: there is nothing to round."""
        return "" if private.objective.loss.canonical else "its answers are classes, not probabilities or numbers"
