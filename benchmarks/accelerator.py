"""Exact retraining without single records on a GPU, beside the same code on this machine's processors.

    python benchmarks/accelerator.py [--device cuda] [--heads 50000 2048 1000] [--rows 100000 1000000]

`--heads` are records, width and classes of a softmax head on made-up embeddings: a class's centre and noise, negative
numbers cut at zero. `--rows` and `--features` are sweeps over the made-up people of benchmarks/sweeps.py, ridge and
logistic regression. The processors (NumPy, all cores) retrain fewer deletions from the same model where those of the
GPU would take them long; both are compared number by number. Speed is told as deletions a second, as a ratio of the
two, and for the head as a share of what plain matrix products in single precision reach on the same device. A first
deletion on the device is not timed: it loads what the GPU runs. With `--tf32` the products of the inner solves are of
factors of 10 bits; what is retrained is measured in double precision all the same.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeps import records
from undelete.maintainer.fit import fit
from undelete.maintainer.leave_one_out import retrain_without
from undelete.maths.arrays import Array, Floats, to_numpy
from undelete.maths.losses import LOSSES
from undelete.maths.objective import Objective

DELETIONS, HEAD_DELETIONS = 1000, 8
CPU_DELETIONS = 1  # of a head, by the processors
DECAY = 1e-4  # of a head, weight decay beside the mean loss
NOISE, SIDE, PRODUCTS = 3.0, 8192, 20  # of embeddings beside their centres; the matrices of the device's own products


def said(line: str) -> None:
    """Print progress."""
    print(line, file=sys.stderr, flush=True)


class Device:
    """Where the arrays live, and its clock."""

    def __init__(self, name: str) -> None:
        import torch

        self.torch, self.place = torch, torch.device(name)

    def put(self, array: Floats) -> Array:
        """Return the array on the device."""
        return self.torch.asarray(array, device=self.place)

    def seconds(self, work: Callable[[], Any]) -> tuple[float, Any]:
        """Return the time of some work, all of it, and its result."""
        self.wait()
        start = time.perf_counter()
        found = work()
        self.wait()
        return time.perf_counter() - start, found

    def wait(self) -> None:
        """Return when all work that was sent is done."""
        if self.place.type == "cuda":
            self.torch.cuda.synchronize(self.place)

    def flops(self, side: int) -> float:
        """Return the operations a second that products of square matrices in single precision reach."""
        a, b = (self.torch.randn((side, side), device=self.place, dtype=self.torch.float32) for _ in range(2))
        self.seconds(lambda: a @ b)
        taken, _ = self.seconds(lambda: [a @ b for _ in range(PRODUCTS)])
        return float(2 * side**3 * PRODUCTS / taken)

    def gigabytes(self) -> float:
        """Return the most memory that was used since the last call, in GB; 0 where it is not counted."""
        if self.place.type != "cuda":
            return 0.0
        peak = self.torch.cuda.max_memory_allocated(self.place) / 1e9
        self.torch.cuda.reset_peak_memory_stats(self.place)
        return float(peak)

    def named(self) -> str:
        """Return what the device is."""
        return str(self.torch.cuda.get_device_name(self.place)) if self.place.type == "cuda" else "torch on processors"


def embeddings(n: int, width: int, classes: int) -> tuple[Floats, Floats]:
    """Return made-up embeddings with a constant (n, width + 1), of mean square 1, and their classes (n, classes)."""
    rng = np.random.default_rng(0)
    label = rng.permutation(np.arange(n) % classes)
    X = NOISE * rng.standard_normal((n, width), dtype=np.float32)
    X += rng.standard_normal((classes, width), dtype=np.float32)[label]
    X = np.maximum(X, 0).astype(float)
    X /= np.sqrt((X**2).mean(axis=1, keepdims=True))
    return np.column_stack([X, np.ones(n)]), np.eye(classes)[label]


def moved(objective: Objective, device: Device) -> Objective:
    """Return the objective with its arrays on the device."""
    X, Y, l2 = (device.put(a) for a in (objective.X, objective.Y, objective.l2))
    return Objective(X, Y, objective.loss, l2)


def compared(
    name: str, objective: Objective, device: Device, *, deletions: int, by_processors: int
) -> tuple[list[str], Objective, Array]:
    """Return a row of the table, and the objective and the model on the device."""
    there = moved(objective, device)
    device.gigabytes()
    fitting, fitted = device.seconds(lambda: fit(there, tol=1e-9))
    said(f"{name}: fitted in {fitting:.1f} s")
    assert fitted.converged, f"{name}: the fit did not converge ({fitted.gradient_norm:.1e})"
    rng = np.random.default_rng(3)
    rows: NDArray[np.int64] = np.sort(rng.choice(objective.n, size=deletions, replace=False))
    retrain_without(there, fitted.W, rows[:1])
    sweeping, found = device.seconds(lambda: retrain_without(there, fitted.W, rows))
    said(f"{name}: {deletions:,} deletions in {sweeping:.1f} s")
    assert np.asarray(found.converged).all(), f"{name}: a deletion did not converge"
    memory, quick = device.gigabytes(), deletions / sweeping
    slow = apart = math.nan
    if by_processors:
        own = np.sort(rng.permutation(deletions)[:by_processors])
        W = np.asarray(to_numpy(fitted.W))
        start = time.perf_counter()
        beside = retrain_without(objective, W, rows[own])
        slow = by_processors / (time.perf_counter() - start)
        apart = np.abs(to_numpy(found.W)[own] - beside.W).max() / np.abs(beside.W - W).max()
    beside_it = [f"{slow:,.3g}", f"{quick / slow:.1f}"] if by_processors else ["", ""]
    largest = f"{np.asarray(found.gradient_norm).max():.0e}"
    cells = [name, f"{fitting:.1f}", f"{quick:,.3g}", *beside_it, f"{memory:.1f}", largest]
    cells.append(f"{apart:.0e}" if by_processors else "")
    return cells, there, fitted.W


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", help="of torch (default: cuda)")
    parser.add_argument("--heads", type=int, nargs=3, default=[50_000, 2048, 1000], metavar=("N", "WIDTH", "CLASSES"))
    parser.add_argument("--rows", type=int, nargs="*", default=[100_000, 1_000_000])
    parser.add_argument("--features", type=int, nargs="*", default=[11, 200])
    parser.add_argument("--processors", type=int, default=DELETIONS, help="deletions of a sweep that they retrain")
    parser.add_argument("--tf32", action="store_true", help="let the device round single precision's factors")
    options = parser.parse_args()
    try:
        device = Device(options.device)
        device.put(np.zeros(1))
    except (ImportError, RuntimeError, AssertionError) as error:  # torch's own, by what is missing
        parser.error(f"no torch on {options.device!r} here ({str(error).splitlines()[0]}): give another --device")
    if options.tf32:
        device.torch.backends.cuda.matmul.allow_tf32 = True
    peak = device.flops(SIDE if device.place.type == "cuda" else SIDE // 8)
    print(f"{device.named()}; products in single precision reach {peak / 1e12:.1f} TFLOP/s\n")
    heads = ["model", "fit, s", "deletions a second", "by processors", "times", "GB", "largest gradient", "apart"]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    if options.heads[0]:
        n, width, classes = options.heads
        X, Y = embeddings(n, width, classes)
        objective = Objective(X, Y, LOSSES["softmax"], np.append(np.full(width, DECAY * n), 0.0))
        name = f"softmax head, {n:,} x {width:,} x {classes:,}"
        cells, there, W = compared(
            name, objective, device, deletions=HEAD_DELETIONS, by_processors=min(CPU_DELETIONS, options.processors)
        )
        print(f"| {' | '.join(cells)} |", flush=True)
        single = there.astype(device.torch.float32)
        V = device.torch.stack([device.torch.asarray(W, dtype=device.torch.float32)] * 4)
        Z = single.predict(V[0])
        single.curved(Z, V)
        taken, _ = device.seconds(lambda: single.curved(Z, V))
        share = 4 * n * (width + 1) * classes * len(V) / taken / peak
        print(f"\na Hessian-vector product of the head: {share:.2f} of the speed of plain products\n", flush=True)
        del there, W, V, Z, single, objective, X, Y
    for features in options.features:
        for rows in options.rows:
            X, y = records(rows, features)
            for model in ("ridge", "logistic"):
                target = y if model == "ridge" else np.where(y > 0, 1.0, -1.0)
                loss = LOSSES["squared" if model == "ridge" else "logistic"]
                objective = Objective(X, target, loss, np.append(np.ones(features - 1), 0.0))
                name = f"{model}, {rows:,} x {features}"
                cells, _, _ = compared(name, objective, device, deletions=DELETIONS, by_processors=options.processors)
                print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
