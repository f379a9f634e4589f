"""Models of a target's logarithm: the target comes back as the table has it."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, PowerTransformer, StandardScaler, TargetEncoder

import undelete
from tests.models.conftest import COLUMNS, customers
from undelete import InputError


def inner():
    steps = make_column_transformer((StandardScaler(), COLUMNS[:3]), (OneHotEncoder(drop="first"), COLUMNS[3:]))
    return make_pipeline(steps, Ridge(solver="cholesky"))


def logs():
    return TransformedTargetRegressor(inner(), func=np.log, inverse_func=np.exp)


@pytest.fixture(scope="module")
def halves():
    people = customers(4000, seed=8)
    return people.iloc[:2000].reset_index(drop=True), people.iloc[2000:].reset_index(drop=True)


def fitted(make, table):
    return make().fit(table[COLUMNS], table.spent)


def test_the_target_comes_back_in_the_table_s_own_unit(halves, tmp_path):
    private, public = (half[[*COLUMNS, "spent"]] for half in halves)
    files = [tmp_path / "before.skops", tmp_path / "after.skops"]
    for file, table in zip(files, (private, private.drop(index=6)), strict=True):
        undelete.save_model(fitted(logs, table), file)
    truth = private.iloc[[6]]
    found = undelete.audit(*files, public, target="spent", truth=truth)
    assert found.verdict.word == "EXPOSED"
    assert found.records["spent"].iloc[0] == pytest.approx(truth["spent"].iloc[0], rel=0.15)
    cell = found.document()["records"][0]["target"]
    assert cell["true"] == pytest.approx(truth["spent"].iloc[0])
    assert cell["low"] < cell["recovered"] < cell["high"]
    played = undelete.simulate(
        logs(), private[COLUMNS], private.spent, public[COLUMNS], public.spent, deletions=10, attacks=("informed",)
    )
    assert played.summary().loc["informed", "median_centred_cosine"] > 0.999999


def test_leave_one_out_is_that_of_the_transformed_target(halves):
    table = halves[0].iloc[:200]
    make = lambda: TransformedTargetRegressor(Ridge(solver="cholesky"), func=np.log, inverse_func=np.exp)  # noqa: E731
    found = undelete.leave_one_out(make(), table[COLUMNS[:3]], table.spent, [5])
    rest = table.drop(index=5)
    theirs = make().fit(rest[COLUMNS[:3]], rest.spent).regressor_
    np.testing.assert_allclose(found.coef[0, 0], theirs.coef_, atol=1e-9)


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler()])
def test_a_scaled_target_is_the_target_itself_in_another_unit(halves, scaler):
    private, public = (half[[*COLUMNS, "spent"]] for half in halves)
    rest = private.drop(index=6)
    makers = inner, lambda: TransformedTargetRegressor(inner(), transformer=scaler)
    plain, scaled = (
        undelete.audit(*(fitted(make, one) for one in (private, rest)), public, target="spent") for make in makers
    )
    np.testing.assert_allclose(scaled.release.W_before, plain.release.W_before, rtol=1e-7)
    assert scaled.records[COLUMNS].equals(plain.records[COLUMNS])
    own = private.spent[6] if isinstance(scaler, StandardScaler) else plain.records.spent[0]
    assert scaled.records.spent[0] == pytest.approx(own, rel=1e-6)


def test_the_mean_of_a_target_is_that_of_what_it_was_fitted_to(halves):
    private, public = (half[["age", "town", "spent"]] for half in halves)
    encode = make_column_transformer((StandardScaler(), ["age"]), (TargetEncoder(cv=2), ["town"]))

    def found(make):
        pair = [make().fit(one[["age", "town"]], one.spent) for one in (private, private.drop(index=6))]
        return undelete.audit(*pair, public, target="spent", attacks=("hrec",)).records.spent[0]

    logs = dict(func=np.log, inverse_func=np.exp)
    outside = found(lambda: make_pipeline(clone(encode), TransformedTargetRegressor(Ridge(), **logs)))
    assert outside == pytest.approx(private.spent[6], rel=1e-6)
    scaled = found(
        lambda: TransformedTargetRegressor(make_pipeline(clone(encode), Ridge()), transformer=StandardScaler())
    )
    assert scaled == pytest.approx(private.spent[6], rel=1e-6)


def test_refusals(halves):
    private, public = halves
    before, other = fitted(logs, private), fitted(inner, private)
    with pytest.raises(InputError, match="are fitted to other transformations of the target"):
        undelete.audit(before, other, public, target="spent")
    bent = [
        fitted(lambda: TransformedTargetRegressor(inner(), transformer=PowerTransformer()), one)
        for one in (private, private.drop(index=6))
    ]
    with pytest.raises(InputError, match="one was fitted anew"):
        undelete.audit(*bent, public, target="spent")
    with pytest.raises(InputError, match="makes no finite number of some public targets"):
        undelete.audit(before, before, public.assign(spent=0.0), target="spent")
