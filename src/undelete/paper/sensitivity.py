"""Where it stops working: one figure each of what the attack depends on, with the theory's own curve beside it.

Ridge and logistic regression of income over 50,000 dollars; one thing is changed at a time.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy.optimize import minimize

from undelete.attacker.gradient.difference import Difference
from undelete.attacker.hrec import from_gradient, unchanged
from undelete.data.sources import INCOME_FEATURES, acs_income
from undelete.lab.files import header, prepare, save
from undelete.lab.steps import Folder, Progress, Steps
from undelete.maintainer.fit import fit
from undelete.maintainer.leave_one_out import retrain_without
from undelete.maths.arrays import Floats, Indices
from undelete.maths.embeddings import RandomFourierFeatures, embed
from undelete.maths.losses import Logistic, Loss, Squared
from undelete.maths.objective import Objective
from undelete.paper.drawings.sensitivity import draw
from undelete.release.release import Release
from undelete.scoring.intervals import wilson
from undelete.scoring.scores import cosine

STATES = ("CA", "NY", "TX")
LOSSES: dict[str, Loss] = {"ridge": Squared(), "logistic": Logistic()}
N, M, L2 = 10_000, 10_000, 1.0
FEW = 30  # deletions a point
BANDWIDTH = 5.0  # of random features on standardised columns
STOPS = 0.9  # median cosine under which it counts as having stopped to work
_TOLERANCE = 1e-10
_DECIMALS = 6
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


@dataclass(frozen=True, eq=False)
class People:
    """All people in one order (N, 10), their label (N,), and the state that each is of (N,)."""

    table: Floats
    over: Floats
    state: Indices

    @classmethod
    def read(cls, data_dir: Folder | None, seed: int) -> People:
        """Return the three states' people in the order of a draw."""
        sets = [acs_income(state, data_dir) for state in STATES]
        table = np.concatenate([one.table[list(INCOME_FEATURES)].to_numpy(dtype=float) for one in sets])
        over = np.concatenate([2.0 * one.over_50k() - 1.0 for one in sets])
        order = np.random.default_rng(seed).permutation(len(table))
        states = np.repeat(np.arange(len(sets)), [one.n for one in sets])
        return cls(table[order], over[order], states[order])


@dataclass(frozen=True)
class Point:
    """What one point of a figure is played with."""

    n: int
    m: int
    loss: str = "ridge"
    l2: float = L2
    features: int = 11
    left: float = 0.0
    stored: Callable[[Floats], Floats] | None = None
    told: float | None = 1.0
    """What n is said to be beside what it is."""
    penalty_told: bool = True
    public: str = ""
    """A state's people, or independent columns; the same people as the private ones by default."""
    private: str = ""


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
            points.append({"x": x, "loss": point.loss, "n": point.n, "m": point.m} | _played(people, point, b, seed))
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


def _records(people: People, point: Point, seed: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Return private and public records in the model's space, and their labels."""
    rows = np.arange(len(people.table))
    if point.private:
        own = rows[people.state == STATES.index(point.private)]
        private, rest = own[: point.n], own[point.n :]
    else:
        private, rest = rows[: point.n], rows[point.n :]
    public = rest
    if point.public in STATES and point.public != point.private:
        public = rows[people.state == STATES.index(point.public)]
    public = public[: point.m]
    P, Q = people.table[private], people.table[public]
    if point.public == "independent":
        rng = np.random.default_rng([seed, 5])
        Q = np.column_stack([rng.permutation(column) for column in Q.T])
    middle, unit = Q.mean(axis=0), Q.std(axis=0)
    unit[unit == 0] = 1.0
    P, Q = (P - middle) / unit, (Q - middle) / unit
    few = point.features - 1
    if few <= P.shape[1]:
        X, X_public = (np.column_stack([Z[:, :few], np.ones(len(Z))]) for Z in (P, Q))
    else:
        phi = RandomFourierFeatures.draw(P.shape[1], few, BANDWIDTH, np.random.default_rng([seed, 6]))
        X, X_public = embed(phi, P), embed(phi, Q)
    return X, people.over[private, None], X_public, people.over[public, None]


def _played(people: People, point: Point, b: int, seed: int) -> dict[str, float]:
    """Return how near the records come, and what the theory says of it."""
    X, Y, X_public, Y_public = _records(people, point, seed)
    n, d = X.shape
    flat = np.append(np.ones(d - 1), 0.0)
    objective = Objective(X, Y, LOSSES[point.loss], point.l2 * flat)
    rows = np.sort(np.random.default_rng([seed, 7]).choice(n, size=min(b, n), replace=False))
    if point.left:
        W, W_after = _stopped(objective, rows, point.left)
    else:
        W = fit(objective, tol=_TOLERANCE).W
        W_after = np.asarray(retrain_without(objective, W, rows, tol=10 * _TOLERANCE).W)
    if point.stored is not None:
        W, W_after = point.stored(W), point.stored(W_after)
    release = Release(
        loss=objective.loss, W_before=W, W_after=W_after, X_public=X_public, Y_public=Y_public,
        n=round(n * (point.told or 1.0)), l2=objective.l2, constant=np.eye(d)[-1],
        target_kind="class" if point.loss == "logistic" else "number",
    )  # fmt: skip
    return _measured(release, X[rows])


def _stopped(objective: Objective, rows: Indices, left: float) -> tuple[Floats, Floats]:
    """Return models that L-BFGS stopped at, from zero and from the old one, no gradient per record above `left`."""
    shape = (objective.X.shape[1], 1)

    def one(part: Objective, start: Floats) -> Floats:
        def value(w: Floats) -> tuple[float, Floats]:
            W = w.reshape(shape)
            return float(part.value(W)) / part.n, np.asarray(part.gradient(W)).ravel() / part.n

        options = {"gtol": left, "ftol": 0.0, "maxiter": 5000, "maxfun": 10**6}
        found = minimize(value, start.ravel(), jac=True, method="L-BFGS-B", options=options)
        return np.asarray(found.x).reshape(shape)

    every = np.arange(objective.n)
    old = one(objective, np.zeros(shape))
    return old, np.stack([one(objective.take(np.delete(every, row)), old) for row in rows])


def _measured(release: Release, truth: Floats) -> dict[str, float]:
    found: dict[str, float] = {}
    best = Difference.best(release)
    same, middle = unchanged(release), release.X_public[:, :-1].mean(axis=0)
    for name, difference in (("hrec", Difference.by(release, "hessian", penalised=False)), ("known", best)):
        X = from_gradient(release, difference, same, attack=name).X[:, :-1]
        near = np.nan_to_num(cosine(truth[:, :-1] - middle, X - middle))
        low, high = wilson(len(near) / 2, len(near))
        ends = np.quantile(near, [0.5, low, high, 0.1]).round(_DECIMALS).tolist()
        found |= dict(zip((name, f"{name}_low", f"{name}_high", f"{name}_q10"), ends, strict=True))
    assert best.error is not None
    error = np.where(same, np.inf, np.nan_to_num(best.error, nan=np.inf))
    return found | {"theory": round(float(np.median(1 / np.sqrt(1 + error**2))), _DECIMALS)}


def _stops(points: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    """Return, of each model, where the median of who knows n and the penalty is under `STOPS`."""
    return {
        loss: [point["x"] for point in points if point["loss"] == loss and point["known"] < STOPS] for loss in LOSSES
    }


EXPERIMENTS = {"sensitivity": sensitivity}
"""By name, as `Experiment.run` calls it."""
