"""How long the ladder of defences takes: eight at six strengths each, 200 deletions of 39,133 people of California.

    python benchmarks/ladder.py --data DIR [--deletions 200]

Income over 50,000 dollars, logistic regression, as `undelete protect` plays it. CPU seconds of one process; on a
machine that does other things as well the clock says more.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from undelete.auditing.protect import protect
from undelete.data.acs import INCOME_FEATURES, acs_income

EIGHT = (
    "output_perturbation", "objective_perturbation", "instance_noise", "repeated", "rounding", "penalty",
    "certified_removal", "batch",
)  # fmt: skip
PEOPLE = 39_133


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the census records")
    parser.add_argument("--deletions", type=int, default=200)
    options = parser.parse_args()
    dataset, columns = acs_income("CA", options.data), list(INCOME_FEATURES)
    people = dataset.table[columns].astype("int64").assign(over=dataset.over_50k().astype(int).to_numpy())
    order = np.random.default_rng(0).permutation(len(people))
    private, public = (people.iloc[order[start : start + PEOPLE]] for start in (0, PEOPLE))
    model = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-10, max_iter=1000))
    model.fit(private[columns], private.over)
    clock, cpu = time.monotonic(), time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of limits that nothing meets
        found = protect(
            model, private[columns], private.over, public[columns], public.over, deletions=options.deletions,
            defences=EIGHT, progress=lambda done, total: print(f"{done} of {total}", flush=True),
        )  # fmt: skip
    print(
        f"{len(EIGHT)} defences, {len(found.table) - 1} rows, {options.deletions} deletions, {len(private):,} people: "
        f"{time.process_time() - cpu:.0f} CPU seconds, {time.monotonic() - clock:.0f} by the clock"
    )


if __name__ == "__main__":
    main()
