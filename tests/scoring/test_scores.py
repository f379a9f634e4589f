import numpy as np
import pytest

from undelete.scoring.intervals import mean_interval, wilson
from undelete.scoring.scores import centred_cosine, cosine, label, right_columns, target_error


def test_an_average_guess_has_cosine_near_one_and_no_centred_cosine():
    rng = np.random.default_rng(0)
    truth = 100 + rng.normal(size=(50, 4))
    mean = np.full(4, 100.0)
    guess = np.tile(mean, (50, 1))
    assert cosine(truth, guess).min() > 0.999
    assert np.isnan(centred_cosine(truth, guess, mean)).all()
    noise = mean + rng.normal(size=(50, 4))
    assert abs(centred_cosine(truth, noise, mean).mean()) < 0.3


def test_cosine_knows_sign_zero_and_missing():
    truth = np.array([[1.0, 2.0]] * 4)
    found = np.array([[-1.0, -2.0], [0.0, 0.0], [np.nan, 1.0], [2.0, -1.0]])
    score = cosine(truth, found)
    assert score[0] == pytest.approx(-1.0)
    assert np.isnan(score[1:3]).all()
    assert score[3] == pytest.approx(0.0)


def test_columns_count_only_when_exactly_right():
    true_codes, codes = np.array([[3, -1, -1]]), np.array([[3, -1, -1]])
    true_values, values = np.array([[np.nan, 170.0, np.nan]]), np.array([[np.nan, 170.4, np.nan]])
    tolerance = np.array([np.nan, 0.5, np.nan])
    # a category that no public record has (-1) is never right, not even where both say -1
    assert right_columns(true_codes, true_values, codes, values, tolerance).tolist() == [[True, True, False]]
    assert not right_columns(true_codes, true_values, codes + 1, values + 1, tolerance)[0, :2].any()
    assert not right_columns(true_codes, true_values, codes, np.full((1, 3), np.nan), tolerance)[0, 1]
    # a number that no public record has is right where it is that number
    unseen, number = np.array([[-1]]), np.array([[3390.0]])
    assert right_columns(unseen, number, unseen, number, np.array([np.nan]))[0, 0]
    assert not right_columns(unseen, number, unseen, number + 1e-3, np.array([np.nan]))[0, 0]
    joined = np.array([[7]])  # the files gave it, but for round-off, and so it is one of the column's values
    assert right_columns(unseen, number, joined, number * (1 + 1e-12), np.array([np.nan]))[0, 0]
    assert not right_columns(unseen, number, joined, number + 1.0, np.array([np.nan]))[0, 0]


def test_label_of_one_and_of_several_outputs():
    one = label(np.array([[1.0], [-1.0], [1.0]]), np.array([[0.2], [1.0], [np.nan]]))
    assert one[:2].tolist() == [1.0, 0.0]
    assert np.isnan(one[2])
    several = label(np.array([[-1.0, 1.0, -1.0]] * 2), np.array([[-0.4, -0.1, -0.9], [0.3, 0.1, -1.0]]))
    assert several.tolist() == [1.0, 0.0]


def test_target_error_is_the_largest_output_s():
    assert target_error(np.array([[1.0, 2.0]]), np.array([[1.5, -1.0]])).tolist() == [3.0]


def test_intervals_cover():
    """95 % intervals contain the true rate about 95 times in 100."""
    rng = np.random.default_rng(0)
    hits = [wilson(s, 60)[0] <= 0.3 <= wilson(s, 60)[1] for s in rng.binomial(60, 0.3, size=800)]
    assert 0.92 < np.mean(hits) < 0.98
    hits = []
    for _ in range(150):
        low, high = mean_interval(rng.exponential(size=80), rng, draws=400)
        hits.append(low <= 1.0 <= high)
    assert 0.85 < np.mean(hits) < 1.0


def test_intervals_of_too_little_are_not_a_number():
    assert np.isnan(wilson(0, 0)).all()
    assert np.isnan(mean_interval(np.array([1.0, np.nan]), np.random.default_rng(0))).all()
