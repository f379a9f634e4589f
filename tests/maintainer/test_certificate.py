"""Certificates: the bound must hold for what is returned, whatever the data, against extended precision."""

import numpy as np
import pytest

from tests.maintainer.test_fit import make
from undelete.errors import InputError
from undelete.maintainer.certificate import SmoothCertificate, _twice, fits
from undelete.maintainer.fit import fit, gradient_norm
from undelete.maintainer.leave_one_out import retrain_without
from undelete.maintainer.margin_certificate import MarginCertificate
from undelete.maths.losses import LOSSES
from undelete.maths.objective import Objective

EXPONENTIAL = ("poisson", "gamma", "tweedie(1.5)")
CERTIFICATES = {"logistic": SmoothCertificate, "squared_hinge": MarginCertificate}
CERTIFICATES |= dict.fromkeys(EXPONENTIAL, SmoothCertificate)
DATA = {}


def hostile(change):
    """Register a change of plain data: of (rng, X, l2, weights) in place, or what it returns instead."""
    DATA[change.__name__.replace("_", " ")] = change
    return change


@hostile
def plain(rng, X, l2, weights):
    pass


@hostile
def units_from_1e_6_to_1e6(rng, X, l2, weights):
    scale = 10.0 ** np.linspace(-6, 6, X.shape[1] - 1)
    X[:, :-1] *= scale
    l2[:-1] *= scale**2


@hostile
def no_penalty(rng, X, l2, weights):
    l2[:] = 0


@hostile
def nearly_collinear(rng, X, l2, weights):
    X[:, 1] = X[:, 0] + 1e-7 * rng.normal(size=len(X))
    l2[:] = 1e-9


@hostile
def heavy_tails(rng, X, l2, weights):
    X[:, :-1] = rng.standard_cauchy(size=(len(X), X.shape[1] - 1)) ** 3


@hostile
def huge_leverage(rng, X, l2, weights):
    X[:3, :-1] *= 1e6


@hostile
def duplicates(rng, X, l2, weights):
    X[len(X) // 2 :] = X[: len(X) - len(X) // 2]


@hostile
def hardly_more_records_than_features(rng, X, l2, weights):
    weights[X.shape[1] + 2 :] = np.nan  # cut off below
    l2[:-1] = 0.1


@hostile
def weighted(rng, X, l2, weights):
    weights[:] = rng.choice([0.0, 0.0, 1.0, 5.0, 1e-8, 1e4], size=len(X))


@hostile
def penalised_constant(rng, X, l2, weights):
    l2[-1] = 3.0


def build(kind, name, seed, n=300, d=6):
    """An objective of a hostile kind, and parameters near its optimum, or not near at all."""
    rng = np.random.default_rng(seed)
    X, l2, weights = np.c_[rng.normal(size=(n, d - 1)), np.ones(n)], np.r_[np.ones(d - 1), 0.0], np.ones(n)
    DATA.get(kind, plain)(rng, X, l2, weights)
    used = np.isfinite(weights)
    X, weights = X[used], weights[used]
    z = X @ (rng.normal(size=d) / np.maximum(1e-300, np.abs(X).mean(axis=0)))
    y = np.where(z > np.median(z), 1.0, -1.0)
    if kind == "separable":
        l2[:] = 1e-6
    elif name in EXPONENTIAL:
        mean = np.exp(np.clip(z / 3, -2, 4))
        y = rng.gamma(0.5, 2 * mean) if name == "gamma" else rng.poisson(mean) * 1.0
    else:
        y = np.where(rng.uniform(size=len(y)) < 0.2, -y, y)
    if name in EXPONENTIAL:
        y = np.maximum(y, 1e-3 if name == "gamma" else 0.0)
    else:
        y[:2] = 1.0, -1.0
    objective = Objective(X, y[:, None], LOSSES[name], l2, weights if kind == "weighted" else None)
    W = fit(objective, max_iterations=60).W
    away = {"a little off the optimum": 1e-6, "off the optimum": 0.05, "far off the optimum": 5.0}.get(kind, 0.0)
    return objective, W + away * rng.normal(size=W.shape)


KINDS = [*DATA, "separable", "a little off the optimum", "off the optimum", "far off the optimum"]


def exact_norm(objective, row, w):
    """|gradient|_inf / n in units over the remaining records at w (d,), every sum in extended precision."""
    X, y, l2, w = (a.astype(np.longdouble) for a in (objective.X, objective.Y[:, 0], objective.l2, w))
    weights = np.ones(objective.n) if objective.weights is None else objective.weights.copy()
    weights[row] = 0.0
    z = (X * w).sum(axis=1)
    with np.errstate(over="ignore", invalid="ignore"):
        if objective.loss.name == "logistic":
            r = -y / (1 + np.exp(y * z))
        elif objective.loss.margin:
            r = -2 * y * np.maximum(0, 1 - y * z)
        else:
            power = np.longdouble(objective.loss.power)
            r = np.exp((2 - power) * z) - y * np.exp((1 - power) * z)
        r = np.where(weights > 0, weights.astype(np.longdouble) * r, 0)
        gradient = (X * r[:, None]).sum(axis=0) + l2 * w
    norm = (np.abs(gradient) / objective.unit[:, 0]).max() / objective.n
    return np.inf if np.isnan(norm) else norm


def without(objective, row):
    return objective.take(np.delete(np.arange(objective.n), row))


@pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18, reason="no extended precision on this machine")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", list(CERTIFICATES))
def test_the_bound_holds_in_extended_precision(name, kind):
    for seed in range(4 if name in EXPONENTIAL else 10):
        objective, W = build(kind, name, seed)
        rows = np.arange(min(objective.n, 25))
        found = CERTIFICATES[name](objective, W).retrain(rows)
        for i, row in enumerate(rows):
            exact = exact_norm(objective, row, found.W[i])
            assert exact <= found.bound[i], f"seed {seed}, record {row}: {exact:.3e} over {found.bound[i]:.3e}"


@pytest.mark.parametrize("name", list(CERTIFICATES))
def test_the_bound_is_tight_enough_to_be_of_use(name):
    objective = make(name, n=20_000, d=8, l2=1.0)
    W = fit(objective).W
    found = CERTIFICATES[name](objective, W).retrain(np.arange(0, 20_000, 20))
    assert np.mean(found.bound <= 1e-9) >= 0.99
    if name == "squared_hinge":  # nothing but rounding is left
        assert found.bound.max() <= 1e-11


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", list(CERTIFICATES))
def test_what_is_shown_and_what_converged_are_right_whatever_the_data(name, kind):
    for seed in range(3):
        objective, W = build(kind, name, seed)
        rows = np.arange(3, min(objective.n, 15))  # the first three may have leverage 1 up to rounding
        found = retrain_without(objective, W, rows)
        certified = CERTIFICATES[name](objective, W).retrain(rows).bound <= 1e-9
        np.testing.assert_array_equal(found.shown == "certified", certified)
        np.testing.assert_array_equal(found.converged, found.gradient_norm <= 1e-9)
        for i in np.flatnonzero(found.converged):
            exact = exact_norm(objective, rows[i], found.W[i, :, 0])
            # a measured norm carries the rounding of its own pass
            size = np.abs(objective.X).T @ np.abs(objective.residual(objective.X @ found.W[i]))
            rounding = 0.0 if certified[i] else 1e-13 * (size / objective.unit).max() / objective.n
            assert exact <= 1e-9 + rounding


@pytest.mark.parametrize("name", list(CERTIFICATES))
def test_a_bound_that_is_too_loose_gives_way_to_a_measured_pass(name):
    objective = make(name, n=300)
    W = fit(objective).W
    rows = np.arange(60)
    bound = CERTIFICATES[name](objective, W).retrain(rows).bound
    moved = bound[bound > 0]
    tol = float(np.median(moved))
    found = retrain_without(objective, W, rows, tol=max(tol, 1e-13))
    sure = bound <= max(tol, 1e-13)
    assert sure.sum() > 0
    np.testing.assert_array_equal(found.certified, sure)
    np.testing.assert_array_equal(found.shown[~sure], "measured")
    assert found.converged.all()
    for i, row in enumerate(rows):
        measured = (np.abs(without(objective, row).gradient(found.W[i])) / objective.unit).max() / objective.n
        assert measured <= found.gradient_norm[i] + 1e-15
    assert not retrain_without(objective, W, rows, certify=False).certified.any()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", list(CERTIFICATES))
def test_certified_models_equal_naive_refits(name, weighted):
    objective = make(name, n=4000, l2=1.0)
    weights = np.random.default_rng(1).choice([0.5, 1.0, 3.0], size=4000) if weighted else None
    objective = Objective(objective.X, objective.Y, objective.loss, objective.l2, weights)
    W = fit(objective).W
    rows = np.arange(0, 4000, 400)
    found = retrain_without(objective, W, rows)
    assert found.certified.sum() >= 4
    for i, row in enumerate(rows):
        naive = fit(without(objective, row), tol=1e-14).W
        change = np.abs(naive - W).max()
        off = np.abs(found.W[i] - naive).max()
        assert off <= (3e-5 if name in EXPONENTIAL else 1e-5) * change + 1e-12
        assert off <= 1e-7


@pytest.mark.parametrize("name", list(CERTIFICATES))
def test_a_record_without_weight_changes_nothing(name):
    objective, W = build("weighted", name, 0)
    rows = np.flatnonzero(objective.weights == 0)[:10]
    for V in (W, W + 1e-3):  # at the optimum or not: the gradient is that of the full model
        found = CERTIFICATES[name](objective, V).retrain(rows)
        np.testing.assert_array_equal(found.W, np.repeat(V.T, len(rows), axis=0))
        norm = gradient_norm(objective, V)
        np.testing.assert_allclose(found.bound, norm, rtol=1e-6, atol=1e-9)
        assert (found.iterations == 0).all()


def test_a_record_beyond_its_margin_is_not_certified_away_from_the_optimum():
    # nothing moves, so the full model's own gradient is what remains
    objective = make("squared_hinge", n=400)
    W = fit(objective).W + 0.01
    outside = np.flatnonzero(objective.Y[:, 0] * (objective.X @ W)[:, 0] > 1)[:20]
    found = MarginCertificate(objective, W).retrain(outside)
    norm = gradient_norm(objective, W)
    assert norm > 1e-4
    np.testing.assert_allclose(found.bound, norm, rtol=1e-9)


def test_many_records_that_cross_are_looked_at_in_pieces(monkeypatch):
    objective, W = build("off the optimum", "squared_hinge", 3)
    rows = np.arange(40)
    whole = MarginCertificate(objective, W).retrain(rows)
    monkeypatch.setattr("undelete.maintainer.margin_certificate._NUMBERS", 40 * 7)
    pieces = MarginCertificate(objective, W).retrain(rows)
    np.testing.assert_allclose(pieces.W, whole.W, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(pieces.bound, whole.bound, rtol=1e-3, atol=1e-13)


@pytest.mark.parametrize("certify", [False, True])
@pytest.mark.parametrize("name", list(CERTIFICATES))
def test_leverage_one_is_refused_by_name_and_never_certified(name, certify):
    objective, _ = build("no penalty", name, 1)
    X = np.c_[np.zeros(objective.n), objective.X]
    X[17, 0] = 1.0  # the only record with this feature
    objective = Objective(X, objective.Y, objective.loss, np.zeros(7))
    W = fit(objective, max_iterations=2).W
    W[0] = 0.0  # within its margin, so that the record pulls
    rows = np.array([3, 17, 40])
    assert np.isinf(CERTIFICATES[name](objective, W).retrain(rows).bound).tolist() == [False, True, False]
    with pytest.raises(InputError, match=r"^record 17 has leverage 1: without it the solution is not unique"):
        retrain_without(objective, W, rows, certify=certify)


def test_which_models_have_a_certificate():
    def wide(name, d):
        return Objective(np.zeros((1, d)), np.ones((1, 1)), LOSSES[name], np.zeros(d))

    assert fits(wide("logistic", 158))
    assert not fits(wide("logistic", 159))
    assert all(fits(wide(name, 158)) for name in EXPONENTIAL)
    assert fits(wide("squared_hinge", 2000))
    assert not fits(wide("probit", 3))
    assert not fits(wide("squared", 3))
    assert not fits(wide("softmax", 3))


def test_the_derivatives_of_the_logistic_loss_stay_under_their_bounds():
    # docs/maths.md, (14)
    s = 1 / (1 + np.exp(-np.linspace(-40, 40, 400_001)))
    curvature = s * (1 - s)
    third, fourth = curvature * (1 - 2 * s), curvature * (1 - 6 * curvature)
    assert np.abs(third).max() == pytest.approx(1 / (6 * np.sqrt(3)), rel=1e-8)
    assert np.abs(fourth).max() == pytest.approx(1 / 8, rel=1e-8)
    assert (np.abs(third) <= curvature).all()


@pytest.mark.parametrize("far", [1e-3, 0.3, 3.0])
@pytest.mark.parametrize("name", EXPONENTIAL)
def test_what_the_expansion_of_exponentials_leaves_out_is_bounded_however_far_predictions_move(name, far):
    rng = np.random.default_rng(4)
    X, W = rng.normal(size=(60, 3)), rng.normal(size=(3, 1))
    y = rng.gamma(0.5, 4.0, size=(60, 1))
    objective = Objective(X, y, LOSSES[name], np.ones(3))
    certificate = SmoothCertificate(objective, W)
    direction = rng.normal(size=(3, 20))
    D = far * direction / np.abs(X @ direction).max(axis=0)
    third = LOSSES[name].third(y, X @ W)
    start = objective.gradient(W)
    expansion = start + certificate.hessian @ D + X.T @ (third * (X @ D) ** 2) / 2
    exact = np.concatenate([objective.gradient(W + d[:, None]) for d in D.T], axis=1)
    # docs/maths.md, (41)
    quartic = np.abs(_twice(D, certificate.tensors)[3:])
    bound = quartic * far * np.exp(certificate.bounds.growth * far) / 6
    assert (np.abs(exact - expansion) <= bound * (1 + 1e-9) + 1e-12).all()
    assert (certificate._beyond(D, np.full(20, far)) == 0).all()
    if far == 3.0 and certificate.bounds.growth == 1:  # without the growth it would be wrong
        assert (np.abs(exact - expansion) > quartic * far / 6).any()


def test_predictions_near_the_largest_number_are_not_certified():
    objective = make("poisson", n=200)
    W = fit(objective).W
    assert np.isfinite(SmoothCertificate(objective, W).retrain(np.arange(5)).bound).all()
    objective.X[7, 0] = 90.0 / W[0, 0]
    found = SmoothCertificate(objective, W).retrain(np.arange(5))
    assert np.isinf(found.bound).all()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("stretch", [0.5, 3.0, 30.0])
def test_the_fourth_derivative_is_bounded_however_far_predictions_move(seed, stretch):
    """The remainder of the expansion against its bound, within the usual moves and far beyond them."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(60, 3))
    y = np.where(rng.random((60, 1)) < 0.5, 1.0, -1.0)
    objective = Objective(X, y, LOSSES["logistic"], np.ones(3))
    W = rng.normal(size=(3, 1))
    certificate = SmoothCertificate(objective, W)
    direction = rng.normal(size=(3, 20))
    D = direction * stretch * certificate.near / np.abs(X @ direction).max(axis=0)
    move = np.abs(X @ D).max(axis=0)
    s = 1 / (1 + np.exp(-(X @ W)))
    third = s * (1 - s) * (1 - 2 * s)
    expansion = objective.gradient(W) + certificate.hessian @ D + X.T @ (third * (X @ D) ** 2) / 2
    exact = np.concatenate([objective.gradient(W + d[:, None]) for d in D.T], axis=1)
    bound = np.abs(_twice(D, certificate.tensors)[3:]) * (move / 6) + certificate._beyond(D, move)
    assert (np.abs(exact - expansion) <= bound * (1 + 1e-9) + 1e-12).all()
    assert bool((certificate._beyond(D, move) > 0).any()) == (stretch > 1)
