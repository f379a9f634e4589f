"""Rows of the benchmark on people of the American Community Survey, and on made-up records for the growth."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from refits import REFIT_TOL, Refit, difference, hinge, hinge_tolerance, logistic, our_fit, refit_each, ridge
from settings import Settings
from timing import Line, median_seconds, peak_gigabytes
from undelete.data.acs import acs_income
from undelete.lab.population import Kind
from undelete.lab.samples import Sample
from undelete.maintainer.fit import fit
from undelete.maintainer.leave_one_out import Deletions, retrain_without
from undelete.maths.arrays import Floats
from undelete.maths.losses import LOSSES
from undelete.maths.objective import Objective

_PENALTY = 1.0
_FLOOR_BLOCK = 408  # deletions whose predictions of California take 128 MB: wide enough for full speed


def ridge_row(settings: Settings) -> list[Line]:
    """All deletions of ridge regression, against fitting Ridge."""
    objective = _california(settings, "squared")
    W = _fitted(objective)
    everyone = np.arange(objective.n)
    seconds, found = median_seconds(lambda: _retrained(objective, W, everyone), settings.repeats)
    fit_seconds, _ = median_seconds(lambda: ridge(objective), 3 * settings.repeats)
    rows = _sample(objective.n, 20)
    refits = refit_each(objective, rows, ridge)
    row = f"ridge, CA {_size(objective)}"
    return [
        Line(row, f"all {objective.n:,} deletions", seconds, "s"),
        Line(row, "one Ridge refit", refits.seconds, "s"),
        Line(row, "a deletion against a Ridge refit", refits.seconds * objective.n / seconds, "x", at_least=10_000),
        Line(row, "all deletions, in Ridge fits", seconds / fit_seconds, "x", at_most=2),
        *_agreement(row, W, found, rows, refits.W, refits.gradient),
    ]


def measured_row(loss: str, settings: Settings) -> list[Line]:
    """Deletions shown by a pass over the data, against refits and against the bare products of one pass."""
    objective = _california(settings, loss)
    W = _fitted(objective)
    rows = _sample(objective.n, 408 if settings.quick else 1632)
    seconds, found = median_seconds(lambda: _retrained(objective, W, rows, certify=False), settings.repeats)
    per_deletion = seconds / len(rows)
    block = min(len(rows), _FLOOR_BLOCK)
    floor = pass_seconds(objective, block, settings.repeats)
    scratch_name, scratch, warm = _contenders(objective, W)
    few = rows[:10]
    refits = refit_each(objective, few, scratch)
    warm_times = {name: refit_each(objective, few, refit).seconds for name, refit in warm.items()}
    fastest = min(warm_times, key=lambda name: warm_times[name])
    row = f"{loss}, CA {_size(objective)}, measured"
    return [
        Line(row, f"a deletion ({len(rows):,} in all)", per_deletion, "s"),
        Line(row, f"{scratch_name} refit from scratch", refits.seconds, "s"),
        *(Line(row, f"{name} refit", value, "s") for name, value in warm_times.items()),
        Line(row, f"a deletion against {scratch_name}", refits.seconds / per_deletion, "x", at_least=100),
        Line(row, f"a deletion against {fastest}", warm_times[fastest] / per_deletion, "x", at_least=30),
        Line(row, f"a deletion in floor passes of {floor:.2g} s", per_deletion / floor, "x"),
        Line(row, "Newton steps a deletion", float(found.iterations.mean())),
        *_agreement(row, W, found, few, refits.W, refits.gradient),
    ]


def certified_row(loss: str, settings: Settings) -> list[Line]:
    """All deletions with the certificate, in refits."""
    objective = _california(settings, loss)
    W = _fitted(objective)
    everyone = np.arange(objective.n)
    seconds, found = median_seconds(lambda: _retrained(objective, W, everyone), settings.repeats)
    scratch_name, scratch, warm = _contenders(objective, W)
    few = _sample(objective.n, 10)
    refits = refit_each(objective, few, scratch)
    ours = refit_each(objective, few, our_fit())
    name, warm_seconds = min(
        ((name, refit_each(objective, few, refit).seconds) for name, refit in warm.items()), key=lambda pair: pair[1]
    )
    row = f"{loss}, CA {_size(objective)}, certified"
    few_refits, few_fits, many = (30, 3, 1000) if loss == "logistic" else (None, None, None)
    gain = warm_seconds * objective.n / seconds
    return [
        Line(row, f"all {objective.n:,} deletions", seconds, "s"),
        Line(row, "share certified", float(found.certified.mean())),
        Line(row, f"in refits: {name}", seconds / warm_seconds, "x", at_most=few_refits),
        Line(row, f"in fits from scratch: {scratch_name}", seconds / refits.seconds, "x", at_most=few_fits),
        Line(row, "in fits from scratch: our fit", seconds / ours.seconds, "x"),
        Line(row, f"a deletion against {name}", gain, "x", at_least=many),
        *_agreement(row, W, found, few, refits.W, refits.gradient),
    ]


def growth_row(settings: Settings) -> list[Line]:
    """What doubling the records, features, classes or deletions costs, on made-up records."""
    n, d, b = (5_000, 10, 200) if settings.quick else (20_000, 20, 400)
    lines = []
    for loss, k, certify in (("logistic", 1, True), ("logistic", 1, False), ("softmax", 3, False)):
        shape = {"n": n, "d": d, "k": k, "deletions": b}
        row = f"growth, {loss}{' certified' if certify else ''}, n={n:,} d={d} k={k}"
        base = _synthetic_seconds(loss, certify, settings.repeats, **shape)
        lines.append(Line(row, f"{b} deletions", base, "s"))
        for name in shape if k > 1 else ("n", "d", "deletions"):
            doubled = _synthetic_seconds(loss, certify, settings.repeats, **{**shape, name: 2 * shape[name]})
            lines.append(Line(row, f"time when {name} doubles", doubled / base, "x"))
    return lines


def pass_seconds(objective: Objective, block: int, repeats: int) -> float:
    """Return the floor: seconds a deletion of the two products of a pass over the data, alone, for a block."""
    X, columns = objective.X, block * objective.Y.shape[1]
    flat, bent = np.ones((X.shape[1], columns)), np.ones((objective.n, columns))
    forth, _ = median_seconds(lambda: np.matmul(X, flat, out=bent), repeats)  # into memory that is there already
    back, _ = median_seconds(lambda: np.matmul(X.T, bent, out=flat), repeats)
    return (forth + back) / block


def _contenders(objective: Objective, W: Floats) -> tuple[str, Refit, dict[str, Refit]]:
    """Return the refit from scratch and the warm ones, by name."""
    if objective.loss.name == "logistic":
        warm = {f"warm {solver}": logistic(solver, W) for solver in ("newton-cholesky", "lbfgs")}
        return "newton-cholesky", logistic("newton-cholesky"), warm
    # LinearSVC cannot start from a model, so this project's Newton fit stands in for a warm one
    return "LinearSVC", hinge(hinge_tolerance(objective)), {"our warm fit (LinearSVC has none)": our_fit(W)}


def _california(settings: Settings, loss: str) -> Objective:
    kind: Kind = "number" if loss == "squared" else "class"
    dealt = Sample("CA", acs_income("CA", settings.data)).halves(kind, 0)
    kept = slice(0, 8000 if settings.quick else None)
    l2 = np.full(dealt.X.shape[1], _PENALTY)
    if loss != "squared_hinge":  # LinearSVC penalises its constant
        l2[-1] = 0.0
    return Objective(dealt.X[kept], dealt.Y[kept], LOSSES[loss], l2)


def _fitted(objective: Objective) -> Floats:
    found = fit(objective, tol=REFIT_TOL)
    if not found.converged:
        raise RuntimeError(f"the {objective.loss.name} model did not converge: {found.gradient_norm:.1e}")
    return np.asarray(found.W)


def _retrained(objective: Objective, W: Floats, rows: NDArray[np.int64], *, certify: bool = True) -> Deletions:
    return retrain_without(objective, W, rows, certify=certify)


def _agreement(
    row: str, W: Floats, found: Deletions, rows: NDArray[np.int64], theirs: Floats, their_gradient: float
) -> list[Line]:
    """Return the lines that compare results; `rows` are among those found."""
    place = {int(deleted): i for i, deleted in enumerate(found.rows)}
    ours = np.asarray(found.W)[[place[int(i)] for i in rows]]
    return [
        Line(row, "difference of the change from the refits'", difference(W, ours, theirs)),
        Line(row, "largest gradient per record: ours", float(found.gradient_norm.max()), at_most=1e-9),
        Line(row, "largest gradient per record: refits", their_gradient),
        Line(row, "peak memory of the row", peak_gigabytes(), "GB"),
    ]


def _sample(n: int, count: int) -> NDArray[np.int64]:
    return np.random.default_rng(0).choice(n, size=min(n, count), replace=False)


def _size(objective: Objective) -> str:
    return f"{objective.n:,} x {objective.X.shape[1]}"


def _synthetic_seconds(loss: str, certify: bool, repeats: int, *, n: int, d: int, k: int, deletions: int) -> float:
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=(n, d - 1)), np.ones(n)])
    Z = X @ rng.normal(size=(d, k)) / np.sqrt(d) + rng.gumbel(size=(n, k))
    Y = np.eye(k)[np.argmax(Z, axis=1)] if loss == "softmax" else np.where(Z > 0.5, 1.0, -1.0)
    objective = Objective(X, Y, LOSSES[loss], np.ones(d))
    W = _fitted(objective)
    rows = _sample(n, deletions)

    def work() -> Deletions:
        return _retrained(objective, W, rows, certify=certify)

    start = time.perf_counter()
    work()  # the first run warms up, and says how often the short ones must be repeated
    return median_seconds(work, max(repeats, min(20, int(0.5 / (time.perf_counter() - start)))))[0]
