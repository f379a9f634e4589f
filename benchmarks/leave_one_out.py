"""Time exact retraining against refits and against the bare matrix products; print one table, write it as JSON.

    python benchmarks/leave_one_out.py --data DIR --images DIR --out DIR

Each row runs in a process of its own, so that its peak memory is its own; everything that a row compares runs in
that process, on the same records and to the same tolerance. Timings decide nothing here: the table says which
targets this machine reaches, and the exit status is 0.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from generalised import generalised_row, huber_row
from images import fourier_row, pixels_row, products_row
from settings import NotHereError, Settings
from tabular import certified_row, growth_row, measured_row, ridge_row
from timing import Line, environment
from undelete.errors import InputError

ROWS: dict[str, Callable[[Settings], list[Line]]] = {
    "ridge": ridge_row,
    "logistic": partial(measured_row, "logistic"),
    "hinge": partial(measured_row, "squared_hinge"),
    "logistic-certified": partial(certified_row, "logistic"),
    "hinge-certified": partial(certified_row, "squared_hinge"),
    "pixels": pixels_row,
    "fourier": fourier_row,
    "products": products_row,
    "poisson": partial(generalised_row, "poisson"),
    "gamma": partial(generalised_row, "gamma"),
    "tweedie": partial(generalised_row, "tweedie(1.5)"),
    "weighed": partial(generalised_row, "logistic"),
    "huber": huber_row,
    "growth": growth_row,
}


def main() -> None:
    arguments = _parse()
    settings = Settings(arguments.data, arguments.images, arguments.quick, arguments.repeats)
    arguments.out.mkdir(parents=True, exist_ok=True)
    report: dict[str, Any] = {"quick": settings.quick, "repeats": settings.repeats, "environment": environment()}
    report |= {"lines": [], "left_out": {}}
    print(f"{'':62} {'value':>12} {'target':>12}  reached")
    for name in arguments.rows:
        try:
            lines = _in_own_process(ROWS[name], settings)
        except (InputError, NotHereError) as reason:
            report["left_out"][name] = str(reason)
            print(f"{name}: left out, {reason}")
            continue
        report["lines"] += [line.for_json() for line in lines]
        _print(lines)
    path = arguments.out / "leave_one_out.json"
    path.write_text(json.dumps(report, indent=1) + "\n")
    print(f"written: {path}")


def _in_own_process(row: Callable[[Settings], list[Line]], settings: Settings) -> list[Line]:
    with ProcessPoolExecutor(max_workers=1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(row, settings).result()


def _print(lines: list[Line]) -> None:
    row = None
    for line in lines:
        if line.row != row:
            row = line.row
            print(row)
        text, value, target, reached = line.cells()
        print(f"  {text:60} {value:>12} {target:>12}  {reached}".rstrip(), flush=True)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Benchmark of undelete.leave_one_out; one table, JSON beside it.")
    images = Path(os.environ.get("UNDELETE_DATA") or "~/.cache/undelete").expanduser()
    parser.add_argument("--data", type=Path, help="folder of the ACS data; default $UNDELETE_DATA")
    parser.add_argument("--images", type=Path, default=images, help=f"folder of fashion_mnist.npz; default {images}")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), help="rows to run; default all")
    parser.add_argument("--quick", action="store_true", help="small sizes: does it run?")
    parser.add_argument("--repeats", type=int, default=5, help="runs that a median is taken of; default 5")
    parser.add_argument("--out", type=Path, default=Path(), help="folder of leave_one_out.json; default here")
    return parser.parse_args()


if __name__ == "__main__":
    main()
