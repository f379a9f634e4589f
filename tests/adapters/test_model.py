"""A LinearModel says what does not fit together."""

import numpy as np
import pytest

from undelete import InputError, LinearModel


def test_shapes_are_made_one():
    model = LinearModel([1, 2], 3, "squared", ["a", "b"], l2=0.5)
    assert model.coef.shape == (1, 2)
    assert model.W.ravel().tolist() == [1.0, 2.0, 3.0]
    assert model.l2.tolist() == [0.5, 0.5, 0.0]
    assert LinearModel([1, 2], None, "squared", ["a", "b"], l2=[1, 2]).l2.tolist() == [1.0, 2.0]
    assert LinearModel([1], 0, "squared", ["a"], l2=[1, 2]).l2.tolist() == [1.0, 2.0]
    assert not model.coef.flags.writeable


def test_the_caller_s_array_is_not_kept():
    coef = np.ones((1, 2))
    model = LinearModel(coef, 0.0, "squared", ["a", "b"])
    coef[:] = 9
    assert model.coef.tolist() == [[1.0, 1.0]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"coef": [1.0]}, r"coef has shape \(1, 1\) and there are 2 feature names"),
        ({"coef": np.zeros((1, 1, 2))}, "coef has 3 dimensions"),
        ({"coef": [1.0, np.nan]}, "coef has values that are not finite: the fit diverged or the file is damaged"),
        ({"coef": ["a", "b"]}, "coef is not an array of numbers: could not convert"),
        ({"intercept": [1.0, 2.0]}, r"intercept has shape \(2,\) and coef \(1, 2\): one intercept for each row"),
        ({"loss": "hinge"}, "loss 'hinge' is not known: it is one of squared, logistic, squared_hinge"),
        ({"loss": "logistic"}, "loss 'logistic' belongs to a classifier: give its classes"),
        ({"classes": ["only"]}, "there are 1 classes and 1 rows of coef"),
        ({"classes": [1, 2, 3]}, "there are 3 classes and 1 rows of coef"),
        ({"l2": [1.0] * 5}, r"l2 has shape \(5,\): give one number, or one for each of 2 features \(and a last"),
        ({"l2": [1.0] * 3, "intercept": None}, r"l2 has shape \(3,\): give one number, or one for each of 2 features$"),
        ({"l2": -1.0}, r"l2 is negative \(-1\): a penalty is zero or more, 0 for none"),
        ({"l2": [1.0, -0.5, 0.0]}, r"l2 is negative \(-0.5\)"),
        (
            {"coef": [[1.0], [2.0]]},
            r"coef has shape \(2, 1\) and there are 2 .* \(outputs, features\) \(it is transposed\)",
        ),
        ({"n": 0}, "n is 0: it is the number of training records, at least 1"),
    ],
)
def test_parts_that_do_not_fit(change, message):
    with pytest.raises(InputError, match=message):
        LinearModel(**{"coef": [1.0, 2.0], "intercept": 0.0, "loss": "squared", "feature_names": ["a", "b"], **change})
