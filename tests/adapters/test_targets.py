"""Targets are encoded as the losses want them; what cannot be is shown as the user wrote it."""

import numpy as np
import pandas as pd
import pytest

from undelete import InputError, LinearModel
from undelete.adapters.targets import encode_target

NUMBER = LinearModel([1.0], 0.0, "squared", ["a"])
CLASS = LinearModel([1.0], 0.0, "logistic", ["a"], classes=np.array([0, 1]))


@pytest.mark.parametrize(
    ("model", "y", "message"),
    [
        (NUMBER, np.array([1.0, np.nan]), "target 'wage' has nan in row 1, which is no finite number"),
        (NUMBER, np.array([[1.0, 2.0], [3.0, np.inf]]), "target 'wage' has inf in row 1"),
        (NUMBER, pd.Series([1.0, "many"]), "target 'wage' has 'many' in row 1"),
        (NUMBER, pd.Series([1.0, None], dtype=object), "target 'wage' has None in row 1"),
        (CLASS, np.array([0, 1, 7]), "target 'wage' has 7 in row 2, which is no class of the model .it has 0, 1.:"),
        (CLASS, np.array([0.0, np.nan]), "target 'wage' has nan in row 1, which is no class of the model"),
    ],
)
def test_the_message_shows_plain_values(model, y, message):
    with pytest.raises(InputError, match=message) as caught:
        encode_target(model, y, "wage")
    assert "np." not in str(caught.value)


def test_classes_are_told_apart_whatever_their_type():
    assert encode_target(CLASS, ["1", "0"], "wage").ravel().tolist() == [1.0, -1.0]
    three = LinearModel(np.ones((3, 1)), None, "softmax", ["a"], classes=["x", "y", "z"])
    assert encode_target(three, ["z", "x"], "wage").tolist() == [[0, 0, 1], [1, 0, 0]]
