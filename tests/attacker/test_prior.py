"""The prior against distributions that are known."""

import numpy as np
import pytest

from undelete.attacker.table.prior import learn

M = 20_000


def bits(p):
    return -float((p * np.log2(p)).sum())


def held_out(model, codes, column):
    """Mean of -log2 p over records, one by one."""
    return -np.mean([model.log_distribution(row[None])[0, row[column]] for row in codes]) / np.log(2)


@pytest.mark.parametrize("dependent", [True, False])
def test_it_finds_dependence_where_there_is_one(dependent):
    rng = np.random.default_rng(0)
    first, other = rng.integers(0, 4, (2, M))
    second = np.where(rng.random(M) < 0.9, first, other) if dependent else other
    prior = learn(np.c_[first, second], [4, 4], [0, 1])
    p = np.exp(prior[1].log_distribution(np.array([[2, 0], [3, 0]])))
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    expected = np.full(4, 0.025 if dependent else 0.25)
    expected[2] = 0.925 if dependent else 0.25
    np.testing.assert_allclose(p[0], expected, atol=0.02)
    assert abs(prior[0].bits - 2) < 0.01
    assert abs(prior[1].bits - bits(expected)) < 0.05


@pytest.mark.parametrize("seed", range(3))
def test_it_is_near_the_truth_where_lifts_multiply(seed):
    """Three columns of independent evidence about a fourth: near, as weighted lifts are not quite that evidence."""
    rng = np.random.default_rng(seed)
    given = rng.integers(0, 3, (M, 3))
    score = sum(rng.normal(size=(3, 5))[given[:, j]] for j in range(3))
    p = np.exp(score) / np.exp(score).sum(axis=1, keepdims=True)
    last = (p.cumsum(axis=1) < rng.random(M)[:, None]).sum(axis=1)
    codes = np.c_[given, last]
    model = learn(codes[: M // 2], [3, 3, 3, 5], [0, 1, 2, 3])[3]
    test = codes[M // 2 :][:2000]
    best = -np.log2(p[M // 2 :][np.arange(2000), test[:, 3]]).mean()
    one_parent = learn(codes[: M // 2, [0, 3]], [3, 5], [0, 1])[1]
    assert held_out(model, test, 3) < best + 0.04
    assert held_out(one_parent, test[:, [0, 3]], 1) > best + 0.15
    assert abs(model.bits - best) < 0.1  # two samples of some 2,000 records


def test_neighbouring_numbers_help_where_records_are_few():
    """200 values, 1,500 records, and a label that depends smoothly on the value."""
    rng = np.random.default_rng(0)
    value = rng.integers(0, 200, 3000)
    label = (rng.random(3000) < 1 / (1 + np.exp(-(value - 100) / 15))).astype(int)
    codes = np.c_[label, value]
    spread, plain = (learn(codes[:1500], [2, 200], [1], given=[0], numbers=n)[1] for n in ([1], []))
    p = 1 / (1 + np.exp(-(value[1500:] - 100) / 15))
    best = -np.log2(np.where(label[1500:] == 1, p, 1 - p)).mean() + np.log2(200) - 1  # Bayes' rule
    assert held_out(spread, codes[1500:], 1) < held_out(plain, codes[1500:], 1) - 0.02
    assert held_out(spread, codes[1500:], 1) < best + 0.15


def test_of_many_columns_it_takes_those_that_tell():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 3, (4000, 21))
    codes[:, 20] = np.where(rng.random(4000) < 0.8, codes[:, 17], codes[:, 20])
    model = learn(codes, [3] * 21, [20], given=list(range(20)))[20]
    assert 17 in model.tables
    assert len(model.tables) < 4  # what is unrelated looks related by chance once in twenty
    codes[:, 20] = (codes[:, :15] == 1).sum(axis=1) % 4 // 2 + (codes[:, :15] == 2).sum(axis=1) // 4 % 2
    codes[:, :15] = np.where(rng.random((4000, 15)) < 0.3, codes[:, [20]] % 3, codes[:, :15])
    assert len(learn(codes, [3] * 20 + [4], [20], given=list(range(20)))[20].tables) == 12


@pytest.mark.parametrize("m", [1, 3, 10])
def test_a_handful_of_records_gives_a_distribution_too(m):
    codes = np.c_[np.zeros(m, dtype=int), np.arange(m) % 3]
    model = learn(codes, [2, 3], [0, 1])[1]
    p = np.exp(model.log_distribution(np.array([[0, 0], [1, 0]])))
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    assert (p > 0).all()
    assert np.isfinite(model.bits)
