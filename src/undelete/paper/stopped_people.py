"""People whose logistic regression was stopped: how near the records are, and how probable they are said to be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from undelete.attacker.attacks import chosen, run_attack
from undelete.data.acs import acs_income
from undelete.lab.kept import digest
from undelete.lab.samples import Sample
from undelete.lab.steps import Folder, Steps
from undelete.lab.stopped import OPTIMISERS, Optimiser
from undelete.maths.arrays import Floats
from undelete.maths.losses import Logistic
from undelete.paper.better_tables import standardised
from undelete.paper.figure import shelf
from undelete.paper.stopped_models import DECIMALS, KNOWN, attacking, kept_training, known, spread
from undelete.release.public import Public
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release
from undelete.scoring.intervals import wilson
from undelete.scoring.table import score
from undelete.scoring.truth import Truth

STATE, PEOPLE = "CA", 10_000


def people(data_dir: Folder | None, b: int, seed: int, folder: Path, steps: Steps) -> list[dict[str, Any]]:
    """Return logistic regression of people: what comes back, and how probable it is said to be."""
    sample = Sample(STATE, acs_income(STATE, data_dir))
    dealt = sample.halves("class", seed)
    design = standardised(dealt)
    columns, codes, values = design.columns(dealt.raw_public)
    X, Y = dealt.X[:PEOPLE], dealt.Y[:PEOPLE]
    rows = np.sort(np.random.default_rng(sample.streams(seed)[2]).choice(len(X), size=min(b, len(X)), replace=False))
    true_codes, true_values = design.encode(dealt.raw.iloc[rows], columns)
    truth = Truth(X=X[rows], Y=Y[rows], codes=true_codes, values=true_values)
    public: Public = {
        "X_public": dealt.X_public, "Y_public": dealt.Y_public, "constant": design.constant(), "columns": columns,
        "public_codes": codes, "public_values": values, "target_kind": "class",
    }  # fmt: skip

    def told(W: Floats, step: float, optimiser: Optimiser, budget: int) -> dict[str, Any]:
        release = Release(loss=Logistic(), W_before=W[-1], W_after=W[:-1], n=len(X), l2=np.zeros(len(W[0])), **public)
        guesses = {"hrec+": run_attack(chosen("hrec+")[0], release, np.random.default_rng(0)),
                   KNOWN: known(release, optimiser, step, budget)}  # fmt: skip
        return {name: _told(release, truth, guess) for name, guess in guesses.items() if guess}

    found: list[dict[str, Any]] = []
    kept = shelf(folder, sample, seed)
    for optimiser in OPTIMISERS[:2]:
        steps.begin(f"{STATE}: {optimiser.label}")
        models, step, key = kept_training(kept, X, Y, Logistic(), rows, optimiser, seed)
        for budget, W in models.items():
            entry, mark = f"stopped-{optimiser.key}-{len(rows)}-{budget}", digest(key, attacking())
            row = kept.load(entry, mark) or kept.store(entry, mark, {}, told(W, step, optimiser, budget))
            found.append({"optimiser": optimiser.key, "label": optimiser.label, "steps": budget, "n": len(X),
                          "m": len(dealt.X_public), "deletions": len(rows), "attacks": row.account})  # fmt: skip
            steps.add(1)
    return found


def _told(release: Release, truth: Truth, guess: Reconstruction) -> dict[str, float | None]:
    """Return how near the records are, how many columns are right, and how many it says are."""
    scores = score(release, truth, guess)
    assert guess.probability is not None
    whole = np.nan_to_num(scores["exact_record"]) > 0
    low, high = wilson(float(whole.sum()), len(whole))
    numbers = {"columns": np.nan_to_num(scores["exact_columns"]).mean(),
               "columns_said": np.nan_to_num(guess.probability).mean(), "whole": whole.mean(), "whole_low": low,
               "whole_high": high, "whole_said": np.nan_to_num(guess.confidence).mean()}  # fmt: skip
    return spread("centred", scores["centred_cosine"]) | {
        name: round(float(value), DECIMALS) for name, value in numbers.items()
    }
