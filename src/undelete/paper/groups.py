"""Several people at once: how far a group hides its members, also with refitted scalers.

Beyond the paper, which deletes one record at a time.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from pandas.util import hash_pandas_object
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from undelete.attacker.groups.group import MOST, MOST_SUMMED
from undelete.auditing.audit import audit
from undelete.auditing.result import Audit
from undelete.auditing.simulate import simulate
from undelete.data.acs import INCOME_FEATURES, acs_income
from undelete.lab.files import header, prepare, save
from undelete.lab.kept import Shelf, code_of, digest
from undelete.lab.steps import Folder, Progress, Steps
from undelete.scoring.intervals import wilson

N, M = 8000, 22_000  # private and public records
_GROUPS = 8  # of each kind, unless said otherwise
TOGETHER = ((1, 0), (2, 0), (3, 0), (5, 0), (10, 0), (50, 0), (1, 1), (1, 10), (1, 100))
REFITTED = {
    "ridge": TOGETHER, "softmax": TOGETHER,
    "logistic": tuple(sorted({*TOGETHER, (4, 0), (7, 0), (12, 0)}, key=lambda one: (one[1], one[0]))),
}  # fmt: skip


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
        The folder; made when it is not there. Rows are kept in its ``cache``, so that a run can go on.
    deletions : int or None
        Groups of each kind.
    seed : int
        Draws the halves and the groups.
    progress : callable, optional
        Called as progress(done, total, stage).
    """
    about = (
        "groups",
        "Several people at once",
        "the ten columns standardised, with a constant; the scaler held as fitted",
    )
    kinds = [(case, *together) for case in CASES for together in TOGETHER]
    return _played(about, kinds, _kept, data_dir, out, deletions, seed, progress)


def refitted(
    data_dir: Folder | None, out: Folder, deletions: int | None, seed: int, progress: Progress | None = None
) -> dict[str, Any]:
    """Refit everything without groups, and write ``refitted_groups.json``; as `run`."""
    about = (
        "refitted_groups",
        "Several people at once, scalers refitted",
        "the ten columns and the scaler's sums of them",
    )
    kinds = [
        (case, left, joined)
        for case in CASES
        for left, joined in REFITTED[case.key]
        if _groups(deletions or _GROUPS, left + joined)
    ]
    return _played(about, kinds, _refitted, data_dir, out, deletions, seed, progress, *SUMS)


HONEST = (
    "Exposure is the centred cosine between a person's record and what came back of it; groups are matched as is best "
    "for the attack, which flatters chance too: Avg, matched alike, stands beside where it was played."
)
SUMS = (
    "Scalers that are refitted give the sum and the sum of squares of every column over those who left, less those of "
    "who joined. How many left and joined is said.",
    f"Of {MOST + 1} to {MOST_SUMMED} people, whose search is the longest, two fifths as many groups are played.",
)
Kind = tuple[Case, int, int]
"""A model, how many left and how many joined."""


def _played(
    about: tuple[str, str, str],
    kinds: Sequence[Kind],
    play: Callable[[People, Kind, int, int], dict[str, Any]],
    data_dir: Folder | None,
    out: Folder,
    deletions: int | None,
    seed: int,
    progress: Progress | None,
    *notes: str,
) -> dict[str, Any]:
    """Write what was played as NAME.json, and return it; `about` is its name, its title and the features."""
    folder, count, steps = prepare(out), deletions or _GROUPS, Steps(len(kinds), progress)
    name, title, features = about
    all_ = people(data_dir, seed)
    key = digest(code_of(__name__), count, seed, hash_pandas_object(pd.concat([all_.private, all_.public])).sum())
    rows, shelf = [], Shelf(folder / "cache" / name)
    for case, left, joined in kinds:
        steps.begin(f"{case.key}, {left} left, {joined} joined")
        entry = f"{case.key}-{left}-{joined}"
        row = shelf.load(entry, key)
        if row is None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of scikit-learn's: a softmax that stops is refitted to convergence
                row = shelf.store(entry, key, {}, play(all_, (case, left, joined), count, seed))
        rows.append(row.account)
        steps.add(1)
    shows = "beyond the paper: does a group hide its members?"
    result = header(name, title, shows, seed, count, features=features) | {
        "split": f"{len(all_.private):,} private and {len(all_.public):,} public people of California, by the seed",
        "notes": [HONEST, *notes], "together": rows,
    }  # fmt: skip
    save(result, folder)
    return result


def _kept(all_: People, kind: Kind, count: int, seed: int) -> dict[str, Any]:
    """Play groups of one kind whose scaler is held."""
    case, left, joined = kind
    columns = [name for name in all_.columns if name != case.target]
    private, public = all_.private, all_.public
    model = make_pipeline(StandardScaler(), clone(case.model)).fit(private[columns], private[case.target])
    played = simulate(
        model, private[columns], private[case.target], public[columns], public[case.target],
        deletions=count, group=left, joined=joined, attacks=("hrec+", "avg", "maxdiff"), rng=seed,
    )  # fmt: skip
    return _row(case, left, joined, played, refitted=False)


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


def _refitted(all_: People, kind: Kind, count: int, seed: int) -> dict[str, Any]:
    """Refit everything without groups of one kind and with others who join, and audit with their truth."""
    case, left, joined = kind
    place = [one.key for one in CASES].index(case.key)
    rng = np.random.default_rng([seed, place, left, joined])
    played = (_exchanged(all_, kind, rng) for _ in range(_groups(count, left + joined)))
    return _mean([_row(case, left, joined, one, refitted=True) for one in played])


def _groups(count: int, together: int) -> int:
    """Return how many groups of so many people are played, whose search takes minutes where they are many."""
    return 2 * count // 5 if MOST < together <= MOST_SUMMED else count


def _exchanged(all_: People, kind: Kind, rng: np.random.Generator) -> Audit:
    """Audit a model fitted before some people joined beside one fitted after others left."""
    case, left, joined = kind
    columns = [name for name in all_.columns if name != case.target]
    gone = rng.choice(len(all_.private), size=left + joined, replace=False)
    pipeline = make_pipeline(StandardScaler(), clone(case.model))
    parts = all_.private.drop(index=gone[left:].tolist()), all_.private.drop(index=gone[:left].tolist())
    old, new = (clone(pipeline).fit(part[columns], part[case.target]) for part in parts)
    named = list(dict.fromkeys([*columns, case.target]))
    truth = all_.private.loc[gone, named].reset_index(drop=True)
    return audit(old, new, all_.public[named], target=case.target, truth=truth, deleted=left, joined=joined)


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
