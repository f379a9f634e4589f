"""Answers in place of models: what comes back by how many were asked for, and to how many digits.

People of the census: all five attacks' releases are of the same models and deletions, and only what is seen of them
differs. Images: the model of Figures 8 and 9, beside Updates-Leak, which sees answers too and has to be trained.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from undelete.attacker.attacks import chosen, run_attack
from undelete.attacker.baselines import AVG, MAXDIFF
from undelete.attacker.gradient.scale import at_public_length
from undelete.attacker.hrec import HREC
from undelete.attacker.hrec_plus import HREC_PLUS
from undelete.attacker.updates_leak.networks import torch
from undelete.auditing.asked_only import asked_only
from undelete.lab.files import PIXELS, header, prepare, save
from undelete.lab.images import Images, load
from undelete.lab.models import IMAGE_SOFTMAX, LOGISTIC, tried
from undelete.lab.panel import play_release
from undelete.lab.steps import Folder, Progress, Steps
from undelete.maths.arrays import Floats, Indices
from undelete.paper.better_tables import income
from undelete.paper.drawings.answers import draw, draw_images
from undelete.paper.figure import shelf
from undelete.paper.leak import DATA
from undelete.paper.updates_leak import planned, play_leaks
from undelete.release.release import Release
from undelete.scoring.intervals import wilson
from undelete.scoring.table import score
from undelete.scoring.truth import Truth

STATES = ("CA", "NY")
QUERIES = (12, 100, 1000, 10_000, None)  # None: all public records
DIGITS = (2, 3, 4, 6, None)  # None: in full
BESIDE = (HREC_PLUS.name, HREC.name, MAXDIFF.name, AVG.name)  # on the models themselves, or on all answers in full
PICTURES = ((100, None), (1000, None), (None, None), (None, 4), (None, 2))  # queries and digits, of images
LEAK = "updates_leak_retraining"
NOTES = (
    "Both models are retrained exactly. Who sees answers only has the old model's file, which says what it reads, the "
    "public records, and both models' probabilities for those asked for; the first of one shuffled list.",
    "A cosine of 0 is also counted where no answer changed to the digits given, or where they leave the "
    "record's scale open.",
)
_DECIMALS = 6


def answers(
    data_dir: Folder | None, out: Folder, deletions: int | None, seed: int, progress: Progress | None = None
) -> dict[str, Any]:
    """Attack answers of models of people, and write ``answers.json`` with a picture.

    Parameters
    ----------
    data_dir : path or None
        Where the ACS data are; None for $UNDELETE_DATA.
    out : path
        The folder; made when it is not there.
    deletions : int or None
        Of each model; None for all.
    seed : int
        Determines everything.
    progress : callable, optional
        Called as progress(done, total, stage), in deletions times attacks.
    """
    folder = prepare(out)
    cells = len(QUERIES) * len(DIGITS) + len(BESIDE)
    steps = Steps((deletions or 0) * cells * len(STATES), progress)
    tables = [_table(state, data_dir, deletions, seed, steps) for state in STATES]
    shows = "what comes back of people when only answers are seen, by their number and digits"
    played = "all" if deletions is None else deletions
    result = header("answers", "Answers in place of models", shows, seed, played) | {
        "notes": list(NOTES), "asked": tables,
    }  # fmt: skip
    save(result, folder, lambda stem: draw(result, stem))
    return result


def answers_images(
    data_dir: Folder | None,
    out: Folder,
    deletions: int | None,
    seed: int,
    progress: Progress | None = None,
    *,
    shadows: int | None = None,
    epochs: int | None = None,
) -> dict[str, Any]:
    """Attack answers of the model of Figure 8 beside Updates-Leak, and write ``answers_images.json`` with a picture.

    Parameters
    ----------
    data_dir, deletions, seed, progress
        As of `answers`; the images are looked for in ~/.cache/undelete, too.
    out : path
        The folder; made when it is not there. What the figures of images keep there is used.
    shadows, epochs : int, optional
        Of Updates-Leak, as for Figure 8.

    Raises
    ------
    InputError
        When torch or the data are not there, or the folder cannot be written to.
    """
    torch()  # it would be missed only when all else is done
    folder = prepare(out)
    population = load(data_dir, (DATA,), deletions)[0]
    b = population.n if deletions is None else min(deletions, population.n)
    steps = Steps(b * (len(BESIDE) + len(PICTURES) + 1), progress)
    found = _images(population, folder, b, seed, steps, {"shadows": shadows, "epochs": epochs})
    shows = "what comes back of images when only answers are seen, beside Updates-Leak on the model of Figure 8"
    played = "all" if deletions is None else deletions
    result = header("answers_images", "Answers in place of models, images", shows, seed, played, features=PIXELS) | {
        "notes": list(NOTES), "asked_images": found,
    }  # fmt: skip
    result["command"] += "".join(
        f" --{name} {value}" for name, value in (("shadows", shadows), ("epochs", epochs)) if value is not None
    )
    save(result, folder, lambda stem: draw_images(result, stem))
    return result


def _table(state: str, data_dir: Folder | None, deletions: int | None, seed: int, steps: Steps) -> dict[str, Any]:
    """Return what comes back of one state's people, cell by cell of queries and digits."""
    steps.begin(f"{state}: models")
    played = income(state, LOGISTIC, data_dir, 10**9 if deletions is None else deletions, seed)
    release, truth = played.release, played.truth
    order = np.random.default_rng([seed, 14]).permutation(len(release.X_public))
    cells = []
    for queries in QUERIES:
        for digits in DIGITS:
            steps.begin(f"{state}: {queries or len(order):,} answers")
            rows = np.sort(order[:queries])
            cells.append(
                {"queries": len(rows), "digits": digits}
                | _measured(asked_only(release, rows, digits), truth, HREC_PLUS.name, seed)
            )
            steps.add(release.deletions)
    beside = {}
    for name in BESIDE:
        steps.begin(f"{state}: {name}")
        beside[name] = _measured(release, truth, name, seed)
        steps.add(release.deletions)
    return {
        "sample": state, "model": LOGISTIC.label, "deletions": release.deletions, **played.account, "cells": cells,
        "beside": beside,
    }  # fmt: skip


def _measured(release: Release, truth: Truth, name: str, seed: int) -> dict[str, Any]:
    """Return what one attack finds of a release."""
    found = run_attack(chosen(name)[0], release, np.random.default_rng([seed, 1]))
    scores = score(release, truth, found)
    sure = found.confidence
    return _similar(scores["centred_cosine"]) | {
        "whole": _plain(np.nan_to_num(scores["exact_record"]).mean()),
        "columns": _plain(np.nan_to_num(scores["exact_columns"]).mean()),
        "said": None if np.isnan(sure).all() else _plain(np.nan_to_num(sure).mean()),
    }


def _images(
    population: Images, folder: Path, deletions: int, seed: int, steps: Steps, asked: Mapping[str, int | None]
) -> dict[str, Any]:
    """Return what comes back of one image each, attack by attack."""
    kept, plan = shelf(folder, population, seed), planned(**asked, deletions=deletions)
    model = tried(IMAGE_SOFTMAX, deletions)
    steps.begin(f"{population.name}: models")
    release, truth, account = play_release(population, model, deletions, seed, kept)
    steps.begin(f"{population.name}: Updates-Leak")
    leak = play_leaks(population, model, deletions, seed, plan, Steps(), kept, (LEAK,))[LEAK]
    steps.add(deletions)
    m = len(release.X_public)
    order = np.random.default_rng([seed, 14]).permutation(m)
    rows = [
        {"attack": LEAK, "sees": "answers", "queries": leak.account["probes"], "digits": None,
         "seconds": round(sum(v for k, v in leak.account["cost"].items() if k.startswith("seconds_")), 1)}
        | _similar(leak.arrays["cosine"], leak.arrays["centred"])
    ]  # fmt: skip
    for name in BESIDE:
        sees = "parameters" if name in (HREC.name, HREC_PLUS.name) else "answers" if name == MAXDIFF.name else "nothing"
        steps.begin(f"{population.name}: {name}")
        rows.append({"attack": name, "sees": sees, "queries": m if sees == "answers" else None, "digits": None}
                    | _seen(release, truth, name, seed))  # fmt: skip
        steps.add(deletions)
    for queries, digits in PICTURES:
        steps.begin(f"{population.name}: {queries or m:,} answers")
        asked_of: Indices = np.sort(order[:queries])
        rows.append(
            {"attack": HREC_PLUS.name, "sees": "answers", "queries": len(asked_of), "digits": digits}
            | _seen(asked_only(release, asked_of, digits), truth, HREC_PLUS.name, seed)
        )
        steps.add(deletions)
    return {
        "sample": population.name, "model": model.label, "deletions": deletions, **account, "rows": rows,
        "shadows": leak.account["shadows"], "probes": leak.account["probes"],
    }  # fmt: skip


def _seen(release: Release, truth: Truth, name: str, seed: int) -> dict[str, Any]:
    """Return how near one attack comes to the pictures."""
    start = time.perf_counter()
    found = run_attack(chosen(name)[0], release, np.random.default_rng([seed, 1]))
    spent = time.perf_counter() - start
    scores = score(release, truth, at_public_length(release, found), placed=True)
    return {"seconds": round(spent, 1)} | _similar(scores["cosine"], scores["centred_cosine"])


def _similar(centred: Floats, *more: Floats) -> dict[str, float | None]:
    """Return the median centred cosine, or of two the median of the first and what belongs to the second."""
    plain: dict[str, float | None] = {}
    if more:
        plain, centred = {"cosine": _plain(np.median(np.nan_to_num(centred)))}, more[0]
    values = np.sort(np.nan_to_num(centred))
    low, high = wilson(len(values) / 2, len(values))
    ends = np.quantile(values, [0.1, low, high])
    return plain | {
        "centred": _plain(np.median(values)), "decile": _plain(ends[0]), "low": _plain(ends[1]),
        "high": _plain(ends[2]),
    }  # fmt: skip


def _plain(value: Any) -> float:
    return round(float(value), _DECIMALS)


EXPERIMENTS = {"answers": answers, "answers_images": answers_images}
"""By name, as `Experiment.run` calls it."""
