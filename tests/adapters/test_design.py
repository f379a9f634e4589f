"""A design is scikit-learn's transform, and its columns turn a record back into raw cells."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, PolynomialFeatures, StandardScaler

from tests.adapters.pipelines import FOLDABLE, imputing, people, with_gaps
from undelete import InputError
from undelete.adapters.design.feature_names import design_from_names
from undelete.adapters.sklearn.pipeline import from_sklearn

TRAIN, PUBLIC = people(600, 0), people(400, 7)
RAW = ["year", "income", "state", "code"]


def fitted(pipeline, train=TRAIN):
    return pipeline.fit(train[RAW], train.wage)


def decoded(column, X):
    """Return the raw cells nearest to what the records' features say."""
    terms = X @ column.projection
    if column.kind == "continuous":
        return column.offset + column.slope * terms[:, 0]
    distance = np.abs(terms[:, None, :] - column.terms[None]).max(axis=2)
    assert distance.min(axis=1).max() < 1e-7
    return column.values[distance.argmin(axis=1)]


@pytest.mark.parametrize("name", FOLDABLE)
def test_transform_is_the_pipelines_own(name):
    pipeline = fitted(FOLDABLE[name]())
    design = from_sklearn(pipeline, PUBLIC, "wage").design
    theirs = pipeline[:-1].transform(PUBLIC[RAW])
    X = design.transform(PUBLIC)
    assert design.feature_names[-1] == "1"
    np.testing.assert_array_equal(X[:, -1], 1.0)
    np.testing.assert_allclose(X[:, :-1], getattr(theirs, "toarray", lambda: theirs)(), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("public", [None, PUBLIC])
@pytest.mark.parametrize("name", FOLDABLE)
def test_raw_cells_come_back_from_the_features(name, public):
    design = from_sklearn(fitted(FOLDABLE[name]()), public, "wage").design
    X = design.transform(TRAIN)
    columns, codes, values = design.columns(TRAIN)
    assert [c.name for c in columns] == [c for c in RAW if c in design.raw]
    for j, column in enumerate(columns):
        if "infrequent" in name and column.name in ("state", "code"):
            continue  # the group's members cannot be told apart
        if "first" in name and column.kind == "categorical":
            assert column.projection.shape[1] == len(column.values) - 1
        raw = TRAIN[column.name].to_numpy()
        if column.kind == "continuous":
            np.testing.assert_allclose(decoded(column, X), raw, rtol=1e-9)
            np.testing.assert_array_equal(values[:, j], raw)
            np.testing.assert_array_equal(codes[:, j], -1)
            assert column.spread == pytest.approx(raw.std())
        else:
            np.testing.assert_array_equal(decoded(column, X), raw)
            np.testing.assert_array_equal(column.values[codes[:, j]], raw)
            np.testing.assert_allclose(
                column.frequency, np.bincount(codes[:, j], minlength=len(column.values)) / len(raw)
            )


def test_kinds():
    table = people(3000).assign(age=lambda t: t.year - 1900, share=lambda t: t.code / 4)
    names = ["age", "income", "share", "state=Texas", "code=2"]
    columns, *_ = design_from_names(names, True).columns(table)
    kinds = {column.name: column.kind for column in columns}
    assert kinds == {
        "income": "continuous", "state": "categorical", "code": "categorical", "age": "discrete", "share": "discrete"
    }  # fmt: skip


@pytest.mark.parametrize("add_indicator", [False, True])
def test_imputation(add_indicator):
    train, public = with_gaps(TRAIN), with_gaps(PUBLIC, 2)
    pipeline = fitted(imputing(add_indicator), train)
    design = from_sklearn(pipeline, public, "wage").design
    X = design.transform(public)
    theirs = pipeline[:-1].transform(public[RAW])
    np.testing.assert_allclose(X[:, :-1], getattr(theirs, "toarray", lambda: theirs)(), atol=1e-10)
    year, _, state, _ = design.columns(public)[0]
    # without an indicator a missing year looks like the median that was put in
    shown = public.year if add_indicator else public.year.fillna(train.year.median())
    np.testing.assert_array_equal(decoded(year, X), shown)
    np.testing.assert_array_equal(decoded(state, X), public.state.fillna("Texas"))


def test_missing_is_a_category():
    train, public = with_gaps(TRAIN), with_gaps(PUBLIC, 2)
    pipeline = make_pipeline(ColumnTransformer([("t", OneHotEncoder(), ["state"])]), Ridge())
    design = from_sklearn(fitted(pipeline, train), public, "wage").design
    (state,), codes, _ = design.columns(public)
    np.testing.assert_array_equal(state.values[codes[:, 0]], public.state.fillna("nan"))
    np.testing.assert_array_equal(decoded(state, design.transform(public)), public.state.fillna("nan"))


def test_an_unknown_code_takes_missing_cells_and_is_imputed():
    table = pd.DataFrame({"state": ["Ohio", "Texas", "Ohio", "Maine"]})
    for unknown, steps in ((-1, ()), (np.nan, (SimpleImputer(),))):
        encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=unknown)
        pipeline = make_pipeline(encoder, *steps, Ridge()).fit(table, [1.0, 2.0, 3.0, 5.0])
        other = pd.DataFrame({"state": ["Utah", None, "Texas"]})
        X = from_sklearn(pipeline, table, None).design.transform(other)
        np.testing.assert_allclose(X[:, :1], pipeline[:-1].transform(other))


def test_columns_that_the_model_does_not_read_may_be_anything():
    pipeline = fitted(FOLDABLE["standard"]())
    other = PUBLIC.drop(columns="state").assign(code=np.inf)
    X = from_sklearn(pipeline, other, "wage").design.transform(other)
    np.testing.assert_array_equal(X, from_sklearn(pipeline, PUBLIC, "wage").design.transform(PUBLIC))


def test_imputation_after_scaling_and_coding():
    train, public = with_gaps(TRAIN), with_gaps(PUBLIC, 2)
    coded = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    steps = ColumnTransformer([("n", StandardScaler(), ["year"]), ("o", coded, ["state"])])
    pipeline = fitted(make_pipeline(steps, SimpleImputer(), PolynomialFeatures(2), Ridge()), train)
    public.loc[public.index[0], "state"] = "Utah"
    X = from_sklearn(pipeline, public, "wage").design.transform(public)
    np.testing.assert_allclose(X[:, :-1], pipeline[:-1].transform(public[RAW]), atol=1e-10)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_constant(fit_intercept):
    for encoder, found in ((OneHotEncoder(), True), (OneHotEncoder(drop="first"), fit_intercept)):
        steps = ColumnTransformer([("n", StandardScaler(), ["year"]), ("t", encoder, ["state"])])
        pipeline = fitted(make_pipeline(steps, LinearRegression(fit_intercept=fit_intercept)))
        design = from_sklearn(pipeline, PUBLIC, "wage").design
        v = design.constant()
        assert (v is not None) == found
        if v is not None:
            np.testing.assert_allclose(design.transform(PUBLIC) @ v, 1.0, atol=1e-12)


def test_a_bias_column_is_a_constant():
    steps = make_pipeline(StandardScaler(), PolynomialFeatures(2), Ridge(fit_intercept=False))
    v = from_sklearn(steps.fit(TRAIN[["year"]], TRAIN.wage), PUBLIC, "wage").design.constant()
    np.testing.assert_allclose(v, [1.0, 0.0, 0.0], atol=1e-15)


def test_without_a_constant_values_come_back_up_to_a_known_shift():
    pipeline = make_pipeline(StandardScaler(), Ridge(fit_intercept=False)).fit(TRAIN[["year", "income"]], TRAIN.wage)
    design = from_sklearn(pipeline, PUBLIC, "wage").design
    assert design.constant() is None
    X = design.transform(PUBLIC)
    for column in design.columns(PUBLIC)[0]:
        np.testing.assert_allclose(decoded(column, X), PUBLIC[column.name], rtol=1e-9)


def test_a_column_without_a_term_of_its_own_is_not_recoverable():
    design = design_from_names(["year*income", "state=Texas"], True)
    year, income, state = design.columns(PUBLIC)[0]
    assert year.projection.shape == income.projection.shape == (3, 0)
    assert state.projection.shape == (3, 1)
    assert state.terms.tolist() == [[0.0], [0.0], [0.0], [1.0]]


def test_truth_is_coded_by_the_public_values():
    design = design_from_names(["state=Texas", "code=2"], True)
    columns, *_ = design.columns(PUBLIC)
    codes, _ = design.encode(pd.DataFrame({"state": ["Texas", "Utah"], "code": [9, 2]}), columns)
    np.testing.assert_array_equal(codes >= 0, [[True, False], [False, True]])


@pytest.mark.parametrize("encoder", [OneHotEncoder(), OneHotEncoder(drop="first"), OrdinalEncoder()])
def test_a_category_that_no_public_record_has_is_a_candidate(encoder):
    train = TRAIN.assign(state=TRAIN.state.where(TRAIN.index != 3, "Utah"), code=TRAIN.code.where(TRAIN.index != 3, 77))
    steps = ColumnTransformer([("t", encoder, ["state", "code"])])
    design = from_sklearn(fitted(make_pipeline(steps, Ridge()), train), PUBLIC, "wage").design
    columns, codes, _ = design.columns(PUBLIC)
    for j, (column, lost) in enumerate(zip(columns, ("Utah", 77), strict=True)):
        assert dict(zip(column.values.tolist(), column.frequency, strict=True))[lost] == 0.0
        assert column.frequency.sum() == pytest.approx(1.0)
        assert sorted(column.values.tolist()) == column.values.tolist()
        np.testing.assert_array_equal(column.values[codes[:, j]], PUBLIC[column.name])
        np.testing.assert_array_equal(decoded(column, design.transform(train)), train[column.name])
        assert column.values[design.encode(train.loc[[3]], columns)[0][0, j]] == lost


def test_a_category_that_only_a_plain_model_names_is_a_candidate():
    state, code = design_from_names(["state=Utah", "state=Texas", "code=9", "code=2", "code=many"], True).columns(
        PUBLIC
    )[0]
    assert state.values.tolist() == ["Maine", "New York", "Ohio", "Texas", "Utah"]
    assert code.values.tolist() == [1, 2, 3, 4, 5, 9]  # a word is no value of a column of numbers
    np.testing.assert_array_equal(state.terms, np.array([[0, 0, 0, 0, 1], [0, 0, 0, 1, 0]]).T)


def test_a_missing_cell_is_a_candidate_where_the_encoder_knows_it():
    train = with_gaps(TRAIN)
    pipeline = make_pipeline(ColumnTransformer([("t", OneHotEncoder(), ["state"])]), Ridge())
    (state,), codes, _ = from_sklearn(fitted(pipeline, train), PUBLIC, "wage").design.columns(PUBLIC)
    assert state.values.tolist()[-1] == "nan" or "nan" in state.values
    assert state.frequency[state.values == "nan"].tolist() == [0.0]
    np.testing.assert_array_equal(state.values[codes[:, 0]], PUBLIC.state)
    # ordinal codes leave a missing cell missing, which the model then refuses: it is no candidate
    coded = make_pipeline(
        ColumnTransformer([("t", make_pipeline(OrdinalEncoder(), SimpleImputer()), ["state"])]), Ridge()
    )
    assert len(from_sklearn(fitted(coded, train), PUBLIC, "wage").design.columns(PUBLIC)[0][0].values) >= 4


def numbers(values, name="age"):
    return design_from_names([name], True).columns(pd.DataFrame({"age": values}))


def test_a_measured_range_has_its_gaps_filled_and_goes_on_beyond_the_ends():
    ages = np.array([a for a in range(20, 61) if a not in (33, 34, 47)] * 2)
    (age,), codes, _ = numbers(ages)
    assert age.values.tolist() == list(range(10, 71))
    assert age.frequency[age.values == 33].tolist() == [0.0]
    assert age.frequency.sum() == pytest.approx(1.0)
    np.testing.assert_array_equal(age.values[codes[:, 0]], ages)
    design = design_from_names(["age"], True)
    truth = pd.DataFrame({"age": [33, 65, 10, 71]})
    assert design.encode(truth, (age,))[0].ravel().tolist() == [23, 55, 0, -1]
    np.testing.assert_array_equal(decoded(age, design.transform(truth[:3])), [33, 65, 10])
    assert numbers(np.arange(5, 61))[0][0].values[0] == 0.0  # no age below zero, as none is there
    assert numbers(np.arange(-3, 61))[0][0].values[0] == -19.0


@pytest.mark.parametrize(
    "values", [np.arange(20.0), np.arange(0, 900, 10), np.r_[np.arange(30), 99], np.arange(0, 15, 0.5)]
)
def test_codes_and_fractions_keep_the_public_values(values):
    assert numbers(values)[0][0].values.tolist() == values.tolist()


def test_a_filled_value_joins_the_range_and_a_mark_of_missing_does_not():
    ages = np.r_[np.arange(20, 61), [-9] * 20].astype(float)
    table = pd.DataFrame({"age": ages})
    pipeline = make_pipeline(SimpleImputer(missing_values=-9, fill_value=40.5, strategy="constant"), Ridge())
    design = from_sklearn(pipeline.fit(table, ages), table, None).design
    (age,), codes, _ = design.columns(table)
    assert age.values.tolist() == sorted([*range(10, 71), 40.5])
    np.testing.assert_array_equal(age.values[codes[:, 0]], np.where(ages == -9, 40.5, ages))


def test_one_value_is_no_finding():
    table = pd.DataFrame({"age": [3.0] * 5, "state": ["Ohio"] * 5, "code": [1, 2, 1, 2, 1]})
    columns, codes, _ = design_from_names(["age", "state=Ohio", "code"], True).columns(table)
    assert [c.projection.shape for c in columns] == [(4, 0), (4, 0), (4, 1)]
    assert [c.terms.shape for c in columns] == [(1, 0), (1, 0), (2, 1)]
    assert [c.values.tolist() for c in columns[:2]] == [[3.0], ["Ohio"]]
    assert codes[:, :2].tolist() == [[0, 0]] * 5
    # a second candidate that no public record has is a finding
    (state,), *_ = design_from_names(["state=Texas"], True).columns(table)
    assert state.projection.shape == (2, 1)


def test_a_column_of_words_and_numbers_is_coded():
    table = pd.DataFrame({"state": ["Ohio", 7, "Texas", 7]})
    (state,), codes, _ = design_from_names(["state=Ohio"], True).columns(table)
    assert state.values[codes[:, 0]].tolist() == ["Ohio", "7.0", "Texas", "7.0"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="year"), r"the table has no column 'year', which the model reads; it has 'income'"),
        (lambda t: t.assign(year=t.year.astype(str).where(t.index != 3, "n/a")), r"column 'year' has 'n/a' in row 3"),
        (
            lambda t: t.assign(year=t.year.where(t.index != 4)),
            r"column 'year' is missing in row 4 and the model has no",
        ),
        (lambda t: t.assign(income=t.income.where(t.index != 5, np.inf)), r"column 'income' is infinite in row 5"),
        (lambda t: t.assign(state=t.state.where(t.index != 6, "Utah")), r"column 'state' has 'Utah' in row 6, a categ"),
        (lambda t: t.assign(code=t.code.where(t.index != 7, 8)), r"column 'code' has 8 in row 7, a category"),
        (lambda t: t.assign(state=1j), r"column 'state' has a cell of type complex: only numbers and text"),
        (lambda t: t.assign(year=pd.Timestamp(0)), r"column 'year' holds dates and the model reads numbers"),
        (lambda t: pd.concat([t, t[["code"]]], axis=1), r"the table has several columns named 'code'"),
    ],
)
def test_cells_that_cannot_be_used_are_named(change, message):
    design = from_sklearn(fitted(FOLDABLE["one-hot"]()), PUBLIC, "wage").design
    with pytest.raises(InputError, match=message) as caught:
        design.transform(change(PUBLIC))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dtype", ["string", "category", object, "str"])
def test_any_dtype_of_text_and_number(dtype):
    design = from_sklearn(fitted(FOLDABLE["one-hot"]()), PUBLIC, "wage").design
    other = PUBLIC.assign(
        state=PUBLIC.state.astype(dtype), code=PUBLIC.code.astype("Int64"), year=PUBLIC.year.astype(object)
    )
    np.testing.assert_array_equal(design.transform(other), design.transform(PUBLIC))


def test_names_read_number_categories():
    X = design_from_names(["code=2", "code=3*year^2"], False).transform(PUBLIC)
    np.testing.assert_array_equal(X[:, 0], PUBLIC.code == 2)
    np.testing.assert_array_equal(X[:, 1], (PUBLIC.code == 3) * PUBLIC.year.astype(float) ** 2)


@pytest.mark.parametrize("name", ["", "a**b", "=x", "a^b", "a^0", "a^1.5"])
def test_names_that_cannot_be_read(name):
    with pytest.raises(InputError, match=r"feature name '.*' cannot be read: write a raw column \(age\)"):
        design_from_names([name], True)


def test_names_that_contradict():
    with pytest.raises(InputError, match="feature 'a' is listed twice"):
        design_from_names(["a", "b", "a"], True)
    with pytest.raises(InputError, match="the product of two categories of one column"):
        design_from_names(["s=a*s=b"], True)
