"""Where a protected model is attacked by somebody who knows the defence, and used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import Any

import numpy as np
import pandas as pd

from undelete.adapters.weights import weighted_loss
from undelete.attacker.attack import Attack
from undelete.attacker.attacks import run_attack
from undelete.attacker.gradient.protected import knowing
from undelete.attacker.hrec import HREC
from undelete.attacker.hrec_plus import HREC_PLUS
from undelete.auditing import truths
from undelete.auditing.asked_only import asked_only
from undelete.auditing.camera import Camera
from undelete.auditing.exposed import best_guess, better, costs, exposed, named, spread
from undelete.auditing.problem import Problem
from undelete.maintainer.defences.defence import Defence, Private, Protected
from undelete.maths.arrays import Floats, Indices
from undelete.maths.objective import predict
from undelete.release.public import Public
from undelete.release.release import Release
from undelete.scoring.truth import Truth
from undelete.scoring.utility import Utility, utility

_UNKNOWING = 40  # deletions that are attacked by somebody who does not know the defence, too
_DRAWS = 10  # of a noisy model, over which its utility is averaged


@dataclass(frozen=True, eq=False)
class Arena:
    """Where a protected model is attacked and used."""

    private: Private
    view: Public
    problem: Problem
    train: pd.DataFrame
    judge: np.random.SeedSequence
    limit: float
    camera: Camera | None = None

    @property
    def classes(self) -> bool:
        """Whether the target is a class."""
        return self.problem.model.classes is not None

    def row(self, protected: Protected, defence: Defence | None, strength: float | None) -> dict[str, Any]:
        """Return one row of the table."""
        rng = np.random.default_rng(self.judge)
        used, changes, errors = self._used(protected, rng)
        plain = self._utility(self.private.W)
        return {
            **named(defence, strength, protected.budget),
            **self._attacked(protected, rng),
            **costs(used, plain, protected.budget, self.chance),
            "largest_change": changes,
            "coefficients_moved": errors,
        }

    @cached_property
    def chance(self) -> float:
        """How often the commonest whole public record, target included, comes up: the best guess before any release."""
        return best_guess(self.private.X_public, self.private.Y_public)

    def _attacked(self, protected: Protected, rng: np.random.Generator) -> dict[str, Any]:
        """Return what the strongest attack gets of the deletions, and what one gets that does not know the defence.

        Who knows a defence may act as if it were not there, and does so where that is better.
        """
        rows = self._exposed(protected)
        found = self._best((HREC_PLUS, HREC), self._release(protected), rows, rng)
        same = (protected.together, protected.unknowing, protected.noise) == (1, None, None)
        if not same:
            plain = self._release(protected, knows=False)
            alike = plain if protected.unknowing is None else self._release(replace(protected, noise=None))
            found = better(found, self._best((HREC,), alike, rows, rng))
        found["quantiles"] = spread(found.pop("near"))
        found["exposure_unknowing"] = None
        if not same and found["exposure"] > self.limit:
            few = slice(0, _UNKNOWING)
            unknowing = self._best((HREC_PLUS, HREC), plain.take(few), rows[few], rng)
            found["exposure_unknowing"] = unknowing["exposure"]
        return found

    def _release(self, protected: Protected, *, knows: bool = True) -> Release:
        """Return what anybody sees who knows the defence; or who takes what is released for plain models."""
        before, after = protected.W_before, protected.W_after
        if not knows and protected.unknowing is not None:
            before, after = protected.unknowing
        whole = self.private.objective
        release = Release(
            loss=weighted_loss(self.problem.model, self.private.Y_public), W_before=before, W_after=after,
            n=whole.n if protected.n is None or not knows else protected.n,
            l2=protected.l2 if knows else whole.l2, **self.view,
        )  # fmt: skip
        if protected.digits is not None:
            return asked_only(release, np.arange(len(release.X_public)), protected.digits)
        return knowing(release, (protected.noise, protected.noise), protected.together) if knows else release

    def _best(
        self, attacks: Sequence[Attack], release: Release, rows: Indices, rng: np.random.Generator
    ) -> dict[str, Any]:
        """Return what the best of some attacks gets of the people in some rows."""
        truth = self._truth(release, rows)
        found = []
        for attack in attacks:
            said = run_attack(attack, release, rng)
            found.append(exposed(release, truth, said, rng))
            if self.camera is not None and np.array_equal(rows, self.private.rows):
                found[-1] |= {"pictures": self.camera.shots(release, truth, said)}
        return reduce(better, found)

    def _truth(self, release: Release, rows: Indices) -> Truth:
        objective = self.private.objective
        return Truth(
            X=objective.X[rows], Y=objective.Y[rows],
            **truths.own_columns(self.problem.model, release, self.train.iloc[rows]),
        )  # fmt: skip

    def pictured(self) -> list[Any]:
        """Return the deleted pictures that are shown, where records are images."""
        if self.camera is None:
            return []
        private = self.private
        release = self._release(Protected(private.W, private.W_after, private.W, np.asarray(private.objective.l2)))
        return self.camera.true(release, self._truth(release, private.rows))

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

    def _utility(self, W: Floats, digits: int | None = None) -> Utility:
        loss, Y, Z = self.private.objective.loss, self.private.Y_public, self._predicted(W)
        if digits is not None:
            # an answer at the end of what the model can say counts as half a step inside
            few, half = np.round(np.asarray(loss.mean(Z)), digits), 0.5 * 10.0**-digits
            bounded = "number" not in loss.targets
            inside = np.clip(few, half if bounded or loss.least == 0 else -np.inf, 1 - half if bounded else np.inf)
            Z = np.asarray(loss.link(inside))
        return utility(loss, Y, Z, classes=self.classes)

    def _used(self, protected: Protected, rng: np.random.Generator) -> tuple[Utility, float, float]:
        """Return a protected model's utility, its largest change of an answer and of a coefficient.

        Noise is averaged over draws. A coefficient's change is in its standard errors, of the old model on its records.
        """
        draws = [protected.again(rng) for _ in range(1 if protected.redraw is None else _DRAWS)]
        each = [self._utility(W, protected.digits) for W in draws]
        mean = {
            field: np.mean([getattr(one, field) for one in each], axis=0)
            for field in ("value", "parts", "loss", "auc", "calibration")
        }
        old = self._answers(self._predicted(self.private.W))
        change = float(np.abs(self._answers(self._predicted(draws[0])) - old).max())
        errors = float((np.abs(draws[0] - self.private.W) / self.private.standard_errors).max())
        used = Utility(
            each[0].name, float(mean["value"]), mean["parts"], float(mean["loss"]), float(mean["auc"]),
            float(mean["calibration"]),
        )  # fmt: skip
        return used, change, errors

    def _predicted(self, W: Floats) -> Floats:
        return np.asarray(predict(self.private.X_public, W, self.private.offset_public))

    def _answers(self, Z: Floats) -> Floats:
        loss, k = self.private.objective.loss, Z.shape[1]
        return np.asarray(loss.residual(np.ones_like(Z) if k == 1 else np.eye(k)[[0] * len(Z)], Z))
