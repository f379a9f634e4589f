"""Figures 1 and 7 of the paper: membership inference on the tabular models, and beside it who was deleted.

A panel is one sample, one model and one set of features. 40 % of the sample are private, 40 % public, 20 % held out
(the paper's Appendix A). The target model is fitted on the private part, 64 shadow models on bootstraps of the
public part, and LiRA (maths (15)) scores all private and all held-out records.

The same people are then asked another question, which the paper does not: some private records are deleted, each
alone; who was it? The likelihood that a candidate explains the difference of the two models (maths (16)) ranks all
private and held-out records, and beside it do LiRA on the old model, and the drop in confidence from one to the
other.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from undelete.attacker.member.lira import VARIANCES, lira
from undelete.lab.files import header, prepare, save
from undelete.lab.fitting import Fitted, fit_private
from undelete.lab.holdout import with_holdout
from undelete.lab.models import Model
from undelete.lab.population import Halves
from undelete.lab.samples import Sample, states
from undelete.lab.steps import Folder, Progress
from undelete.maintainer.game import play
from undelete.maintainer.resample import bootstrap, fit_resamples
from undelete.maths.objective import Objective
from undelete.paper.deleted_ranks import ranks_of_deleted
from undelete.paper.drawings.roc import draw
from undelete.release.candidates import Candidates
from undelete.release.public import Public
from undelete.release.release import Release
from undelete.report.roc import LEVELS
from undelete.scoring.lineup import Lineup
from undelete.scoring.roc import RATES, Roc

SHADOWS = 64
RANDOM_FEATURES = 512
MOST_DELETIONS, MOST_WITH_RANDOM_FEATURES = 200, 30  # a panel; each compares all candidates
SPLIT = "40 % private, 40 % public, 20 % held out, dealt at random by the seed"
FEATURES = (
    "the task's columns as numbers, standardised with the public part's means and deviations, or random Fourier "
    "features of them (Gaussian kernel, bandwidth the median distance of two public records), and the constant 1"
)
NOTES = (
    "The paper shows these curves as images only, and says neither how it encodes the columns nor how many random "
    "features it takes: the setting is repeated here, not the numbers.",
    "Intervals are over records, given the models: one target model and one set of shadows a panel.",
)
_COARSE = tuple(float(value) for value in np.logspace(-2, 2, 5))  # for hundreds of features each fit is dear
_DECIMALS = 7


@dataclass(frozen=True)
class Row:
    """One row of panels: a model, and how many random features it sees (0: the columns themselves)."""

    model: Model
    random_features: int = 0

    @property
    def label(self) -> str:
        """The model's name with its features."""
        return self.model.label + (f", {self.random_features} random features" if self.random_features else "")


@dataclass(frozen=True)
class Figure:
    """What one command draws."""

    name: str
    title: str
    shows: str
    rows: Sequence[Row]


def reproduce(
    figure: Figure,
    data_dir: Folder | None,
    out: Folder,
    deletions: int | None,
    seed: int,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Attack a figure's panels, and write ``NAME.json``, ``NAME.svg`` and ``NAME.png`` into a folder.

    Parameters
    ----------
    figure : Figure
        What to attack.
    data_dir : path or None
        Where the ACS data are; None for $UNDELETE_DATA.
    out : path
        The folder; made when it is not there.
    deletions : int or None
        Deletions a panel for "who was deleted": 200 at most, 30 with random features; None for as many.
    seed : int
        Determines split, folds, bootstraps, random features, mixing, deletions and intervals.
    progress : callable, optional
        Called as progress(done, total), in panels.

    Returns
    -------
    dict
        What the JSON holds: plain numbers, strings, lists and dictionaries. But for the seconds in `cost` the same
        arguments give the same numbers.

    Raises
    ------
    InputError
        When the data are not there, a model does not converge, or the folder cannot be written to.
    """
    folder = prepare(out)
    samples = states(data_dir)
    rows: list[dict[str, Any]] = []
    for i, row in enumerate(figure.rows):
        panels = []
        for sample in samples:
            panels.append(play_panel(sample, row, deletions, seed))
            if progress is not None:
                progress(i * len(samples) + len(panels), len(figure.rows) * len(samples), figure.name)
        rows.append({"model": row.label, "panels": panels})
    result = header(figure.name, figure.title, figure.shows, seed, "all" if deletions is None else deletions) | {
        "split": SPLIT, "features": FEATURES, "notes": list(NOTES), "levels": LEVELS.tolist(),
        "shadows": SHADOWS, "rows": rows,
    }  # fmt: skip
    save(result, folder, lambda stem: draw(result, stem))
    return result


def play_panel(sample: Sample, row: Row, deletions: int | None, seed: int) -> dict[str, Any]:
    """Fit one model on one sample, attack the membership of all its people, then delete some and look for them.

    Parameters
    ----------
    sample : Sample
        5 / 2 n records, of which n become private.
    row : Row
        The model.
    deletions : int or None
        How many records to delete, drawn without replacement.
    seed : int
        Determines all draws.
    """
    model = replace(row.model, penalties=_COARSE, folds=2) if row.random_features else row.model
    parts = with_holdout(sample, model.kind, seed, row.random_features)
    dealt = parts.halves
    fitted = fit_private(model, sample, dealt, seed)
    _, _, draws, attacks, _ = sample.streams(seed)
    shadow_seed, mixing, intervals = attacks.spawn(4)[1:]  # the first drew the random features
    lineup = Lineup.mix((dealt.X, dealt.Y), (parts.X_holdout, parts.Y_holdout), np.random.default_rng(mixing))
    rng = np.random.default_rng(intervals)
    found, cost = _shadowed(fitted, dealt, lineup.candidates, np.random.default_rng(shadow_seed))
    curves = {name: Roc.of(lineup.member, lineup.unmix(scores)) for name, scores in found["scores"].items()}
    most = min(MOST_WITH_RANDOM_FEATURES if row.random_features else MOST_DELETIONS, len(dealt.X))
    count = most if deletions is None else min(deletions, most)
    rows = np.sort(np.random.default_rng(draws).choice(len(dealt.X), size=count, replace=False))
    release = _deleted(fitted, dealt, rows, model)
    who, costs = ranks_of_deleted(release, lineup, rows, found["scores"]["global"], rng)
    return {
        "sample": sample.name, "source": sample.dataset.source, "model": model.label, "key": model.key,
        "target": sample.target(model.kind), "unit": sample.unit(model.kind), "embedding": parts.space,
        "n": len(dealt.X), "m": len(dealt.X_public), "held_out": len(parts.X_holdout), "d": dealt.X.shape[1],
        "seed": seed, **_untimed(fitted.account), "shadows": SHADOWS, "gradient_norm_shadows": found["gradient_norm"],
        "gradient_tolerance": fitted.tolerance, "lira": {name: _rates(roc, rng) for name, roc in curves.items()},
        "who": who, "cost": {"lira": cost, **costs},
    }  # fmt: skip


def _untimed(account: dict[str, Any]) -> dict[str, Any]:
    """Return an account without seconds: those of an attack are in `cost`."""
    return {key: value for key, value in account.items() if not key.startswith("seconds")}


def _shadowed(
    fitted: Fitted, dealt: Halves, candidates: Candidates, rng: np.random.Generator
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return LiRA's scores by variance, how well the shadows are fitted, and what it cost."""
    began = time.perf_counter()
    objective = fitted.objective
    public = Objective(dealt.X_public, dealt.Y_public, objective.loss, objective.l2)
    weights = bootstrap(public.n, objective.n, SHADOWS, rng)
    shadows = fit_resamples(public, weights, tol=fitted.tolerance)
    trained = time.perf_counter()
    scores = {name: lira(objective.loss, fitted.W, shadows.W, candidates, variance=name) for name in VARIANCES}
    cost = {
        "seconds": round(time.perf_counter() - began, 2), "seconds_training": round(trained - began, 2),
        "models": SHADOWS, "queries": len(candidates.X), "parameters": False,
    }  # fmt: skip
    return {"scores": scores, "gradient_norm": float(shadows.gradient_norm.max())}, cost


def _rates(roc: Roc, rng: np.random.Generator) -> dict[str, Any]:
    """Return a curve's area and its rates, with their intervals, and the curve at `LEVELS`."""
    low, high = roc.auc_interval
    found: dict[str, Any] = {"auc": roc.auc, "auc_low": low, "auc_high": high}
    for fpr, ends in zip(RATES, roc.tpr_intervals(RATES, rng), strict=True):
        name = f"tpr_at_{fpr:g}".replace("0.", ".")
        found |= {name: roc.tpr_at(fpr), f"{name}_low": ends[0], f"{name}_high": ends[1]}
    return found | {"curve": [round(roc.tpr_at(float(fpr)), _DECIMALS) for fpr in LEVELS]}


def _deleted(fitted: Fitted, dealt: Halves, rows: NDArray[np.int64], model: Model) -> Release:
    """Return the release of some deletions."""
    public: Public = {"X_public": dealt.X_public, "Y_public": dealt.Y_public, "target_kind": model.kind}
    return play(fitted.objective, fitted.W, rows, public, tol=fitted.tolerance)[0]
