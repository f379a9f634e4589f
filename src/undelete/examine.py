"""From a release to a judgement: run the attacks, score them where the truth is known, weigh the evidence."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from undelete.attacker.attacks import ATTACKS, Attack
from undelete.attacker.decode import Estimate, at_public_length
from undelete.attacker.hrec import hrec
from undelete.attacker.lattice import hrec_plus
from undelete.attacker.traced_error import input_error
from undelete.diagnostics import Diagnostic, diagnose, expected_centred_cosine
from undelete.maintainer.game import Truth
from undelete.maths.arrays import blocks
from undelete.release import Column, Reconstruction, Release
from undelete.report.pictures import PICTURED, one_a_label
from undelete.result import Audit
from undelete.scoring.intervals import mean_interval, wilson
from undelete.scoring.table import columns_right, score, summarise
from undelete.setting import Setting
from undelete.verdict import Evidence, decide

Floats = NDArray[np.float64]
# guesses that do not rest on the reconstruction
_CONTROL_NAMES = {"avg": "Avg, the average public record", "maxdiff": "MaxDiff, the public record that moved most"}
_BLOCK = 256  # deletions attacked at a time, between two moves of the progress bar


def run_attack(
    attack: Attack, release: Release, rng: np.random.Generator, progress: Callable[[int], None] | None = None
) -> Reconstruction:
    """Run one attack on all deletions, block by block: its memory stays bounded and progress shows."""
    parts = []
    for part in blocks(release.deletions, _BLOCK):
        parts.append(attack.run(release.take(part), rng))
        if progress is not None:
            progress(part.stop - part.start)
    return parts[0] if len(parts) == 1 else _joined(parts)


def examine(
    release: Release,
    attacks: Sequence[Attack],
    truth: Truth | None,
    setting: Setting,
    seeds: np.random.SeedSequence,
    *,
    remaining: Floats | None = None,
    diagnostics: Sequence[Diagnostic] = (),
    warnings: Sequence[str] = (),
    leaks: Sequence[str] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Audit:
    """Attack a release and judge the result.

    Parameters
    ----------
    release : Release
        What the attacker sees.
    attacks : sequence of Attack
        What to run. HRec runs in any case, for the diagnostics.
    truth : Truth or None
        For the scores only: no attack is given it.
    setting : Setting
        Words for the report.
    seeds : numpy.random.SeedSequence
        Spawns one stream for the attacks and one for the intervals.
    remaining : array (b, d, k), optional
        The remaining records' gradients, handed to the informed bound and to nothing else.
    diagnostics, warnings : sequences
        What is known already.
    leaks : sequence of str
        What the preprocessing gives away by itself.
    progress : callable, optional
        Called as progress(done, total), in deletions times attacks.
    """
    attack_seed, score_seed, picture_seed = seeds.spawn(3)
    total, done = len(attacks) * release.deletions, 0

    def moved(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None:
            progress(done, total)

    found = {}
    for attack, seed in zip(attacks, attack_seed.spawn(len(attacks)), strict=True):
        seen = release
        if attack.role == "bound":
            seen = dataclasses.replace(release, remaining_gradient=remaining)
        found[attack.name] = run_attack(attack, seen, np.random.default_rng(seed), moved)
    placed = not release.columns
    if placed:
        found = {name: at_public_length(release, one) for name, one in found.items()}
    base = found["hrec"] if "hrec" in found else hrec(release, np.random.default_rng(attack_seed))
    checks = [*diagnostics, *diagnose(release, base, found.get("hrec+"), measured=truth is not None)]
    rng = np.random.default_rng(score_seed)
    scored = {} if truth is None else {name: score(release, truth, one, placed=placed) for name, one in found.items()}
    summaries = {name: summarise(scores, found[name].confidence, rng) for name, scores in scored.items()}
    main = next((name for name in found if ATTACKS[name].role == "attack"), next(iter(found)))
    sure = base
    if release.embedding is not None and truth is None:  # the error bars are those of the most probable record
        sure = found["hrec+"] if "hrec+" in found else hrec_plus(release, np.random.default_rng(attack_seed))
    exposure = _exposure(release, sure, scored.get(main))
    lift = _lift(scored, main, "centred_cosine" if _similar_only(release) else "exact_columns", rng)
    evidence = _evidence(release, found, main, truth, scored, lift, exposure)
    if evidence is not None and evidence.by == "columns":
        column, lead = evidence.best_column
        evidence = dataclasses.replace(evidence, best_column=(setting.schema[column].label, lead))
    return Audit(
        setting=setting,
        release=release,
        found=found,
        truth=truth,
        verdict=decide(evidence, checks, leaks),
        diagnostics=checks,
        warnings=[*warnings, *leaks],
        exposure=exposure,
        scored=scored,
        summaries=summaries or {name: {"n": release.deletions} for name in found},
        lift=lift,
        pictured=None if setting.readout is None else _pictured(release, truth, np.random.default_rng(picture_seed)),
    )


def _joined(parts: Sequence[Reconstruction]) -> Reconstruction:
    """Return one reconstruction of all blocks."""
    joined: dict[str, Any] = {
        "attack": parts[0].attack,
        "bits_of": parts[0].bits_of,
        "misfit_terms": parts[0].misfit_terms,
    }
    for field in dataclasses.fields(Reconstruction):
        first = getattr(parts[0], field.name)
        if field.name == "status":
            joined["status"] = [one for part in parts for one in part.status]
        elif isinstance(first, np.ndarray):
            joined[field.name] = np.concatenate([getattr(part, field.name) for part in parts])
    return Reconstruction(**joined)


def _exposure(release: Release, found: Reconstruction, scores: Mapping[str, Floats] | None) -> Floats:
    """Return each deletion's exposure (b,): the centred cosine, or what the error bars promise."""
    if scores is not None:
        return np.clip(np.nan_to_num(scores["centred_cosine"]), 0.0, 1.0)
    if found.scale is None or found.output is None or release.constant is None:
        return np.zeros(release.deletions)
    if release.embedding is not None:
        error = input_error(release, found)
    else:
        estimate = Estimate(found.scale, found.output)
        every = np.eye(release.X_public.shape[1])
        squares = estimate.covariance(release, estimate.weights(release) ** 2, every, found.X, dense=False)
        error = np.sqrt(np.maximum(squares, 0.0))
    promised = expected_centred_cosine(release, found, error)
    identified = np.array([status == "ok" for status in found.status])
    return np.where(identified, np.nan_to_num(promised), 0.0)


def _lift(
    scored: Mapping[str, Mapping[str, Floats]], main: str, by: str, rng: np.random.Generator
) -> dict[str, Any] | None:
    """Return the main attack's lead in a score over the best control, paired by deletion.

    The average record has no direction about itself: its centred cosine counts as zero, as nothing recovered does,
    and as a record on the wrong side of the average does.
    """
    numbers = {name: np.maximum(np.nan_to_num(scored[name][by]), 0.0) for name in scored}
    controls = {name: numbers[name] for name in _CONTROL_NAMES if name in scored and name != main}
    if not controls:
        return None
    best = max(controls, key=lambda name: float(controls[name].mean()))
    lead = numbers[main] - controls[best]
    low, high = mean_interval(lead, rng)
    return {"score": by, "attack": main, "baseline": best, "difference": float(lead.mean()), "low": low, "high": high}


def _evidence(
    release: Release,
    found: Mapping[str, Reconstruction],
    main: str,
    truth: Truth | None,
    scored: Mapping[str, Mapping[str, Floats]],
    lift: Mapping[str, Any] | None,
    exposure: Floats,
) -> Evidence | None:
    """Gather the numbers of the verdict, from the scores or else from the attack's own error bars."""
    if _similar_only(release):
        return _similar(found[main], truth, scored, lift, exposure)
    if all(status != "ok" for status in found[main].status):
        return None
    if truth is None:
        return _promised(release, found[main], exposure)
    right = columns_right(release, truth, found[main])
    if right is None:
        return None
    if lift is None or len(right) == 1:  # one deletion's guesses are luck: take what they get on average
        name, base = (
            "the most common value of each column, on average",
            np.array([[_common(c) for c in release.columns]]),
        )
    else:
        hits = columns_right(release, truth, found[lift["baseline"]])
        assert hits is not None
        name, base = _CONTROL_NAMES[lift["baseline"]], hits.astype(float)
    per_column = right.mean(axis=0) - base.mean(axis=0)
    best = int(per_column.argmax())
    whole = np.asarray(right.all(axis=1))
    return Evidence(
        deletions=len(right),
        bits=_bits(found[main]),
        columns=float(right.mean()),
        baseline=float(base.mean()),
        baseline_name=name,
        lift_low=float("nan") if lift is None else lift["low"],
        whole=float(whole.mean()),
        whole_baseline=float(base.prod(axis=1).mean()),
        whole_low=wilson(float(whole.sum()), len(whole))[0],
        best_column=(release.columns[best].name, float(per_column[best])),
        measured=True,
        centred=float(np.median(exposure)),
    )


def _similar_only(release: Release) -> bool:
    """Return whether records are judged by their similarity alone: no column of theirs is a code or a count."""
    return all(column.kind == "continuous" for column in release.columns)


def _similar(
    found: Reconstruction,
    truth: Truth | None,
    scored: Mapping[str, Mapping[str, Floats]],
    lift: Mapping[str, Any] | None,
    exposure: Floats,
) -> Evidence | None:
    """Return the evidence on records of continuous numbers: how similar they are, about the public mean."""
    if all(status == "unchanged" for status in found.status):
        return None
    # one deletion's guess is luck: a random record has no centred cosine on average
    compared = lift is not None and len(exposure) > 1
    name = _CONTROL_NAMES[lift["baseline"]] if lift is not None and compared else "a random public record, on average"
    base = np.zeros(1)
    if lift is not None and compared:
        base = np.maximum(np.nan_to_num(scored[lift["baseline"]]["centred_cosine"]), 0.0)
    nothing = float("nan")
    return Evidence(
        deletions=len(exposure),
        columns=float(exposure.mean()),
        baseline=float(base.mean()),
        baseline_name=name,
        lift_low=lift["low"] if lift is not None and compared else nothing,
        whole=0.0,
        whole_baseline=0.0,
        whole_low=nothing,
        best_column=("", 0.0),
        measured=truth is not None,
        centred=float(np.median(exposure)),
        by="similarity",
    )


def _pictured(release: Release, truth: Truth | None, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw the deletions whose pictures are shown, one of each class first."""
    labels = None
    if truth is not None and truth.Y is not None and release.target_kind == "class":
        labels = truth.Y.argmax(axis=1) if truth.Y.shape[1] > 1 else (truth.Y[:, 0] > 0).astype(np.int64)
    return one_a_label(labels, PICTURED, rng, count=release.deletions)


def _common(column: Column) -> float:
    """Return how often the most common value is right."""
    return float(column.frequency.max()) if column.frequency.size else 0.0


def _bits(found: Reconstruction) -> tuple[float, float]:
    """Return how many bits of a record came back (median), of how many."""
    if found.bits is None or not np.isfinite(found.bits).any():
        return float("nan"), float("nan")
    return float(np.nanmedian(found.bits)), found.bits_of


def _promised(release: Release, found: Reconstruction, exposure: Floats) -> Evidence | None:
    """Return the evidence without a truth: what the error bars of maths (10) say is right."""
    if found.probability is None or not np.isfinite(found.probability).any():
        return None
    good = np.array([status == "ok" for status in found.status])
    told = np.isfinite(found.probability[good]).any(axis=0)  # not where all public records agree
    probability = np.where(good[:, None], np.nan_to_num(found.probability), 0.0)[:, told]
    common = np.array([_common(c) for c in release.columns])[told]
    per_column = probability.mean(axis=0) - common
    best = int(per_column.argmax())
    return Evidence(
        deletions=len(probability),
        bits=_bits(found),
        columns=float(probability.mean()),
        baseline=float(common.mean()),
        baseline_name="the most common value of each column",
        lift_low=float("nan"),
        whole=float(np.where(good, np.nan_to_num(found.confidence), 0.0).mean()),
        whole_baseline=float(common.prod()),
        whole_low=float("nan"),
        best_column=(
            [c.name for c, known in zip(release.columns, told, strict=True) if known][best],
            float(per_column[best]),
        ),
        measured=False,
        centred=float(np.median(exposure)),
    )
