"""Along the change of the model the error is that of a positive sum: who is far out is not put back to the middle."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import f

from undelete.attacker.gradient.estimate import Estimate
from undelete.attacker.hrec import hrec
from undelete.attacker.hrec_plus import hrec_plus
from undelete.attacker.table.along_change import along_change, ratio_log_density
from undelete.attacker.table.observed import likelihood
from undelete.maintainer.fit import fit
from undelete.maintainer.leave_one_out import retrain_without
from undelete.maths.losses import LOSSES
from undelete.maths.objective import Objective
from undelete.release.columns import Column
from undelete.release.release import Release
from undelete.scoring.scores import centred_cosine

RNG = np.random.default_rng(0)


def far_out(seed, n=300, m=1200, d=6, rows=12):
    """Deletions of those furthest out in a table of amounts with heavy tails, and the records."""
    rng = np.random.default_rng(seed)
    raw = np.floor(8 * rng.pareto(2.5, size=(n + m, d)))
    X = np.c_[(raw - raw.mean(axis=0)) / raw.std(axis=0), np.ones(n + m)]
    Y = 0.5 * X[:, :-1] @ rng.normal(size=(d, 1)) + rng.normal(size=(n + m, 1))
    gone = np.argsort(-np.abs(X[:n]).max(axis=1))[:rows]
    penalty = np.r_[np.ones(d), 0.0]
    objective = Objective(X[:n], Y[:n], LOSSES["squared"], penalty)
    W = fit(objective, tol=1e-12).W
    after = retrain_without(objective, W, gone, tol=1e-11).W
    columns, codes = [], np.zeros((m, d), dtype=np.int64)
    for j in range(d):
        values, codes[:, j] = np.unique(raw[n:, j], return_inverse=True)
        terms = ((values - raw[:, j].mean()) / raw[:, j].std())[:, None]
        columns.append(Column(f"c{j}", "discrete", np.eye(d + 1)[:, [j]], values, terms, np.bincount(codes[:, j]) / m))
    release = Release(
        objective.loss, W, after, X[n:], Y[n:], n=n, l2=penalty, constant=np.eye(d + 1)[-1], target_kind="number",
        columns=columns, public_codes=codes, public_values=raw[n:],
    )  # fmt: skip
    return release, X[gone]


def seen(release):
    base = hrec(release, RNG)
    return likelihood(release, Estimate.of(base), base.X)


def test_who_is_far_out_comes_back_no_less_than_by_the_linear_estimate():
    """The normal error left them as well in the middle, where nearly all records are."""
    cosines = {"hrec+": [], "hrec": []}
    for seed in range(3):
        release, X = far_out(seed)
        for attack in (hrec_plus, hrec):
            found = attack(release, RNG)
            told = np.array(found.status) == "ok"
            cosines[found.attack].append(centred_cosine(X, found.X, release.X_public.mean(axis=0))[told])
    plus, plain = (np.concatenate(each) for each in cosines.values())
    assert len(plus) > 12
    assert plus.mean() > plain.mean() - 0.01


def test_the_ratio_of_two_mean_squares_is_snedecors():
    share = np.array([0.02, 0.3, 1.0, 2.5])
    expected = f.logpdf(1 / share, 5.0, 3.0) - np.log(share)  # of the logarithm of the ratio
    np.testing.assert_allclose(ratio_log_density(share, 3.0, 5.0), expected, rtol=1e-9)


def test_it_is_left_alone_where_the_sum_is_known_or_of_several_outputs():
    release, _ = far_out(0)
    known = seen(release)
    sure = dataclasses.replace(known, covariance=known.covariance * 1e-4)
    assert any(along_change(known, i) is not None for i in range(len(known.gradient)))
    assert all(along_change(sure, i) is None for i in range(len(known.gradient)))
    none = dataclasses.replace(known, change=None)
    assert all(along_change(none, i) is None for i in range(len(known.gradient)))


def test_a_record_at_the_estimate_loses_little_and_one_of_next_to_none_of_it_much():
    release, X = far_out(1)
    known = seen(release)
    i = next(i for i in range(len(X)) if along_change(known, i) is not None)
    D, G = known.change[i], known.gradient[i]
    points = np.stack([known.start[i], known.start[i] * np.r_[-np.ones(X.shape[1] - 1), 1.0]])
    share = known.pulls(i, points) * (points @ D) / (G @ D)
    assert share[0] == pytest.approx(1.0, abs=0.05)
    assert share[1] < 0.2
    lacking = along_change(known, i)(points, np.zeros(2))
    assert abs(lacking[0]) < 0.5
    assert lacking[1] < -1
