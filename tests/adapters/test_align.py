"""A refitted pipeline in the old one's space decides as it did; what cannot be put there is refused by name."""

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, PolynomialFeatures, StandardScaler
from sklearn.svm import LinearSVC

from tests.adapters.pipelines import FOLDABLE, imputing, people, with_gaps
from undelete import InputError, LinearModel
from undelete.adapters.align import align
from undelete.adapters.leaks import lost_categories
from undelete.adapters.sklearn.pipeline import from_sklearn

TRAIN, PUBLIC = people(600, 0), people(400, 7)
RAW = ["year", "income", "state", "code"]


def models(pipeline, later=None, train=TRAIN, row=3, y=None):
    """Fit before and after the deletion of a row, and read both."""
    y, rest = train.wage if y is None else y, train.index != row
    before = pipeline.fit(train[RAW], y)
    old = from_sklearn(before, PUBLIC, "wage")
    decided = decision(before)
    after = (pipeline if later is None else later).fit(train[RAW][rest], y[rest])
    return old, from_sklearn(after, PUBLIC, "wage"), decided, after


def decision(estimator):
    decide = getattr(estimator, "decision_function", estimator.predict)
    return decide(PUBLIC[RAW]).reshape(len(PUBLIC), -1)


@pytest.mark.parametrize("name", FOLDABLE)
def test_the_aligned_model_decides_as_the_new_pipeline(name):
    old, new, decided, after = models(FOLDABLE[name]())
    aligned = old.design.transform(PUBLIC) @ align(old, new)
    difference = np.abs(decision(after) - decided).max()
    assert difference > 1e-6
    np.testing.assert_allclose(aligned, decision(after), rtol=0, atol=1e-9 * difference)


@pytest.mark.parametrize("name", ["one-hot, then scaled", "everything with everything"])
def test_the_standardisation_within_does_not_matter(name):
    """Without the public table the atoms are centred elsewhere; the aligned model is the same."""
    pipeline, rest = FOLDABLE[name](), TRAIN.index != 3
    old = from_sklearn(pipeline.fit(TRAIN[RAW], TRAIN.wage), PUBLIC, "wage")
    pipeline.fit(TRAIN[RAW][rest], TRAIN.wage[rest])
    W = align(old, from_sklearn(pipeline, PUBLIC, "wage"))
    blind = align(old, from_sklearn(pipeline, None, None))
    np.testing.assert_allclose(blind, W, rtol=0, atol=1e-9 * np.abs(W - old.W).max())


@pytest.mark.parametrize("final", [LogisticRegression(tol=1e-8), LinearSVC(), RidgeClassifier()])
def test_classifiers_fold(final):
    steps = ColumnTransformer([("n", StandardScaler(), RAW[:2]), ("t", OneHotEncoder(), RAW[2:])])
    old, new, decided, after = models(make_pipeline(steps, final), y=TRAIN.wage > TRAIN.wage.median())
    aligned = old.design.transform(PUBLIC) @ align(old, new)
    np.testing.assert_allclose(aligned, decision(after), atol=1e-9 * np.abs(decision(after) - decided).max())


def test_the_same_model_twice_is_the_same_to_the_last_bit():
    model = from_sklearn(FOLDABLE["powers, then scaled"]().fit(TRAIN[RAW], TRAIN.wage), PUBLIC, "wage")
    np.testing.assert_array_equal(align(model, model), model.W)


def test_a_category_that_only_the_deleted_record_had():
    train = TRAIN.assign(state=TRAIN.state.where(TRAIN.index != 3, "Utah"))
    pipeline = make_pipeline(
        ColumnTransformer([("t", OneHotEncoder(handle_unknown="ignore"), ["state"])], remainder="passthrough"),
        StandardScaler(with_mean=False),
        Ridge(),
    )
    old, new, _, after = models(pipeline, train=train)
    W = align(old, new)
    np.testing.assert_allclose(old.design.transform(PUBLIC) @ W, decision(after), rtol=1e-12)
    assert W[old.feature_names.index("state=Utah")] == 0.0
    assert lost_categories(old.design, new.design) == {"state": ("Utah",)}


def test_imputed_with_the_same_values():
    train = with_gaps(TRAIN).assign(income=TRAIN.income.round(-4))
    old, new, decided, after = models(imputing(add_indicator=True), train=train)
    aligned = old.design.transform(PUBLIC) @ align(old, new)
    np.testing.assert_allclose(aligned, decision(after), atol=1e-9 * np.abs(decision(after) - decided).max())


def coded(encoder, final=None):
    return make_pipeline(ColumnTransformer([("t", encoder, RAW[2:])]), final or Ridge())


def scaled(final, *steps):
    return make_pipeline(ColumnTransformer([("n", "passthrough", RAW[:2])]), StandardScaler(), *steps, final)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (scaled(Ridge()), scaled(LinearRegression()), "differ in their kind of model: Ridge before, LinearRegression"),
        (scaled(Ridge()), scaled(Ridge(fit_intercept=False)), "in their intercept: with an intercept before, without"),
        (
            scaled(Ridge()),
            make_pipeline(ColumnTransformer([("n", MinMaxScaler(), RAW[:2])]), Ridge()),
            "differ in their preprocessing steps: StandardScaler before, MinMaxScaler after",
        ),
        (
            coded(OneHotEncoder()),
            make_pipeline(ColumnTransformer([("t", OneHotEncoder(), ["state"])]), Ridge()),
            "the models read different columns: code only before, none only after",
        ),
        (
            scaled(Ridge(), PolynomialFeatures(2)),
            scaled(Ridge(), PolynomialFeatures(2, interaction_only=True)),
            r"different features: year\^2, income\^2 only before, none only after",
        ),
        (
            scaled(Ridge(fit_intercept=False)),
            scaled(Ridge(fit_intercept=False)),
            r"\(StandardScaler\) shift the features and the model has no intercept to take up the shift",
        ),
        (
            coded(OneHotEncoder(drop="first")),
            coded(OneHotEncoder(drop=["Texas", 2])),
            r"categories of column 'state' differ \('Maine' dropped before, 'Texas' after\)",
        ),
        (
            coded(OneHotEncoder(min_frequency=90)),
            coded(OneHotEncoder(min_frequency=200)),
            r"categories of column 'state' differ \(another group of infrequent categories\)",
        ),
        (
            coded(OrdinalEncoder()),
            coded(OrdinalEncoder(categories=[["Texas", "Ohio", "New York", "Maine"], [1, 2, 3, 4, 5]])),
            r"categories of column 'state' differ \(other codes\)",
        ),
    ],
)
def test_what_cannot_be_compared_is_named(before, after, message):
    classifies = isinstance(before[-1], LogisticRegression)
    old, new, *_ = models(before, after, y=TRAIN.wage > TRAIN.wage.median() if classifies else None)
    with pytest.raises(InputError, match=message) as caught:
        align(old, new)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("encoder", [OneHotEncoder(handle_unknown="ignore"), OrdinalEncoder()])
def test_a_category_that_came_or_shifted_the_codes(encoder):
    train = TRAIN.assign(state=TRAIN.state.where(TRAIN.index != 3, "Alaska"))
    if isinstance(encoder, OrdinalEncoder):
        pair, message = models(coded(encoder), train=train), "'state' differ .'Alaska' only before, none only after"
    else:
        old, new, *_ = models(coded(encoder), train=train)
        pair, message = (new, old), "'state' differ .none only before, 'Alaska' only after"
    with pytest.raises(InputError, match=message) as caught:
        align(*pair[:2])
    assert ("the deleted record alone had 'Alaska'" in str(caught.value)) == isinstance(encoder, OrdinalEncoder)


def test_a_lost_reference_category():
    train = TRAIN.assign(state=TRAIN.state.where(TRAIN.index != 3, "Alaska"))
    old, new, *_ = models(coded(OneHotEncoder(drop="first", handle_unknown="ignore")), train=train)
    with pytest.raises(
        InputError, match=r"'state' differ \('Alaska' dropped before, 'Maine' after\): the del"
    ) as caught:
        align(old, new)
    assert "the deleted record alone had 'Alaska', and the features then mean something else" in str(caught.value)


def test_fill_values_that_moved():
    old, new, *_ = models(imputing(strategy="mean"), train=with_gaps(TRAIN))
    with pytest.raises(InputError, match=r"imputer of column '(year|income)' fills [\d.]+ before and [\d.]+ after"):
        align(old, new)


def test_losses_classes_and_outputs():
    names, rows = ["a", "b"], np.eye(2)
    ridge = LinearModel(rows[0], 0.0, "squared", names)
    with pytest.raises(InputError, match="differ in their number of outputs: 1 before, 2 after"):
        align(ridge, LinearModel(rows, [0.0, 0.0], "squared", names))
    logistic = LinearModel(rows[0], 0.0, "logistic", names, classes=[0, 1])
    with pytest.raises(InputError, match="differ in their loss: squared before, logistic after"):
        align(ridge, logistic)
    with pytest.raises(InputError, match="differ in their classes: 0, 1 before, 0, 2 after"):
        align(logistic, LinearModel(rows[0], 0.0, "logistic", names, classes=[0, 2]))
    with pytest.raises(InputError, match="read different columns: b only before, c only after"):
        align(ridge, LinearModel(rows[0], 0.0, "squared", ["a", "c"]))


def test_features_are_matched_by_name_not_by_place():
    old = LinearModel([1.0, 2.0], 3.0, "squared", ["a", "b^2"])
    new = LinearModel([5.0, 4.0], 6.0, "squared", ["b^2", "a"])
    assert align(old, new).ravel().tolist() == [4.0, 5.0, 6.0]
