"""Rows of the benchmark on Fashion-MNIST: softmax models of the pixels, and of random Fourier features."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from refits import difference, logistic, refit_each, warm_lbfgs
from settings import NotHereError, Settings
from tabular import pass_seconds
from timing import Line, median_seconds, peak_gigabytes
from undelete.maintainer.fit import Fit, fit
from undelete.maintainer.leave_one_out import Deletions, retrain_without
from undelete.maintainer.matrix_free import MatrixFree
from undelete.maths.arrays import Floats
from undelete.maths.losses import LOSSES
from undelete.maths.objective import Objective, predict

_CLASSES = 10
_FLOOR_BLOCK = 53  # deletions whose predictions of 30,000 records take 128 MB: wide enough for full speed
_SOLVES = 8  # deletions whose products are counted
_LONGEST_REFIT = 180.0  # seconds, after which a refit is stopped where it is


@dataclass(frozen=True, eq=False)
class _Sweep:
    """A sweep: seconds of the set-up with one deletion, and of each further one, and what was found."""

    setup: float
    per_deletion: float
    found: Deletions


def pixels_row(settings: Settings) -> list[Line]:
    """A softmax model of the pixels, one dense Hessian, against a pass and against warm L-BFGS."""
    images, labels = _load(settings)
    n = 3_000 if settings.quick else 30_000
    images = images[:, ::4, ::4] if settings.quick else images
    X = images[:n].reshape(n, -1) / 127.5 - 1  # [-1, 1]
    objective = _objective(X, labels[:n], l2=10.0)
    fitted, fit_seconds = _fitted(objective)
    sweep = _sweep(objective, fitted.W, 212)
    floor = pass_seconds(objective, _FLOOR_BLOCK, 1 if settings.quick else settings.repeats)
    row = f"softmax, Fashion-MNIST {n:,} x {objective.X.shape[1]} x {_CLASSES}"
    passes = sweep.per_deletion / floor
    lines = [
        *_costs(row, fit_seconds, sweep),
        Line(row, f"a deletion in floor passes of {floor:.2g} s", passes, "x", at_most=4),
        Line(row, "peak memory of the sweep", peak_gigabytes(), "GB"),
    ]
    return lines + _against_lbfgs(row, objective, np.asarray(fitted.W), sweep, 2 if settings.quick else 1)


def fourier_row(settings: Settings) -> list[Line]:
    """A softmax model of random Fourier features of the pixels, by conjugate gradients."""
    images, labels = _load(settings)
    n, features = (3_000, 900) if settings.quick else (30_000, 4096)
    private, public = (part.reshape(len(part), -1) / 127.5 - 1 for part in (images[:n], images[-1000:]))
    objective = _objective(_fourier(private, public, features), labels[:n], l2=1.0)
    fitted, fit_seconds = _fitted(objective)
    sweep = _sweep(objective, fitted.W, 16 if settings.quick else 106)
    row = f"softmax, Fourier features {n:,} x {objective.X.shape[1]} x {_CLASSES}"
    floor = pass_seconds(objective, _FLOOR_BLOCK, 1)
    return [
        *_costs(row, fit_seconds, sweep, at_most=2.0),
        Line(row, f"a deletion in floor passes of {floor:.2g} s", sweep.per_deletion / floor, "x"),
        Line(row, "peak memory of the row", peak_gigabytes(), "GB", at_most=12),
    ]


def products_row(settings: Settings) -> list[Line]:
    """Products that one solve takes, by the penalty, with the quick preconditioner and with the thorough one."""
    images, labels = _load(settings)
    n, features = (1_500, 450) if settings.quick else (10_000, 2048)
    private, public = (part.reshape(len(part), -1) / 127.5 - 1 for part in (images[:n], images[-1000:]))
    X = _fourier(private, public, features)
    rows, lines = np.arange(0, n, n // _SOLVES)[:_SOLVES], []
    start: Floats | None = None
    for penalty in (1.0, 0.1, 0.01, 0.001):
        objective = _objective(X, labels[:n], l2=penalty)
        start = np.asarray(_fitted(objective, start)[0].W)
        row = f"softmax, Fourier features {n:,} x {features + 1:,} x {_CLASSES}, penalty {penalty:g}"
        right = float((predict(objective.X, start).argmax(axis=1) == labels[:n]).mean())
        lines.append(Line(row, "records classified rightly", 100 * right, "%"))
        free, Z = MatrixFree(objective), predict(objective.X, start)
        G = objective.take(rows).own_gradients(start)
        for name, thorough in (("quick", False), ("thorough", True)):
            begun = time.process_time()
            at = (Z, free.preconditioner(Z, thorough=thorough))
            made = time.process_time() - begun
            counts = [free.solve(at, G[i : i + 1], 1e-2, rows[i : i + 1])[1] for i in range(_SOLVES)]
            lines += [
                Line(row, f"{name} preconditioner, CPU", made, "s"),
                Line(row, f"products to a residual of 1 %, {name}, mean of {_SOLVES}", float(np.mean(counts))),
            ]
    return lines


def _costs(row: str, fit_seconds: float, sweep: _Sweep, at_most: float | None = None) -> list[Line]:
    return [
        Line(row, "fit", fit_seconds, "s"),
        Line(row, "set-up, once (Hessian, inverse), with one deletion", sweep.setup, "s"),
        Line(row, f"a deletion, of {len(sweep.found.rows)}", sweep.per_deletion, "s", at_most=at_most),
        Line(row, "Newton steps a deletion", float(sweep.found.iterations.mean())),
        Line(row, "largest gradient per record: ours", float(sweep.found.gradient_norm.max()), at_most=1e-9),
    ]


def _against_lbfgs(row: str, objective: Objective, W: Floats, sweep: _Sweep, count: int) -> list[Line]:
    """Return the lines for warm refits to the gradient that the engine reached, and scikit-learn's own stop."""
    change = np.abs(W - np.asarray(sweep.found.W)).max(axis=(1, 2))
    chosen = np.argsort(change)[-count:]  # what changes most stands out best from where L-BFGS stops
    rows, ours = sweep.found.rows[chosen], np.asarray(sweep.found.W)[chosen]
    goal = float(sweep.found.gradient_norm[chosen].max())
    lines = []
    for name, refit in (
        ("warm lbfgs of SciPy", warm_lbfgs(W, goal, _LONGEST_REFIT)),
        ("warm lbfgs of scikit-learn", logistic("lbfgs", W)),
    ):
        refits = refit_each(objective, rows, refit)
        same = refits.gradient <= 2 * goal
        text = f"a deletion against {name}{'' if same else ', which stopped short'}"
        times = refits.seconds / sweep.per_deletion
        lines += [
            Line(row, f"{name}, {count} refits", refits.seconds, "s"),
            Line(row, f"largest gradient per record: {name}", refits.gradient),
            Line(row, text, times, "x", at_least=100 if "SciPy" in name else None),
            Line(row, f"difference of the change: {name}", difference(W, ours, refits.W)),
        ]
    return lines


def _sweep(objective: Objective, W: Floats, deletions: int) -> _Sweep:
    """Delete some records; what one deletion takes says what the set-up takes."""
    rows = np.sort(np.random.default_rng(0).choice(objective.n, size=deletions, replace=False))
    setup, _ = median_seconds(lambda: retrain_without(objective, W, rows[:1]), 1)
    total, found = median_seconds(lambda: retrain_without(objective, W, rows), 1)
    return _Sweep(setup, (total - setup) / (deletions - 1), found)


def _fitted(objective: Objective, near: Floats | None = None) -> tuple[Fit, float]:
    start = time.perf_counter()
    found = fit(objective, tol=1e-9, start=near)
    if not found.converged:
        raise RuntimeError(f"the softmax model did not converge: {found.gradient_norm:.1e}")
    return found, time.perf_counter() - start


def _objective(X: Floats, labels: NDArray[np.uint8], l2: float) -> Objective:
    penalties = np.append(np.full(X.shape[1], l2), 0.0)
    X = np.concatenate([X, np.ones((len(X), 1))], axis=1)
    return Objective(X, np.eye(_CLASSES)[labels], LOSSES["softmax"], penalties)


def _fourier(private: Floats, public: Floats, features: int) -> Floats:
    """Return sqrt(2 / D) cos(x Omega + phase), the bandwidth being the median distance of public records."""
    rng = np.random.default_rng(0)
    squares = (public**2).sum(axis=1)
    distances = squares[:, None] + squares[None, :] - 2 * public @ public.T
    bandwidth = np.sqrt(np.median(distances[np.triu_indices(len(public), 1)]))
    frequencies = rng.normal(size=(private.shape[1], features)) / bandwidth
    phases = rng.uniform(0, 2 * np.pi, size=features)
    Z = private @ frequencies
    Z += phases
    np.cos(Z, out=Z)
    Z *= np.sqrt(2 / features)
    return np.asarray(Z)


def _load(settings: Settings) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    path = settings.images / "fashion_mnist.npz"
    if not path.exists():
        raise NotHereError(f"{path} is not there: give --images DIR with fashion_mnist.npz (x_train, y_train)")
    with np.load(path, allow_pickle=False) as stored:
        return stored["x_train"], stored["y_train"]
