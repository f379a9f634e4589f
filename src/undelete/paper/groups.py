"""Several people at once: how far a group hides its members, also with refitted scalers.

Beyond the paper, which deletes one record at a time.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from undelete.auditing.audit import audit
from undelete.auditing.result import Audit
from undelete.auditing.simulate import simulate
from undelete.data.acs import INCOME_FEATURES, acs_income
from undelete.lab.files import header, prepare, save
from undelete.lab.steps import Folder, Progress, Steps
from undelete.scoring.intervals import wilson

N, M = 8000, 22_000  # private and public records
TOGETHER = ((1, 0), (2, 0), (3, 0), (5, 0), (10, 0), (50, 0), (1, 1), (1, 10), (1, 100))
REFITTED = (1, 2, 3, 4, 5, 7, 10, 12)


@dataclass(frozen=True)
class Case:
    """A model and what it predicts."""

    key: str
    label: str
    model: Any
    target: str


CASES = (
    Case("ridge", "ridge regression, income over 50,000 dollars as 0/1", Ridge(1.0), "income"),
    Case("logistic", "logistic regression, income over 50,000 dollars", LogisticRegression(tol=1e-9, max_iter=500),
         "over"),
    Case("softmax", "softmax, marital status in five classes", LogisticRegression(tol=1e-9, max_iter=500), "MAR"),
)  # fmt: skip


@dataclass(eq=False)
class People:
    """Two halves of the people of California, one of them private."""

    private: pd.DataFrame
    public: pd.DataFrame
    columns: list[str] = field(default_factory=lambda: list(INCOME_FEATURES))


def people(data_dir: Folder | None, seed: int) -> People:
    """Return people of California, with income over 50,000 dollars as a number and as a word."""
    dataset = acs_income("CA", data_dir)
    table = dataset.table[list(INCOME_FEATURES)].astype("int64").assign(income=dataset.over_50k().astype(float))
    table["over"] = np.where(table.income > 0, "yes", "no")
    table = table.sample(frac=1, random_state=seed).reset_index(drop=True)
    half = min(N, len(table) // 2)
    return People(table[:half], table[half : half + M].reset_index(drop=True))


def run(
    data_dir: Folder | None, out: Folder, deletions: int | None, seed: int, progress: Progress | None = None
) -> dict[str, Any]:
    """Play groups under kept scalers, and write ``groups.json``.

    Parameters
    ----------
    data_dir : path or None
        Where the ACS data are; None for $UNDELETE_DATA.
    out : path
        The folder; made when it is not there.
    deletions : int or None
        Groups of each kind.
    seed : int
        Draws the halves and the groups.
    progress : callable, optional
        Called as progress(done, total, stage).
    """
    steps = Steps(len(CASES) * len(TOGETHER), progress)
    about = (
        "groups",
        "Several people at once",
        "the ten columns standardised, with a constant; the scaler held as fitted",
    )
    return _played(about, _kept, data_dir, out, deletions, seed, steps)


def refitted(
    data_dir: Folder | None, out: Folder, deletions: int | None, seed: int, progress: Progress | None = None
) -> dict[str, Any]:
    """Refit everything without groups, and write ``refitted_groups.json``; as `run`."""
    steps = Steps(len(REFITTED), progress)
    about = (
        "refitted_groups",
        "Several people at once, scalers refitted",
        "the ten columns and the scaler's sums of them",
    )
    return _played(about, _refitted, data_dir, out, deletions, seed, steps, SUMS)


HONEST = (
    "Exposure is the centred cosine between a person's record and what came back of it; groups are matched as is best "
    "for the attack, which flatters chance too: Avg, matched alike, stands beside where it was played."
)
SUMS = "Scalers that are refitted give the sum and the sum of squares of every column over the group."


def _played(
    about: tuple[str, str, str],
    play: Callable[[People, int, int, Steps], Iterator[dict[str, Any]]],
    data_dir: Folder | None,
    out: Folder,
    deletions: int | None,
    seed: int,
    steps: Steps,
    *notes: str,
) -> dict[str, Any]:
    """Write what was played as NAME.json, and return it; `about` is its name, its title and the features."""
    folder, count = prepare(out), deletions or 8
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of scikit-learn's: a softmax that stops is refitted to convergence here
        all_ = people(data_dir, seed)
        rows = list(play(all_, count, seed, steps))
    name, title, features = about
    shows = "beyond the paper: does a group hide its members?"
    result = header(name, title, shows, seed, count, features=features) | {
        "split": f"{len(all_.private):,} private and {len(all_.public):,} public people of California, by the seed",
        "notes": [HONEST, *notes], "together": rows,
    }  # fmt: skip
    save(result, folder)
    return result


def _kept(all_: People, count: int, seed: int, steps: Steps) -> Iterator[dict[str, Any]]:
    for case in CASES:
        columns = [name for name in all_.columns if name != case.target]
        private, public = all_.private, all_.public
        model = make_pipeline(StandardScaler(), clone(case.model)).fit(private[columns], private[case.target])
        for left, joined in TOGETHER:
            steps.begin(f"{case.key}, {left} left, {joined} joined")
            played = simulate(
                model, private[columns], private[case.target], public[columns], public[case.target],
                deletions=count, group=left, joined=joined, attacks=("hrec+", "avg", "maxdiff"), rng=seed,
            )  # fmt: skip
            yield _row(case, left, joined, played, refitted=False)
            steps.add(1)


def _row(case: Case, left: int, joined: int, played: Audit, *, refitted: bool) -> dict[str, Any]:
    """Return one kind of group's numbers."""
    t = left + joined
    each = np.nan_to_num(played.exposure).reshape(-1, t)
    right, found = played.right[played.main], played.found[played.main]
    assert right is not None
    sure = np.ones(right.shape) if found.probability is None else np.nan_to_num(found.probability)
    whole = np.asarray(right.all(axis=1))
    groups = np.asarray(whole.reshape(-1, t).all(axis=1))
    average = played.right.get("avg")
    low, high = wilson(float(groups.sum()), len(groups))
    return {
        "model": case.key, "label": case.label, "left": left, "joined": joined, "refitted": refitted,
        "groups": len(each), "most": float(np.median(each.max(axis=1))), "person": float(np.median(each)),
        "columns": float(right.mean()), "said": float(sure.mean()), "whole": float(whole.mean()),
        "whole_said": float(np.nan_to_num(found.confidence).mean()), "all_whole": float(groups.mean()),
        "all_low": low, "all_high": high,
        "avg": None if average is None else float(average.mean()),
        "word": played.verdict.word,
    }  # fmt: skip


def _refitted(all_: People, count: int, seed: int, steps: Steps) -> Iterator[dict[str, Any]]:
    """Refit everything without groups of people, and audit with their truth."""
    case, private, public = CASES[1], all_.private, all_.public
    columns = [*all_.columns, case.target]
    whole = make_pipeline(StandardScaler(), clone(case.model))
    old, rng = clone(whole).fit(private[all_.columns], private[case.target]), np.random.default_rng(seed)
    for size in REFITTED:
        steps.begin(f"scalers refitted, {size} left")
        rows = []
        for _ in range(count):
            gone = rng.choice(len(private), size=size, replace=False)
            rest = private.drop(index=gone.tolist())
            new = clone(whole).fit(rest[all_.columns], rest[case.target])
            truth = private.loc[gone, columns].reset_index(drop=True)
            rows.append(_row(case, size, 0, audit(old, new, public[columns], target=case.target, truth=truth),
                             refitted=True))  # fmt: skip
        yield _mean(rows)
        steps.add(1)


def _mean(rows: list[dict[str, Any]]) -> dict[str, Any]:
    numbers = ("most", "person", "columns", "said", "whole", "whole_said", "all_whole")
    hits = sum(row["all_whole"] for row in rows)
    low, high = wilson(hits, len(rows))
    words = [row["word"] for row in rows]
    return rows[0] | {name: float(np.mean([row[name] for row in rows])) for name in numbers} | {
        "groups": len(rows), "all_low": low, "all_high": high, "word": max(words, key=words.count), "avg": None,
    }  # fmt: skip


EXPERIMENTS = {"groups": run, "refitted_groups": refitted}
"""By name, as `Experiment.run` calls it."""
