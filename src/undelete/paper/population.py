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
from undelete.data.acs import INCOME_FEATURES, acs_income
from undelete.lab.files import header, prepare, save
from undelete.lab.steps import Folder, Progress, Steps
from undelete.scoring.intervals import wilson

N, M, FEW = 10_000, 25_000, 800
AUDITED = 6  # deletions whose verdict without the true record is asked for
BARE = "no moments stored"
NOTES = (
    "used: public records that together have the means and variances which the model's scaler stores of its training "
    "records, where all of them do not; error bars are widened by what they differ in besides.",
    f"{BARE}: the same model, whose file stores nothing of its training records but the coefficients, so that nothing "
    "can be compared.",
    "widened: by what the attack multiplies its error's variance, for what public records differ by beyond sampling.",
)


def table_of(state: str, data_dir: Folder | None, seed: int) -> pd.DataFrame:
    """Return a state's people in the order of a draw."""
    dataset = acs_income(state, data_dir)
    table = dataset.table[list(INCOME_FEATURES)].astype("int64")
    table["over"] = np.where(dataset.over_50k(), "yes", "no")
    return table.sample(frac=1, random_state=seed).reset_index(drop=True)


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
    publics = {"CA, others": home[half : half + M], f"CA, {FEW} of them": home[half : half + FEW]}
    publics |= {state: table_of(state, data_dir, seed)[:M] for state in ("TX", "NY")}
    steps, rows = Steps(2 * len(publics), progress), []
    for name, public in publics.items():
        for scaled in (True, False):
            steps.begin(name)
            own, there = (private, public) if scaled else (_standardised(model[0], t) for t in (private, public))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                row = _row(model if scaled else model[1:], own, there.reset_index(drop=True), columns, count, seed)
            rows.append({"public": name if scaled else f"{name}, {BARE}"} | row)
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


def _standardised(scaler: StandardScaler, table: pd.DataFrame) -> pd.DataFrame:
    """Return a table as the scaler leaves it, for a model whose file has no scaler."""
    return table.assign(**dict(zip(INCOME_FEATURES, scaler.transform(table[list(INCOME_FEATURES)]).T, strict=True)))


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
    steps, last = [part for _, part in model.steps[:-1]], model[-1]
    for gone in rng.choice(len(private), size=AUDITED, replace=False):
        kept = private.drop(index=int(gone))
        X = model[:-1].transform(kept[columns]) if steps else kept[columns]
        new = make_pipeline(*steps, type(last)(tol=1e-9, max_iter=500).fit(X, kept.over))
        words.append(audit(model, new, public, target="over", n=len(private)).verdict.word)
    gradient = next((c for c in played.diagnostics if c.name == "Gradient on public data"), None)
    low, high = np.nan_to_num([low, high]).tolist()
    return {
        "m": len(public), "used": len(release.X_public), "deletions": count, "columns": float(right.mean()),
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
