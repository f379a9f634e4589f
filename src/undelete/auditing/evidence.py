"""The numbers that a verdict rests on: from the scores where the true record is known, else from the error bars.

What the model predicts is the person's too: beside the raw columns a label counts that comes back surely, and a number
that comes back to a tenth of what people differ by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from undelete.attacker.baselines import share_near
from undelete.auditing.exposure import CONTROLS, Exposure, bars_limit, similar_only
from undelete.auditing.target import SURE, target_lift
from undelete.auditing.text_told import TextTold
from undelete.auditing.thresholds import COLUMN, Evidence
from undelete.maths.arrays import Flags, Floats
from undelete.release.reconstruction import Reconstruction
from undelete.release.seen import Seen
from undelete.scoring.intervals import beyond_luck, mean_interval, wilson
from undelete.scoring.table import columns_right
from undelete.scoring.truth import Truth

_ONE_SIDED = 1.645  # standard deviations of a normal distribution that 5 % exceed
_SURELY = 2.326  # deviations beyond which one in a hundred lies, on one side: so often a promise may be wrong


@dataclass(frozen=True, eq=False)
class Case:
    """One main attack with everything that is known of how well it did.

    Parameters
    ----------
    release : Release
        What the attacker saw.
    found : mapping of str to Reconstruction
        What each attack said.
    main : str
        The one to judge.
    truth, scored : Truth or None, mapping of str to dict
        The deleted records, where they are known, and each attack's scores then.
    lead, exposed
        Of `lift`, or None, and of `exposure`.
    target : str
        What the model's target is called.
    texts : TextTold
        What came back of columns of text, which count as others do.
    """

    release: Seen
    found: Mapping[str, Reconstruction]
    main: str
    truth: Truth | None
    scored: Mapping[str, Mapping[str, Floats]]
    lead: Mapping[str, Any] | None
    exposed: Exposure
    target: str
    texts: TextTold

    @property
    def best(self) -> Reconstruction:
        """What the main attack said."""
        return self.found[self.main]

    @cached_property
    def target_lift(self) -> float:
        """How far targets came back beyond what public data say of them."""
        return target_lift(self.release, self.best, self.truth)

    @property
    def compared(self) -> Mapping[str, Any] | None:
        """The lead, where it can be more than luck: one deletion's guesses are nothing else."""
        return self.lead if self.release.deletions > 1 else None


def gather(case: Case, rng: np.random.Generator) -> Evidence | None:
    """Return the numbers of the verdict; None when nothing was recovered. `rng` draws an interval's resamples."""
    status = case.best.status
    if similar_only(case.release):
        return None if all(one == "unchanged" for one in status) else _similar(case, rng)
    if all(one != "ok" for one in status) and not case.texts.share.any():
        return None
    return _promised(case) if case.truth is None else _measured(case, case.truth, rng)


def _measured(case: Case, truth: Truth, rng: np.random.Generator) -> Evidence | None:
    """Return the evidence where the true records are known: the columns that are right."""
    release, best, lead = case.release, case.best, case.compared
    right = columns_right(release, truth, best)
    if right is None:
        return None
    one, texts = len(right) == 1, case.texts
    right = np.hstack([right, texts.share])
    common = np.array([*(_common(release, j) for j in range(len(release.columns))), *texts.guess.mean(axis=0)])
    name, base = "", common[None]
    low, high = float("nan"), float("nan")
    if lead is not None:
        hits = columns_right(release, truth, case.found[lead["baseline"]])
        assert hits is not None
        name, base = CONTROLS[lead["baseline"]], np.hstack([hits, texts.guess])
        low, high = lead["low"], lead["high"]
    elif not one:
        low, high = mean_interval(right.mean(axis=1) - base.mean(), rng)
    # of one record, what came back is worth as much as it is uncommon
    guess = (np.hstack([_frequency(release, best), texts.guess]) if one else base).mean(axis=0)
    per_column = right.mean(axis=0) - guess
    if not one:
        per_column *= (per_column < 0) | beyond_luck(right, np.maximum(guess, common))
    whole = np.asarray((right == 1).all(axis=1))
    whole_low, whole_high = wilson(float(whole.sum()), len(whole))
    return Evidence(
        deletions=len(right),
        bits=_bits(best),
        columns=float(right.mean()),
        baseline=float(base.mean()),
        baseline_name=name,
        lift_low=low,
        lift_high=high,
        whole=float(whole.mean()),
        whole_baseline=float(base.prod(axis=1).mean()),
        whole_low=whole_low,
        whole_high=whole_high,
        best_column=_best([*(column.name for column in release.columns), *texts.names], per_column, case),
        target=case.target_lift,
        measured=True,
        centred=float(np.median(case.exposed.value)),
    )


def _similar(case: Case, rng: np.random.Generator) -> Evidence:
    """Return the evidence on records of continuous numbers: how similar they are, about the public mean."""
    lead, value, most = case.compared, case.exposed.value, case.exposed.most
    low, high = mean_interval(value, rng) if lead is None else (lead["low"], lead["high"])  # NaN for one deletion
    base = np.zeros(1)  # a random record has no centred cosine on average
    if lead is not None:
        base = np.maximum(np.nan_to_num(case.scored[lead["baseline"]]["centred_cosine"]), 0.0)
    return Evidence(
        deletions=len(value),
        columns=float(value.mean()),
        baseline=float(base.mean()),
        baseline_name="" if lead is None else CONTROLS[lead["baseline"]],
        lift_low=low,
        lift_high=high if case.truth is not None else float(most.mean()),
        whole=0.0,
        whole_baseline=0.0,
        whole_low=float("nan"),
        best_column=_best([], np.zeros(0), case),
        target=case.target_lift,
        measured=case.truth is not None,
        centred=float(np.median(value)),
        centred_high=float(np.median(most)),
        possible=0.0,
        by="similarity",
        limit=bars_limit(case.release),
    )


def _promised(case: Case) -> Evidence | None:
    """Return the evidence without a truth: what the error bars of maths (10) say is right."""
    release, found, texts = case.release, case.best, case.texts
    if found.probability is None or not (np.isfinite(found.probability).any() or texts.share.any()):
        return None
    good = np.array([status == "ok" for status in found.status])
    told = np.isfinite(found.probability[good]).any(axis=0) | ~good.any()  # not where all public records agree
    probability = np.clip(np.where(good[:, None], np.nan_to_num(found.probability), 0.0)[:, told], 0.0, 1.0)
    common = np.where(good[:, None], _frequency(release, found), 0.0)[:, told]
    spread = np.sqrt(_spread(found, probability, told) ** 2 + texts.variance.sum())
    probability, common = np.hstack([probability, texts.share]), np.hstack([common, texts.guess])
    gain = np.where(probability >= SURE, probability - common, 0.0).mean(axis=0)
    lead = float((probability - common).mean())
    spread = float(spread) / probability.size
    names = [*(c.name for c, known in zip(release.columns, told, strict=True) if known), *texts.names]
    open_columns = np.where(common <= 1 - COLUMN, 1 - probability, 1.0)
    return Evidence(
        deletions=len(probability),
        bits=_bits(found),
        columns=float(probability.mean()),
        baseline=float(common.mean()),
        baseline_name="",
        lift_low=lead - _SURELY * spread,
        lift_high=lead + _ONE_SIDED * spread,
        whole=float(np.where(good, np.nan_to_num(found.confidence), 0.0).mean()) * texts.whole,
        whole_baseline=float(common.prod(axis=1).mean()),
        whole_low=float("nan"),
        best_column=_best(names, gain, case),
        target=case.target_lift,
        measured=False,
        centred=float(np.median(case.exposed.value)),
        centred_high=float(np.median(case.exposed.most)),
        possible=float(1 - open_columns.prod(axis=1).mean()),
        limit=bars_limit(release),
    )


def _spread(found: Reconstruction, probability: Floats, told: Flags) -> float:
    """Return the standard deviation of how many of some columns are right, `probability` (b, told columns) of each.

    Those that were searched together are right together, or not; the others and those of several people apart.
    """
    square = probability * (1 - probability)
    if found.columns_spread is None or found.codes is None:
        return float(np.sqrt(square.sum()))
    together = np.isfinite(found.columns_spread)[:, None] & (found.codes[:, told] >= 0)
    return float(np.sqrt(np.where(together, 0.0, square).sum() + (np.nan_to_num(found.columns_spread) ** 2).sum()))


def _best(names: Sequence[str], gain: Floats, case: Case) -> tuple[str, float]:
    """Return the column with the largest gain, or the target if its gain is larger."""
    target = case.target_lift
    name, lead = (names[int(gain.argmax())], float(gain.max())) if len(names) else ("", 0.0)
    if max(target, lead) <= 0:
        return "", 0.0
    return (case.target, target) if target > lead else (name, lead)


def _common(release: Seen, j: int) -> float:
    """Return how often a column's most common value is right."""
    column = release.columns[j]
    if column.kind != "continuous":
        return float(column.share.max()) if column.frequency.size else 0.0
    if release.public_values is None:
        return 0.0
    numbers = release.public_values[:, j]
    return float(share_near(column, numbers, numbers).max())


def _frequency(release: Seen, found: Reconstruction) -> Floats:
    """Return how common each recovered value is among the public records (b, c)."""
    codes, values, public = found.codes, found.values, release.public_values
    share = np.zeros((release.deletions, len(release.columns)))
    if codes is None:
        return share
    for j, column in enumerate(release.columns):
        if column.kind == "continuous":
            if values is not None and public is not None:
                share[:, j] = share_near(column, public[:, j], values[:, j])
        elif column.frequency.size:
            share[:, j] = np.where(codes[:, j] >= 0, column.share[np.maximum(codes[:, j], 0)], 0.0)
    return share


def _bits(found: Reconstruction) -> tuple[float, float]:
    """Return how many bits of a record came back (median), of how many."""
    if found.bits is None or not np.isfinite(found.bits).any():
        return float("nan"), float("nan")
    return float(np.nanmedian(found.bits)), found.bits_of
