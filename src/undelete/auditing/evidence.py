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
from scipy.special import erf
from scipy.stats import norm

from undelete.attacker.baselines import share_near
from undelete.attacker.embedding.traced_error import input_error
from undelete.attacker.gradient.estimate import Estimate
from undelete.auditing.diagnostics import expected_centred_cosine, most_centred_cosine
from undelete.auditing.verdict import COLUMN, Evidence
from undelete.maths.arrays import Floats
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release
from undelete.scoring.intervals import mean_interval, wilson
from undelete.scoring.table import columns_right
from undelete.scoring.truth import Truth

# guesses that do not rest on the reconstruction
CONTROLS = {"avg": "Avg, the average public record", "maxdiff": "MaxDiff, the public record that moved most"}
SURE = 0.95  # probability from which a single column or target counts where there is no truth
TARGET_NEAR = 0.1  # of the public targets' deviation: a number that is known so well came back
_ONE_SIDED = 1.645  # standard deviations of a normal distribution that 5 % exceed
_SURELY = 2.326  # deviations beyond which one in a hundred lies, on one side: so often a promise may be wrong


@dataclass(frozen=True)
class Exposure:
    """Each deletion's exposure (b,): the centred cosine, or what the error bars promise; and the most they allow."""

    value: Floats
    most: Floats


def exposure(release: Release, found: Reconstruction, scores: Mapping[str, Floats] | None) -> Exposure:
    """Return each deletion's exposure.

    Parameters
    ----------
    release : Release
        What the attacker saw.
    found : Reconstruction
        The attack whose error bars are taken.
    scores : mapping of str to array (b,), or None
        The main attack's, where the truth is known.
    """
    if scores is not None:
        known = np.clip(np.nan_to_num(scores["centred_cosine"]), 0.0, 1.0)
        return Exposure(known, known)
    b = release.deletions
    if found.scale is None or found.output is None or release.constant is None:
        return Exposure(np.zeros(b), np.ones(b))
    if release.embedding is not None:
        error = input_error(release, found)
    else:
        estimate = Estimate(found.scale, found.output)
        every = np.eye(release.X_public.shape[1])
        squares = estimate.covariance(release, estimate.weights(release) ** 2, every, found.X, dense=False)
        error = np.sqrt(np.maximum(squares, 0.0))
    identified = np.array([status == "ok" for status in found.status])
    promised, most = expected_centred_cosine(release, found, error), most_centred_cosine(release, found, error)
    return Exposure(
        np.where(identified, np.nan_to_num(promised), 0.0), np.where(identified, np.nan_to_num(most, nan=1.0), 1.0)
    )


def lift(
    scored: Mapping[str, Mapping[str, Floats]], main: str, by: str, rng: np.random.Generator
) -> dict[str, Any] | None:
    """Return the main attack's lead in a score over the best control, paired by deletion; None without a control.

    The average record has no direction about itself: its centred cosine counts as zero, as nothing recovered does,
    and as a record on the wrong side of the average does.
    """
    numbers = {name: np.maximum(np.nan_to_num(scored[name][by]), 0.0) for name in scored}
    controls = {name: numbers[name] for name in CONTROLS if name in scored and name != main}
    if not controls:
        return None
    best = max(controls, key=lambda name: float(controls[name].mean()))
    lead = numbers[main] - controls[best]
    low, high = mean_interval(lead, rng)
    return {"score": by, "attack": main, "baseline": best, "difference": float(lead.mean()), "low": low, "high": high}


def similar_only(release: Release) -> bool:
    """Return whether records are judged by their similarity alone: no column of theirs is a code or a count."""
    return all(column.kind == "continuous" for column in release.columns)


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
    truth : Truth or None
        The deleted records, where they are known.
    scored : mapping of str to dict
        Each attack's scores, where the truth is known.
    lead : mapping or None
        Of `lift`.
    exposed : Exposure
        Of `exposure`.
    target : str
        What the model's target is called.
    """

    release: Release
    found: Mapping[str, Reconstruction]
    main: str
    truth: Truth | None
    scored: Mapping[str, Mapping[str, Floats]]
    lead: Mapping[str, Any] | None
    exposed: Exposure
    target: str

    @property
    def best(self) -> Reconstruction:
        """What the main attack said."""
        return self.found[self.main]

    @cached_property
    def target_lift(self) -> float:
        """How far targets came back beyond what public data say of them."""
        return _target(self.release, self.best, self.truth)

    @property
    def compared(self) -> Mapping[str, Any] | None:
        """The lead, where it can be more than luck: one deletion's guesses are nothing else."""
        return self.lead if self.release.deletions > 1 else None


def gather(case: Case, rng: np.random.Generator) -> Evidence | None:
    """Return the numbers of the verdict; None when nothing was recovered. `rng` draws an interval's resamples."""
    status = case.best.status
    if similar_only(case.release):
        return None if all(one == "unchanged" for one in status) else _similar(case, rng)
    if all(one != "ok" for one in status):
        return None
    return _promised(case) if case.truth is None else _measured(case, case.truth, rng)


def _measured(case: Case, truth: Truth, rng: np.random.Generator) -> Evidence | None:
    """Return the evidence where the true records are known: the columns that are right."""
    release, best, lead = case.release, case.best, case.compared
    right = columns_right(release, truth, best)
    if right is None:
        return None
    one = len(right) == 1
    name, base = "", np.array([[_common(release, j) for j in range(len(release.columns))]])
    low, high = float("nan"), float("nan")
    if lead is not None:
        hits = columns_right(release, truth, case.found[lead["baseline"]])
        assert hits is not None
        name, base = CONTROLS[lead["baseline"]], hits.astype(float)
        low, high = lead["low"], lead["high"]
    elif not one:
        low, high = mean_interval(right.mean(axis=1) - base.mean(), rng)
    # of one record, what came back is worth as much as it is uncommon
    per_column = right.mean(axis=0) - (_frequency(release, best) if one else base).mean(axis=0)
    whole = np.asarray(right.all(axis=1))
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
        best_column=_best([column.name for column in release.columns], per_column, case),
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
        limit=_limit(case.release),
    )


def _promised(case: Case) -> Evidence | None:
    """Return the evidence without a truth: what the error bars of maths (10) say is right."""
    release, found = case.release, case.best
    if found.probability is None or not np.isfinite(found.probability).any():
        return None
    good = np.array([status == "ok" for status in found.status])
    told = np.isfinite(found.probability[good]).any(axis=0)  # not where all public records agree
    probability = np.clip(np.where(good[:, None], np.nan_to_num(found.probability), 0.0)[:, told], 0.0, 1.0)
    common = np.where(good[:, None], _frequency(release, found), 0.0)[:, told]
    gain = np.where(probability >= SURE, probability - common, 0.0).mean(axis=0)
    lead = float((probability - common).mean())
    spread = float(np.sqrt((probability * (1 - probability)).sum())) / probability.size
    names = [column.name for column, known in zip(release.columns, told, strict=True) if known]
    open_columns = np.where(common <= 1 - COLUMN, 1 - probability, 1.0)
    return Evidence(
        deletions=len(probability),
        bits=_bits(found),
        columns=float(probability.mean()),
        baseline=float(common.mean()),
        baseline_name="",
        lift_low=lead - _SURELY * spread,
        lift_high=lead + _ONE_SIDED * spread,
        whole=float(np.where(good, np.nan_to_num(found.confidence), 0.0).mean()),
        whole_baseline=float(common.prod(axis=1).mean()),
        whole_low=float("nan"),
        best_column=_best(names, gain, case),
        target=case.target_lift,
        measured=False,
        centred=float(np.median(case.exposed.value)),
        centred_high=float(np.median(case.exposed.most)),
        possible=float(1 - open_columns.prod(axis=1).mean()),
        limit=_limit(release),
    )


def _best(names: Sequence[str], gain: Floats, case: Case) -> tuple[str, float]:
    """Return the column with the largest gain, or the target if its gain is larger."""
    target = case.target_lift
    name, lead = (names[int(gain.argmax())], float(gain.max())) if len(names) else ("", 0.0)
    if max(target, lead) <= 0:
        return "", 0.0
    return (case.target, target) if target > lead else (name, lead)


def _target(release: Release, found: Reconstruction, truth: Truth | None) -> float:
    """Return how far targets came back beyond what public data say of them; 0 where nothing is known."""
    if release.Y_public is None or found.target is None or (truth is not None and truth.Y is None):
        return 0.0
    known = np.isfinite(found.target).all(axis=1)
    sure = np.where(known, target_probability(release, found), 0.0)
    prior = _target_frequency(release, found.target)
    if truth is None or truth.Y is None:
        return float(np.where(sure >= SURE, sure - prior, 0.0).mean())
    if release.target_kind == "class":
        k = truth.Y.shape[1]
        right = (truth.Y.argmax(axis=1) == found.target.argmax(axis=1)) if k > 1 else (
            np.sign(truth.Y[:, 0]) == np.sign(found.target[:, 0])
        )  # fmt: skip
        most = float(_class_shares(release.Y_public).max())
    else:
        right = np.asarray((np.abs(truth.Y - found.target) <= _width(release.Y_public)).all(axis=1))
        right &= (sure >= SURE) | (len(right) > 1)  # a single one may be luck
        most = float(prior.mean())
    right &= known
    return float(right.mean() - (prior[0] if len(right) == 1 else most))


def target_probability(release: Release, found: Reconstruction) -> Floats:
    """Return how probable it is that each target is the one recovered (b,); 0 where the attack has no error bars.

    Of a class the probability that the gradient's entry for the constant has the right sign; of a number that it lies
    within a tenth of the public deviation.
    """
    nothing = np.zeros(release.deletions)
    if release.target_kind == "number":
        if found.target_error is None or release.Y_public is None:
            return nothing
        error = np.nan_to_num(found.target_error, nan=np.inf)
        with np.errstate(divide="ignore", invalid="ignore"):
            inside = erf(_width(release.Y_public) / error / np.sqrt(2))
        return np.asarray(np.where(error == 0, 1.0, inside).prod(axis=1))
    if found.scale is None or found.output is None or release.constant is None or found.status.count("ok") == 0:
        return nothing
    estimate = Estimate.of(found)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.nan_to_num(norm.cdf(np.abs(estimate.scale) / estimate.scale_error(release))))


def _width(Y: Floats) -> Floats:
    return np.asarray(TARGET_NEAR * Y.std(axis=0))


def _class_shares(Y: Floats) -> Floats:
    """Return the share of each class among targets (m, k)."""
    if Y.shape[1] > 1:
        return np.bincount(Y.argmax(axis=1), minlength=Y.shape[1]) / len(Y)
    positive = float((Y[:, 0] > 0).mean())
    return np.array([1 - positive, positive])


def _target_frequency(release: Release, target: Floats) -> Floats:
    """Return the share of the public targets that equal each recovered one, or lie as near as counts (b,)."""
    Y = release.Y_public
    assert Y is not None
    if release.target_kind == "class":
        place = target.argmax(axis=1) if Y.shape[1] > 1 else (target[:, 0] > 0).astype(int)
        return np.asarray(_class_shares(Y)[place])
    width = _width(Y)
    return np.array([(np.abs(Y - y) <= width).all(axis=1).mean() for y in target])


def _common(release: Release, j: int) -> float:
    """Return how often a column's most common value is right."""
    column = release.columns[j]
    if column.kind != "continuous":
        return float(column.frequency.max()) if column.frequency.size else 0.0
    if release.public_values is None:
        return 0.0
    numbers = release.public_values[:, j]
    return float(share_near(column, numbers, numbers).max())


def _frequency(release: Release, found: Reconstruction) -> Floats:
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
            share[:, j] = np.where(codes[:, j] >= 0, column.frequency[np.maximum(codes[:, j], 0)], 0.0)
    return share


def _limit(release: Release) -> str:
    """Return what keeps the error bars wide: the public sample, or the training records' own number."""
    m, n = len(release.X_public), release.n
    if n is not None and m > n:
        return (
            f"They come of the {n:,} training records themselves, of whose curvature {m:,} public ones give only an "
            "estimate; give the true record, or simulate deletions, to measure what comes back."
        )
    return (
        f"They come of estimating from {m:,} public records what {'the' if n is None else f'{n:,}'} private ones do; "
        "bring more of them, or give the true record."
    )


def _bits(found: Reconstruction) -> tuple[float, float]:
    """Return how many bits of a record came back (median), of how many."""
    if found.bits is None or not np.isfinite(found.bits).any():
        return float("nan"), float("nan")
    return float(np.nanmedian(found.bits)), found.bits_of
