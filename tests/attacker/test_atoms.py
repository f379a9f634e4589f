import dataclasses

import numpy as np
import pytest

from tests.attacker.test_decode import columns, encoded
from undelete.attacker.baselines import avg, share_near
from undelete.attacker.hrec_plus import hrec_plus
from undelete.attacker.table.atoms import find
from undelete.attacker.table.shown import shortest
from undelete.maintainer.fit import fit
from undelete.maintainer.leave_one_out import retrain_without
from undelete.maths.losses import LOSSES
from undelete.maths.objective import Objective
from undelete.release.release import Release

RNG = np.random.default_rng(0)


def played(seed, n=1500, rows=100):
    """Height is 170 for two in three, the more the younger they are, and any number of others: a debt of none, say."""
    rng = np.random.default_rng(seed)
    X, codes, values = encoded(rng, 2 * n)
    common = rng.random(2 * n) < np.where(codes[:, 0] < 20, 0.9, 0.45)
    values[:, 2] = np.where(common, 170.0, 170 + 10 * rng.exponential(size=2 * n))
    X[:, 5] = (values[:, 2] - 170) / 10
    Y = X @ np.random.default_rng(1).normal(size=(7, 1)) + rng.normal(size=(2 * n, 1))
    penalty = np.r_[np.full(6, 1e-3), 0.0]
    objective = Objective(X[:n], Y[:n], LOSSES["squared"], penalty)
    W = fit(objective).W
    height = dataclasses.replace(columns()[2], spread=float(values[n:, 2].std()), least=0.0)
    release = Release(
        objective.loss, W, retrain_without(objective, W, np.arange(rows)).W, X[n:], Y[n:], n=n, l2=penalty,
        constant=np.eye(7)[-1], columns=(*columns()[:2], height), public_codes=codes[n:], public_values=values[n:],
    )  # fmt: skip
    return release, values[:rows, 2]


@pytest.fixture(scope="module")
def told():
    """Of the heights of 300 deletions: said, right, whether true and shown are the common one, range holds."""
    parts = []
    for seed in range(3):
        release, true = played(seed)
        found = hrec_plus(release, RNG)
        good = np.array(found.status) == "ok"
        shown, (low, high) = found.values[:, 2], (end[:, 2] for end in found.ranges)
        right = np.abs(shown - true) <= 0.01 * release.columns[2].spread
        held = (low - 1e-9 <= true) & (true <= high + 1e-9)
        carried = np.abs(found.X[:, 5] * 10 + 170 - shown) < 0.1  # where the record lies says the same
        parts.append(
            np.c_[found.probability[:, 2], right, true == 170, shown == 170, held, carried, found.error[:, 2]][good]
        )
    return np.concatenate(parts)


def test_a_value_that_many_share_comes_back_as_often_as_it_is_said_to(told):
    said, right = told[:, 0], told[:, 1]
    assert abs(said.mean() - right.mean()) < 0.07
    assert right[said > 0.95].mean() > 0.92
    assert (said > 0.95).sum() > 30
    assert right.mean() > 0.5  # where an error bar alone says a few in a hundred


def test_other_values_are_not_taken_for_it(told):
    common, shown = told[:, 2] == 1, told[:, 3] == 1
    assert shown[common].mean() > 0.8
    assert shown[~common].mean() < 0.6
    assert 0.9 <= told[:, 4].mean() <= 0.995
    assert told[shown & (told[:, 0] > 0.999), 5].all()


def test_an_atom_is_more_likely_where_the_other_columns_say_so():
    release, _ = played(0)
    codes = np.c_[release.public_codes, np.zeros(len(release.public_codes), dtype=int)]
    (atoms,) = find(release.columns, release.public_values, codes, [0, 1])
    assert atoms.values.tolist() == [170.0]
    young, old = np.exp(atoms.prior.log_distribution(np.array([[5, 0, 0, 0], [35, 0, 0, 0]]))[:, 0])
    assert young > 0.75 > 0.6 > old


def test_a_column_without_common_values_has_no_atoms():
    rng = np.random.default_rng(0)
    _, codes, values = encoded(rng, 500)
    assert find(columns(), values, np.c_[codes, np.zeros(500, dtype=int)], [0, 1]) == []


def test_the_average_guess_has_the_common_value_and_knows_how_common_it_is():
    release, _ = played(0)
    guess = avg(release, RNG).values[0, 2]
    assert guess == 170
    share = (release.public_values[:, 2] == 170).mean()
    assert share <= share_near(release.columns[2], release.public_values[:, 2], np.array([guess]))[0] < share + 0.05


def test_a_range_is_the_shortest_that_holds_enough():
    grid, share = np.arange(5.0), np.array([0.04, 0.5, 0.43, 0.02, 0.01])
    assert shortest(grid, share) == pytest.approx((0.0, 2.0, 0.97))
    assert shortest(grid[:2], np.array([0.999, 0.001])) == pytest.approx((0.0, 0.0, 0.999))
    rng = np.random.default_rng(1)
    for _ in range(20):
        share = rng.dirichlet(np.full(12, 0.3))
        values = np.sort(rng.normal(size=12))
        every = [
            (values[j] - values[i], i, j) for i in range(12) for j in range(i, 12) if share[i : j + 1].sum() >= 0.95
        ]
        low, high, held = shortest(values, share)
        assert high - low == pytest.approx(min(every)[0])
        assert held >= 0.95


def test_what_an_atom_adds_is_a_density_of_what_was_seen_whatever_the_scale():
    """Summed over all that could have been seen it is 1: a record of a larger scale is no likelier for that."""
    release, _ = played(0)
    codes = np.c_[release.public_codes, np.zeros(len(release.public_codes), dtype=int)]
    (atoms,) = find(release.columns, release.public_values, codes, [0, 1])
    direction = atoms.column.projection[:, 0]
    left = 0.3**2 * np.outer(direction, direction) / (direction @ direction) ** 2
    seen = np.linspace(-60, 60, 20_001)  # the number's term times the scale
    for scale in (0.2, 1.0, -3.0):
        points = (seen / scale)[:, None] * direction / (direction @ direction)
        added, _ = atoms.chances(np.zeros((len(seen), 4), dtype=int), points, left, np.full(len(seen), scale))
        assert np.exp(added).sum() * (seen[1] - seen[0]) == pytest.approx(1.0, abs=0.01)


def test_a_column_may_have_values_that_no_public_record_has():
    release, _ = played(0)
    codes = np.c_[release.public_codes, np.zeros(len(release.public_codes), dtype=int)]
    seldom = np.where(codes[:, 0] == codes[:, 0].max(), 0, codes[:, 0])
    (atoms,) = find(release.columns, release.public_values, np.c_[seldom, codes[:, 1:]], [0, 1])
    last = np.array([[len(release.columns[0].values) - 1, 0, 0, 0]])
    assert np.isfinite(atoms.prior.log_distribution(last)).all()
