"""One point of a figure of where it stops working: its people, its models, and how near the records come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from undelete.attacker.gradient.difference import Difference
from undelete.attacker.hrec import from_gradient, unchanged
from undelete.data.acs import INCOME_FEATURES, acs_income
from undelete.lab.steps import Folder
from undelete.maintainer.fit import fit
from undelete.maintainer.leave_one_out import retrain_without
from undelete.maths.arrays import Floats, Indices
from undelete.maths.embeddings import RandomFourierFeatures, embed
from undelete.maths.loss import Loss
from undelete.maths.losses import Logistic, Squared
from undelete.maths.objective import Objective
from undelete.release.release import Release
from undelete.scoring.intervals import wilson
from undelete.scoring.scores import cosine

STATES = ("CA", "NY", "TX")
LOSSES: dict[str, Loss] = {"ridge": Squared(), "logistic": Logistic()}
L2 = 1.0
BANDWIDTH = 5.0  # of random features on standardised columns
_TOLERANCE = 1e-10
_DECIMALS = 6


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


def played(people: People, point: Point, b: int, seed: int) -> dict[str, float]:
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
