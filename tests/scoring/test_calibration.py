"""Calibration against what is known of made-up confidences."""

import numpy as np
import pytest

from undelete.scoring.calibration import by_confidence, calibration_error, reliability, surest
from undelete.scoring.intervals import nested_interval


@pytest.mark.parametrize("seed", range(5))
def test_honest_confidence_has_no_error_but_luck_s(seed):
    rng = np.random.default_rng(seed)
    p = rng.random(20_000)
    right = (rng.random(20_000) < p).astype(float)
    assert calibration_error(p, right) < 0.02
    assert calibration_error(np.minimum(1, p + 0.2 * (1 - p)), right) == pytest.approx(0.1, abs=0.02)
    assert calibration_error(np.full(20_000, 0.9), right) == pytest.approx(0.4, abs=0.02)
    few = [calibration_error(p[k : k + 400], right[k : k + 400]) for k in range(0, 20_000, 400)]
    assert 0.02 < np.mean(few) < 0.065  # what luck alone makes of 400


def test_bins_count_every_deletion_with_a_confidence_once():
    confidence = np.array([0.0, 0.05, 0.1, 0.95, 1.0, np.nan, 0.5])
    right = np.array([0.0, 1.0, 0.0, 1.0, 1.0, 1.0, np.nan])
    bins = reliability(confidence, right)
    assert [one.n for one in bins] == [2, 1, 2]
    assert [one.right for one in bins] == [0.5, 0.0, 1.0]
    assert bins[0].confidence == pytest.approx(0.025)
    assert all(one.low <= one.right <= one.high for one in bins)


def test_without_a_confidence_there_is_nothing_to_say():
    nothing = np.full(5, np.nan)
    assert np.isnan(calibration_error(nothing, np.ones(5)))
    assert np.isnan(surest(nothing, np.ones(5)))
    assert reliability(nothing, np.ones(5)) == []


def test_the_surest_come_first_and_ties_share():
    confidence, right = np.array([0.2, 0.9, 0.5, 0.5]), np.array([0.0, 1.0, 1.0, 0.0])
    assert by_confidence(confidence, right).tolist() == pytest.approx([1.0, 0.75, 2 / 3, 0.5])
    assert surest(np.linspace(0, 1, 40), np.r_[np.zeros(36), np.ones(4)]) == 1.0
    # a decoder that is always as sure must not gain from the order of the records
    assert surest(np.full(40, 0.3), np.r_[np.ones(4), np.zeros(36)]) == pytest.approx(0.1)


def test_intervals_over_splits_are_wider_than_over_deletions_where_splits_differ():
    rng = np.random.default_rng(0)
    rates = rng.normal(0.5, 0.1, size=10)
    splits = [(rng.random((400, 1)) < rate).astype(float) for rate in rates]

    def mean(rows):
        return rows.mean(axis=0)

    (low,), (high,) = nested_interval(splits, mean, rng)
    (pooled_low,), (pooled_high,) = nested_interval([np.concatenate(splits)], mean, rng)
    assert low < np.mean(rates) < high
    assert high - low > 2 * (pooled_high - pooled_low)
    alike = [(rng.random((400, 1)) < 0.5).astype(float) for _ in range(10)]
    (low,), (high,) = nested_interval(alike, mean, rng)
    assert 0.02 < high - low < 0.06
    low, high = nested_interval(alike, lambda rows: np.array([rows.mean(), np.nan]), rng)
    assert np.isnan(low).tolist() == np.isnan(high).tolist() == [False, True]
