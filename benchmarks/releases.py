"""What files that were refitted give of a deleted person, with the attack on the parameters beside it.

    python benchmarks/releases.py FILE.parquet [--deletions 60] [--pairs 60]

FILE holds ten columns of the ACS income task, as integers, and PINCP_gt50k. A pipeline of StandardScaler (of all ten
columns, or of five, with OneHotEncoder for the others) and LogisticRegression is fitted on 15,000 people, and refitted
whole without one, or without two of them; 39,000 others are public. Prints the tables of docs/results/releases.md.
"""

from __future__ import annotations

import argparse
import re
import warnings
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import undelete
from undelete.scoring.intervals import wilson

COLUMNS = ["AGEP", "COW", "SCHL", "MAR", "OCCP", "POBP", "RELP", "WKHP", "SEX", "RAC1P"]
NUMBERS = ["AGEP", "SCHL", "OCCP", "POBP", "WKHP"]
TARGET = "PINCP_gt50k"
N, M = 15_000, 39_000


def pipeline(numbers: list[str]) -> Any:
    """Return the unfitted pipeline, with these columns scaled and the others as indicators."""
    words = [name for name in COLUMNS if name not in numbers]
    parts = [(StandardScaler(), numbers)] + ([(OneHotEncoder(handle_unknown="ignore"), words)] if words else [])
    return make_pipeline(
        make_column_transformer(*parts), LogisticRegression(tol=1e-8, max_iter=500, solver="newton-cholesky")
    )


def audited(model: Any, old: Any, private: pd.DataFrame, public: pd.DataFrame, gone: list[int]) -> undelete.Audit:
    """Refit without some people, and audit."""
    rest = private.drop(index=gone)
    new = clone(model).fit(rest[COLUMNS], rest[TARGET])
    truth = private.loc[gone].reset_index(drop=True)
    return undelete.audit(old, new, public, target=TARGET, truth=truth, attacks=("hrec+",))


def share(hits: list[bool]) -> str:
    """Return a share with its 95 % interval."""
    low, high = wilson(float(sum(hits)), len(hits))
    return f"{np.mean(hits):.3f} ({low:.3f} to {high:.3f})"


def right_in_all(result: undelete.Audit, attack: str) -> bool:
    """Return whether every column of every record is right."""
    right = result.right[attack]
    return right is not None and bool(right.all())


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file")
    parser.add_argument("--deletions", type=int, default=60)
    parser.add_argument("--pairs", type=int, default=60)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    table = pd.read_parquet(options.file)
    table = table[table.state == "CA"] if "state" in table else table
    table = table[[*COLUMNS, TARGET]].sample(frac=1, random_state=0).reset_index(drop=True)
    private, public = table[:N], table[N : N + M].reset_index(drop=True)
    for numbers in (NUMBERS, COLUMNS):
        model = pipeline(numbers)
        old = clone(model).fit(private[COLUMNS], private[TARGET])
        if not options.deletions:
            continue
        whole, without, sure, verdicts = [], [], [], []
        for gone in range(options.deletions):
            result = audited(model, old, private, public, [gone])
            whole.append(right_in_all(result, "hrec+"))
            sure.append(float(result.confidence[0]))
            verdicts.append(result.verdict.word == "EXPOSED")
            told = [re.search(r"without them (\d+)\.$", text) for text in result.warnings]
            without += [int(one.group(1)) == len(COLUMNS) for one in told if one is not None]
        print(
            f"one left, {len(numbers)} of 10 columns scaled, {len(whole)} deletions: whole records {share(whole)}, "
            f"told {np.mean(sure):.3f}; by the parameters alone {share(without)}; EXPOSED {share(verdicts)}",
            flush=True,
        )
    both, sure = [], []
    for k in range(options.pairs):
        result = audited(model, old, private, public, [2 * k, 2 * k + 1])
        both.append(right_in_all(result, "group"))
        sure.append(float(result.confidence[0]))
    if both:
        print(f"two left, all scaled, {len(both)} pairs: both whole records {share(both)}, told {np.mean(sure):.3f}")


if __name__ == "__main__":
    main()
