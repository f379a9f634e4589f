"""Tests of the defences: what is proved holds, what is added is what is said, and a broken mechanism is caught."""

import dataclasses
import math

import numpy as np
import pytest

from undelete.attacker.gradient.difference import by_hessian
from undelete.attacker.gradient.protected import knowing
from undelete.maintainer.defences import objective as tilting
from undelete.maintainer.defences.budget import Budget
from undelete.maintainer.defences.coarse import Penalty, Rounding, significant
from undelete.maintainer.defences.defence import Private
from undelete.maintainer.defences.fitting import gaussian
from undelete.maintainer.defences.gaussian import composed, delta_of, epsilon_of, mu_of
from undelete.maintainer.defences.ladder import DEFENCES
from undelete.maintainer.defences.noisy import InstanceNoise, NoisyMoments, OutputPerturbation, Repeated
from undelete.maintainer.defences.objective import CertifiedRemoval, ObjectivePerturbation
from undelete.maintainer.defences.tilted import Bounds, tilted_delta, tilted_mu
from undelete.maintainer.defences.waiting import Batch, Joined
from undelete.maintainer.fit import fit
from undelete.maintainer.leave_one_out import retrain_without
from undelete.maths.losses import LOSSES
from undelete.maths.objective import Objective
from undelete.release.protection import Noise
from undelete.release.release import Release
from undelete.scoring.privacy import epsilon_seen

N, D = 600, 4


def private(loss: str, deletions: int = 30, seed: int = 0) -> Private:
    """A made-up model with features in different units, and public records like its own."""
    rng = np.random.default_rng(seed)
    X = np.c_[rng.normal(size=(2 * N, D - 1)) * [1.0, 50.0, 0.1], np.ones(2 * N)]
    z = X @ np.array([0.5, -0.02, 4.0, 0.3])
    Y = z + rng.normal(size=2 * N) if loss == "squared" else np.where(z + rng.logistic(size=2 * N) > 0, 1.0, -1.0)
    objective = Objective(X[:N], Y[:N, None], LOSSES[loss], np.array([1.0, 1.0, 1.0, 0.0]))
    W = fit(objective).W
    return Private(objective, W, retrain_without(objective, W, np.arange(deletions)), X[N:], Y[N:, None], True)


def test_the_analytic_gaussian_mechanism_meets_published_and_defining_values():
    assert 1 / mu_of(1.0, 1e-5) == pytest.approx(3.730632, abs=1e-6)  # the deviation for sensitivity one
    for epsilon, delta in ((0.1, 1e-6), (1.0, 1e-5), (8.0, 1e-9)):
        mu = mu_of(epsilon, delta)
        assert delta_of(mu, epsilon) == pytest.approx(delta, rel=1e-6)
        assert epsilon_of(mu, delta) == pytest.approx(epsilon, rel=1e-6)
    mu = mu_of(1.0, 1e-6)
    # two releases of two numbers are one release of a vector whose sensitivity is sqrt(2) as large
    assert composed(mu, 2) == pytest.approx(mu * math.sqrt(2))
    assert 1.0 < epsilon_of(composed(mu, 2), 1e-6) < 2.0


def shifted(loss: str) -> tuple[Private, Private]:
    """A model whose records have an offset, and the same of the targets less it, which only least squares is."""
    plain = private(loss, deletions=4)
    own, public = np.random.default_rng(1).normal(size=(2, N))
    squared = loss == "squared"
    objective = dataclasses.replace(
        plain.objective, Y=plain.objective.Y + (own[:, None] if squared else 0.0), offset=own
    )
    Y_public = plain.Y_public + (public[:, None] if squared else 0.0)
    W = fit(objective).W
    gone = retrain_without(objective, W, np.arange(4))
    return Private(objective, W, gone, plain.X_public, Y_public, True, public), plain


@pytest.mark.parametrize("name", sorted(DEFENCES))
def test_an_offset_of_least_squares_is_taken_off_the_target(name):
    defence, games = DEFENCES[name], shifted("squared")
    defence = dataclasses.replace(defence, strengths=defence.strengths[:2])
    if defence.refusal(games[1]):
        games = shifted("logistic")  # then the minimum is that with the offset
        exact = defence.protect(games[0], 1.0, np.random.default_rng(0))
        X = games[0].clipped(games[0].objective.X)
        whole = dataclasses.replace(games[0].objective, X=X, l2=exact.l2)
        assert np.abs(whole.gradient(exact.exact) / whole.unit).max() < 1e-9 * N
        return
    made = [defence.protect(game, defence.strengths[1], np.random.default_rng(0)) for game in games]
    np.testing.assert_allclose(made[0].W_before, made[1].W_before, rtol=1e-6)
    np.testing.assert_allclose(made[0].W_after, made[1].W_after, rtol=1e-6)


@pytest.mark.parametrize("loss", ["logistic", "softmax", "one against the rest", "squared_hinge"])
def test_no_deletion_moves_the_clipped_model_further_than_its_noise_is_made_for(loss):
    game = private(loss if loss == "squared_hinge" else "logistic", deletions=N)
    if loss == "one against the rest":  # three outputs, and what one record moves in each adds up
        three = [np.hstack([Y, -Y, Y]) for Y in (game.objective.Y, game.Y_public)]
        alone = OutputPerturbation().protect(game, 1.0, np.random.default_rng(0))
        objective = dataclasses.replace(game.objective, Y=three[0])
        W = fit(objective).W
        game = Private(objective, W, retrain_without(objective, W, np.arange(N)), game.X_public, three[1], True)
        share = OutputPerturbation().protect(game, 1.0, np.random.default_rng(0))
        by_penalty = share.noise.scale * share.l2[0] / (alone.noise.scale * alone.l2[0])
        assert by_penalty == pytest.approx(math.sqrt(3))
    if loss == "softmax":
        Y = np.c_[game.objective.Y < 0, game.objective.Y > 0].astype(float)
        public = np.c_[game.Y_public < 0, game.Y_public > 0].astype(float)
        objective = Objective(game.objective.X, Y, LOSSES["softmax"], np.ones(D))
        W = fit(objective).W
        game = Private(objective, W, retrain_without(objective, W, np.arange(N)), game.X_public, public, True)
    defence = OutputPerturbation()
    protected = defence.protect(game, 1.0, np.random.default_rng(0))
    sensitivity = protected.noise.scale * mu_of(1.0, defence.delta)
    exact = dataclasses.replace(game.objective, X=game.clipped(game.objective.X), l2=protected.l2)
    moved = np.asarray(retrain_without(exact, protected.exact, np.arange(N)).W) - protected.exact
    length = np.linalg.norm((moved * game.unit[:, None]).reshape(N, -1), axis=1)
    assert length.max() <= sensitivity
    # and the bound is not idle; that of the hinge rests on how long the parameters may be
    assert length.max() > sensitivity / (400 if loss == "squared_hinge" else 20)
    assert (np.linalg.norm(exact.X / game.unit, axis=1) <= game.bound * (1 + 1e-12)).all()


def test_no_person_moves_the_moments_further_than_their_noise_is_made_for():
    game, defence = private("squared"), NoisyMoments()
    protected = defence.protect(game, 1.0, np.random.default_rng(0))
    x = game.clipped(game.objective.X) / game.unit
    size = protected.noise.target[0]
    most = np.quantile(np.abs(game.Y_public / size), 0.99)
    y = np.clip(game.objective.Y / size, -most, most)
    length = np.sqrt((np.linalg.norm(x, axis=1) ** 4) + (np.linalg.norm(x, axis=1) * np.abs(y[:, 0])) ** 2)
    assert length.max() <= protected.noise.scale * mu_of(1.0, defence.delta) * (1 + 1e-12)


@pytest.mark.parametrize(
    ("loss", "defence", "draws"),
    [
        ("logistic", OutputPerturbation(), 40),
        ("squared", NoisyMoments(), 400),
        ("logistic", InstanceNoise(), 400),
        ("logistic", ObjectivePerturbation(), 40),
    ],
)
def test_the_noise_that_is_drawn_has_the_covariance_that_an_attacker_reckons_with(loss, defence, draws):
    game = private(loss, deletions=2)
    made, rng = defence.protect(game, 5.0, np.random.default_rng(0)), np.random.default_rng(1)
    released = [made.W_before, *made.W_after[:1], *(made.again(rng) for _ in range(draws - 2))]
    off = np.stack([W - made.exact for W in released])[:, :, 0]  # one deletion is far less than the noise
    fitted = dataclasses.replace(game.objective, l2=made.l2)
    said = made.noise.covariance(game.hessian(fitted, made.exact), made.exact)[0]
    white = off @ np.linalg.inv(np.linalg.cholesky(said)).T
    assert np.allclose(white.T @ white / draws, np.eye(D), atol=9 / np.sqrt(draws))
    assert len({float(W[0, 0]) for W in released}) == draws


def test_noise_is_as_said_where_features_say_the_same():
    rng = np.random.default_rng(0)
    town = rng.integers(0, 3, 200)
    X = np.c_[rng.normal(size=200), np.eye(3)[town], np.ones(200)]  # three indicators that sum to the constant
    H = (X.T @ X)[None]
    C = Noise("hessian", 2.0, (1.0,) * 5).covariance(H, np.zeros((5, 1)))
    np.testing.assert_allclose(H[0] @ C[0] @ H[0], 4.0 * H[0], rtol=1e-9, atol=1e-9 * H.max())
    assert np.abs(C).max() < 4.0 / 20  # not what an inverse of a singular matrix makes
    assert np.linalg.eigvalsh(C[0]).min() > -1e-12 * np.abs(C).max()


def test_an_attacker_who_knows_the_noise_has_the_right_error():
    game = private("logistic", deletions=1)
    noise = Noise("isotropic", 0.01, tuple(game.unit))
    public = {"X_public": game.objective.X, "Y_public": game.objective.Y, "n": N, "l2": game.objective.l2}
    H = game.hessian(game.objective, game.W)
    true = np.asarray(game.objective.take(np.array([0])).own_gradients(game.W))[0, :, 0]
    rng, off = np.random.default_rng(1), []
    for _ in range(400):
        before, after = (
            W + gaussian(noise.covariance(H, W), 1, rng)[0] for W in (game.W, np.asarray(game.deletions.W[0]))
        )
        release = knowing(Release(LOSSES["logistic"], before, after[None], **public), (noise, noise))
        off.append(by_hessian(release)[0, :, 0] + release.penalty_share[0, :, 0] + true)
    half = np.linalg.inv(np.linalg.cholesky(release.share_error[0, 0]))
    # the private records stand for public ones: what is left is the noise, and the second order of one deletion
    assert np.allclose(half @ np.cov(np.array(off).T) @ half.T, np.eye(D), atol=0.45)


def test_people_deleted_together_are_an_error_to_whoever_looks_for_one():
    game = private("squared", deletions=40)
    protected = Batch().protect(game, 3, np.random.default_rng(0))
    assert protected.members.shape == (40, 3)
    assert all(len(set(people)) == 3 for people in protected.members.tolist())
    assert (protected.members[:, 0] == game.rows).all()
    release = knowing(
        Release(LOSSES["squared"], protected.W_before, protected.W_after, game.X_public, game.Y_public, n=protected.n,
                l2=game.objective.l2), (None, None), 3,
    )  # fmt: skip
    total = sum(np.asarray(game.objective.take(protected.members[:, j]).own_gradients(game.W)) for j in range(3))
    # the difference of the models is the sum of all three gradients
    estimated = by_hessian(release) + release.penalty_share
    assert np.corrcoef(-estimated[:, 0, 0], total[:, 0, 0])[0, 1] > 0.98
    R = game.Y_public - game.X_public @ game.W
    assert np.allclose(release.share_error[0, 0], 2 * (game.X_public * R**2).T @ game.X_public / N)


def test_rounding_and_penalty_do_what_they_say():
    assert significant(np.array([[123456.0, -0.00123456, 0.0]]), 2).tolist() == [[120000.0, -0.0012, 0.0]]
    game = private("squared")
    rounded = Rounding().protect(game, 3, np.random.default_rng(0))
    assert np.allclose(rounded.W_before, game.W, rtol=5e-3)
    assert not np.array_equal(rounded.W_before, game.W)
    stronger = Penalty().protect(game, 1.0, np.random.default_rng(0))
    assert (np.abs(stronger.W_before[:-1]) < 0.7 * np.abs(game.W[:-1])).all()
    assert stronger.l2[-1] == 0.0
    assert np.abs(stronger.W_after - stronger.W_before).max() < np.abs(game.W_after - game.W).max()


def moments(X, Y, game, *, clip):
    """Second moments in the mechanism's units, the upper half of X'X; clipped as it does, or not."""
    x = (game.clipped(X) if clip else X) / game.unit
    size = np.sqrt((game.Y_public**2).mean(axis=0))
    most = float(np.quantile(np.abs(game.Y_public / size), 0.99))
    y = np.clip(Y / size, -most, most) if clip else Y / size
    return np.r_[(x.T @ x)[np.triu_indices(D)], (x.T @ y)[:, 0]]


@pytest.mark.parametrize(
    ("factor", "clip", "caught"), [(1.0, True, False), (0.1, True, True), (1.0, False, True)],
    ids=["as claimed", "noise ten times too small", "clipping left out"],
)  # fmt: skip
def test_a_claim_of_privacy_is_tested_by_a_game_and_a_broken_mechanism_is_caught(factor, clip, caught):
    """The worst record, 100,000 plays with it and without; who plays looks along what it changes."""
    game, defence, epsilon = private("squared", deletions=1), NoisyMoments(), 1.0
    claimed = defence.protect(game, epsilon, np.random.default_rng(0)).noise.scale
    worst = 20 * game.bound * game.unit * np.eye(D)[:1]
    X, Y = np.vstack([game.objective.X, worst]), np.vstack([game.objective.Y, [[1e3]]])
    changed = moments(X, Y, game, clip=clip) - moments(X[:-1], Y[:-1], game, clip=clip)
    rng, plays = np.random.default_rng(1), 100_000
    noise = factor * claimed * rng.normal(size=(2, plays))
    seen = epsilon_seen(np.linalg.norm(changed) + noise[0], noise[1], defence.delta)
    assert (seen > epsilon) == caught
    if clip and factor == 1.0:  # the bound is reached: with less noise it would not hold
        assert np.linalg.norm(changed) == pytest.approx(claimed * mu_of(epsilon, defence.delta), rel=1e-9)


def tilted_minimum(x, y, counts, l2, b):
    """A naive twin for one feature: the minimisers of many tilted logistic objectives, by bisection."""
    low, high = np.full(len(b), -1e3), np.full(len(b), 1e3)
    for _ in range(60):
        middle = (low + high) / 2
        slope = l2 * middle + b
        for record, label, count in zip(x, y, counts, strict=True):
            slope -= count * label * record / (1 + np.exp(np.clip(label * record * middle, -500, 500)))
        low, high = np.where(slope < 0, middle, low), np.where(slope < 0, high, middle)
    return (low + high) / 2


@pytest.mark.parametrize(
    ("bug", "caught"), [("", False), ("noise ten times too small", True), ("clipping left out", True)]
)
def test_a_tilted_objective_is_played_with_and_without_the_worst_record(bug, caught, monkeypatch):
    """The record is against all others and as long as clipping lets it be; who plays reads the tilt off the model."""
    if bug.startswith("noise"):
        monkeypatch.setattr(tilting, "tilted_mu", lambda *law: 10 * tilted_mu(*law))
    if bug.startswith("clipping"):
        monkeypatch.setattr(Private, "clipped", lambda self, X: X)
    rng, epsilon, plays = np.random.default_rng(0), 1.0, 100_000
    public = rng.normal(size=(200, 1))
    X, Y = np.r_[np.full(6, 3.0), 60.0][:, None], np.r_[np.ones(6), -1.0][:, None]
    objective = Objective(X, Y, LOSSES["logistic"], np.ones(1))
    W = fit(objective, has_constant=False).W
    gone = retrain_without(objective, W, np.array([6]), has_constant=False)
    game = Private(objective, W, gone, public, np.sign(public + rng.normal(size=public.shape)), False)
    defence = ObjectivePerturbation()
    made = defence.protect(game, epsilon, np.random.default_rng(0))
    x, y, l2 = game.clipped(X)[:, 0], Y[:, 0], float(made.l2[0])
    sigma = made.noise.scale * float(game.unit[0])
    drawn = np.random.default_rng(1).normal(0.0, sigma, (2, plays))
    (x, y), counts = (part[5:] for part in (x, y)), (6, 1)  # six are alike
    both = [tilted_minimum(x[:k], y[:k], counts[:k], l2, b) for k, b in ((2, drawn[0]), (1, drawn[1]))]
    own = np.array([made.again(np.random.default_rng(seed))[0, 0] for seed in range(60)])
    assert abs(own.mean() - both[0].mean()) < 5 * both[0].std() / math.sqrt(60)  # the twin is the mechanism
    # of the six others alone the model says which tilt it had: with the record another one
    said = [6 * x[0] / (1 + np.exp(x[0] * w)) - l2 * w for w in both]
    seen = epsilon_seen(said[0], said[1], defence.delta)
    assert (seen > epsilon) == caught


def test_the_tilted_objective_is_as_private_as_the_gaussian_mechanism_where_that_is_known():
    # one direction and no determinant: the loss is |2 b x r| + x^2 r^2, twice the one-sided Gaussian's tail
    for epsilon, mu in ((1.0, 0.2), (3.0, 0.6)):
        assert tilted_delta(epsilon, mu, 1, 0.0) == pytest.approx(2 * delta_of(mu, epsilon), rel=1e-8)
    rng = np.random.default_rng(0)
    chi = np.sqrt((rng.normal(size=(200_000, 3)) ** 2).sum(axis=1))
    seen = -np.expm1(np.minimum(1.0 - 0.3 - 0.5 * chi - 0.125, 0.0))
    assert tilted_delta(1.0, 0.5, 3, 0.3) == pytest.approx(seen.mean(), rel=0.01)
    mu = tilted_mu(1.0, 1e-6, 4, 0.2)
    assert tilted_delta(1.0, mu, 4, 0.2) == pytest.approx(1e-6, rel=1e-6)
    assert tilted_mu(1.0, 1e-6, 4, 1.1) == 0.0  # the determinant alone is more than epsilon


@pytest.mark.parametrize("loss", ["logistic", "softmax"])
def test_one_record_changes_the_determinant_no_more_than_is_said(loss):
    rng, K = np.random.default_rng(0), 3
    bounds = Bounds.of(LOSSES[loss], K)
    x, penalty, largest = rng.normal(size=D), 0.7, 0.0
    for z in rng.normal(size=(200, K)) * 2:
        if loss == "softmax":
            p = np.exp(z) / np.exp(z).sum()
            S = np.diag(p) - np.outer(p, p)
        else:
            S = np.diag(1 / (2 + np.exp(z) + np.exp(-z)))
        whole = np.eye(D * K) * penalty + np.kron(S, np.outer(x, x))
        largest = max(largest, np.linalg.slogdet(whole)[1] - D * K * math.log(penalty))
    said = bounds.determinant(float(np.linalg.norm(x)), penalty)
    assert 0.6 * said < largest <= said


def test_no_attacker_is_right_more_often_than_the_bound_and_one_is_as_often():
    budget = Budget.gaussian(1.0, 1e-6)
    free = Budget(1.0, 1e-6, budget.curve)  # without knowing that it is Gaussian
    for chance in (1e-4, 0.01, 0.3):
        assert free.most(chance) == pytest.approx(budget.most(chance), rel=1e-4)
        assert chance < budget.most(chance) < 1
    # two people, either as far from nobody as one may be: who says the nearer one attains the bound
    rng, mu = np.random.default_rng(0), budget.mu
    who = rng.integers(0, 2, 400_000) * 2 - 1
    assert np.mean(np.sign(mu * who + rng.normal(size=len(who))) == who) == pytest.approx(budget.most(0.5), abs=0.003)
    # a thousand people far from one another: the likeliest of them
    each = np.eye(300)[rng.integers(0, 300, 20_000)]
    right = (mu * each + rng.normal(size=each.shape)).argmax(axis=1) == each.argmax(axis=1)
    assert 1 / 300 < right.mean() < budget.most(1 / 300)
    assert budget.twice() == pytest.approx(epsilon_of(mu * math.sqrt(2), 1e-6))
    assert free.twice() > budget.twice()
    weak = Budget(3000.0, 1e-6, lambda epsilon: tilted_delta(epsilon, tilted_mu(3000.0, 1e-6, 2, 0.1), 2, 0.1))
    assert 3000 < weak.twice() < 6200
    assert weak.most(1e-3) == 1.0


def test_noise_that_is_kept_cancels_in_the_difference():
    game = private("logistic", deletions=5)
    kept = CertifiedRemoval().protect(game, 1.0, np.random.default_rng(0))
    assert np.abs(kept.W_before - game.W).max() > 5 * np.abs(game.W_after - game.W).max()
    release = Release(
        LOSSES["logistic"], kept.W_before, kept.W_after, game.objective.X, game.objective.Y, n=N, l2=game.objective.l2
    )
    said = -by_hessian(release) - (game.objective.l2[:, None] * (kept.W_before - kept.W_after))
    true = np.asarray(game.objective.take(game.rows).own_gradients(kept.W_before))
    assert np.allclose(said, true, rtol=0.1, atol=0.02 * np.abs(true).max())


def test_the_mean_of_many_releases_has_less_noise_than_each():
    game = private("squared", deletions=2)
    often = [Repeated((100,)).protect(game, 100, np.random.default_rng(seed)) for seed in range(60)]
    mean, one = (
        np.std([pick(p) for p in often]) for pick in (lambda p: p.W_before[0, 0], lambda p: p.unknowing[0][0, 0])
    )
    assert 7 < one / mean < 14
    assert Repeated().protect(game, 1, np.random.default_rng(0)).unknowing is None


def test_who_joins_was_not_there_before_and_is_then():
    game = private("squared", deletions=3)
    found = Joined().protect(game, 2, np.random.default_rng(0))
    base = np.setdiff1d(np.arange(N), found.members[:, 1:].ravel())
    assert len(base) == found.n == N - 6
    assert np.allclose(found.W_before, fit(game.objective.take(base)).W)
    gone, *came = found.members[0]
    later = np.r_[base[base != gone], came]
    assert np.allclose(found.W_after[0], fit(game.objective.take(later)).W)
    assert "too few" in Joined((100,)).refusal(game)
