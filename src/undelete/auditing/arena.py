"""Where a protected model is attacked by somebody who knows the defence, and used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from undelete.adapters.weights import weighted_loss
from undelete.attacker.attacks import run_attack
from undelete.attacker.gradient.protected import knowing
from undelete.attacker.hrec import HREC
from undelete.attacker.hrec_plus import HREC_PLUS
from undelete.auditing import truths
from undelete.auditing.problem import Problem
from undelete.auditing.protection import NONE
from undelete.maintainer.defences.defence import Defence, Private, Protected
from undelete.maintainer.defences.gaussian import composed, epsilon_of, mu_of
from undelete.maths.arrays import Floats, Indices
from undelete.release.public import Public
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release
from undelete.scoring.intervals import mean_interval, wilson
from undelete.scoring.table import score
from undelete.scoring.truth import Truth
from undelete.scoring.utility import Utility, cost, utility

_OTHERS = 10  # deletions that each answer is compared with besides its own
_DRAWS = 20  # of a noisy model, over which its utility is averaged


@dataclass(frozen=True, eq=False)
class Arena:
    """Where a protected model is attacked and used."""

    private: Private
    view: Public
    problem: Problem
    train: pd.DataFrame
    judge: np.random.SeedSequence

    @property
    def classes(self) -> bool:
        """Whether the target is a class."""
        return self.problem.model.classes is not None

    def row(self, protected: Protected, defence: Defence | None, strength: float | None) -> dict[str, Any]:
        """Return one row of the table."""
        rng = np.random.default_rng(self.judge)
        used, changes = self._used(protected, rng)
        before = self._utility(self.private.W)
        lost = cost(before, used)
        twice = None
        if protected.epsilon is not None and protected.delta is not None:
            twice = epsilon_of(composed(mu_of(protected.epsilon, protected.delta), 2), protected.delta)
        return {
            "defence": NONE if defence is None else defence.name,
            "label": "no defence" if defence is None else defence.label,
            "strength": strength,
            "unit": "" if defence is None else defence.unit,
            "proof": "measured" if defence is None else defence.proof,
            "epsilon": protected.epsilon,
            "delta": protected.delta,
            "epsilon_two_releases": twice,
            **self._attacked(protected, rng),
            "measure": used.name,
            "utility": used.value,
            "utility_loss": lost[0],
            "utility_loss_low": lost[1],
            "utility_loss_high": lost[2],
            "loss": used.loss,
            "auc": used.auc,
            "largest_change": changes,
        }

    def _attacked(self, protected: Protected, rng: np.random.Generator) -> dict[str, Any]:
        """Return what the strongest attack gets of the deletions."""
        objective = self.private.objective
        n = objective.n - (protected.together - 1)
        release = knowing(
            Release(
                loss=weighted_loss(self.problem.model, self.private.Y_public),
                W_before=protected.W_before, W_after=protected.W_after,
                n=n, l2=protected.l2, **self.view,
            ),
            (protected.noise, protected.noise),
            protected.together,
        )  # fmt: skip
        rows = self._exposed(protected)
        truth = Truth(
            X=objective.X[rows], Y=objective.Y[rows],
            **truths.own_columns(self.problem.model, release, self.train.iloc[rows]),
        )  # fmt: skip
        best: dict[str, Any] = {}
        for attack in (HREC_PLUS, HREC):
            found = run_attack(attack, release, rng)
            scores = score(release, truth, found)
            near = np.nan_to_num(scores["centred_cosine"]) - self._with_others(release, truth, found)
            ends = float(near.mean()), *mean_interval(near, rng)
            value, low, high = (min(max(end, 0.0), 1.0) for end in ends)
            whole = np.nan_to_num(scores["exact_record"])
            one = {
                "attack": attack.name, "exposure": value, "exposure_low": low, "exposure_high": high,
                "whole_records": float(whole.mean()), "whole_records_high": wilson(float(whole.sum()), len(whole))[1],
            }  # fmt: skip
            if not best or one["exposure"] > best["exposure"]:
                best = one | {k: max(one[k], best.get(k, 0.0)) for k in ("whole_records", "whole_records_high")}
        return best

    @staticmethod
    def _with_others(release: Release, truth: Truth, found: Reconstruction) -> Floats:
        """Return how similar each answer is to others who were deleted, on average (b,): what a guess has anyhow."""
        b = len(truth.X)
        shifts = range(1, min(_OTHERS, b - 1) + 1)
        near = [
            score(release, Truth(X=truth.X[order], inputs=None if truth.inputs is None else truth.inputs[order]), found)
            for order in (np.roll(np.arange(b), shift) for shift in shifts)
        ]
        return np.mean([np.nan_to_num(one["centred_cosine"]) for one in near], axis=0) if near else np.zeros(b)

    def _exposed(self, protected: Protected) -> Indices:
        """Return the rows that are scored: of people who were deleted together the one whose gradient is largest."""
        if protected.members is None:
            return self.private.rows
        unit = self.private.unit[:, None]
        objective = self.private.objective
        largest = [
            members[np.argmax([(g**2).sum() for g in objective.take(members).own_gradients(self.private.W) / unit])]
            for members in protected.members
        ]
        return np.array(largest)

    def _utility(self, W: Floats) -> Utility:
        loss, Y = self.private.objective.loss, self.private.Y_public
        return utility(loss, Y, self.private.X_public @ W, classes=self.classes)

    def _used(self, protected: Protected, rng: np.random.Generator) -> tuple[Utility, float]:
        """Return the utility of the protected model, noise averaged over draws, and its largest change of an answer."""
        draws = [protected.again(rng) for _ in range(1 if protected.drawn is None else _DRAWS)]
        each = [self._utility(W) for W in draws]
        mean = {
            field: np.mean([getattr(one, field) for one in each], axis=0) for field in ("value", "parts", "loss", "auc")
        }
        X, old = self.private.X_public, self._answers(self.private.X_public @ self.private.W)
        change = max(float(np.abs(self._answers(X @ W) - old).max()) for W in draws[:1])
        used = Utility(each[0].name, float(mean["value"]), mean["parts"], float(mean["loss"]), float(mean["auc"]))
        return used, change

    def _answers(self, Z: Floats) -> Floats:
        loss, k = self.private.objective.loss, Z.shape[1]
        return np.asarray(loss.residual(np.ones_like(Z) if k == 1 else np.eye(k)[[0] * len(Z)], Z))
