"""What else is wrong with an estimated gradient, as far as the release shows it."""

import dataclasses

import numpy as np
import pytest

from tests.attacker.test_lattice import played
from undelete.attacker.gradient.estimate import Estimate
from undelete.attacker.hrec import hrec
from undelete.attacker.hrec_plus import hrec_plus
from undelete.attacker.table.further_error import drowned, resolution, rounding, strangers
from undelete.attacker.table.observed import likelihood
from undelete.maintainer.fit import fit
from undelete.maintainer.leave_one_out import retrain_without
from undelete.maths.losses import LOSSES
from undelete.maths.objective import Objective
from undelete.release.columns import Column
from undelete.release.release import Release

RNG = np.random.default_rng(0)


def test_public_records_of_the_same_population_are_no_strangers():
    assert [strangers(played(seed, rows=2)[0]) for seed in range(6)].count(1.0) >= 5


def test_another_population_widens_the_error():
    release, *_ = played(0, rows=2)
    moved = dataclasses.replace(release, Y_public=release.Y_public + 0.3)
    assert strangers(moved) > 5
    assert strangers(dataclasses.replace(moved, l2=None)) == 1.0  # nothing is known of the private gradient
    assert strangers(dataclasses.replace(moved, Y_public=None)) == 1.0


def test_error_bars_of_strangers_are_wider():
    release, *_ = played(0, rows=20)
    moved = dataclasses.replace(release, Y_public=release.Y_public + 0.5)
    sure, unsure = hrec_plus(release, RNG), hrec_plus(moved, RNG)
    assert np.nanmean(unsure.record_probability) < 0.5 * np.nanmean(sure.record_probability)
    assert np.nanmedian(unsure.target_error) > 2 * np.nanmedian(sure.target_error)


@pytest.mark.parametrize(
    ("given", "spacing"),
    [
        ([0.125, -0.5, 0.75], [1e-3] * 3),
        ([1.2345e-4, -33.33, 7.0], [1e-8, 1e-3, 1e-4]),
        ([np.pi, np.e, 1 / 3], None),
        ([0.0, 0.0], None),
    ],
)
def test_the_spacing_of_rounded_parameters(given, spacing):
    found = resolution(np.array(given)[:, None])
    if spacing is None:
        assert found is None
    else:
        np.testing.assert_allclose(found.ravel(), spacing)


def test_single_precision_is_seen():
    W = np.random.default_rng(0).normal(size=(5, 1)).astype(np.float32).astype(float)
    np.testing.assert_allclose(resolution(W), np.abs(W) * 2.0**-23)


def test_rounding_moves_the_gradient_as_its_covariance_says():
    release, *_ = played(0, rows=200)
    digits = 4
    rounded = dataclasses.replace(
        release, W_before=np.round(release.W_before, digits), W_after=np.round(release.W_after, digits)
    )
    exact, coarse = hrec(release, RNG), hrec(rounded, RNG)
    basis = np.eye(7)
    said = rounding(rounded, coarse.output, basis)
    gradients = [
        likelihood(one, Estimate(found.scale, found.output), found.X).gradient
        for one, found in ((release, exact), (rounded, coarse))
    ]
    moved = gradients[1] - gradients[0]
    # the old model's rounding is one draw, the new ones' 200
    ratio = np.var(moved, axis=0) / (np.diagonal(said, axis1=1, axis2=2).mean(axis=0) / 2)
    assert (ratio > 0.5).all()
    assert (ratio < 2).all()
    assert rounding(release, exact.output, basis) is None


@pytest.mark.parametrize("leftover", [0.0, 0.3])
def test_early_stops_are_in_the_error_bars(leftover):
    """Both fits stop within the tolerance; probabilities hold whether or not they stopped at the same place."""
    right, said, misfit = [], [], []
    for seed in range(4):
        release, _, codes, *_ = played(seed, rows=60)
        rng = np.random.default_rng(seed)
        tolerance = 1e-5
        H = release.X_public.T @ release.X_public / len(release.X_public)
        stopped = leftover * tolerance * rng.normal(size=(60, 7, 1))
        early = dataclasses.replace(release, W_after=release.W_after + np.linalg.pinv(H) @ stopped, tolerance=tolerance)
        found = hrec_plus(early, RNG)
        good = np.array(found.status) == "ok"
        right.append((found.codes == codes)[good, :2])
        said.append(found.probability[good, :2])
        misfit.append(found.misfit[good] / found.misfit_terms)
    right, said = np.concatenate(right), np.concatenate(said)
    assert abs(right.mean() - said.mean()) < 0.08
    assert np.median(np.concatenate(misfit)) < 1.5


def test_units_do_not_matter():
    """A feature in dollars beside indicators hides none of them."""
    release, *_ = played(0, rows=2)
    moved = dataclasses.replace(release, Y_public=release.Y_public + 0.3 * release.X_public[:, [2]])
    unit = np.r_[1e6, np.ones(6)]
    dollars = dataclasses.replace(
        moved, X_public=moved.X_public * unit, W_before=moved.W_before / unit[:, None],
        W_after=moved.W_after / unit[:, None], l2=moved.l2 * unit**2,
    )  # fmt: skip
    assert strangers(moved) > 2
    assert strangers(dollars) == pytest.approx(strangers(moved), rel=1e-6)


def test_classes_told_apart_nearly_always_are_not_taken_for_strangers():
    """Few public records have a residual to speak of: by their covariance alone the same people are strangers."""
    rng = np.random.default_rng(0)
    X = np.c_[rng.normal(size=(800, 60)), np.ones(800)]
    Y = np.where(X @ np.r_[rng.normal(size=60), 0.0] > 0, 1.0, -1.0)[:, None]
    penalty, constant = np.r_[np.full(60, 0.005), 0.0], np.eye(61)[-1]
    W = fit(Objective(X[:400], Y[:400], LOSSES["logistic"], penalty), tol=1e-10).W
    release = Release(
        LOSSES["logistic"], W, W[None], X[400:], Y[400:], n=400, l2=penalty, constant=constant, target_kind="class"
    )
    assert strangers(release) == 1.0


def test_bars_of_columns_without_a_lattice_hold_where_few_public_records_tell_them():
    """Classes that are told apart nearly always: a deletion moves the answers of few, and the plain bars are short."""
    d, n, z = 20, 300, []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        X = np.c_[rng.normal(size=(2 * n, d)), np.ones(2 * n)]
        Y = np.where(X @ np.r_[rng.normal(size=d), 0.0] + 0.3 * rng.normal(size=2 * n) > 0, 1.0, -1.0)[:, None]
        penalty, unit = np.r_[np.full(d, 0.2), 0.0], np.eye(d + 1)
        objective = Objective(X[:n], Y[:n], LOSSES["logistic"], penalty)
        W = fit(objective, tol=1e-11).W
        rows = np.argsort(-np.abs(objective.loss.residual(Y[:n], X[:n] @ W))[:, 0])[:20]
        columns = [
            Column(f"c{j}", "continuous", unit[:, [j]], np.zeros(0), np.zeros((0, 1)), np.zeros(0)) for j in range(d)
        ]
        release = Release(
            objective.loss, W, retrain_without(objective, W, rows, tol=1e-10).W, X[n:], Y[n:], n=n, l2=penalty,
            constant=unit[-1], target_kind="class", columns=columns, public_codes=np.full((n, d), -1),
            public_values=X[n:, :d],
        )  # fmt: skip
        plain, ours = hrec(release, RNG), hrec_plus(release, RNG)
        ok = (np.array(ours.status) == "ok") & (np.array(plain.status) == "ok")
        z += [((one.values - X[rows, :d]) / one.error)[ok].ravel() ** 2 for one in (plain, ours)]
    plain, ours = np.concatenate(z[::2]), np.concatenate(z[1::2])
    assert plain.mean() > 2.0
    assert 0.5 < ours.mean() < 2.0


def test_a_scale_that_early_stops_or_few_public_records_drown_is_none():
    release, *_ = played(0, rows=20)
    found = hrec(release, RNG)
    ok = np.array(found.status) == "ok"
    assert ok.sum() > 15
    assert not drowned(release, found, 100.0).any()  # of a number no sign is asked
    release = dataclasses.replace(release, target_kind="class", Y_public=np.sign(release.Y_public))
    assert not drowned(release, found, 1.0).any()
    error = Estimate.of(found).scale_error(release)
    size = np.abs(found.scale) / error
    assert (drowned(release, found, 100.0) == (ok & (size < 10))).mean() > 0.9  # ten times the error
    left = dataclasses.replace(release, tolerance=float(np.median(np.abs(found.scale))) / (0.02 * release.n))
    lost = drowned(left, found, 1.0)
    assert 5 < lost.sum() < len(ok)
    lost = drowned(left, found, strangers(left))
    status = np.array(hrec_plus(left, RNG).status)
    assert (status[lost] == "direction").all()
    assert (status[ok & ~lost] == "ok").all()


def test_a_label_is_told_by_its_sign_only_beyond_what_early_stops_turn_out_to_have_left():
    """Fits that differ by a third of the tolerance: it is what the search finds, and it drowns half of the scales."""
    release, *_ = played(0, rows=60)
    release = dataclasses.replace(release, target_kind="class", Y_public=np.sign(release.Y_public), l2=None)
    scale = hrec(release, RNG).scale
    tolerance = float(np.median(np.abs(scale))) / (0.3 * release.n)
    H = release.X_public.T @ release.X_public / len(release.X_public)
    stopped = 0.3 * tolerance * RNG.normal(size=(60, 7, 1))
    early = dataclasses.replace(release, W_after=release.W_after + np.linalg.pinv(H) @ stopped, tolerance=tolerance)
    found = hrec_plus(early, RNG)
    told, turned = np.array(found.status) == "ok", np.sign(hrec(early, RNG).scale) != np.sign(scale)
    assert turned.sum() > 10
    assert told.sum() > 10
    assert (turned & told).sum() <= 0.1 * told.sum()


def test_of_many_outputs_and_features_some_say_the_same(monkeypatch):
    from undelete.attacker.table import further_error
    from undelete.maths.losses import loss_of

    rng, m, d, k = np.random.default_rng(0), 6000, 30, 24
    X = np.column_stack([rng.normal(size=(m, d - 1)), np.ones(m)])
    Y = np.eye(k)[rng.integers(k, size=m)]
    W = 0.1 * rng.normal(size=(d, k))
    residual = loss_of("softmax").residual(Y, X @ W)
    l2 = np.ones(d)
    release = Release(
        loss_of("softmax"), W, W[None] + 1e-3, X, Y, m, l2, np.eye(d)[-1], target_kind="class"
    )  # fmt: skip
    assert np.abs(X.T @ residual).max() > 1  # the model is no optimum of these: they are strangers to it
    some = strangers(release)
    monkeypatch.setattr(further_error, "_OUTPUTS", k)
    assert some == pytest.approx(strangers(release), rel=0.2)
    monkeypatch.setattr(further_error, "_FEATURES", 12)
    assert strangers(release) == pytest.approx(some, rel=0.4)
    monkeypatch.undo()
    called = []
    eigh = np.linalg.eigh
    monkeypatch.setattr(np.linalg, "eigh", lambda A: called.append(A.shape) or eigh(A))
    strangers(release)
    assert len(called) == 16  # and not one for each output
