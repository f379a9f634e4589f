"""Time and memory of one audit, and of a simulation of 200 deletions, by public records and columns.

    env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE python benchmarks/one_deletion.py [--quick]

The tables are made up: columns as a census has them (two answers, a dozen, a hundred ages, five hundred occupations),
each depending on the ones before. The model is a ridge regression on scaled columns, trained on as many records as are
public, at most 40,000. Each row runs in a process of its own, after an audit of a small table that loads what is loaded
once. `busy` is the processors' time: where other work runs beside, the seconds say less. Growth is the exponent of it
from the row before. Wanted: an audit with 39,133 public records of ten
columns under 1 s, with a million under 20 s and 4 GB, 200 deletions under 60 s.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import time

import numpy as np
import pandas as pd
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

import undelete

VALUES = (100, 8, 24, 5, 500, 200, 16, 99, 2, 9)
MOST_TRAINING = 40_000
ROWS = (  # public records, columns, deletions (0: one audit), at most seconds, at most gigabytes
    (10_000, 10, 0, None, None), (39_133, 10, 0, 1.0, None), (1_000_000, 10, 0, 20.0, 4.0),
    (39_133, 5, 0, None, None), (39_133, 10, 0, None, None), (39_133, 20, 0, None, None), (39_133, 40, 0, None, None),
    (39_133, 10, 200, 60.0, None),
)  # fmt: skip


def people(rows: int, columns: int, seed: int) -> pd.DataFrame:
    """Return a made-up table with a target y."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(rows, 3))
    ways = np.random.default_rng(7).normal(size=(columns, 3)) / 2
    latent = hidden @ ways.T + rng.normal(size=(rows, columns))
    table = {}
    for j in range(columns):
        values = VALUES[j % len(VALUES)]
        share = 1 / (1 + np.exp(-latent[:, j]))
        table[f"c{j}"] = np.minimum((share * values).astype(np.int64), values - 1)
    return pd.DataFrame(table).assign(y=latent.sum(axis=1) + rng.normal(size=rows))


def fitted(scaler: StandardScaler, table: pd.DataFrame) -> Pipeline:
    """Return a ridge regression behind a scaler that is not refitted."""
    X = table.drop(columns="y")
    return Pipeline([("scale", scaler), ("ridge", Ridge(1.0).fit(scaler.transform(X), table["y"]))])


def play(public_rows: int, columns: int, deletions: int) -> tuple[float, float]:
    """Return the seconds of one audit, or of a simulation: by the clock, and of the processors."""
    n = min(public_rows, MOST_TRAINING)
    train, public = people(n, columns, 0), people(public_rows, columns, 1)
    scaler = StandardScaler().fit(train.drop(columns="y"))
    before = fitted(scaler, train)
    after = fitted(scaler, train.drop(index=5))
    start, busy = time.perf_counter(), time.process_time()
    if deletions:
        X, y = train.drop(columns="y"), train["y"]
        undelete.simulate(before, X, y, public.drop(columns="y"), public["y"], deletions=deletions)
    else:
        undelete.audit(before, after, public, target="y", n=n)
    return time.perf_counter() - start, time.process_time() - busy


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="leave out a million records")
    parser.add_argument("--row", type=int, nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.row:
        play(500, 3, 0)
        print(json.dumps([*play(*options.row), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6]))
        return
    print("| public records | columns | deletions | seconds | busy | GB | growth | wanted |")
    print("|---|---|---|---|---|---|---|---|")
    last: tuple[int, int, int, float] | None = None
    for m, columns, deletions, most, memory in ROWS:
        if options.quick and m > 100_000:
            continue
        line = [sys.executable, __file__, "--row", str(m), str(columns), str(deletions)]
        seconds, busy, held = json.loads(subprocess.run(line, check=True, capture_output=True, text=True).stdout)
        growth = ""
        if last is not None and deletions == last[2] and (m == last[0]) != (columns == last[1]):
            growth = f"{math.log(busy / last[3]) / math.log(m * columns / (last[0] * last[1])):.2f}"
        last = m, columns, deletions, busy
        wanted = " and ".join(f"{x:g} {u}" for x, u in ((most, "s"), (memory, "GB")) if x is not None)
        over = (most is not None and min(seconds, busy) > most) or (memory is not None and held > memory)
        said = wanted and f"{'missed' if over else 'kept'}: under {wanted}"
        numbers = f"{seconds:.2f} | {busy:.2f} | {held:.2f}"
        print(f"| {m:,} | {columns} | {deletions or 1} | {numbers} | {growth} | {said} |", flush=True)


if __name__ == "__main__":
    main()
