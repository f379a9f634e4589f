import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score, roc_curve

from undelete.scoring.roc import RATES, Roc, auc_interval, placed


def scored(seed, members=120, others=80, shift=0.5, ties=False):
    rng = np.random.default_rng(seed)
    member = rng.permutation(np.arange(members + others) < members)
    scores = rng.normal(size=members + others) + shift * member
    return member, np.round(scores, 1) if ties else scores


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_equals_scikit_learn(seed, ties):
    member, scores = scored(seed, ties=ties)
    roc = Roc.of(member, scores)
    fpr, tpr, _ = roc_curve(member, scores, drop_intermediate=False)
    np.testing.assert_allclose(roc.false_positive, fpr)
    np.testing.assert_allclose(roc.true_positive, tpr)
    assert roc.auc == pytest.approx(roc_auc_score(member, scores), abs=1e-12)
    for rate in (0.0, 0.001, 0.0125, 0.1, 0.3, 1.0):
        # the naive twin: of all thresholds that keep the rate, the one that catches most
        allowed = [np.mean(scores[member] >= t) for t in scores if np.mean(scores[~member] >= t) <= rate + 1e-12]
        assert roc.tpr_at(rate) == pytest.approx(max(allowed, default=0.0))


def test_extremes():
    member = np.array([True, True, False])
    apart = Roc.of(member, np.array([2.0, 3.0, 1.0]))
    assert (apart.auc, apart.tpr_at(0.001)) == (1.0, 1.0)
    wrong = Roc.of(member, np.array([1.0, 0.0, 2.0]))
    assert (wrong.auc, wrong.tpr_at(0.001)) == (0.0, 0.0)
    same = Roc.of(member, np.zeros(3))
    assert (same.auc, same.tpr_at(0.5), same.tpr_at(1.0)) == (0.5, 0.0, 1.0)


def test_the_area_s_interval_is_newcombe_s():
    # at one half the variance is Mann and Whitney's (n + n' + 1) / (12 n n')
    low, high = auc_interval(0.5, 1000, 500)
    width = 1.96 * np.sqrt(1501 / (12 * 1000 * 500))
    assert (low, high) == pytest.approx((0.5 - width, 0.5 + width), abs=2e-4)
    for auc, n, m in ((0.9, 20, 30), (0.3, 7, 50), (1.0, 12, 12), (0.0, 3, 4)):
        ends = auc_interval(auc, n, m)
        assert 0 <= ends[0] <= auc <= ends[1] <= 1
        assert ends[1] - ends[0] > 0.05
        # turning the question round turns the interval round
        assert auc_interval(1 - auc, m, n) == pytest.approx((1 - ends[1], 1 - ends[0]), abs=1e-9)
        for end in ends:
            if 0 < end < 1:
                size = 1 + ((n + m) / 2 - 1) * ((1 - end) / (2 - end) + end / (1 + end))
                assert abs(auc - end) == pytest.approx(norm.ppf(0.975) * np.sqrt(end * (1 - end) * size / (n * m)))


def test_intervals_cover_the_truth():
    """Of two normal populations the rates are known; 95 % intervals should miss them rarely, whatever the threshold."""
    shift, trials = 1.0, 60
    truth = [norm.sf(norm.isf(rate) - shift) for rate in (0.02, 0.1)]
    missed, missed_area = np.zeros(2), 0
    for seed in range(trials):
        roc = Roc.of(*scored(seed, 250, 200, shift))
        intervals = roc.tpr_intervals((0.02, 0.1), np.random.default_rng(seed))
        missed += [not low <= true <= high for (low, high), true in zip(intervals, truth, strict=True)]
        low, high = roc.auc_interval
        missed_area += not low <= norm.cdf(shift / np.sqrt(2)) <= high
    assert missed.max() <= 8  # 3 are expected of 60; more than 8 one time in 200
    assert missed_area <= 8


def test_an_interval_is_no_narrower_than_wilson_s():
    roc = Roc.of(*scored(0, 2000, 1000, 0.0))
    for rate, (low, high) in zip(RATES, roc.tpr_intervals(RATES, np.random.default_rng(0)), strict=True):
        assert low <= roc.tpr_at(rate) <= high
    nobody = Roc.of(np.arange(40) < 20, np.arange(40.0))  # all others score higher: a bootstrap would say 0 to 0
    low, high = nobody.tpr_intervals((0.1,), np.random.default_rng(0))[0]
    assert low == 0
    assert high == pytest.approx(0.161, abs=0.01)


def test_resamples_are_drawn_again_with_the_same_seed():
    roc = Roc.of(*scored(3))
    first, again, other = (roc.tpr_intervals((0.1,), np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert first == again
    assert first != other


@pytest.mark.parametrize("seed", range(3))
def test_places_equal_a_naive_count(seed):
    rng = np.random.default_rng(seed)
    scores, truth = rng.integers(0, 6, size=(20, 15)).astype(float), rng.integers(15, size=20)
    above, level = placed(scores, truth)
    for i in range(20):
        own = scores[i, truth[i]]
        assert above[i] == sum(score > own for score in scores[i])
        assert level[i] == sum(score == own for j, score in enumerate(scores[i]) if j != truth[i])


def test_places_of_the_impossible():
    scores = np.array([[-np.inf, 0.0, -np.inf]])
    assert [array.tolist() for array in placed(scores, np.array([0]))] == [[1.0], [1.0]]
