"""Where it stops working: one figure each of what the attack depends on, with the theory's own curve beside it.

Ridge and logistic regression of income over 50,000 dollars; one thing is changed at a time.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from undelete.lab.files import header, prepare, save
from undelete.lab.steps import Folder, Progress, Steps
from undelete.maths.arrays import Floats
from undelete.paper.drawings.sensitivity import draw
from undelete.paper.sensitivity_point import L2, LOSSES, People, Point, played

N, M = 10_000, 10_000
FEW = 30  # deletions a point
STOPS = 0.9  # median cosine under which it counts as having stopped to work
_SIZES = (100, 300, 1000, 3000, 10_000, 30_000, 100_000)
_SHARES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 6.0)
_FEATURES = (3, 6, 11, 33, 65, 129, 257, 513)
_PENALTIES = (0.01, 1.0, 100.0, 1000.0, 10_000.0, 100_000.0)
_LEFT = (1e-10, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3)
_DIGITS = (2, 3, 4, 5, 6, 8, 10, 12)
_KINDS = ("float16", "float32", "float64")
_SAID = (0.1, 0.5, 0.9, 1.0, 1.1, 2.0, 10.0)
NOTES = (
    f"Unless said otherwise n = {N:,} private and m = {M:,} public people of the three states pooled, the ten columns "
    f"standardised with the public ones and a constant, d = 11, penalty {L2:g} in the summed objective.",
    "hrec: the paper's, which takes the penalty for nothing. Known: n and the penalty are told, which is what hrec+ "
    "starts from, before it decodes columns. Theory: 1 / sqrt(1 + e^2), e the relative error that docs/maths.md (10) "
    "says from the release alone; what it does not count is beside it: rounding, early stops, other people.",
    "The cosine is of the columns without the constant, about the public mean; nothing that came back counts as 0.",
)


def sensitivity(
    data_dir: Folder | None, out: Folder, deletions: int | None, seed: int, progress: Progress | None = None
) -> dict[str, Any]:
    """Change one thing at a time, and write ``sensitivity.json`` with a picture; as `groups.run`."""
    folder, b = prepare(out), deletions or FEW
    people = People.read(data_dir, seed)
    panels = list(_panels(len(people.table)))
    steps = Steps(sum(len(panel["points"]) for panel in panels), progress)
    rows = []
    for panel in panels:
        steps.begin(panel["title"])
        points = []
        for x, point in panel["points"]:
            points.append({"x": x, "loss": point.loss, "n": point.n, "m": point.m} | played(people, point, b, seed))
            steps.add(1)
        rows.append({**panel, "points": points, "stops": _stops(points)})
    result = header(
        "sensitivity", "Where it stops working", "one thing changed at a time, beside the theory of (10)", seed, b,
        features="the ten columns standardised with the public records, or random features of them; the constant 1",
    ) | {"notes": list(NOTES), "sensitivity": rows}  # fmt: skip
    save(result, folder, lambda stem: draw(result, stem))
    return result


def _usual(**changed: Any) -> Point:
    return Point(**({"n": N, "m": M} | changed))


def _panels(people: int) -> Iterator[dict[str, Any]]:
    """Yield each figure: its key, its words, and its points (x, what is played)."""

    def panel(key: str, title: str, axis: str, xs: Sequence[Any], of: Callable[[Any], Point], log: bool = True) -> Any:
        points = [(x, dataclasses.replace(of(x), loss=loss)) for loss in LOSSES for x in xs]
        return {"key": key, "title": title, "axis": axis, "log": log, "points": points}

    half = people // 2
    yield panel("n", "How many private records", "n; m as many, up to 70,000", [n for n in _SIZES if n < people * 0.6],
                lambda n: _usual(n=n, m=min(n, int(people * 0.4))))  # fmt: skip
    yield panel("m", "How many public records", "m / n", [r for r in _SHARES if r * N < half],
                lambda ratio: _usual(m=max(20, round(ratio * N))))  # fmt: skip
    yield panel("d", "How many features", "d with the constant: columns up to 11, then random features", _FEATURES,
                lambda d: _usual(features=d))  # fmt: skip
    yield panel("penalty", "The penalty", "penalty", _PENALTIES, lambda l2: _usual(l2=l2))
    yield panel("tolerance", "Fits that stop early", "gradient per record that is left over", _LEFT,
                lambda left: _usual(left=left))  # fmt: skip
    yield panel("digits", "Digits of the coefficients", "significant digits", _DIGITS,
                lambda digits: _usual(stored=partial(_rounded, digits)), log=False)  # fmt: skip
    yield panel("precision", "Precision of the coefficients", "stored as", _KINDS,
                lambda kind: _usual(stored=partial(_cast, kind)), log=False)  # fmt: skip
    yield panel("told", "What n is taken for", "n told / n, penalty 1,000", _SAID,
                lambda factor: _usual(told=factor, l2=1000.0))  # fmt: skip
    yield panel("population", "Whose public records", "private people of California; public ones",
                ("CA", "TX", "NY", "independent"), lambda who: _usual(public=who, private="CA"), log=False)  # fmt: skip


def _rounded(digits: int, W: Floats) -> Floats:
    """Return numbers to so many significant digits."""
    with np.errstate(divide="ignore"):
        unit = 10.0 ** (np.floor(np.log10(np.abs(W))) - digits + 1)
    return np.where(W == 0, 0.0, np.round(W / np.where(W == 0, 1.0, unit)) * unit)


def _cast(kind: str, W: Floats) -> Floats:
    return W.astype(kind).astype(np.float64)


def _stops(points: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    """Return, of each model, where the median of who knows n and the penalty is under `STOPS`."""
    return {
        loss: [point["x"] for point in points if point["loss"] == loss and point["known"] < STOPS] for loss in LOSSES
    }


EXPERIMENTS = {"sensitivity": sensitivity}
"""By name, as `Experiment.run` calls it."""
