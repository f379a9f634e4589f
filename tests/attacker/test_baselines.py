import dataclasses

import numpy as np
import pytest

from tests.conftest import LOSS_NAMES, is_number
from undelete.attacker.attacks import ATTACKS, chosen
from undelete.attacker.baselines import avg, informed, maxdiff, nearest
from undelete.attacker.hrec import hrec
from undelete.errors import InputError
from undelete.maintainer.game import remaining_gradient
from undelete.maintainer.leave_one_out import retrain_without
from undelete.scoring.scores import cosine

RNG = np.random.default_rng(0)


@pytest.fixture
def case(game):
    def make(loss="squared", k=1, rows=30):
        g = game(loss, k=k)
        after = retrain_without(g.objective, g.W, np.arange(rows))
        return g, g.release(after.W)

    return make


@pytest.mark.parametrize("k", [1, 3])
def test_maxdiff_is_the_largest_change_of_a_prediction(case, k):
    _, release = case(k=k)
    found = maxdiff(release, RNG)
    for b in range(5):
        moved = [np.linalg.norm(x @ (release.W_before - release.W_after[b])) for x in release.X_public]
        np.testing.assert_array_equal(found.X[b], release.X_public[int(np.argmax(moved))])
        np.testing.assert_array_equal(found.target[b], release.Y_public[int(np.argmax(moved))])


def test_maxdiff_says_nothing_where_nothing_changed(case):
    _, release = case()
    same = dataclasses.replace(release, W_after=release.W_before[None])
    found = maxdiff(same, RNG)
    assert found.status == ("unchanged",)
    assert np.isnan(found.X).all()


def test_avg_is_the_public_mean_whatever_was_deleted(case):
    _, release = case()
    found = avg(release, RNG)
    np.testing.assert_allclose(found.X, np.tile(release.X_public.mean(axis=0), (30, 1)))
    np.testing.assert_allclose(found.target, release.Y_public.mean())


def test_avg_guesses_the_more_common_label(case):
    _, release = case("logistic")
    Y = np.where(np.arange(len(release.Y_public)) % 3 == 0, 1.0, -1.0)[:, None]
    assert (avg(dataclasses.replace(release, Y_public=Y), RNG).target == -1).all()


def test_nearest_is_the_public_record_next_to_the_reconstruction(case):
    _, release = case()
    found, base = nearest(release, RNG), hrec(release, RNG)
    scale = release.X_public.std(axis=0)
    scale[-1] = 1.0
    for b in range(5):
        distance = np.linalg.norm((release.X_public - base.X[b]) / scale, axis=1)
        np.testing.assert_array_equal(found.X[b], release.X_public[distance.argmin()])


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("loss", LOSS_NAMES)
def test_informed_recovers_everything_exactly(case, loss, k):
    g, release = case(loss, k)
    rows = np.arange(30)
    release = dataclasses.replace(release, remaining_gradient=remaining_gradient(g.objective, g.W, rows))
    found = informed(release, RNG)
    good = np.array(found.status) == "ok"
    assert good.sum() > 10
    assert cosine(g.objective.X[:30][good], found.X[good]).min() > 0.999999
    if is_number(loss):
        pulls = np.abs(g.objective.loss.residual(g.objective.Y[:30], g.objective.X[:30] @ g.W)) > 1e-9
        told = good & (np.isfinite(found.target) & pulls).all(axis=1)
        np.testing.assert_allclose(found.target[told], g.objective.Y[:30][told], rtol=1e-6, atol=1e-6)
    else:
        if not g.objective.loss.separable:
            assert (found.target[good] == g.objective.Y[:30][good]).all()
            return
        Y = g.objective.Y[:30]
        if k == 1:
            assert (found.target[good] == Y[good]).all()
            return
        # of several outputs a record has one class; here some have none, or several
        one = good & ((Y > 0).sum(axis=1) == 1)
        pulls = np.abs(g.objective.loss.residual(Y, g.objective.X[:30] @ g.W))
        one &= pulls[np.arange(30), Y.argmax(axis=1)] > 0.1
        assert one.sum() > 5
        assert (found.target[one] == Y[one]).all()
        assert (found.target_probability[one] == 1).all()


def test_remaining_gradient_is_the_gradient_without_the_record(game):
    from tests.maintainer.test_leave_one_out import without

    g = game("logistic", n=100)
    fast = remaining_gradient(g.objective, g.W, np.array([4, 9]))
    for i, row in enumerate((4, 9)):
        np.testing.assert_allclose(fast[i], without(g.objective, row).gradient(g.W), atol=1e-12)


def test_informed_refuses_without_the_remaining_records(case):
    _, release = case()
    with pytest.raises(InputError, match="use simulate, or leave it out"):
        informed(release, RNG)


def test_no_attack_but_the_bound_is_moved_by_the_remaining_gradient(case):
    g, release = case("logistic")
    told = dataclasses.replace(release, remaining_gradient=remaining_gradient(g.objective, g.W, np.arange(30)))
    for attack in ATTACKS.values():
        if attack.role != "bound":
            np.testing.assert_array_equal(attack.run(release, RNG).X, attack.run(told, RNG).X)


def test_unknown_attack_is_named_with_the_choices():
    with pytest.raises(InputError, match=r"no attack 'magic'; choose among hrec\+, hrec, avg"):
        chosen(("hrec", "magic"))
