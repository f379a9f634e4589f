"""Time and memory of `undelete audit` and `undelete simulate` on large tables, and how they grow.

    python benchmarks/scale.py [--rows 100000 1000000 10000000] [--kinds parquet csv wide simulate]

Each command runs in a process of its own, on a made-up table of 20 columns: `parquet` and `csv` are public tables of so
many records, `wide` is a Parquet table of 2,000 rows with 10,000 columns more that no model reads, `simulate` has so
many training records. `--beside SRC` runs each with another version's source as well. Memory is the largest resident
set. Growth is the exponent of the time from one size to the next. The processor's seconds stand beside the clock's:
on a shared machine they are the steadier number.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from sklearn.linear_model import Ridge

import undelete

COLUMNS = 20
BLOCK = 500_000
NAMES = [f"x{j}" for j in range(COLUMNS)]


def blocks(rows: int, seed: int) -> Iterator[pd.DataFrame]:
    """Yield a made-up table: counts of several sizes, and a target that depends on them."""
    rng = np.random.default_rng(seed)
    weights = np.random.default_rng(1).normal(size=COLUMNS)
    for start in range(0, rows, BLOCK):
        count = min(BLOCK, rows - start)
        table = pd.DataFrame({name: rng.poisson(3 + 2 * j, count) for j, name in enumerate(NAMES)})
        yield table.assign(y=table.to_numpy() @ weights + rng.normal(size=count))


def write(file: Path, rows: int, seed: int, spare: int = 0) -> None:
    """Write a table of so many rows, with so many columns to spare."""
    writer = None
    for block in blocks(rows, seed):
        if spare:
            more = np.random.default_rng(seed).integers(0, 9, (len(block), spare))
            block = pd.concat([block, pd.DataFrame(more, columns=[f"spare{j}" for j in range(spare)])], axis=1)
        table = pa.Table.from_pandas(block, preserve_index=False)
        if writer is None:
            kind = pa.csv.CSVWriter if file.suffix == ".csv" else pa.parquet.ParquetWriter
            writer = kind(file, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()


def measured(words: list[str], source: Path) -> tuple[int, float, float, float]:
    """Run a version's command and return its status, seconds, the processor's seconds and gigabytes.

    What it prints goes nowhere.
    """
    start = time.monotonic()
    line = [sys.executable, "-m", "undelete.cli", *words]
    quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    child = os.posix_spawn(sys.executable, line, os.environ | {"PYTHONPATH": str(source)}, file_actions=quiet)
    _, status, usage = os.wait4(child, 0)
    worked = usage.ru_utime + usage.ru_stime
    return os.waitstatus_to_exitcode(status), time.monotonic() - start, worked, usage.ru_maxrss / 1e6


def models(folder: Path, rows: int, seed: int) -> tuple[Path, Path]:
    """Fit a model on the first records of a table, and on those without one; save both."""
    table = next(blocks(min(rows, 20_000), seed))
    places = folder / "before.skops", folder / "after.skops"
    for place, kept in zip(places, (table, table.drop(index=7)), strict=True):
        undelete.save_model(Ridge(1.0).fit(kept[NAMES], kept["y"]), place)
    return places


def command(kind: str, folder: Path, rows: int) -> list[str]:
    """Write the files of one run and return its command."""
    out = ["--target", "y", "--out", str(folder / "out"), "--json"]
    if kind == "simulate":
        train, public, model = folder / "train.parquet", folder / "public.parquet", folder / "model.skops"
        write(train, rows, 2)
        write(public, 20_000, 3)
        whole = pa.parquet.read_table(train)
        X = np.column_stack([whole.column(name).to_numpy() for name in NAMES]).astype(float)
        fitted = Ridge(1.0).fit(X, whole.column("y").to_numpy())
        fitted.feature_names_in_ = np.array(NAMES, dtype=object)
        undelete.save_model(fitted, model)
        return ["simulate", str(model), "--train", str(train), "--public", str(public), "--deletions", "50", *out]
    public = folder / ("public.csv" if kind == "csv" else "public.parquet")
    write(public, rows, 3, spare=10_000 if kind == "wide" else 0)
    before, after = models(folder, rows, 2)
    return ["audit", str(before), str(after), "--public", str(public), *out]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--beside", type=Path, metavar="SRC")
    parser.add_argument("--kinds", nargs="+", default=["parquet", "csv", "wide", "simulate"])
    options = parser.parse_args()
    versions = {"this": Path(undelete.__file__).parents[1]}
    if options.beside is not None:
        versions["beside"] = options.beside
    heads = ["table", "rows", "file", "version", "status", "seconds", "of CPU", "GB", "growth"]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for kind in options.kinds:
        last: dict[str, tuple[int, float]] = {}
        for rows in [2000] if kind == "wide" else options.rows:
            with tempfile.TemporaryDirectory() as place:
                words = command(kind, Path(place), rows)
                size = f"{max(file.stat().st_size for file in Path(place).iterdir()) / 1e6:,.0f} MB"
                for version, source in versions.items():
                    status, seconds, worked, memory = measured(words, source)
                    before = last.get(version)
                    growth = before and f"{math.log(seconds / before[1]) / math.log(rows / before[0]):.2f}"
                    last[version] = rows, seconds
                    numbers = f"{seconds:.1f} | {worked:.1f} | {memory:.2f} | {growth or ''}"
                    print(f"| {kind} | {rows:,} | {size} | {version} | {status} | {numbers} |", flush=True)


if __name__ == "__main__":
    main()
