"""`reproduce lora`: what a deletion gives back where only a part of a network was trained on the private records.

A network that people of another state were fitted by is trained further on the private ones, all of it or a part, to
the optimum, with and without a person. Each pair is judged without a truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from undelete.lab import network_parts
from undelete.lab.files import header, prepare, save
from undelete.lab.kept import Shelf, code_of, digest
from undelete.lab.network_parts import ELSEWHERE, PARTS, Part, of_part, pretrained
from undelete.lab.networks import Case, Trained, optimum
from undelete.lab.steps import Folder, Progress, Steps, splits
from undelete.maintainer.networks import retrain_without
from undelete.maths.arrays import Floats
from undelete.paper.drawings.network_conditions import draw
from undelete.paper.needs import sizes
from undelete.paper.network_conditions import blind
from undelete.paper.networks import SPLIT
from undelete.scoring.scores import centred_cosine
from undelete.scoring.table import columns_right

CASE = Case("parts", "", 5_000, 5_000, (8,), 1e-3)
SPLITS, EACH = 3, 14
FEATURES = "columns standardised with the public records' means and deviations: a fixed preprocessing"


def lora(
    data_dir: Folder | None, out: Folder, deletions: int | None, seed: int, progress: Progress | None = None
) -> dict[str, Any]:
    """Attack networks of which a part was trained, and write ``lora.json`` with a picture.

    What is done of a part and a split is kept in the folder `cache` and not done again.

    Parameters
    ----------
    data_dir, out, seed, progress
        As of `undelete.paper.networks.mlp`; progress in parts times splits.
    deletions : int or None
        Of each part, over all splits, at most 42; None for that.
    """
    played, trial = splits(SPLITS, EACH, deletions)
    folder, steps = prepare(out), Steps(len(PARTS) * played, progress)
    each = max(1, min(EACH, -(-(deletions or SPLITS * EACH) // played)))
    shelf = Shelf(folder / "cache" / f"parts-seed-{seed}")
    key = digest(code_of(__name__), code_of(network_parts.__name__), sizes(("acs",), data_dir), CASE, each)
    found: dict[str, list[dict[str, Any]]] = {part.key: [] for part in PARTS}
    for split in range(played):
        made: list[tuple[Trained, Floats]] = []
        for part in PARTS:
            steps.begin(part.title)
            kept = shelf.load(f"{part.key}-{split}", key)
            if kept is None:
                made = made or [pretrained(CASE, data_dir, seed + split)]
                trained = of_part(*made[0], part, seed + split)
                kept = shelf.store(f"{part.key}-{split}", key, {}, _judged(trained, each, seed + split))
            found[part.key].append(kept.account)
            steps.add(1)
    rows = [_row(part, found[part.key]) for part in PARTS]
    title, shows = "Parts of a network", "records behind networks of which a part was trained"
    result = header("lora", title, shows, seed, each * played, features=FEATURES) | {
        "split": SPLIT, "notes": trial, "n": CASE.n, "m": CASE.m, "units": CASE.units[0], "splits": played,
        "elsewhere": ELSEWHERE, "parts": rows,
    }  # fmt: skip
    save(result, folder, lambda stem: draw(rows, stem))
    return result


def _judged(trained: Trained, each: int, seed: int) -> dict[str, Any]:
    """Return what is said of each pair of one split, and how much of it is right."""
    fit = trained.fit
    rows = np.sort(np.random.default_rng([seed, 1]).choice(fit.n, each, replace=False))
    theta, truth, pairs = optimum(trained), trained.truth(rows), []
    assert truth.Y is not None
    for place, one in enumerate(retrain_without(fit, theta, rows)):
        release = trained.released(theta, [one.theta])
        word, reason, found = blind(release, "float64", "Softplus")
        right = columns_right(release, truth.take(np.array([place])), found)
        near = centred_cosine(truth.X[[place]], found.X, release.X_public.mean(axis=0))[0]
        assert found.target is not None
        pairs.append({
            "word": word, "reason": reason, "centred": float(np.nan_to_num(near)),
            "right": 0.0 if right is None else float(np.mean(right)),
            "said": 0.0 if found.probability is None else float(np.nan_to_num(found.probability).mean()),
            "label": float(np.sign(found.target[0, 0]) == np.sign(truth.Y[place, 0])),
        })  # fmt: skip
    return {"pairs": pairs, "parameters": fit.network.parameters}


def _row(part: Part, accounts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    pairs = [pair for account in accounts for pair in account["pairs"]]
    words, reasons = ([pair[key] for pair in pairs if pair[key]] for key in ("word", "reason"))
    return {
        "part": part.key, "title": part.title, "moved": list(part.moved), "rank": part.rank,
        "parameters": accounts[0]["parameters"], "deletions": len(pairs),
        "median_centred_cosine": round(float(np.median([pair["centred"] for pair in pairs])), 6),
        "exact_columns": round(float(np.mean([pair["right"] for pair in pairs])), 6),
        "said": round(float(np.mean([pair["said"] for pair in pairs])), 6),
        "label": round(float(np.mean([pair["label"] for pair in pairs])), 6),
        "words": {word: words.count(word) for word in sorted(set(words))},
        "reasons": {reason: reasons.count(reason) for reason in sorted(set(reasons))},
    }  # fmt: skip


EXPERIMENTS = {"lora": lora}
"""By name, as `Experiment.run` calls it."""
