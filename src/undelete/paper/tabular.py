"""Figures 5, 6 and 10 of the paper: people deleted from linear models and reconstructed, panel by panel.

A panel is one sample and one model. Half of the sample is private, half public; the model is fitted on the
private half; persons are drawn from it and deleted, each from the full model with exact retraining; the three
attacks see the two models and the public half.

The similarity is the paper's cosine, in the model's space with the constant left out. The space is standardised
with the public half (see `undelete.paper.samples`), so the average public record is the origin: Avg has no
direction there and its cosine counts as 0, and the cosine of the others is the centred one. `uncentred` is the
cosine of the same records when columns are divided by their deviations but their means are left in: there an
average record scores high, which is why it is not the headline.

A deletion that leaves the model as it was (a record outside the margin of a support vector machine) reveals
nothing and is in no curve: the panel says how many changed the model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from undelete.attacker.attacks import Attack, find
from undelete.examine import run_attack
from undelete.maintainer.game import Truth, play
from undelete.maths.arrays import blocks
from undelete.paper import Folder, Progress
from undelete.paper.drawing import draw
from undelete.paper.files import HONEST, header, prepare, save
from undelete.paper.models import Model, fit_private
from undelete.paper.samples import Floats, Halves, Sample, halves, target_text, unit
from undelete.release import Release
from undelete.scoring.intervals import wilson
from undelete.scoring.scores import cosine
from undelete.scoring.table import score

ATTACKS = ("hrec", "avg", "maxdiff")
LEVELS = np.linspace(0.0, 1.0, 201)  # of the quantiles that describe a curve
SIMILARITY = (
    "cosine in the model's space without the constant. The public mean is the origin there, so this cosine is the "
    "centred one, and Avg, which has no direction, counts as 0. 'uncentred' divides columns by their deviations "
    "and leaves their means in, which flatters every guess"
)
_BLOCK_NUMBERS = 16_000_000  # numbers in one block's predictions: 128 MB
_DECIMALS = 7
_NOTHING = 1e-9  # length, in standard deviations, under which a guess has no direction


@dataclass(frozen=True)
class Figure:
    """What one command draws: its name, its title, and the models, one row of panels each."""

    name: str
    title: str
    shows: str
    models: Sequence[Model]
    samples: Callable[[Folder | None], tuple[list[Sample], list[str]]]


def reproduce(
    figure: Figure,
    data_dir: Folder | None,
    out: Folder,
    deletions: int | None,
    seed: int,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Play a figure's panels, and write ``NAME.json``, ``NAME.svg`` and ``NAME.png`` into a folder.

    Parameters
    ----------
    figure : Figure
        What to play.
    data_dir : path or None
        Where the ACS data are; None for $UNDELETE_DATA.
    out : path
        The folder; made when it is not there.
    deletions : int or None
        Deletions a panel, all of the private half at most; None for all, as in the paper.
    seed : int
        Determines halves, folds and deletions, so a sample's are the same in every figure.
    progress : callable, optional
        Called as progress(done, total), in deletions times (attacks + 1).

    Returns
    -------
    dict
        What the JSON holds: plain numbers, strings, lists and dictionaries.

    Raises
    ------
    InputError
        When the data are not there, a model does not converge, or the folder cannot be written to.
    """
    folder = prepare(out)
    samples, notes = figure.samples(data_dir)
    counts = [sample.n if deletions is None else min(deletions, sample.n) for sample in samples]
    step = _counter(len(figure.models) * (len(ATTACKS) + 1) * sum(counts), progress)
    panels = [
        [play_panel(sample, model, count, seed, step) for sample, count in zip(samples, counts, strict=True)]
        for model in figure.models
    ]
    result = header(figure.name, figure.title, figure.shows, seed, "all" if deletions is None else deletions) | {
        "similarity": SIMILARITY,
        "notes": [HONEST, *notes],
        "levels": LEVELS.round(6).tolist(),
        "rows": [{"model": model.label, "panels": row} for model, row in zip(figure.models, panels, strict=True)],
    }
    save(result, folder, lambda stem: draw(result, stem))
    return result


def play_panel(
    sample: Sample, model: Model, deletions: int, seed: int, step: Callable[[int], None] | None = None
) -> dict[str, Any]:
    """Fit one model on one sample, delete, attack and score.

    Parameters
    ----------
    sample : Sample
        n private and m public records after the split.
    model : Model
        What is fitted.
    deletions : int
        How many records, drawn without replacement.
    seed : int
        Determines all draws.
    step : callable, optional
        Called with the number of deletions that were retrained, or attacked by one attack, since the last call.
    """
    dealt = halves(sample, model.kind, seed)
    fitted = fit_private(model, sample, dealt, seed)
    _, _, draws, attacks = sample.streams(seed)
    rows = np.sort(np.random.default_rng(draws).choice(len(dealt.X), size=deletions, replace=False))
    constant = np.zeros(dealt.X.shape[1])
    constant[-1] = 1.0
    public = {"X_public": dealt.X_public, "Y_public": dealt.Y_public, "constant": constant, "target_kind": model.kind}
    retrained = _differences(step)
    release, played = play(
        fitted.objective, fitted.W, rows, public, tol=fitted.tolerance, progress=lambda done, _: retrained(done)
    )
    changed = (release.W_after != release.W_before).any(axis=(1, 2))
    scores = {}
    for attack, stream in zip(find(ATTACKS), attacks.spawn(len(ATTACKS)), strict=True):
        found = _attack(attack, release, dealt, rows, np.random.default_rng(stream), step)
        scores[attack.name] = summary({name: values[changed] for name, values in found.items()})
    low, high = wilson(float(changed.sum()), len(rows))
    return {
        "sample": sample.name, "source": sample.dataset.source, "model": model.label, "key": model.key,
        "target": target_text(sample, model.kind), "unit": unit(sample, model.kind),
        "n": len(dealt.X), "m": len(dealt.X_public),
        "d": dealt.X.shape[1], "seed": seed, **fitted.account, "deletions": len(rows), "changed": int(changed.sum()),
        "share_changed": float(changed.mean()), "share_changed_low": low, "share_changed_high": high,
        "gradient_norm_largest": float(played.gradient_norm.max()), "gradient_tolerance": fitted.tolerance,
        "certified": int(played.certified.sum()), "attacks": scores,
    }  # fmt: skip


def _attack(
    attack: Attack,
    release: Release,
    dealt: Halves,
    rows: NDArray[np.int64],
    rng: np.random.Generator,
    step: Callable[[int], None] | None,
) -> dict[str, Floats]:
    """Return an attack's similarities (b,), a block of deletions at a time, and where it had no scale."""
    parts = []
    for part in blocks(len(rows), max(1, _BLOCK_NUMBERS // len(release.X_public))):
        view, truth = release.take(part), Truth(X=dealt.X[rows[part]], Y=dealt.Y[rows[part]])
        found = run_attack(attack, view, rng, step)
        scores = score(view, truth, found)
        guess = found.X[:, :-1]
        # what is left of the mean of standardised columns is rounding: it has a direction, but no meaning
        blank = np.linalg.norm(guess, axis=1) <= _NOTHING
        direction = np.array([status == "direction" for status in found.status])
        flattered = cosine(truth.X[:, :-1] + dealt.centre, guess + dealt.centre)
        parts.append(
            {
                "cosine": np.where(blank, 0.0, scores["cosine"]),
                "centred": np.where(blank, 0.0, scores["centred_cosine"]),
                "uncentred": np.where(direction, np.nan, flattered),
                "direction": direction.astype(float),
            }
        )
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def summary(scores: dict[str, Floats]) -> dict[str, Any]:
    """Return an attack's medians, shares with Wilson's 95 % intervals, and curves as quantiles at `LEVELS`.

    Parameters
    ----------
    scores : dict
        "cosine", "centred", "uncentred" and "direction" (b,) of the deletions that changed the model; a deletion
        from which nothing came back (NaN) counts as 0.
    """
    known = {name: np.nan_to_num(scores[name]) for name in ("cosine", "centred", "uncentred")}
    b = len(known["cosine"])
    row: dict[str, Any] = {"deletions": b, "direction_only": int(scores["direction"].sum())}
    wanted = [(f"median_{name}", name, 0.5) for name in known] + [
        ("q10_cosine", "cosine", 0.1),
        ("q90_cosine", "cosine", 0.9),
    ]
    for name, of, q in wanted:
        # beyond the seventh decimal the order of summation, and so the number of threads, would show
        row[name] = round(float(np.quantile(known[of], q)), _DECIMALS) if b else None
    for bound in (0.9, 0.99):
        hits, name = float((known["cosine"] > bound).sum()), f"share_above_{bound:g}".replace("0.", ".")
        low, high = wilson(hits, b)
        row |= {name: hits / b, f"{name}_low": low, f"{name}_high": high} if b else {name: None}
    for name in ("cosine", "uncentred"):
        curve = np.quantile(known[name], LEVELS, method="inverted_cdf") if b else np.empty(0)
        row[f"curve_{name}"] = curve.round(_DECIMALS).tolist()
    return row


def _counter(total: int, progress: Progress | None) -> Callable[[int], None]:
    """Return a function of steps taken that reports their sum."""
    done = 0

    def step(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None:
            progress(done, total)

    return step


def _differences(step: Callable[[int], None] | None) -> Callable[[int], None]:
    """Return a function of the total so far that passes on what was added."""
    before = 0

    def reached(done: int) -> None:
        nonlocal before
        if step is not None:
            step(done - before)
        before = done

    return reached
