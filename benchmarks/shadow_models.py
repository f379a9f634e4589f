"""Times the shadow models of a membership attack: all together, and one by one.

    python benchmarks/shadow_models.py --data DIR [--features 0 512] [--out DIR]

64 bootstraps of the public part of California (40 % of the sample), for the three losses, on the columns (0) and on
random Fourier features of them. "One by one" is the same optimum by `undelete.maintainer.fit.fit`, started from the fit
on all public records, and is timed on a few of them. Prints a table; with --out also writes shadow_models.json.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from timing import Line, environment, median_seconds
from undelete.data.acs import acs_income
from undelete.lab.holdout import with_holdout
from undelete.lab.samples import Sample
from undelete.maintainer.fit import fit
from undelete.maintainer.resample import bootstrap, fit_resamples
from undelete.maths.losses import LOSSES
from undelete.maths.objective import Objective

SHADOWS = 64
FEW = 4  # fitted one by one
TOLERANCE = 1e-9


def lines(data: Path | None, loss: str, features: int) -> list[Line]:
    """Return the figures of one loss on one set of features."""
    dealt = with_holdout(
        Sample("CA", acs_income("CA", data)), "number" if loss == "squared" else "class", 0, features
    ).halves
    l2 = np.full(dealt.X_public.shape[1], 1.0 if features else 50.0)
    l2[-1] = 0.0
    objective = Objective(dealt.X_public, dealt.Y_public, LOSSES[loss], l2)
    weights = bootstrap(objective.n, objective.n, SHADOWS, np.random.default_rng(0))
    seconds, found = median_seconds(lambda: fit_resamples(objective, weights, tol=TOLERANCE), 1)
    start = None if loss == "squared" else fit(objective, tol=TOLERANCE).W
    parts = [replace(objective, weights=weights[s]) for s in range(FEW)]
    alone, fits = median_seconds(lambda: [fit(part, tol=TOLERANCE, start=start) for part in parts], 1)
    alone *= SHADOWS / FEW
    apart = max(float(np.abs(one.W - W).max() / np.abs(one.W).max()) for one, W in zip(fits, found.W, strict=False))
    row = f"{loss}, CA {objective.n:,} x {objective.X.shape[1]}"
    return [
        Line(row, f"{SHADOWS} shadow models together", seconds, "s", at_most=10),
        Line(row, f"{SHADOWS} one by one ({FEW} timed)", alone, "s"),
        Line(row, "together against one by one", alone / seconds, "x"),
        Line(row, "largest gradient per record", float(found.gradient_norm.max()), at_most=TOLERANCE),
        Line(row, "largest difference of a parameter, relative", apart, at_most=1e-6),
    ]


def main() -> None:
    """Run the rows, print the table and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the ACS data (default: $UNDELETE_DATA)")
    parser.add_argument("--features", type=int, nargs="+", default=[0, 512], help="random features; 0 for the columns")
    parser.add_argument("--out", type=Path, help="folder for shadow_models.json")
    options = parser.parse_args()
    found: list[Line] = []
    for features in options.features:
        for loss in ("squared", "logistic", "squared_hinge"):
            new = lines(options.data, loss, features)
            print(new[0].row)
            for line in new:
                text, value, target, reached = line.cells()
                print(f"  {text:<48}{value:>12}  {target:<14}{reached}")
            found += new
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        document = {"environment": environment(), "lines": [line.for_json() for line in found]}
        (options.out / "shadow_models.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
