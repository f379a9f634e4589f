"""Functions of columns in the names of a plain model's features: log(age)."""

import numpy as np
import pandas as pd
import pytest

import undelete
from undelete.adapters.design.feature_names import design_from_names
from undelete.adapters.design.functions import FUNCTIONS

NAMES = ["log(age)", "town=south", "log1p(pay)", "log(age)*town=south", "sqrt(kids)^2"]
WHO = 7


def people(n, seed):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({
        "age": rng.integers(18, 80, n), "pay": rng.lognormal(size=n).round(4), "kids": rng.integers(0, 6, n),
        "town": rng.choice(["north", "south"], n),
    })  # fmt: skip
    return table.assign(y=np.log(table.age) + (table.town == "south") + rng.normal(size=n))


def made(table):
    """The features of NAMES, by hand."""
    age, south = np.log(table["age"]), (table["town"] == "south").astype(float)
    return np.column_stack([age, south, np.log1p(table["pay"]), age * south, table["kids"], np.ones(len(table))])


def fitted(table):
    W = np.linalg.lstsq(made(table), table["y"], rcond=None)[0]
    return undelete.LinearModel(W[:-1], W[-1], "squared", NAMES, l2=0, n=len(table))


@pytest.fixture(scope="module")
def pair():
    table = people(300, 1)
    rest = table.drop(index=WHO)
    return fitted(table), fitted(rest), table, rest


def test_features_are_the_functions_values(pair):
    np.testing.assert_allclose(pair[0].features(pair[2]), made(pair[2]), rtol=1e-12)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_function_is_numpys(name):
    table = pd.DataFrame({"x (m)": [0.5, 2.0, 3.0]})
    own = design_from_names([f"{name}(x (m))"], False).transform(table)[:, 0]
    np.testing.assert_array_equal(own, getattr(np, name)(table["x (m)"]))


def test_columns_are_read_off_their_functions(pair):
    before, _, table, rest = pair
    columns = {column.name: column for column in before.design.columns(rest)[0]}
    x = before.features(table.loc[[WHO]])
    for name in ("age", "kids", "town"):
        off = np.abs(columns[name].terms - x @ columns[name].projection).max(axis=1)
        assert columns[name].values[off.argmin()] == table[name][WHO]
        assert off.min() < 1e-9
    pay = columns["pay"]
    assert np.interp((x @ pay.projection)[0, 0], pay.terms[:, 0], pay.values) == pytest.approx(
        table["pay"][WHO], rel=0.01
    )


def test_an_audit_tells_raw_columns(pair):
    before, after, table, rest = pair
    record = undelete.audit(before, after, rest, target="y").records.loc[0]
    assert record["age"] == pytest.approx(table["age"][WHO], abs=4)
    assert record[["kids", "town"]].tolist() == table.loc[WHO, ["kids", "town"]].tolist()


def test_a_column_of_that_name_is_the_column(pair):
    before, after, table, rest = pair
    logged = rest.rename(columns={"age": "log(age)"}).assign(**{"log(age)": np.log(rest["age"])})
    record = undelete.audit(before, after, logged, target="y").records.loc[0]
    assert record["log(age)"] == pytest.approx(np.log(table["age"][WHO]), abs=0.05)


def test_files_read_what_a_function_is_of(pair, tmp_path):
    before, after, _, rest = pair
    rest.to_csv(tmp_path / "public.csv", index=False)
    files = [tmp_path / "before.json", tmp_path / "after.json"]
    for model, file in zip((before, after), files, strict=True):
        undelete.save_model(model, file)
    found = undelete.audit(*files, tmp_path / "public.csv", target="y")
    assert found.records.shape == (1, 5)


def test_public_records_of_which_a_function_is_no_number_are_left_out(pair):
    before, after, _, rest = pair
    odd = rest.assign(pay=rest["pay"].where(np.arange(len(rest)) != 3, -4.0))
    with pytest.raises(undelete.InputError, match="log1p is no number"):
        before.features(odd)
    assert any("1 of 299 public records" in said for said in undelete.audit(before, after, odd, target="y").warnings)


def test_no_age_of_which_the_logarithm_is_none_is_told():
    """Whole numbers around the public ones are candidates, and 0 would be one of them."""
    design = design_from_names(["log(age)"], True)
    column = design.columns(pd.DataFrame({"age": np.arange(1, 60)}))[0][0]
    assert column.values.min() == 1
    assert np.isfinite(column.terms).all()
