"""The likelihood of a whole record: exact where the Hessian is, and honest where it is not."""

import dataclasses

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm

from undelete.attacker.gradient.difference import Difference
from undelete.attacker.gradient.estimate import Estimate
from undelete.attacker.hrec import from_gradient, hrec, unchanged
from undelete.attacker.table.likelihood import FLOOR
from undelete.attacker.table.observed import likelihood
from undelete.attacker.table.term_likelihood import lower
from undelete.maintainer.fit import fit
from undelete.maintainer.leave_one_out import retrain_without
from undelete.maths.losses import LOSSES
from undelete.maths.objective import Objective
from undelete.release.columns import Column
from undelete.release.release import Release

D = 6


def records(rng, loss, count, yes=0.0):
    """Features, the constant last, and a target of two values: 0 and 1, or a class."""
    X = np.c_[rng.normal(size=(count, D - 1)) * np.arange(1, D), np.ones(count)]
    score = X @ np.r_[0.5 / np.arange(1, D), yes] + rng.logistic(size=count)
    return X, (score > 0).astype(float)[:, None] if loss == "squared" else np.where(score > 0, 1.0, -1.0)[:, None]


def deleted(seed, loss, n=8000, m=8000, rows=60, l2=5.0, public=None, number=False):
    """Deletions of one model, HRec's estimates of the records, and the records."""
    rng = np.random.default_rng(seed)
    X, Y = records(rng, loss, n)
    if number:
        Y = Y + rng.normal(size=Y.shape)
    X_public, Y_public = records(rng, loss, m) if public is None else (X[public], Y[public])
    penalty = np.r_[np.full(D - 1, l2), 0.0]
    objective = Objective(X, Y, LOSSES[loss], penalty)
    W = fit(objective, tol=1e-12).W
    release = Release(
        objective.loss, W, retrain_without(objective, W, np.arange(rows), tol=1e-11).W, X_public,
        Y_public + (np.random.default_rng(9).normal(size=(len(X_public), 1)) if number else 0.0), n=n, l2=penalty,
        constant=np.eye(D)[-1], target_kind="number" if loss == "squared" else "class",
    )  # fmt: skip
    found = from_gradient(release, Difference.by(release, "hessian"), unchanged(release), attack="hrec+")
    return release, likelihood(release, Estimate(found.scale, found.output), found.X), X[:rows], Y[:rows]


FEATURES = np.eye(D)[:, :-1]


def of_record(known, i, terms=FEATURES):
    """The likelihood of record i's terms, its scale tied or free."""
    return known.tied(i, terms, known.start[i]) if np.isfinite(known.target[i]) else known.terms(i, terms)


def sums(one, terms):
    """The data's products with what a record of these terms (q,) gives."""
    b = one.constant + one.matrix @ terms
    return b @ one.data, b @ b


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_with_the_remaining_records_as_public_ones_it_is_exact(loss):
    _, known, X, Y = deleted(0, loss, n=500, rows=1, public=slice(1, None))
    assert known.target[0] == Y[0, 0]
    # the logistic Hessian changes between the two models, in the second order of their difference
    tolerance = 1e-9 if loss == "squared" else 5e-3
    np.testing.assert_allclose(of_record(known, 0).centre, X[0], atol=tolerance)
    free = known.terms(0, FEATURES)
    points, _ = free.points((free.constant + free.matrix @ X[0, :-1])[None])
    np.testing.assert_allclose(points[0], X[0], atol=tolerance)


@pytest.mark.parametrize(("loss", "number"), [("squared", False), ("logistic", False), ("squared", True)])
def test_records_lie_as_far_from_the_mean_as_the_covariance_says(loss, number):
    square, tied = [], []
    for seed in range(12):
        _, known, X, Y = deleted(seed, loss, number=number)
        tied.append(np.isfinite(known.target))
        right = known.target[tied[-1]] == Y[tied[-1], 0]
        assert right.all()
        for i, x in enumerate(X):
            one = of_record(known, i)
            square.append(one.misfit(*sums(one, x[:-1])))
    assert np.mean(tied) == 0 if number else np.mean(tied) > 0.9
    assert 0.75 < np.mean(square) / (D - 1) < 1.3


@pytest.mark.parametrize("widths", [None, [0.01, 0.3, 2.0]], ids=["any scale", "scales of three sizes"])
def test_an_unknown_scale_is_integrated_over(widths):
    """Against the sum over a fine grid of scales of the normal density of the gradient's terms."""
    _, known, X, _ = deleted(0, "squared", number=True)
    size = np.abs(known.gradient[0] @ known.constant)
    known = dataclasses.replace(known, widths=None if widths is None else size * np.array(widths))
    P = FEATURES[:, [0, 2, 3]]
    one, T = known.terms(0, P), np.c_[known.constant, P]
    C = T.T @ (known.covariance[0] + FLOOR * known.gradient[0, -1] ** 2 * np.eye(D)) @ T
    scales = np.linspace(-20, 20, 80_001) * size
    usual = np.zeros_like(scales)
    if widths is not None:
        usual = logsumexp([norm(0, w).logpdf(scales) for w in known.widths], axis=0) - np.log(len(widths))
    logs = []
    for x in (X[0], X[0] + 0.1 * (1 - np.eye(D)[-1]), X[1]):
        density = multivariate_normal(np.zeros(4), C).logpdf(known.gradient[0] @ T - scales[:, None] * (x @ T))
        direct = logsumexp(density + usual) + np.log(scales[1] - scales[0])
        logs.append(float(one.log(*sums(one, x @ P)) + one.offset) - direct)
    np.testing.assert_allclose(logs, logs[0], atol=1e-3)
    left_out = 1.5 if widths is None else 2.0
    assert logs[0] == pytest.approx(left_out * np.log(2 * np.pi), abs=1e-2)  # the constant that is left out


def test_the_correction_makes_the_tied_likelihood_exact():
    """A record's own residual instead of the linearised one."""
    _, known, X, _ = deleted(0, "logistic")
    i = int(np.flatnonzero(np.isfinite(known.target))[0])
    one, G = known.tied(i, FEATURES, known.start[i]), known.gradient[i]
    precision = np.linalg.inv(known.covariance[i] + FLOOR * (G @ known.constant) ** 2 * np.eye(D))
    points = X[:5]
    A, B = np.array([sums(one, x[:-1]) for x in points]).T
    told = one.log(A, B) + known.correction(i)(points, one.misfit(A, B)) + one.offset
    y = np.full((5, 1), known.target[i])
    off = G + points * known.loss.residual(y, (points @ known.weights[i])[:, None])
    exact = -0.5 * ((off @ precision) * off).sum(axis=1) + 0.5 * np.linalg.slogdet(precision)[1]
    np.testing.assert_allclose(told, exact, rtol=1e-9)


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_the_tie_brings_the_mean_nearer(loss):
    errors = []
    for seed in range(6):
        _, known, X, _ = deleted(seed, loss)
        for i in np.flatnonzero(np.isfinite(known.target)):
            both = known.tied(i, FEATURES, known.start[i]).centre, known.gradient[i] / known.gradient[i, -1]
            errors.append([((mean - X[i])[:-1] ** 2 / np.arange(1, D) ** 2).sum() for mean in both])
    tied, free = np.sqrt(np.mean(errors, axis=0))
    assert tied < 0.93 * free


def test_few_records_do_not_settle_the_target():
    """With 12 public records the error of the scale is as large as the step from one value to the next."""
    _, known, *_ = deleted(1, "squared", n=40, m=12, rows=10)
    assert np.isnan(known.target).any()
    assert all(np.isfinite(of_record(known, i).data).all() for i in range(len(known.start)))


def test_terms_only_are_the_whole_record_seen_through_them():
    release, known, X, _ = deleted(2, "squared", number=True)
    P = np.eye(D)[:, [0, 3]]
    estimate = Estimate(known.gradient @ known.constant, np.zeros(len(known.start), dtype=int))
    part = likelihood(release, estimate, known.start, P)
    for i in range(5):
        whole, seen = known.terms(i, P), part.terms(i, np.eye(3, 2))
        logs = [[one.log(*sums(one, x @ P)) for x in X[:4]] for one in (whole, seen)]
        # fewer entries are estimated a little better from as many records
        np.testing.assert_allclose(np.diff(logs[0]), np.diff(logs[1]), rtol=1e-2)


def test_a_numeric_target_follows_from_the_whole_gradient():
    """Of the record itself: exact with the exact Hessian; else nearer than by the constant's entry, and honest."""
    z, ours, alone = [], [], []
    for seed in range(8):
        release, known, X, Y = deleted(seed, "squared", n=2000, m=2000, number=True)
        for i, x in enumerate(X):
            (value,), error = known.number(i, x[None], np.zeros((D, D)))
            z.append((value - Y[i, 0]) / error)
            ours.append(abs(value - Y[i, 0]))
            alone.append(abs(known.gradient[i] @ known.constant + x @ release.W_before[:, 0] - Y[i, 0]))
    assert 0.7 < np.sqrt(np.mean(np.square(z))) < 1.4
    assert np.median(ours) < 0.8 * np.median(alone)
    _, known, X, Y = deleted(0, "squared", n=500, rows=1, public=slice(1, None))
    known = dataclasses.replace(known, target=np.full(1, np.nan))
    assert known.number(0, X, np.zeros((D, D)))[0][0] == pytest.approx(Y[0, 0], abs=1e-9)


def test_an_unsure_record_makes_its_target_unsure():
    _, known, X, _ = deleted(0, "squared", number=True)
    sure, unsure = (known.number(0, X[:1], size * np.diag([1.0] * (D - 1) + [0.0]))[1] for size in (0.0, 1.0))
    step = 1e-5 * np.eye(D)[:-1]
    values = known.number(0, np.vstack([X[0] + step, X[0] - step]), np.zeros((D, D)))[0]
    slope = (values[: D - 1] - values[D - 1 :]) / 2e-5
    assert unsure**2 - sure**2 == pytest.approx(slope @ slope, rel=0.05)  # the slope is that at G = x rho


def test_a_tied_target_is_its_value():
    _, known, X, Y = deleted(0, "squared")
    tied = np.flatnonzero(np.isfinite(known.target))[0]
    values, error = known.number(tied, X[[tied, tied]], np.zeros((D, D)))
    assert values.tolist() == [Y[tied, 0]] * 2
    assert error == 0.0


def test_the_error_of_a_rare_mark_is_not_taken_for_sure():
    """Fifteen public records have the mark, in six features: the misfit of the true records stays what it should be."""
    ratios, plain = [], []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        X = np.c_[rng.random((2000, 1)) < 0.015, rng.normal(size=(2000, D - 2)) ** 3, np.ones(2000)]
        Y = X @ rng.normal(size=(D, 1)) + rng.normal(size=(2000, 1))
        rows = np.flatnonzero(X[:1000, 0])[:6]
        objective = Objective(X[:1000], Y[:1000], LOSSES["squared"], np.zeros(D))
        W = fit(objective).W
        release = Release(
            objective.loss, W, retrain_without(objective, W, rows).W, X[1000:], Y[1000:], n=1000, l2=np.zeros(D),
            constant=np.eye(D)[-1],
        )  # fmt: skip
        found = hrec(release, np.random.default_rng(0))
        known = likelihood(release, Estimate(found.scale, found.output), found.X)
        t = known.gradient, Estimate(found.scale, found.output).weights(release)
        for i, row in enumerate(rows):
            rho = float(Y[row, 0] - X[row] @ W[:, 0])
            off = known.gradient[i] - X[row] * rho
            ratios.append(off @ np.linalg.solve(known.covariance[i], off) / D)
            S = X[1000:] * t[1][:, [i]]
            C = np.cov(S.T) * 1000**2 * (1 / 1000 + 1 / 1000)
            plain.append(off @ np.linalg.solve(C, off) / D)
    assert np.mean(ratios) < 1.5
    assert np.mean(plain) > 1.5 * np.mean(ratios)


def test_a_mark_that_no_public_record_has_is_not_known():
    """Of three private records alone: with the covariance of the public ones the true records would be impossible."""
    column = Column("x", "categorical", np.eye(D)[:, :1], np.array(["no", "yes"]), np.eye(2)[:, 1:], np.ones(2) / 2)
    ratios, plain = [], []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        X = np.c_[np.zeros(1000), rng.normal(size=(1000, D - 2)), np.ones(1000)]
        X[:3, 0] = 1.0
        Y = X @ rng.normal(size=(D, 1)) + rng.normal(size=(1000, 1))
        objective, penalty, rows = Objective(X[:400], Y[:400], LOSSES["squared"], np.ones(D)), np.ones(D), range(3, 20)
        W = fit(objective).W
        release = Release(
            objective.loss, W, retrain_without(objective, W, np.array(rows)).W, X[400:], Y[400:], n=400, l2=penalty,
            constant=np.eye(D)[-1], columns=(column,), public_codes=np.zeros((600, 1), dtype=int),
            public_values=np.full((600, 1), np.nan),
        )  # fmt: skip
        found = hrec(release, np.random.default_rng(0))
        estimate = Estimate(found.scale, found.output)
        for of, into in ((release, ratios), (dataclasses.replace(release, columns=()), plain)):
            known = likelihood(of, estimate, found.X)
            for i, row in enumerate(rows):
                off = known.gradient[i] - X[row] * float(Y[row, 0] - X[row] @ W[:, 0])
                into.append(off @ np.linalg.solve(known.floored(i), off) / D)
    assert np.mean(ratios) < 1.0
    assert np.mean(plain) > 2.0


def test_a_covariance_that_is_singular_to_rounding_has_a_factor():
    rng = np.random.default_rng(0)
    half = rng.normal(size=(5, 3)) * np.array([1e6, 1e3, 1.0, 1e-3, 1e-5])[:, None]
    S = half @ half.T - 1e-14 * np.diag(np.diag(half @ half.T))  # of rank 3, and a little less
    L = lower(S)
    size = np.sqrt(np.diag(S))
    np.testing.assert_allclose(L @ L.T / size[:, None] / size, S / size[:, None] / size, atol=1e-10)
    assert (np.diag(L) > 0).all()
    assert (np.triu(L, 1) == 0).all()
    with pytest.raises(np.linalg.LinAlgError):
        np.linalg.cholesky(S)
