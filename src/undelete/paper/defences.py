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
from undelete.data.acs import INCOME_FEATURES, acs_income
from undelete.lab.files import header, prepare, save
from undelete.lab.kept import code_of
from undelete.lab.steps import Folder, Progress, Steps, splits
from undelete.maintainer.defences.ladder import DEFENCES
from undelete.paper.drawings.frontiers import draw
from undelete.paper.over_splits import averaged

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
         "states": [averaged(place, sizes[place], played[key, place]) for place in plan.places]}
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


EXPERIMENTS = {"defences": incomes("defences", ("CA",)), "defences_more": incomes("defences_more", ("NY", "TX"))}
"""By name, as `Experiment.run` calls it."""
