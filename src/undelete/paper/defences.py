"""What each defence leaves of the attack and costs: three models of income on people of California, or of two
other states, two models of images, and networks, three splits of each.

Beyond the paper, which names defences and measures none.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from undelete.auditing.protect import protect
from undelete.auditing.protection import REFITTING, Protection
from undelete.data.sources import INCOME_FEATURES, acs_income
from undelete.lab.files import header, prepare, save
from undelete.lab.kept import code_of
from undelete.lab.steps import Folder, Progress, Steps, splits
from undelete.maintainer.defences.ladder import DEFENCES
from undelete.paper.drawings.frontiers import draw

SPLITS = 3
_DELETIONS = 20  # of each, unless said otherwise
LADDERS: dict[str, tuple[float, ...]] = {
    "noisy_moments": (10, 1, 0.3), "output_perturbation": (10, 1, 0.3), "objective_perturbation": (10, 1, 0.3),
    "instance_noise": (100, 10, 1), "repeated": (1, 10, 100), "rounding": (5, 4, 3), "penalty": (0.1, 1.0),
    "certified_removal": (3, 0.3), "batch": (2, 5, 30), "joined": (1, 10, 100), "rounded_answers": (4, 2, 1),
}  # fmt: skip
"""Three strengths of each defence, or two."""
MAX_EXPOSURE, MAX_LOSS = 0.1, 0.01
NOTES = (
    "exposure: the mean centred cosine between the best of our attacks' answers and the deleted records, less what the "
    "same answers share with other people who were deleted; the mean of the splits, with the 95 % interval of that "
    "mean over deletions and splits.",
    "loss: of R2 (ridge) or accuracy on the public half, beside the model without a defence on the same split; noise "
    "is averaged over draws.",
    "A row is recommended that keeps exposure within .1 and loss within .01: one with an epsilon of at most 1 proved "
    "before one that is only measured, then the one that costs least.",
)


@dataclass(frozen=True)
class Case:
    """A model and what it predicts."""

    key: str
    label: str
    model: Any
    number: bool = False


CASES = (
    Case("ridge", "ridge regression, income over 50,000 dollars as 0/1", Ridge(1.0), number=True),
    Case("logistic", "logistic regression, income over 50,000 dollars", LogisticRegression(tol=1e-10, max_iter=1000)),
    Case("svm", "SVM with squared hinge, income over 50,000 dollars", LinearSVC(dual=False, tol=1e-10, max_iter=5000)),
)


@dataclass(frozen=True)
class Game:
    """One split of one model that is to be played.

    Parameters
    ----------
    case, place : str
        Which model, of whom.
    data_dir : path or None
        Where the data are.
    deletions : int
        How many.
    seed : list of int
        The experiment's and the split's.
    checkpoint : Path
        Where rows are kept.
    progress : callable
        Called as progress(done, total).
    """

    case: str
    place: str
    data_dir: Folder | None
    deletions: int
    seed: list[int]
    checkpoint: Path
    progress: Callable[[int, int], None]


@dataclass(frozen=True)
class Plan:
    """What an experiment plays.

    Parameters
    ----------
    name, title : str
        In the JSON.
    cases : dict of str to str
        Models by key, in words.
    places : sequence of str
        Whose records.
    play : callable
        From a game to what was played, and the number of private records.
    deletions : int
        A split's, of the command's own.
    features, source : str
        What a record is, and whose code rows depend on.
    """

    name: str
    title: str
    cases: Mapping[str, str]
    places: Sequence[str]
    play: Callable[[Game], tuple[Protection, int]]
    deletions: int
    features: str
    source: str = "undelete.auditing.protect"


def run(
    plan: Plan,
    data_dir: Folder | None,
    out: Folder,
    deletions: int | None,
    seed: int,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Play all defences on each split, and write ``NAME.json`` and its picture.

    Parameters
    ----------
    plan : Plan
        What is played.
    data_dir : path or None
        Where the data are; None for where they usually are.
    out : path
        The folder; made when it is not there. Rows are kept in its ``cache``, so that a run can go on.
    deletions : int or None
        A split's; None: as many as the command does of its own.
    seed : int
        Draws the splits.
    progress : callable, optional
        Called as progress(done, total, stage), in hundredths of a split.
    """
    folder, count = prepare(out), deletions or plan.deletions
    some, trial = splits(SPLITS, plan.deletions, count if 2 * count < plan.deletions else None)  # as many on each
    shelf = folder / "cache" / f"defences-{seed}-{code_of(plan.source)[:12]}"
    steps = Steps(100 * len(plan.cases) * len(plan.places) * some, progress)
    played: dict[tuple[str, str], list[Protection]] = {at: [] for at in product(plan.cases, plan.places)}
    sizes: dict[str, int] = {}
    for split, key, place in product(range(some), plan.cases, plan.places):  # all models of a split before the next
        steps.begin(f"{key}, {place}, split {split + 1}")
        moved = partial(_moved, steps, steps.done)
        checkpoint = shelf / f"{key}-{place}-{split}-{count}".replace(" ", "-")
        found, sizes[place] = plan.play(Game(key, place, data_dir, count, [seed, split], checkpoint, moved))
        played[key, place].append(found)
    cases = [
        {"key": key, "label": label,
         "states": [_state(place, sizes[place], played[key, place]) for place in plan.places]}
        for key, label in plan.cases.items()
    ]  # fmt: skip
    result = header(
        plan.name, plan.title, "beyond the paper: what to do", seed, count, features=plan.features
    ) | {
        "split": f"{some} times half private and half public records, dealt by the seed",
        "notes": [*NOTES, *trial], "limits": {"max_exposure": MAX_EXPOSURE, "max_loss": MAX_LOSS}, "defences": cases,
    }  # fmt: skip
    save(result, folder, lambda stem: draw(result, stem))
    return result


def _moved(steps: Steps, start: int, done: int, total: int) -> None:
    steps.add(start + 100 * done // total - steps.done)


def laddered(known: Mapping[str, Any], ladders: Mapping[str, tuple[float, ...]]) -> list[Any]:
    """Return defences by name with the strengths that are played."""
    return [replace(known[name], strengths=strengths) for name, strengths in ladders.items()]


def incomes(name: str, states: Sequence[str]) -> Callable[..., dict[str, Any]]:
    """Return the experiment on people of some states, as `Experiment.run` calls it."""

    def play(*asked: Any, **more: Any) -> dict[str, Any]:
        plan = Plan(
            name, f"What each defence leaves, and costs, {', '.join(states)}", {one.key: one.label for one in CASES},
            states, _played, _DELETIONS,
            "the ten columns standardised, with a constant; the scaler held as fitted, but in one row",
        )  # fmt: skip
        return run(plan, *asked, **more)

    return play


def _people(case: Case, state: str, data_dir: Folder | None) -> pd.DataFrame:
    dataset = acs_income(state, data_dir)
    over = dataset.over_50k().to_numpy()
    return dataset.table[list(INCOME_FEATURES)].astype("int64").assign(over=over.astype(float if case.number else int))


def _played(game: Game) -> tuple[Protection, int]:
    """Play all defences on one split of a state."""
    case = next(one for one in CASES if one.key == game.case)
    people = _people(case, game.place, game.data_dir)
    order, half = np.random.default_rng(game.seed).permutation(len(people)), len(people) // 2
    private, public = (people.iloc[part].reset_index(drop=True) for part in (order[:half], order[half : 2 * half]))
    columns = list(INCOME_FEATURES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = make_pipeline(StandardScaler(), clone(case.model)).fit(private[columns], private.over)
        return protect(
            model, private[columns], private.over, public[columns], public.over, deletions=game.deletions,
            defences=[*laddered(DEFENCES, LADDERS), REFITTING], rng=game.seed[1],
            max_exposure=MAX_EXPOSURE, max_loss=MAX_LOSS, checkpoint=game.checkpoint, progress=game.progress,
        ), half  # fmt: skip


def _state(state: str, n: int, played: Sequence[Protection]) -> dict[str, Any]:
    """Return what is said of one state: each row's mean over splits, and what was recommended."""
    tables = [one.table.set_index(one.table.apply(_key, axis=1)) for one in played]
    kept = [key for key in tables[0].index if all(key in table.index for table in tables)]
    chosen = [None if one.recommended is None else _key(one.recommended) for one in played]
    return {
        "state": state, "n": n, "deletions": played[0].deletions, "measure": str(tables[0]["measure"].iloc[0]),
        "utility": float(np.mean([table["utility"].iloc[0] for table in tables])), "chosen": chosen,
        "refused": played[0].refused, "rows": [_mean([table.loc[key] for table in tables]) for key in kept],
    }  # fmt: skip


def _key(row: pd.Series[Any]) -> str:
    return f"{row['defence']} {_nan(row['strength']):g}"


def _mean(rows: Sequence[pd.Series[Any]]) -> dict[str, Any]:
    """Return one row's mean over splits; each split is a draw, and so are the deletions within it."""
    first = rows[0]
    exposure, loss = (_interval(rows, name) for name in ("exposure", "utility_loss"))
    exposure = tuple(min(max(end, 0.0), 1.0) for end in exposure)
    standing = [str(row["standing"]) for row in rows]
    return {
        "key": _key(first), "defence": first["defence"], "label": first["label"], "unit": first["unit"],
        "proof": first["proof"], "strength": _number(first["strength"]), "epsilon": _number(first["epsilon"]),
        "standing": max(sorted(set(standing)), key=standing.count),
        **dict(zip(("exposure", "exposure_low", "exposure_high"), exposure, strict=True)),
        **dict(zip(("utility_loss", "utility_loss_low", "utility_loss_high"), loss, strict=True)),
        "whole_records": float(np.mean([row["whole_records"] for row in rows])),
        "chance_before": float(np.mean([row["chance_before"] for row in rows])),
        "chance_after": _number(np.mean([_nan(row["chance_after"]) for row in rows])),
        "largest_change": float(np.mean([row["largest_change"] for row in rows])),
        "coefficients_moved": _number(np.mean([_nan(row["coefficients_moved"]) for row in rows])),
        "quantiles": np.mean([row["quantiles"] for row in rows], axis=0).round(4).tolist(),
    }  # fmt: skip


def _interval(rows: Sequence[pd.Series[Any]], name: str) -> tuple[float, ...]:
    """Return a mean over splits with its 95 % interval: that within splits, or that between them if it is larger."""
    value = np.array([row[name] for row in rows])
    within = np.array([(row[f"{name}_high"] - row[f"{name}_low"]) / (2 * 1.96) for row in rows])
    k = len(value)
    between = value.var(ddof=1) / k if k > 1 else 0.0
    half = 1.96 * float(np.sqrt(max((within**2).sum() / k**2, between)))
    middle = float(value.mean())
    return middle, middle - half, middle + half


def _nan(value: Any) -> float:
    return float("nan") if value is None else float(value)


def _number(value: Any) -> float | None:
    """Return a number, None for what is none."""
    found = _nan(value)
    return None if found != found else found


EXPERIMENTS = {"defences": incomes("defences", ("CA",)), "defences_more": incomes("defences_more", ("NY", "TX"))}
"""By name, as `Experiment.run` calls it."""
