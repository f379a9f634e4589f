"""Another population: what the attack loses with public records of other states, or few, and whether that is noticed.

Beyond the paper, whose public records are the other half of the private ones' state.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from undelete.attacker.table.further_error import strangers
from undelete.auditing.audit import audit
from undelete.auditing.simulate import simulate
from undelete.data.sources import INCOME_FEATURES, acs_income
from undelete.lab.files import header, prepare, save
from undelete.lab.steps import Folder, Progress, Steps
from undelete.maths.arrays import Floats
from undelete.scoring.intervals import wilson

N, M, FEW = 10_000, 25_000, 800
AUDITED = 6  # deletions whose verdict without the true record is asked for
_STEPS, _MOST = 60, 3.0  # of Newton's method, and deviations up to which a column counts in a tilt
NOTES = (
    "reweighed: public records drawn again with the weights that give each column the mean and the variance of the "
    "training records, which the model's own scaler stores.",
    "widened: by what the attack multiplies its error's variance, for what public records differ by beyond sampling.",
)


def table_of(state: str, data_dir: Folder | None, seed: int) -> pd.DataFrame:
    """Return a state's people in the order of a draw."""
    dataset = acs_income(state, data_dir)
    table = dataset.table[list(INCOME_FEATURES)].astype("int64")
    table["over"] = np.where(dataset.over_50k(), "yes", "no")
    return table.sample(frac=1, random_state=seed).reset_index(drop=True)


def reweighed(table: pd.DataFrame, mean: Floats, deviation: Floats, rng: np.random.Generator) -> pd.DataFrame:
    """Return public records drawn again so that each column has a mean and a deviation that somebody knows.

    Parameters
    ----------
    table : DataFrame (m, c + 1)
        Public records, the target last.
    mean, deviation : arrays (c,)
        Of the columns among the training records: what a scaler stores.
    rng : numpy.random.Generator
        Draws the records.

    Notes
    -----
    Weights exp(z l), z the standardised columns and their squares (cut at three deviations): of all weights with these
    moments those nearest to even ones. Newton's method on a convex function, a little of l's square added.
    """
    z = np.clip((table.iloc[:, :-1].to_numpy(dtype=float) - mean) / deviation, -_MOST, _MOST)
    moments = np.hstack([z, z**2 - 1])
    tilt = np.zeros(moments.shape[1])
    for _ in range(_STEPS):
        weight = np.exp(np.clip(moments @ tilt, -30, 30))
        weight /= weight.sum()
        off = weight @ moments + 1e-3 * tilt
        spread = (moments * weight[:, None]).T @ moments - np.outer(weight @ moments, weight @ moments)
        tilt -= 0.5 * np.linalg.solve(spread + 1e-3 * np.eye(len(tilt)), off)
    return table.iloc[rng.choice(len(table), size=len(table), p=weight)].reset_index(drop=True)


def run(
    data_dir: Folder | None, out: Folder, deletions: int | None, seed: int, progress: Progress | None = None
) -> dict[str, Any]:
    """Train on people of California, attack with others, and write ``population.json``; as `groups.run`."""
    folder, count = prepare(out), deletions or 200
    columns = list(INCOME_FEATURES)
    home = table_of("CA", data_dir, seed)
    half = min(N, len(home) // 2)
    private = home[:half]
    model = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-9, max_iter=500))
    model.fit(private[columns], private.over)
    rng = np.random.default_rng([seed, 2])
    scaler = model[0]
    publics = {"CA, others": home[half : half + M], f"CA, {FEW} of them": home[half : half + FEW]}
    for state in ("TX", "NY"):
        there = table_of(state, data_dir, seed)[:M]
        publics[state] = there
        publics[f"{state}, reweighed"] = reweighed(there, scaler.mean_, scaler.scale_, rng)
    steps, rows = Steps(len(publics), progress), []
    for name, public in publics.items():
        steps.begin(name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rows.append({"public": name} | _row(model, private, public.reset_index(drop=True), columns, count, seed))
        steps.add(1)
    result = header(
        "population", "Public records of another population", "beyond the paper: trained on California", seed, count,
        features="the ten columns standardised, with a constant; the scaler held as fitted",
    ) | {
        "split": f"{half:,} private people of California; public ones as said, {M:,} at most", "notes": list(NOTES),
        "populations": rows,
    }  # fmt: skip
    save(result, folder)
    return result


def _row(
    model: Any, private: pd.DataFrame, public: pd.DataFrame, columns: list[str], count: int, seed: int
) -> dict[str, Any]:
    played = simulate(model, private[columns], private.over, public[columns], public.over, deletions=count, rng=seed)
    right, found = played.right["hrec+"], played.found["hrec+"]
    assert right is not None
    assert found.probability is not None
    whole = np.asarray(right.all(axis=1))
    low, high = wilson(float(whole.sum()), len(whole))
    release: Any = played.release
    rng, words = np.random.default_rng(seed), []
    scaler, last = model[0], model[1]
    for gone in rng.choice(len(private), size=AUDITED, replace=False):
        kept = private.drop(index=int(gone))
        new = make_pipeline(scaler, type(last)(tol=1e-9, max_iter=500).fit(scaler.transform(kept[columns]), kept.over))
        words.append(audit(model, new, public, target="over", n=len(private)).verdict.word)
    gradient = next((c for c in played.diagnostics if c.name == "Gradient on public data"), None)
    low, high = np.nan_to_num([low, high]).tolist()
    return {
        "m": len(public), "deletions": count, "columns": float(right.mean()),
        "said": float(np.nan_to_num(found.probability).mean()),
        "whole": float(whole.mean()), "whole_low": low, "whole_high": high,
        "whole_said": float(np.nan_to_num(found.confidence).mean()),
        "centred": float(np.median(np.nan_to_num(played.exposure))),
        "widened": float(np.nan_to_num(strangers(release))),
        "noticed": None if gradient is None else gradient.ok is False, "gradient": gradient and gradient.value,
        "words": {word: words.count(word) for word in sorted(set(words))},
    }  # fmt: skip


EXPERIMENTS = {"population": run}
"""By name, as `Experiment.run` calls it."""
