"""How like the true record what is shown is promised to be: by the posterior that tells its columns."""

from types import SimpleNamespace

import numpy as np
import pytest

from undelete.attacker.hrec import hrec
from undelete.attacker.hrec_plus import hrec_plus
from undelete.attacker.table.resemblance import resemblance
from undelete.auditing.exposure import exposure
from undelete.maintainer.fit import fit
from undelete.maintainer.leave_one_out import retrain_without
from undelete.maths.losses import LOSSES
from undelete.maths.objective import Objective
from undelete.release.columns import Column
from undelete.release.release import Release
from undelete.scoring.scores import centred_cosine

RNG = np.random.default_rng(0)


def test_it_is_the_mean_over_the_posterior():
    shown, mean = np.array([3.0, 0.0, 1.0]), np.array([0.0, 0.0, 1.0])
    points = np.array([[2.0, 0.0, 1.0], [0.0, 2.0, 1.0], [-2.0, 0.0, 1.0]])
    sure = SimpleNamespace(weight=np.array([0.5, 0.3, 0.2]), points=points, covariance=np.zeros((3, 3)))
    assert resemblance(sure, shown, mean) == pytest.approx(0.5, abs=0.005)
    open_ = SimpleNamespace(weight=np.ones(1), points=points[:1], covariance=np.diag([0.0, 4.0, 0.0]))
    drawn = 2 / np.hypot(2, 2 * np.random.default_rng(1).normal(size=100_000))
    assert resemblance(open_, shown, mean) == pytest.approx(drawn.mean(), abs=0.02)


def few(seed, n=100, d=8, rows=15):
    """Deletions of a small table of counts with heavy tails, and the records."""
    rng = np.random.default_rng(seed)
    raw = np.round(np.exp(1.2 * rng.normal(size=(2 * n, d))) * 4)
    X = np.c_[(raw - raw.mean(axis=0)) / raw.std(axis=0), np.ones(2 * n)]
    Y = X[:, :-1].sum(axis=1, keepdims=True) + 3 * rng.normal(size=(2 * n, 1))
    penalty = np.r_[np.ones(d), 0.0]
    objective = Objective(X[:n], Y[:n], LOSSES["squared"], penalty)
    W = fit(objective, tol=1e-12).W
    after = retrain_without(objective, W, np.arange(rows), tol=1e-11).W
    columns, codes = [], np.zeros((n, d), dtype=np.int64)
    for j in range(d):
        values, codes[:, j] = np.unique(raw[n:, j], return_inverse=True)
        terms = ((values - raw[:, j].mean()) / raw[:, j].std())[:, None]
        share = np.bincount(codes[:, j]) / n
        columns.append(Column(f"c{j}", "discrete", np.eye(d + 1)[:, [j]], values, terms, share))
    release = Release(
        objective.loss, W, after, X[n:], Y[n:], n=n, l2=penalty, constant=np.eye(d + 1)[-1], target_kind="number",
        columns=columns, public_codes=codes, public_values=raw[n:],
    )  # fmt: skip
    return release, X[:rows]


def test_of_few_records_no_more_is_promised_than_comes():
    """Bars of the linear estimate are of that one; the search knows how few records they rest on, and shows another."""
    promised, true = [], []
    for seed in range(2):
        release, X = few(seed)
        base, found = hrec(release, RNG), hrec_plus(release, RNG)
        told = np.array(found.status) == "ok"
        promised.append(exposure(release, base, None, found).value[told])
        true.append(centred_cosine(X, found.X, release.X_public.mean(axis=0))[told])
    promised, true = np.concatenate(promised), np.concatenate(true)
    assert len(promised) > 15
    assert promised.mean() < true.mean() + 0.12
