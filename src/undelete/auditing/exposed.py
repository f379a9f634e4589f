"""What a row of defences says: of the defence, of what an attack got beyond what it would say of anybody."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from undelete.auditing.protection import NONE
from undelete.maintainer.defences.budget import Budget
from undelete.maths.arrays import Floats
from undelete.release.reconstruction import Reconstruction
from undelete.release.seen import Seen
from undelete.scoring.intervals import mean_interval, wilson
from undelete.scoring.table import score
from undelete.scoring.truth import Truth
from undelete.scoring.utility import Utility, cost

_OTHERS = 10  # deletions that each answer is compared with besides its own
LEVELS = tuple(round(0.05 * i, 2) for i in range(21))
"""Of the quantiles of the exposure over deletions."""


class Named(Protocol):
    """A defence, of a linear model or of a network."""

    @property
    def name(self) -> str:
        """In the table."""

    @property
    def label(self) -> str:
        """For a reader."""

    @property
    def unit(self) -> str:
        """Of its strength."""

    @property
    def proof(self) -> str:
        """What stands behind it."""


def named(defence: Named | None, strength: float | None, budget: Budget | None) -> dict[str, Any]:
    """Return the part of a row that says which defence it is, and what is proved."""
    return {
        "defence": NONE if defence is None else defence.name,
        "label": "no defence" if defence is None else defence.label,
        "strength": strength,
        "unit": "" if defence is None else defence.unit,
        "proof": "measured" if defence is None else defence.proof,
        "epsilon": None if budget is None else budget.epsilon,
        "delta": None if budget is None else budget.delta,
        "epsilon_two_releases": None if budget is None else budget.twice(),
    }


def costs(used: Utility, plain: Utility, budget: Budget | None, chance: float) -> dict[str, Any]:
    """Return the part of a row that says what the defence costs its user, and what it leaves of a best guess."""
    lost, low, high = cost(plain, used)
    return {
        "chance_before": chance,
        "chance_after": None if budget is None else budget.most(chance),
        "measure": used.name,
        "utility": used.value,
        "utility_loss": lost,
        "utility_loss_low": low,
        "utility_loss_high": high,
        "loss": used.loss,
        "auc": used.auc,
        "calibration": used.calibration,
    }


def best_guess(X: Floats, Y: Floats) -> float:
    """Return how often the commonest whole public record, target included, comes up."""
    _, counts = np.unique(np.hstack([X, Y]), axis=0, return_counts=True)
    return float(counts.max() / len(X))


def exposed(release: Seen, truth: Truth, found: Reconstruction, rng: np.random.Generator) -> dict[str, Any]:
    """Return what one attack got: exposure with its interval, deletion by deletion as `near`, and whole records."""
    scores = score(release, truth, found)
    near = np.nan_to_num(scores["centred_cosine"]) - _with_others(release, truth, found)
    ends = float(near.mean()), *interval(near, rng)
    value, low, high = (min(max(end, 0.0), 1.0) for end in ends)
    whole = np.nan_to_num(scores["exact_record"])
    return {
        "attack": found.attack, "exposure": value, "exposure_low": low, "exposure_high": high, "near": near,
        "whole_records": float(whole.mean()), "whole_records_high": wilson(float(whole.sum()), len(whole))[1],
    }  # fmt: skip


def interval(near: Floats, rng: np.random.Generator) -> tuple[float, float]:
    """Return the 95 % interval of the mean exposure over deletions (b,); of one deletion it may be any."""
    return mean_interval(near, rng) if len(near) > 1 else (0.0, 1.0)


def better(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Return what the attack got that is nearer to the records, with as many whole ones as either got."""
    best = first if first["exposure"] >= second["exposure"] else second
    return best | {name: max(first[name], second[name]) for name in ("whole_records", "whole_records_high")}


def spread(near: Floats) -> list[float]:
    """Return the quantiles of the exposure over deletions (b,), each of `LEVELS`."""
    return [round(float(x), 4) for x in np.quantile(np.clip(near, 0, 1), LEVELS)]


def _with_others(release: Seen, truth: Truth, found: Reconstruction) -> Floats:
    """Return how similar each answer is to others who were deleted, on average (b,): what a guess has anyhow."""
    b = len(truth.X)
    shifts = range(1, min(_OTHERS, b - 1) + 1)
    near = [
        score(release, Truth(X=truth.X[order], inputs=None if truth.inputs is None else truth.inputs[order]), found)
        for order in (np.roll(np.arange(b), shift) for shift in shifts)
    ]
    return np.mean([np.nan_to_num(one["centred_cosine"]) for one in near], axis=0) if near else np.zeros(b)
