"""Rows of the benchmark on the losses of counts, sums and durations, on made-up records: against warm refits."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from sklearn.linear_model import GammaRegressor, HuberRegressor, LogisticRegression, PoissonRegressor, TweedieRegressor

from refits import REFIT_TOL, Refit, difference, refit_each
from settings import Settings
from timing import Line, median_seconds
from undelete.maintainer.fit import fit
from undelete.maintainer.joint_scale import fit_joint, retrain_joint
from undelete.maintainer.leave_one_out import retrain_without
from undelete.maths.arrays import Floats
from undelete.maths.losses import loss_of
from undelete.maths.objective import Objective
from undelete.maths.robust import Huber

_PENALTY = 1.0
_BEND = 1.35  # of Huber's loss
_SOLVER = {"solver": "newton-cholesky", "tol": REFIT_TOL, "max_iter": 1000, "warm_start": True}
_PEERS: dict[str, Callable[..., Any]] = {
    "poisson": PoissonRegressor,
    "gamma": GammaRegressor,
    "tweedie(1.5)": partial(TweedieRegressor, power=1.5, link="log"),
}
_NAMES = {"poisson": "PoissonRegressor", "gamma": "GammaRegressor", "tweedie(1.5)": "TweedieRegressor"}


def generalised_row(loss: str, settings: Settings) -> list[Line]:
    """Deletions against warm refits of scikit-learn: its generalised linear models, or logistic with class weights."""
    n, d = (2_000, 6) if settings.quick else (40_000, 12)
    objective = _made_up(loss, n, d)
    W = np.asarray(fit(objective, tol=REFIT_TOL).W)
    rows = np.arange(100 if settings.quick else 800)
    seconds, found = median_seconds(lambda: retrain_without(objective, W, rows), settings.repeats)
    peer, name = (_weighed(W), "LogisticRegression") if loss == "logistic" else (_warm(loss, W), _NAMES[loss])
    refits = refit_each(objective, rows[:10], peer)
    row = f"{loss}{', weights by class' if objective.weights is not None else ''}, made up {n:,} x {d}"
    return [
        Line(row, f"a deletion ({len(rows):,} in all)", seconds / len(rows), "s"),
        Line(row, f"warm {name} refit", refits.seconds, "s"),
        Line(row, f"a deletion against warm {name}", refits.seconds * len(rows) / seconds, "x", at_least=30),
        Line(row, "difference of the change from the refits'", difference(W, np.asarray(found.W)[:10], refits.W)),
        Line(row, "largest gradient per record: ours", float(found.gradient_norm.max()), at_most=1e-9),
        Line(row, "largest gradient per record: refits", refits.gradient),
    ]


def huber_row(settings: Settings) -> list[Line]:
    """Deletions of Huber's regression, whose scale is fitted too, against warm refits of HuberRegressor."""
    n, d = (2_000, 6) if settings.quick else (40_000, 12)
    objective = _made_up("squared", n, d)
    model = HuberRegressor(epsilon=_BEND, alpha=_PENALTY / 2, tol=REFIT_TOL, max_iter=10_000, warm_start=True)
    model.fit(objective.X[:, :-1], objective.Y[:, 0])
    objective = replace(objective, loss=Huber(_BEND, model.scale_))
    joint = fit_joint(objective, np.append(model.coef_, model.intercept_)[:, None], model.scale_, tol=REFIT_TOL)
    objective = replace(objective, loss=Huber(_BEND, joint.scale))
    rows = np.arange(100 if settings.quick else 400)
    seconds, found = median_seconds(lambda: retrain_joint(objective, joint.W, rows), settings.repeats)
    times = []
    for row in rows[:10]:
        rest = np.delete(np.arange(n), row)
        start = time.perf_counter()
        model.fit(objective.X[rest, :-1], objective.Y[rest, 0])
        times.append(time.perf_counter() - start)
    name, refit = f"huber, made up {n:,} x {d}", float(np.median(times))
    return [
        Line(name, f"a deletion ({len(rows):,} in all)", seconds / len(rows), "s"),
        Line(name, "warm HuberRegressor refit", refit, "s"),
        Line(name, "a deletion against warm HuberRegressor", refit * len(rows) / seconds, "x", at_least=30),
        Line(name, "largest gradient per record: ours", float(found.gradient_norm.max()), at_most=1e-9),
    ]


def _made_up(loss: str, n: int, d: int) -> Objective:
    """Return records whose targets are of the loss's kind, and a penalty on all features but the constant."""
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=(n, d - 1)), np.ones(n)])
    z = X @ rng.normal(size=d) / np.sqrt(4 * d)
    targets: dict[str, Callable[[], Floats]] = {
        "poisson": lambda: rng.poisson(np.exp(z)).astype(np.float64),
        "gamma": lambda: rng.gamma(2.0, np.exp(z) / 2),
        "tweedie(1.5)": lambda: rng.poisson(np.exp(z)) * rng.gamma(2.0, 0.5, n),
        "logistic": lambda: np.where(z + rng.logistic(size=n) > 1, 1.0, -1.0),
        "squared": lambda: z + rng.standard_t(3, size=n),
    }
    y = targets[loss]()
    share = float((y > 0).mean())
    weights = np.where(y > 0, 0.5 / share, 0.5 / (1 - share)) if loss == "logistic" else None
    l2 = np.append(np.full(d - 1, _PENALTY), 0.0)
    return Objective(X, y[:, None], loss_of(loss), l2, weights)


def _warm(loss: str, start: Floats) -> Refit:
    """Return scikit-learn's own from W."""

    def refit(objective: Objective) -> Floats:
        model = _PEERS[loss](alpha=_PENALTY / objective.n, **_SOLVER)
        model.coef_, model.intercept_ = start[:-1, 0].copy(), start[-1, 0]
        model.fit(objective.X[:, :-1], objective.Y[:, 0])
        return np.append(model.coef_, model.intercept_)[:, None]

    return refit


def _weighed(start: Floats) -> Refit:
    """Return LogisticRegression from W with the records' weights."""

    def refit(objective: Objective) -> Floats:
        model = LogisticRegression(C=1 / _PENALTY, **_SOLVER)
        model.coef_, model.intercept_ = start[:-1].T.copy(), start[-1].copy()
        model.fit(objective.X[:, :-1], objective.Y[:, 0], objective.weights)
        return np.vstack([model.coef_.T, model.intercept_])

    return refit
