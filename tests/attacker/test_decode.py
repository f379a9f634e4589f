import tracemalloc

import numpy as np
import pytest

from undelete.attacker.gradient.estimate import Estimate
from undelete.attacker.hrec import hrec
from undelete.attacker.table.columns import decode, decode_column
from undelete.maintainer.fit import fit
from undelete.maintainer.leave_one_out import retrain_without
from undelete.maths.losses import LOSSES
from undelete.maths.objective import Objective
from undelete.release.columns import Column
from undelete.release.reach import reaching
from undelete.release.release import Release

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_error_bars_hold_what_they_promise(game, loss):
    """Standardised errors of the features have unit size, over private and public draws: maths (10)."""
    z = []
    for seed in range(12):
        g = game(loss, n=3000, m=1500, l2=1e-6, seed=seed)
        after = retrain_without(g.objective, g.W, np.arange(25))
        release = g.release(after.W)
        found = hrec(release, RNG)
        estimate = Estimate(found.scale, found.output)
        cov = estimate.covariance(release, estimate.weights(release) ** 2, np.eye(6)[:, :5], found.X[:, :5], dense=True)
        # median deviation: a few near-zero scales have heavy tails
        error = (found.X - g.objective.X[:25])[:, :5]
        z.append(error / np.sqrt(np.einsum("bqq->bq", cov)))
    spread = np.median(np.abs(np.concatenate(z)), axis=0) / 0.6745
    assert (spread > 0.75).all()
    assert (spread < 1.3).all()


def test_dense_and_diagonal_covariance_agree_with_the_definition(game):
    g = game("logistic", n=500, m=400)
    after = retrain_without(g.objective, g.W, np.arange(3))
    release = g.release(after.W)
    found = hrec(release, RNG)
    estimate = Estimate(found.scale, found.output)
    P = np.random.default_rng(1).normal(size=(6, 4))
    t = estimate.weights(release)
    centre = found.X @ P
    dense = estimate.covariance(release, t**2, P, centre, dense=True)
    diagonal = estimate.covariance(release, t**2, P, centre, dense=False)
    for b in range(3):
        s = t[:, b, None] * (release.X_public @ P - centre[b])
        naive = 500**2 * (1 / 400 + 1 / 500) / found.scale[b] ** 2 * (s.T @ s) / 400
        np.testing.assert_allclose(dense[b], naive, rtol=1e-8)
        np.testing.assert_allclose(diagonal[b], np.diag(naive), rtol=1e-8)


def columns():
    """age (linear and squared term), colour (one-hot), height (continuous) over d = 7 with a constant."""
    e = np.eye(7)
    age = Column(
        "age",
        "discrete",
        e[:, :2],
        np.arange(20, 60),
        np.c_[np.arange(20, 60) / 10, np.arange(20, 60) ** 2 / 100],
        np.full(40, 1 / 40),
    )
    colour = Column(
        "colour", "categorical", e[:, 2:5], np.array(["blue", "green", "red"]), np.eye(3), np.full(3, 1 / 3)
    )
    height = Column("height", "continuous", e[:, 5:6], np.array([]), np.zeros((0, 1)), np.array([]), 170.0, 10.0, 10.0)
    return age, colour, height


def encoded(rng, m):
    age, colour = rng.integers(20, 60, m), rng.integers(0, 3, m)
    height = rng.normal(170, 10, m)
    X = np.c_[age / 10, age**2 / 100, np.eye(3)[colour], (height - 170) / 10, np.ones(m)]
    return X, np.c_[age - 20, colour, np.full(m, -1)], np.c_[np.full((m, 2), np.nan), height]


def test_exact_records_decode_to_their_raw_values(game):
    rng = np.random.default_rng(3)
    X, codes, values = encoded(rng, 300)
    g = game("squared", d=7)
    release = Release(
        g.objective.loss, g.W, np.tile(g.W, (20, 1, 1)), X, columns=columns(), public_codes=codes, public_values=values
    )
    wanted, true_codes, true_values = encoded(np.random.default_rng(4), 20)
    raw = decode(release, wanted, None, None, np.ones(20, dtype=bool))
    np.testing.assert_array_equal(raw.codes, true_codes)
    np.testing.assert_allclose(raw.values[:, 2], true_values[:, 2])
    np.testing.assert_allclose(raw.values[:, 0], true_codes[:, 0] + 20)
    blank = decode(release, wanted, None, None, np.zeros(20, dtype=bool))
    assert (blank.codes == -1).all()
    assert np.isnan(blank.values).all()


def test_both_terms_of_a_squared_column_are_used_and_the_probability_is_the_likelihood_share(game):
    rng = np.random.default_rng(5)
    X, codes, values = encoded(rng, 8000)
    Y = X @ rng.normal(size=(7, 1)) + rng.normal(size=(8000, 1))
    l2 = np.r_[np.full(6, 1e-3), 0.0]
    objective = Objective(X[:4000], Y[:4000], LOSSES["squared"], l2)
    W = fit(objective).W
    after = retrain_without(objective, W, np.arange(200))
    release = Release(
        objective.loss, W, after.W, X[4000:], Y[4000:], n=4000, constant=np.eye(7)[-1], columns=columns(),
        public_codes=codes[4000:], public_values=values[4000:],
    )  # fmt: skip
    found = hrec(release, RNG)
    ok = np.array(found.status) == "ok"
    right = found.codes[ok] == codes[:200][ok]
    assert right[:, 1].mean() > 0.95
    linear_only = np.abs(np.rint(found.values[ok, 0]) - 20 - codes[:200][ok][:, 0]) < 0.5
    assert right[:, 0].mean() > linear_only.mean()
    promised = found.probability[ok]
    assert abs(promised[:, 0].mean() - right[:, 0].mean()) < 0.1
    assert abs(promised[:, 1].mean() - right[:, 1].mean()) < 0.05
    z = (found.values[ok, 2] - values[:200][ok][:, 2]) / found.error[ok, 2]
    assert 0.6 < np.median(np.abs(z)) / 0.6745 < 1.5


def test_within_a_bin_a_number_is_known_to_the_bin():
    """At a bin's edge the next value has other terms, which does not make the number known."""
    values = np.linspace(0, 10, 101)
    terms = np.eye(2)[(values > 5).astype(int)]
    column = Column("pay", "continuous", np.eye(2), values, terms, np.zeros(101), spread=2.9, least=0.0, greatest=10.0)
    _, value, error, probability = decode_column(column, np.array([[0.98, 0.02]]), 1e-4 * np.eye(2)[None])
    assert abs(value[0] - 2.5) < 0.1
    assert abs(error[0] - 5 / np.sqrt(12)) < 0.1
    assert probability[0] < 0.15


def test_on_a_smooth_curve_a_number_is_read_between_the_grids():
    values = np.linspace(1, 10, 10)
    column = Column("pay", "continuous", np.eye(1), values, values[:, None] ** 2, np.zeros(10), spread=2.9,
                    least=0.0, greatest=20.0)  # fmt: skip
    _, value, error, _ = decode_column(column, np.array([[4.05**2]]), np.full((1, 1, 1), 0.01**2))
    assert abs(value[0] - 4.05) < 0.01
    assert error[0] < 0.01


def test_an_estimate_that_leaves_billions_of_numbers_open_lists_none_of_them():
    rooms = np.arange(9)
    column = Column("rooms", "discrete", np.eye(1), rooms, rooms[:, None].astype(float), np.ones(9) / 9)
    codes = np.zeros((5, 1), dtype=np.int64)
    tracemalloc.start()
    assert reaching([column], codes, {0: [(1e6, 1e5)]}) is None
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1e6  # bytes: an estimate of 10^9 would else take all memory there is
    longer = reaching([column], codes, {0: [(11.0, 0.5)]})
    assert longer is not None
    assert longer[0][0].values.max() == 12


@pytest.mark.parametrize("shape", [(2, 1), (2, 1, 1)])
def test_an_error_of_nothing_leaves_one_value_and_no_overflow(shape):
    """Rounded models at times do not differ at all in a column's features."""
    terms = np.array([[-3.0], [3.0]])
    column = Column("town", "categorical", np.eye(1), np.array(["Ely", "Ham"]), terms, np.ones(2) / 2)
    found = decode_column(column, terms, np.zeros(shape))
    assert found[0].tolist() == [0, 1]
    np.testing.assert_array_equal(found[-1], 1.0)
