"""Releases of models with an offset: the gradient, the target over offsets that are not known, and candidates."""

from dataclasses import replace

import numpy as np
import pytest

from tests.maintainer.test_offset import shifted
from undelete.attacker.gradient.difference import Difference
from undelete.attacker.gradient.estimate import Estimate
from undelete.attacker.groups.likelihood import sum_gradient
from undelete.attacker.hrec import hrec
from undelete.attacker.implied import implied
from undelete.attacker.member.candidates import explain
from undelete.attacker.own_offset import OwnOffset
from undelete.attacker.table.observed import likelihood
from undelete.maintainer.fit import fit
from undelete.maintainer.leave_one_out import retrain_without
from undelete.maths.losses import LOSSES
from undelete.maths.objective import Objective
from undelete.release.candidates import Candidates
from undelete.release.release import Release

WHO = 7
ONE_OUTPUT = [name for name in LOSSES if name not in ("softmax", "huber")]


def release_of(private, public, rows=(WHO,), **more):
    W = fit(private, tol=1e-13).W
    after = retrain_without(private, W, np.array(rows), tol=1e-12).W
    kind = "number" if "number" in private.loss.targets else "class"
    known = {"n": private.n, "l2": private.l2, "constant": np.eye(private.X.shape[1])[-1], "target_kind": kind} | more
    return Release(private.loss, W, after, public.X, public.Y, offset_public=public.offset, **known)


@pytest.mark.parametrize("name", ONE_OUTPUT)
def test_with_the_remaining_records_in_place_of_public_ones_the_gradient_is_exact(name):
    whole = shifted(name)
    rest = whole.take(np.delete(np.arange(whole.n), WHO))
    release = release_of(whole, rest)
    x, own = whole.X[[WHO]], whole.take(np.array([WHO]))
    exact = -x.T * whole.loss.residual(own.Y, x @ release.W_before + own.offset)
    found = Difference.by(release, "answers").gradient[0]
    np.testing.assert_allclose(found, exact, atol=1e-8 * max(1.0, np.abs(exact).max()))
    if whole.loss.quadratic:
        return
    blind = Difference.by(replace(release, offset_public=None), "answers").gradient[0]
    assert np.abs(blind - exact).max() > 1e-3 * np.abs(exact).max()
    total, _ = sum_gradient(release, 1)
    np.testing.assert_allclose(total, found, rtol=0.1, atol=0.1 * np.abs(exact).max())


def population(name, n, seed, spread=0.7, alike=0.0):
    """People with an offset whose targets follow the loss; `alike` of its size the first column says."""
    rng = np.random.default_rng(seed)
    X = np.c_[rng.normal(size=(n, 2)), np.ones(n)]
    offset = spread * (np.sqrt(1 - alike**2) * rng.normal(size=n) + alike * X[:, 0])
    z = X @ [0.3, -0.2, 0.5] + offset
    y = {
        "poisson": lambda: rng.poisson(np.exp(z)),
        "gamma": lambda: np.exp(z) * rng.gamma(2.0, 0.5, n),
        "tweedie(1.5)": lambda: np.exp(z / 2) * [rng.gamma(2.0, 0.5, k).sum() for k in rng.poisson(np.exp(z / 2))],
        "squared": lambda: z + rng.normal(size=n),
        "logistic": lambda: np.where(rng.logistic(size=n) < z, 1.0, -1.0),
    }[name]()
    return Objective(X, np.asarray(y, dtype=float)[:, None], LOSSES.get(name) or shifted(name, 20).loss,
                     np.zeros(3), offset=offset)  # fmt: skip


@pytest.mark.parametrize("alike", [0.0, 0.9])
@pytest.mark.parametrize("name", ["poisson", "gamma", "tweedie(1.5)", "squared"])
def test_the_range_of_a_target_holds_it_as_often_as_is_said(name, alike):
    private, public = population(name, 400, 1, alike=alike), population(name, 800, 2, alike=alike)
    rows = np.arange(60)
    release = release_of(private, public, rows)
    found = hrec(release, np.random.default_rng(0))
    Y, known = private.Y[rows], np.isfinite(found.target[:, 0])
    assert known.mean() > 0.8
    inside = ((found.target_low <= Y) & (found.target_high >= Y))[known]
    assert inside.mean() >= 0.88
    assert np.median((found.target_high - found.target_low)[known]) < 4 * Y.std()
    near = np.abs(found.target - Y)[known, 0] <= 0.1 * public.Y.std()
    assert abs(near.mean() - found.target_probability[known].mean()) < 0.2


def test_columns_that_say_the_offset_say_the_target():
    widths = []
    for alike in (0.0, 1.0):
        private, public = population("poisson", 400, 1, alike=alike), population("poisson", 800, 2, alike=alike)
        found = hrec(release_of(private, public, np.arange(30)), np.random.default_rng(0))
        widths.append(np.nanmean(found.target_high - found.target_low))
    assert widths[1] < 0.3 * widths[0]


def test_one_offset_for_all_is_none():
    """Everybody's offset is 0.3: the target is what it is without one, and the intercept takes it."""
    private, public = (replace(population("squared", n, n), offset=np.full(n, 0.3)) for n in (400, 800))
    own = hrec(release_of(private, public), np.random.default_rng(0))
    bare = hrec(release_of(*(replace(one, offset=None) for one in (private, public))), np.random.default_rng(0))
    np.testing.assert_allclose(own.target, bare.target, atol=0.05)
    np.testing.assert_allclose(own.X, bare.X, rtol=1e-9)


def test_what_no_offset_explains_is_not_told():
    public = population("poisson", 300, 0)
    release = release_of(population("poisson", 200, 1), public)
    told = OwnOffset(release).told(
        public.X[:2], np.tile(release.W_before[:, 0], (2, 1)), np.array([-1e6, 0.5]), np.full(2, 0.1)
    )
    assert np.isnan(told.target[0])
    assert np.isfinite([told.target[1], told.low[1], told.high[1]]).all()


def test_without_public_targets_each_offset_counts_alike():
    public = population("squared", 500, 0, spread=1.0)
    release = replace(release_of(population("squared", 300, 1), public), Y_public=None)
    told = OwnOffset(release).told(
        public.X[:1], release.W_before.T, np.array([0.5]), np.array([0.01])
    )  # fmt: skip
    middle = 0.5 + float(public.X[0] @ release.W_before[:, 0])
    low, high = np.quantile(public.offset, [0.025, 0.975]) + middle
    np.testing.assert_allclose([told.low[0], told.high[0]], [low, high], atol=0.3)


def test_no_target_ties_the_residual_to_the_record():
    private, public = population("logistic", 2000, 1), population("logistic", 4000, 2)
    release = release_of(private, public)
    for one, tied in ((release, False), (replace(release, offset_public=None), True)):
        found = hrec(one, np.random.default_rng(0))
        known = likelihood(one, Estimate.of(found), found.X)
        assert np.isfinite(known.target).all() == tied


def test_the_number_that_a_change_implies_is_as_unsure_as_the_offset():
    right = []
    for who in range(20):
        private, public = population("logistic", 2000, 1, spread=1.5), population("logistic", 4000, 2, spread=1.5)
        release = release_of(private, public, [who])
        said = implied(release, hrec(release, np.random.default_rng(0)))
        assert said is not None
        right.append(abs(np.log(said.n / private.n)) <= 3.3 * said.error)
        fixed = replace(release, offset_public=np.full(len(public.X), np.median(public.offset)))
        assert said.error > 2 * implied(fixed, hrec(fixed, np.random.default_rng(0))).error
    assert np.mean(right) > 0.9


def test_a_candidate_s_own_offset_is_used():
    private, public = population("poisson", 400, 1), population("poisson", 2000, 2)
    release = release_of(private, public)
    people = Candidates(private.X[:100], private.Y[:100], private.offset[:100])
    found = explain(release, people)
    assert found.misfit[0].argmin() == WHO
    assert found.p_value[0, WHO] > 0.01
    others = replace(people, offset=people.offset + 1.0)
    assert explain(release, others).misfit[0, WHO] > found.misfit[0, WHO] + 10


def test_a_release_is_kept_whole(tmp_path):
    release = release_of(population("poisson", 100, 1), population("poisson", 200, 2))
    release.save(tmp_path / "release.npz")
    np.testing.assert_array_equal(Release.load(tmp_path / "release.npz").offset_public, release.offset_public)
    with pytest.raises(ValueError, match="offset_public has shape"):
        replace(release, offset_public=np.zeros(3))
    with pytest.raises(ValueError, match="candidates' offset must be 5 finite numbers"):
        Candidates(np.ones((5, 3)), np.ones((5, 1)), np.full(5, np.inf))
