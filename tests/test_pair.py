"""Two who left, or joined, at once: both values of every column, and who has which."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import undelete
from undelete.attacker.groups.pair import _ways
from undelete.errors import InputError

N = 600
NUMBERS = ["age", "rooms", "pay", "kids"]


@pytest.fixture(scope="module")
def halves():
    rng = np.random.default_rng(8)
    rows = 3600
    table = pd.DataFrame({"age": rng.integers(18, 90, rows), "rooms": rng.integers(1, 9, rows)})
    table["pay"] = rng.lognormal(8, 0.4, rows).round(2)
    table["kids"] = rng.poisson(1.2, rows)
    table["town"] = rng.choice(list("abc"), rows)
    score = 0.04 * (table.age - 50) - 0.2 * (table.rooms - 4) + rng.logistic(size=rows)
    return table.assign(late=np.where(score > 0, "yes", "no"), cost=score + 10)


def audited(table, gone, model, target, *, came=False, columns=NUMBERS, **options):
    private, public = table[:N], table[N:].reset_index(drop=True)
    parts = [(StandardScaler(), NUMBERS)] + ([(OneHotEncoder(), ["town"])] if "town" in columns else [])
    whole = make_pipeline(make_column_transformer(*parts), model)
    rows = [private, private.drop(index=gone)]
    fits = [clone(whole).fit(t[columns], t[target]) for t in (rows[::-1] if came else rows)]
    truth = options.pop("truth", private.loc[gone, [*columns, target]])
    return undelete.audit(*fits, public[[*columns, target]], target=target, truth=truth, **options)


MODELS = [(LogisticRegression(tol=1e-10, max_iter=1000), "late"), (Ridge(1.0), "cost")]


@pytest.mark.parametrize(("model", "target"), MODELS, ids=["class", "number"])
@pytest.mark.parametrize("came", [False, True], ids=["left", "joined"])
def test_both_come_back_as_surely_as_is_said(halves, model, target, came):
    right, sure = [], []
    for k in range(5):
        result = audited(halves, [2 * k, 2 * k + 1], model, target, came=came)
        assert result.setting.joined is came
        for name in NUMBERS:  # exact in every column, whoever it belongs to
            assert sorted(result.records[name]) == pytest.approx(sorted(halves.loc[[2 * k, 2 * k + 1], name]), rel=1e-6)
        right.append(result.right["pair"].all())
        sure.append(result.confidence[0])
        assert next(c for c in result.diagnostics if c.name == "Fits two records").ok
        assert result.verdict.word == "EXPOSED"
    assert audited(halves, [0, 1], model, target, came=came, truth=None).verdict.word == "EXPOSED"
    assert abs(np.mean(right) - np.mean(sure)) < 0.5
    assert np.mean(right) > 0.5  # by chance one in eight


def test_without_the_truth_they_are_exposed_too(halves):
    model, target = MODELS[0]
    result = audited(halves, [2, 3], model, target, truth=None)
    assert "EXPOSED" in result.verdict.word
    assert "NOT" not in result.verdict.word
    assert "records were deleted" in result.setting.text


def test_where_the_files_do_not_give_every_column_nothing_is_said(halves):
    model, target = MODELS[0]
    words = audited(halves, [2, 3], model, target, columns=[*NUMBERS, "town"], truth=None)
    assert words.verdict.word == "NOT DECIDABLE"
    assert "2 records fewer" in words.verdict.reason
    three = audited(halves, [2, 3, 4], model, target, truth=None)
    assert three.verdict.word == "NOT DECIDABLE"
    with pytest.raises(InputError, match="the truth has 1 records, and two left"):
        audited(halves, [2, 3], model, target, truth=halves.loc[[2]])


def test_every_way_to_deal_out_values_is_tried_once():
    values = np.array([[1.0, 2.0, 5.0, 0.0], [1.0, 3.0, 4.0, 1.0]])
    ways = _ways(values)
    made = {tuple(map(tuple, sorted((tuple(np.where(w, *values)), tuple(np.where(w, *values[::-1])))))) for w in ways}
    assert len(made) == len(ways) == 4
