"""How like the true record what is shown is promised to be: by the posterior that tells its columns."""

from types import SimpleNamespace

import numpy as np
import pytest

from undelete.attacker.gradient.estimate import Estimate
from undelete.attacker.hrec import hrec
from undelete.attacker.hrec_plus import hrec_plus
from undelete.attacker.table.observed import likelihood
from undelete.attacker.table.resemblance import likest
from undelete.auditing.exposure import exposure
from undelete.maintainer.fit import fit
from undelete.maintainer.leave_one_out import retrain_without
from undelete.maths.losses import LOSSES
from undelete.maths.objective import Objective
from undelete.release.columns import Column
from undelete.release.release import Release
from undelete.scoring.scores import centred_cosine

RNG = np.random.default_rng(0)
NONE = np.zeros(3, dtype=np.bool_)


def test_it_is_the_mean_over_the_posterior():
    shown, mean = np.array([3.0, 0.0, 1.0]), np.array([0.0, 0.0, 1.0])
    points = np.array([[2.0, 0.0, 1.0], [0.0, 2.0, 1.0], [-2.0, 0.0, 1.0]])
    sure = SimpleNamespace(weight=np.array([0.6, 0.25, 0.15]), points=points, covariance=np.zeros((3, 3)))
    assert likest(sure, shown, mean, NONE)[1] == pytest.approx(0.6, abs=0.005)
    open_ = SimpleNamespace(weight=np.ones(1), points=points[:1], covariance=np.diag([0.0, 4.0, 0.0]))
    drawn = 2 / np.hypot(2, 2 * np.random.default_rng(1).normal(size=100_000))
    assert likest(open_, shown, mean, NONE)[1] == pytest.approx(drawn.mean(), abs=0.02)


def test_between_records_of_which_none_stands_out_lies_the_one_most_like_the_true_one():
    mean = np.array([0.0, 0.0, 1.0])
    points = np.array([[2.0, 0.0, 1.0], [0.0, 2.0, 1.0], [1.0, 3.0, 1.0]])
    even = SimpleNamespace(weight=np.array([0.4, 0.35, 0.25]), points=points, covariance=np.zeros((3, 3)))
    found, cosine = likest(even, points[0], mean, NONE)
    each = (points - mean) @ (found - mean) / np.linalg.norm(points - mean, axis=1) / np.linalg.norm(found - mean)
    assert cosine == pytest.approx(even.weight @ each, abs=0.005)
    assert cosine > 0.75 > even.weight @ np.array([1.0, 0.0, 0.1**0.5])  # that of the first
    along = (found - mean) / np.linalg.norm(found - mean)  # as long as these records are on average along it
    assert (found - mean) @ along == pytest.approx(even.weight @ ((points - mean) @ along), abs=0.01)
    likely = SimpleNamespace(weight=np.array([0.6, 0.3, 0.1]), points=points, covariance=np.zeros((3, 3)))
    np.testing.assert_array_equal(likest(likely, points[0], mean, NONE)[0], points[0])


def test_of_features_that_are_the_same_in_all_public_records_nothing_is_shown():
    """Whatever they have is left open, and the pictures of digits that were shown had pixels that nobody has."""
    mean, points = np.array([0.0, 0.5, 1.0]), np.array([[2.0, 0.5, 1.0]])
    unknown = SimpleNamespace(weight=np.ones(1), points=points, covariance=np.diag([0.1, 1e4, 0.0]))
    found, cosine = likest(unknown, np.array([2.0, 9.0, 1.0]), mean, np.array([False, True, False]))
    assert found[1] == 0.5
    assert cosine > 0.99


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
    return release, X[:rows], Y[:rows]


def test_of_few_records_no_more_is_promised_than_comes_and_no_less_comes_than_by_hrec():
    """The search knows how few records its error rests on; with heavy tails each column's commonest value is small."""
    promised, true, linear = [], [], []
    for seed in range(2):
        release, X, _ = few(seed)
        base, found = hrec(release, RNG), hrec_plus(release, RNG)
        told = np.array(found.status) == "ok"
        promised.append(exposure(release, base, None, found).value[told])
        for cosines, one in ((true, found), (linear, base)):
            cosines.append(centred_cosine(X, one.X, release.X_public.mean(axis=0))[told])
    promised, true, linear = map(np.concatenate, (promised, true, linear))
    assert len(promised) > 15
    assert promised.mean() < true.mean() + 0.12
    assert np.median(true) > np.median(linear) - 0.02


def test_the_error_is_as_large_as_it_is_where_few_records_with_heavy_tails_tell_it():
    """The true records' squared misfit is that of their degrees of freedom; it was a third of it."""
    ratios = []
    for seed in range(4):
        release, X, Y = few(seed)
        base = hrec(release, RNG)
        known = likelihood(release, Estimate.of(base), base.X)
        off = known.gradient - X * (Y - X @ release.W_before)
        ratios += [one @ np.linalg.solve(C, one) / len(one) for one, C in zip(off, known.covariance, strict=True)]
    assert 0.7 < np.median(ratios) < 1.4
