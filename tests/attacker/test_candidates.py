import dataclasses
import subprocess
import sys

import numpy as np
import pytest
from scipy.stats import chi2

from tests.conftest import LOSS_NAMES, people
from undelete.attacker.gradient.difference import answer_change
from undelete.attacker.member.candidates import confidence_drop, explain
from undelete.attacker.member.lira import confidence
from undelete.errors import InputError
from undelete.maintainer.leave_one_out import retrain_without
from undelete.release.candidates import Candidates


def played(game, loss="squared", deletions=12, candidates=400, k=1, **size):
    """A release of the first deletions, and candidates: the deleted, other members, and as many non-members."""
    one = game(loss=loss, k=k, **size)
    rows = np.arange(deletions)
    release = one.release(retrain_without(one.objective, one.W, rows, tol=1e-10).W)
    strangers = people(np.random.default_rng(77), candidates, one.W.shape[0], one.W.shape[1], loss)
    X, Y = (np.concatenate(pair) for pair in zip((one.objective.X[:candidates], one.objective.Y[:candidates]),
                                                 strangers, strict=True))  # fmt: skip
    return one, release, Candidates(X, Y)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("loss", "k"), [("squared", 1), ("squared", 2), ("logistic", 1), ("softmax", 3)])
def test_the_deleted_record_is_named_among_members_and_others(game, loss, k, seed):
    _, release, candidates = played(game, loss, k=k, seed=seed)
    found = explain(release, candidates)
    assert (found.misfit.argmin(axis=1) == np.arange(12)).mean() > 0.9
    own = found.probability[np.arange(12), np.arange(12)]
    assert np.median(own) > 0.9
    np.testing.assert_allclose(found.probability.sum(axis=1), 1.0)
    np.testing.assert_array_equal(found.log_likelihood, -found.misfit / 2)


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_the_deleted_record_s_own_misfit_is_about_chi_squared(game, loss):
    """Over private and public samples drawn anew: mean d, and p-values that are small no oftener than they say."""
    misfit, p_value = [], []
    for seed in range(40):
        one = game(loss=loss, n=3000, m=1500, seed=seed)
        rows = np.arange(4)
        release = one.release(retrain_without(one.objective, one.W, rows, tol=1e-10).W)
        found = explain(release, Candidates(one.objective.X[rows], one.objective.Y[rows]))
        assert (found.degrees == 6).all()
        misfit.append(np.diag(found.misfit))
        p_value.append(np.diag(found.p_value))
    np.testing.assert_allclose(np.array(p_value), chi2.sf(np.array(misfit), 6))
    # four deletions share one error of the public Hessian: the mean of 40 samples, standard error about .5
    assert np.mean(misfit) == pytest.approx(6, abs=1.2)
    assert np.mean(np.array(p_value) < 0.05) < 0.15


@pytest.mark.parametrize("loss", ["squared", "logistic", "softmax"])
def test_the_change_of_the_answers_tells_as_much_as_the_parameters(game, loss):
    one, release, candidates = played(game, loss, deletions=4, n=3000, m=3000)
    changes = [answer_change(one.objective.loss, None, one.X_public @ one.W, one.X_public @ W) for W in release.W_after]
    share = one.objective.l2[:, None] * (one.W - release.W_after)
    told = dataclasses.replace(release, answer_change=np.array(changes), penalty_share=share)
    found, whole = explain(told, candidates), explain(release, candidates)
    assert (found.misfit.argmin(axis=1) == whole.misfit.argmin(axis=1)).all()
    np.testing.assert_allclose(np.diag(found.misfit[:, :4]), np.diag(whole.misfit[:, :4]), rtol=0.2, atol=0.5)
    d, k = one.W.shape
    doubtful = dataclasses.replace(told, share_error=np.tile(np.eye(d), (4, k, 1, 1)))
    assert (explain(doubtful, candidates).misfit.min(axis=1) < found.misfit.min(axis=1)).all()


def test_none_of_the_candidates_fits_when_somebody_else_was_deleted(game):
    _, release, candidates = played(game)
    others = Candidates(candidates.X[12:200], candidates.Y[12:200])
    found = explain(release, others)
    assert np.median(found.p_value.max(axis=1)) < 1e-3
    np.testing.assert_allclose(found.probability.sum(axis=1), 1.0)  # the question was "given that it is one of them"


@pytest.mark.parametrize("seed", range(3))
def test_equals_a_naive_twin(game, seed):
    one, release, candidates = played(game, "logistic", deletions=1, candidates=5, n=300, m=200, seed=seed)
    n, m, X, loss = 300, 200, one.X_public, one.objective.loss
    D = (one.W - release.W_after[0])[:, 0]
    t = answer_change(loss, None, X @ one.W, X @ release.W_after[0])
    G = (n - 1) * (t * X).mean(axis=0) + one.objective.l2 * D
    S = n**2 * (1 / m + 1 / n) * np.cov((t * X).T, bias=True)
    at_large = n**2 * (1 / m + 1 / n) * (t**2).mean() * X.T @ X / m
    few, more = (t**2).sum() ** 2 / (t**4).sum(), len(D)  # it is itself estimated from few records
    S = (few * S + more * at_large) / (few + more)
    for i, (x, y) in enumerate(zip(candidates.X, candidates.Y, strict=True)):
        g = -x * loss.residual(y, x @ one.W)
        expected = (G - g) @ np.linalg.solve(S, G - g)
        assert explain(release, candidates).misfit[0, i] == pytest.approx(expected, rel=1e-8)


def test_without_n_the_best_scale_is_taken(game):
    one, release, candidates = played(game, deletions=3)
    blind = one.release(release.W_after, n=None, l2=None)
    found = explain(blind, candidates)
    assert (found.degrees == 5).all()
    assert (found.misfit.argmin(axis=1) == np.arange(3)).all()
    # n = m here, so that the metric is the same: no fixed scale explains the gradient better than the best one
    fixed = explain(one.release(release.W_after, l2=None), candidates)
    assert (found.misfit <= fixed.misfit + 1e-9).all()


def test_a_fit_that_stopped_early_and_a_feature_that_no_public_record_has_contradict_nobody(game):
    one = game(loss="logistic")
    release = one.release(retrain_without(one.objective, one.W, np.arange(2), tol=1e-10).W)
    stopped = dataclasses.replace(
        release, W_after=release.W_after * (1 + 1e-2 * (-1.0) ** np.arange(6)[:, None]), tolerance=1e-2
    )
    some = Candidates(one.objective.X[:50], one.objective.Y[:50])
    assert (np.diag(explain(dataclasses.replace(stopped, tolerance=None), some).p_value) < 1e-3).all()
    assert (np.diag(explain(stopped, some).p_value) > 1e-3).all()


def test_without_n_the_penalty_is_known_as_it_is_and_not_up_to_the_scale(game):
    one = game(n=2000, m=1000, l2=300.0)
    blind = one.release(retrain_without(one.objective, one.W, np.arange(4), tol=1e-10).W, n=None)
    some = Candidates(one.objective.X[:50], one.objective.Y[:50])
    without = explain(dataclasses.replace(blind, l2=None), some)
    found = explain(blind, some)
    assert np.diag(found.misfit[:, :4]).mean() < np.diag(without.misfit[:, :4]).mean()
    assert (np.diag(found.p_value[:, :4]) > 1e-3).all()


def test_a_record_beyond_the_margin_leaves_no_trace_and_all_like_it_are_alike(game):
    one = game(loss="squared_hinge")
    beyond = one.objective.Y[:, 0] * (one.objective.X @ one.W)[:, 0] > 1
    rows = np.flatnonzero(beyond)[:1]
    release = one.release(retrain_without(one.objective, one.W, rows, tol=1e-10).W)
    some = np.concatenate([np.flatnonzero(beyond)[:4], np.flatnonzero(~beyond)[:30]])
    found = explain(release, Candidates(one.objective.X[some], one.objective.Y[some]))
    assert found.misfit[0].tolist() == [0.0] * 4 + [np.inf] * 30
    assert found.probability[0].tolist() == [0.25] * 4 + [0.0] * 30
    assert np.isnan(found.p_value).all()


def test_a_support_vector_is_named(game):
    one = game(loss="squared_hinge", seed=1)
    inside = np.flatnonzero(one.objective.Y[:, 0] * (one.objective.X @ one.W)[:, 0] < 1)[:8]
    release = one.release(retrain_without(one.objective, one.W, inside, tol=1e-10).W)
    found = explain(release, Candidates(one.objective.X[:300], one.objective.Y[:300]))
    assert (found.misfit.argmin(axis=1) == inside).all()


def test_equal_models_of_another_loss_are_explained_by_nobody(game):
    one = game(loss="logistic")
    found = explain(one.release(one.W[None]), Candidates(one.objective.X[:5], one.objective.Y[:5]))
    assert np.isinf(found.misfit).all()
    assert (found.probability == 0).all()


@pytest.mark.parametrize("loss", LOSS_NAMES)
def test_the_drop_in_confidence_is_what_both_models_predict(game, loss):
    _, release, candidates = played(game, loss, deletions=3, candidates=10)
    drop = confidence_drop(release, candidates)
    for i in range(3):
        before, after = (
            confidence(release.loss, candidates.Y, candidates.X @ W) for W in (release.W_before, release.W_after[i])
        )
        np.testing.assert_allclose(drop[i], before - after, atol=1e-12)


def test_blocks_change_nothing(game, monkeypatch):
    _, release, candidates = played(game, "softmax", deletions=3, candidates=20)
    whole, drop = explain(release, candidates).misfit, confidence_drop(release, candidates)
    monkeypatch.setattr("undelete.attacker.member.candidates._BLOCK_NUMBERS", 100)
    np.testing.assert_allclose(explain(release, candidates).misfit, whole, rtol=1e-6)
    np.testing.assert_allclose(confidence_drop(release, candidates), drop, atol=1e-12)


def test_the_order_of_the_candidates_says_nothing(game):
    _, release, candidates = played(game, deletions=2)
    order = np.random.default_rng(0).permutation(len(candidates.X))
    mixed = explain(release, Candidates(candidates.X[order], candidates.Y[order]))
    np.testing.assert_allclose(mixed.misfit, explain(release, candidates).misfit[:, order], rtol=1e-9)


def test_in_a_fresh_interpreter_that_has_only_the_release_and_the_candidates(game, tmp_path):
    _, release, candidates = played(game, deletions=2)
    release.save(tmp_path / "release.npz")
    np.savez(tmp_path / "candidates.npz", X=candidates.X, Y=candidates.Y)
    program = (
        "import sys, numpy as np\n"
        "from undelete.attacker.member.candidates import explain\n"
        "from undelete.release.candidates import Candidates\n"
        "from undelete.release.release import Release\n"
        "people = np.load('candidates.npz')\n"
        "found = explain(Release.load('release.npz'), Candidates(people['X'], people['Y']))\n"
        "private = ('undelete.maintainer', 'undelete.scoring', 'undelete.data', 'pandas', 'sklearn')\n"
        "private = [m for m in sys.modules if m.startswith(private)]\n"
        "assert not private, private\n"
        "np.save('misfit.npy', found.misfit)\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
    assert np.load(tmp_path / "misfit.npy").tobytes() == explain(release, candidates).misfit.tobytes()


def test_refusals(game):
    _, release, candidates = played(game, deletions=1)
    with pytest.raises(InputError, match=r"candidates have 5 features and 1 targets, the model 6 and 1: encode them"):
        explain(release, Candidates(candidates.X[:, 1:], candidates.Y))
    with pytest.raises(InputError, match=r"candidates have 6 features and 2 targets, the model 6 and 1"):
        explain(release, Candidates(candidates.X, np.c_[candidates.Y, candidates.Y]))


def test_a_model_too_large_for_its_covariance_is_refused(game, monkeypatch):
    _, release, candidates = played(game, deletions=1)
    monkeypatch.setattr("undelete.attacker.gradient.covariance.MOST_PARAMETERS", 5)
    with pytest.raises(
        InputError, match=r"the model has 6 parameters: the covariance of the estimate needs the square"
    ):
        explain(release, candidates)
