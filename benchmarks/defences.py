"""What each defence leaves of the attack and costs, on people of California: the tables of docs/results/defences.md.

    python benchmarks/defences.py --data DIR [--deletions 200] [--models ridge logistic] [--out FILE.md]

The columns of ACSIncome as numbers, standardised; half of the people are private, half public; income above 50,000
dollars as a number (ridge regression) or a class (logistic). One split, seed 0; intervals are over deletions.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import undelete
from undelete.command.progress import Bar
from undelete.data.sources import acs_income

MODELS = {"ridge": Ridge(1.0), "logistic": LogisticRegression(tol=1e-10, max_iter=1000)}
HEAD = ("defence", "strength", "epsilon", "exposure (95 %)", "whole records", "utility", "loss (95 %)")


def played(name: str, data: Path, deletions: int) -> list[str]:
    """Return one model's table as Markdown."""
    people = acs_income("CA", data)
    order, half = np.random.default_rng(0).permutation(people.n), people.n // 2
    table = people.table.iloc[order[: 2 * half]]
    y = table[people.target].astype(float if name == "ridge" else int).to_numpy()
    X = table.drop(columns=people.target)
    X, y, X_public, y_public = X.iloc[:half], y[:half], X.iloc[half:], y[half:]
    model = make_pipeline(StandardScaler(), MODELS[name]).fit(X, y)
    start = time.monotonic()
    with Bar(name) as bar:
        found = undelete.protect(model, X, y, X_public, y_public, deletions=deletions, progress=bar)
    lines = [f"## {name}: n = m = {half:,}, {found.deletions} deletions, {time.monotonic() - start:,.0f} s", "",
             f"| {' | '.join(HEAD)} |", "|---" * len(HEAD) + "|"]  # fmt: skip
    for i, row in found.table.iterrows():
        chosen = found.recommended is not None and i == found.recommended.name
        cells = (
            row["label"] + (" **(recommended)**" if chosen else ""),
            "" if np.isnan(row["strength"]) else f"{row['strength']:g}",
            "" if row["epsilon"] is None or np.isnan(row["epsilon"]) else f"{row['epsilon']:g}",
            f"{row['exposure']:.3f} ({row['exposure_low']:.3f} to {row['exposure_high']:.3f})",
            f"{row['whole_records']:.3f}", f"{row['utility']:.4f}",
            f"{row['utility_loss']:.4f} ({row['utility_loss_low']:.4f} to {row['utility_loss_high']:.4f})",
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def main() -> None:
    """Print the tables, or write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--deletions", type=int, default=200)
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    command = (
        f"python benchmarks/defences.py --data DIR --deletions {options.deletions} --models {' '.join(options.models)}"
    )
    lines = ["# What each defence leaves, and costs", ""]
    lines += [f"Made by `{command}`; [protect.md](../protect.md) says what the columns mean.", ""]
    for name in options.models:
        lines += played(name, options.data, options.deletions)
    text = "\n".join(lines)
    if options.out is None:
        sys.stdout.write(text)
    else:
        options.out.write_text(text)


if __name__ == "__main__":
    main()
