"""Several people among a list of candidates: how often the likeliest set of them is who was deleted.

Beyond the paper. One output's change is one vector, however many left; several outputs' is a matrix, which tells more.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from undelete.adapters.targets import encode_target
from undelete.attacker.member.sets import explain_sets
from undelete.auditing.released import read_pair
from undelete.auditing.who_summed import summed
from undelete.lab.files import header, prepare, save
from undelete.lab.steps import Folder, Progress, Steps
from undelete.paper.groups import CASES, People, people
from undelete.release.candidates import Candidates
from undelete.scoring.intervals import wilson

LISTS = (  # model, whether the scaler is refitted, how many left, candidates
    ("logistic", False, 2, 1000), ("logistic", False, 3, 1000), ("logistic", False, 5, 1000),
    ("logistic", False, 2, 30_000), ("softmax", False, 2, 1000), ("softmax", False, 3, 1000),
    ("softmax", False, 5, 1000), ("softmax", False, 8, 1000), ("logistic", True, 5, 1000),
)  # fmt: skip
_LONG = 1000  # candidates above which a quarter of the cases is played


def run(
    data_dir: Folder | None, out: Folder, deletions: int | None, seed: int, progress: Progress | None = None
) -> dict[str, Any]:
    """Delete groups, search lists for them, and write ``lists.json``; as `groups.run`."""
    folder, count = prepare(out), deletions or 8
    steps = Steps(len(LISTS), progress)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of scikit-learn's: what stopped early is told with its error
        all_ = people(data_dir, seed)
        rows = list(_rows(all_, count, seed, steps))
    result = header(
        "lists", "Several people among candidates", "beyond the paper: which of a list of people left?", seed, count,
        features="the ten columns standardised (of softmax the other nine), with a constant",
    ) | {
        "split": f"{len(all_.private):,} private and {len(all_.public):,} public people of California, by the seed",
        "notes": list(NOTES), "lists": rows,
    }  # fmt: skip
    save(result, folder)
    return result


NOTES = (
    "Candidates are those who left and others, private and public, drawn by the seed; how many left is known. Of lists "
    "above 1,000 a quarter of the cases is played.",
    "A refitted scaler's files say the sum of each column over those who left, and that of its squares.",
)


def _rows(all_: People, count: int, seed: int, steps: Steps) -> Iterator[dict[str, Any]]:
    for key, refitted, size, among in LISTS:
        steps.begin(f"{key}, {size} among {among:,} candidates" + ", scaler refitted" * refitted)
        cases = count if among <= _LONG else max(1, count // 4)
        rng = np.random.default_rng([seed, size, among])
        found = [_case(all_, key, size, among, rng, refitted=refitted) for _ in range(cases)]
        hits = [hit for hit, _ in found]
        low, high = wilson(float(sum(hits)), len(hits))
        yield {
            "model": key, "refitted": refitted, "left": size, "cases": cases,
            "candidates": min(among, len(all_.private) + len(all_.public)),
            "all": float(np.mean(hits)), "all_low": low, "all_high": high,
            "said": float(np.mean([said for _, said in found])),
        }  # fmt: skip
        steps.add(1)


def _case(
    all_: People, key: str, size: int, among: int, rng: np.random.Generator, *, refitted: bool
) -> tuple[bool, float]:
    """Return whether the likeliest set is who left (or people quite alike), and the probability it was given."""
    (case,) = (case for case in CASES if case.key == key)
    features = [name for name in all_.columns if name != case.target]
    private, public, columns = all_.private, all_.public, [*features, case.target]
    gone = rng.choice(len(private), size=size, replace=False)
    there = np.ones(len(private), dtype=bool)
    there[gone] = False
    scaler = StandardScaler().fit(private[features])
    old = _fitted(case.model, scaler, private[features], private[case.target])
    rest = private[there]
    later = StandardScaler().fit(rest[features]) if refitted else scaler
    new = _fitted(case.model, later, rest[features], rest[case.target])
    pair = read_pair(old, new, public[columns], target=case.target, n=len(private))
    everybody = pd.concat([private[columns], public[columns]], ignore_index=True)
    nobody = np.setdiff1d(np.arange(len(everybody)), gone)
    others = rng.choice(nobody, size=min(among, len(everybody)) - size, replace=False)
    table = everybody.iloc[np.concatenate([gone, others])]
    Y = encode_target(pair.old, table[case.target], case.target)
    candidates = Candidates(pair.old.features(table), Y)
    found = explain_sets(pair.release, candidates, size, 0, rng, summed(pair, table, size, 0))
    named, true = (table.iloc[who].sort_values(columns).to_numpy().tolist() for who in (found.left, slice(size)))
    return named == true, float(found.set_probability)


def _fitted(model: Any, scaler: StandardScaler, X: pd.DataFrame, y: pd.Series) -> Pipeline:
    return make_pipeline(scaler, clone(model).fit(scaler.transform(X), y))


EXPERIMENTS = {"lists": run}
"""By name, as `Experiment.run` calls it."""
