"""What attacks get of models whose epsilon is proved, with enough deletions to tell it from nothing.

    python benchmarks/proved.py --data DIR [--deletions 400] [--splits 3]

Income over 50,000 dollars of people of California: least squares with noisy moments and logistic regression with a
perturbed objective. *exposure* is that of `undelete protect`: of several attacks the one that gets most, which is above
zero by luck alone. So the last row of each has an epsilon of .001, where nothing of anybody is in what is released:
what is measured there is the luck of the measure. A split's rows are kept in --out, so that a run goes on.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from undelete.auditing.protect import protect
from undelete.data.acs import INCOME_FEATURES, acs_income
from undelete.maintainer.defences.defence import Defence
from undelete.maintainer.defences.noisy import NoisyMoments
from undelete.maintainer.defences.objective import ObjectivePerturbation

STRENGTHS = (1.0, 0.3, 0.001)
CASES = (
    ("ridge", Ridge(1.0), NoisyMoments(STRENGTHS)),
    ("logistic", LogisticRegression(tol=1e-10, max_iter=1000), ObjectivePerturbation(STRENGTHS)),
)


def main() -> None:
    options = _parse()
    dataset, columns = acs_income("CA", options.data), list(INCOME_FEATURES)
    people = dataset.table[columns].astype("int64").assign(over=dataset.over_50k().to_numpy())
    print("| model | epsilon | exposure, split by split | mean | loss |")
    print("|---|---|---|---|---|")
    for name, model, defence in CASES:
        tables = [_split(people, (name, model, defence), split, options) for split in range(options.splits)]
        for strength in STRENGTHS:
            rows = [table[table.strength == strength].iloc[0] for table in tables]
            each = ", ".join(f"{row.exposure:.3f} ({row.exposure_low:.3f} to {row.exposure_high:.3f})" for row in rows)
            mean, loss = (np.mean([row[key] for row in rows]) for key in ("exposure", "utility_loss"))
            print(f"| {name} | {strength:g} | {each} | {mean:.3f} | {loss:.4f} |", flush=True)


def _split(
    people: pd.DataFrame, case: tuple[str, Ridge | LogisticRegression, Defence], split: int, options: argparse.Namespace
) -> pd.DataFrame:
    """Return the rows of one defence on one split."""
    name, model, defence = case
    order, half = np.random.default_rng([0, split]).permutation(len(people)), len(people) // 2
    private, public = (people.iloc[part].reset_index(drop=True) for part in (order[:half], order[half : 2 * half]))
    columns, kind = list(INCOME_FEATURES), float if name == "ridge" else int
    y, y_public = private.over.astype(kind), public.over.astype(kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = make_pipeline(StandardScaler(), model).fit(private[columns], y)
        place = options.out / f"{name}-{split}-{options.deletions}"
        return protect(
            fitted, private[columns], y, public[columns], y_public, deletions=options.deletions, defences=[defence],
            rng=split, checkpoint=place,
        ).table  # fmt: skip


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What attacks get where an epsilon is proved; one table.")
    parser.add_argument("--data", type=Path, help="folder of the ACS data; default $UNDELETE_DATA")
    parser.add_argument("--deletions", type=int, default=400, help="a split's; default 400")
    parser.add_argument("--splits", type=int, default=3, help="default 3")
    parser.add_argument("--out", type=Path, default=Path("proved"), help="folder of the rows; default ./proved")
    return parser.parse_args()


if __name__ == "__main__":
    main()
