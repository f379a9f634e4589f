"""A record that joined exposes itself as one that left does."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

import undelete
from undelete.errors import InputError

N, WHO = 400, 3


@pytest.fixture(scope="module")
def halves():
    rng = np.random.default_rng(4)
    table = pd.DataFrame({"age": rng.integers(20, 80, 1400), "town": rng.choice(list("abcdef"), 1400)})
    table["ill"] = np.where(table.age + rng.normal(0, 15, 1400) > 50, "yes", "no")
    return table[:N].reset_index(drop=True), table[N:].reset_index(drop=True)


def fits(private):
    steps = make_column_transformer((StandardScaler(), ["age"]), (OneHotEncoder(), ["town"]))
    model = make_pipeline(steps, LogisticRegression(tol=1e-10, max_iter=1000))
    return [clone(model).fit(t[["age", "town"]], t.ill) for t in (private.drop(index=WHO), private)]


def test_the_count_says_that_it_joined_and_it_is_the_same_record(halves):
    private, public = halves
    models = fits(private)
    came = undelete.audit(*models, public, target="ill", truth=private.loc[[WHO]])
    left = undelete.audit(*models[::-1], public, target="ill", truth=private.loc[[WHO]])
    pd.testing.assert_frame_equal(came.records, left.records)
    assert came.records.age[0] == private.age[WHO]
    assert (came.setting.joined, left.setting.joined) == (True, False)
    assert came.document()["question"]["joined"]
    assert came.verdict.word == left.verdict.word
    assert "eleting" not in came.verdict.sentence
    assert any("one record more than the first (399 and 400)" in text for text in came.warnings)


def test_what_was_asked_counts_where_the_files_do_not_say_otherwise(halves):
    private, public = halves
    numbers = [undelete.LinearModel(m[-1].coef_, m[-1].intercept_, "logistic", ["age"], classes=["no", "yes"], l2=1.0)
               for m in scaled(private)]  # fmt: skip
    asked = undelete.audit(*numbers, public[["age", "ill"]], target="ill", n=N - 1, deleted=0, joined=1)
    assert asked.setting.joined
    assert asked.release.n == N
    with pytest.raises(InputError, match="but the files count 400 records before and 399 after"):
        undelete.audit(*fits(private)[::-1], public, target="ill", deleted=0, joined=1)
    with pytest.raises(InputError, match="deleted=2 and joined=1 are given, but the files count 399 records"):
        undelete.audit(*fits(private), public, target="ill", deleted=2, joined=1)
    with pytest.raises(InputError, match="deleted is -1"):
        undelete.audit(*fits(private), public, target="ill", deleted=-1)


def test_the_count_says_it_where_the_scaler_counts_and_does_not_move(halves):
    private, public = halves
    model = make_pipeline(MinMaxScaler(), Ridge(1.0))  # of a number, the change's sign says nothing
    private, public = (t.assign(ill=t.ill == "yes", cost=t.age * 0.1) for t in (private, public))
    columns = ["age", "ill"]
    fits = [clone(model).fit(t[columns], t.cost) for t in (private.drop(index=WHO), private)]
    came = undelete.audit(*fits, public[[*columns, "cost"]], target="cost")
    assert (came.setting.joined, came.release.n) == (True, N)


def scaled(private):
    return [make_pipeline("passthrough", LogisticRegression(tol=1e-10, max_iter=5000)).fit(t[["age"]], t.ill)
            for t in (private.drop(index=WHO), private)]  # fmt: skip


def test_additions_are_played_as_deletions_backwards(halves):
    private, public = halves
    model = fits(private)[1]
    played = [undelete.simulate(model, private[["age", "town"]], private.ill, public[["age", "town"]], public.ill,
                                deletions=[1, 2, 3], additions=additions) for additions in (False, True)]  # fmt: skip
    pd.testing.assert_frame_equal(*(one.records for one in played))
    assert "3 additions were played" in played[1].setting.text
    assert "deletion" not in played[1].verdict.sentence.lower()
