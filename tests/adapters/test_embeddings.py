"""Pipelines with an embedding are read as they are, in files too, and two of them compared only over the same one."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.kernel_approximation import Nystroem, RBFSampler
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from tests.adapters.pipelines import FOLDABLE, people, with_gaps
from undelete import InputError, LinearModel, load_model, save_model
from undelete.adapters.align import align
from undelete.adapters.leaks import basis_leak, sentences
from undelete.adapters.sklearn.pipeline import from_sklearn
from undelete.maths.embeddings import RandomFourierFeatures

TRAIN = people(400)
RAW = ["year", "income", "state", "code"]
HIGH = np.where(TRAIN.wage > TRAIN.wage.median(), "high", "low")
BAND = np.digitize(TRAIN.wage, np.quantile(TRAIN.wage, [0.3, 0.7]))


def fourier(**options):
    return RBFSampler(**({"gamma": 0.2, "n_components": 30, "random_state": 0} | options))


def nystroem(**options):
    return Nystroem(**({"gamma": 0.2, "n_components": 30, "random_state": 0} | options))


def encoded(text=OneHotEncoder, numbers=StandardScaler):
    return ColumnTransformer([("n", numbers(), ["year", "income"]), ("t", text(), ["state", "code"])])


def read(pipeline, target="wage"):
    return from_sklearn(pipeline, TRAIN, target)


@pytest.mark.parametrize("phi", [fourier, nystroem])
@pytest.mark.parametrize(
    ("model", "y"),
    [
        (LinearRegression(), TRAIN.wage),
        (Ridge(0.1, fit_intercept=False), TRAIN.wage),
        (RidgeClassifier(), BAND),
        (LogisticRegression(), HIGH),
        (LogisticRegression(), BAND),
        (LinearSVC(dual=False), BAND),
    ],
)
def test_decides_as_the_pipeline_does(phi, model, y):
    pipeline = make_pipeline(encoded(), phi(), model).fit(TRAIN[RAW], y)
    found = read(pipeline)
    decide = pipeline.predict if found.classes is None else pipeline.decision_function
    np.testing.assert_allclose(found.decision(TRAIN), np.reshape(decide(TRAIN[RAW]), (400, -1)), rtol=1e-9, atol=1e-9)
    assert found.steps[-1] == type(phi()).__name__
    assert found.features(TRAIN).shape == (400, found.W.shape[0])
    np.testing.assert_allclose(found.inputs(TRAIN), np.asarray(pipeline[0].transform(TRAIN[RAW])), atol=1e-9)
    assert (found.constant() is None) == (not model.fit_intercept)


@pytest.mark.parametrize("name", FOLDABLE)
def test_any_readable_step_may_come_before(name):
    *steps, (_, ridge) = FOLDABLE[name]().steps
    pipeline = Pipeline([*steps, ("phi", fourier(gamma=0.05)), ("ridge", ridge)]).fit(TRAIN[RAW], TRAIN.wage)
    found = read(pipeline)  # compares decisions with the pipeline's own
    assert found.embedding.features == 30
    assert not found.design.has_constant


def test_imputers_and_nested_and_frozen_steps_may_come_before():
    table = with_gaps(TRAIN)[["year", "income"]]
    steps = make_pipeline(make_pipeline(SimpleImputer(), StandardScaler()), nystroem(gamma=None)).fit(table)
    frozen = make_pipeline(FrozenEstimator(steps), Ridge()).fit(table, TRAIN.wage)
    assert from_sklearn(frozen, with_gaps(TRAIN), "wage").steps == ("SimpleImputer", "StandardScaler", "Nystroem")


def test_columns_are_read_off_the_inputs_without_a_constant_among_them():
    for encoder in (OneHotEncoder, lambda: OneHotEncoder(drop="first", sparse_output=False)):
        model = read(make_pipeline(encoded(encoder), fourier(), Ridge()).fit(TRAIN[RAW], TRAIN.wage))
        columns, codes, values = model.design.columns(TRAIN)
        U = model.inputs(TRAIN)
        for j, column in enumerate(columns):
            assert column.projection.shape[0] == model.embedding.inputs
            terms = U @ column.projection
            if column.kind == "continuous":
                np.testing.assert_allclose(column.offset + column.slope * terms[:, 0], TRAIN[column.name], rtol=1e-9)
                np.testing.assert_allclose(values[:, j], TRAIN[column.name])
            else:
                np.testing.assert_allclose(terms, column.terms[codes[:, j]], atol=1e-9)
                assert (column.values[codes[:, j]] == TRAIN[column.name]).all()


@pytest.mark.parametrize("phi", [fourier, nystroem])
@pytest.mark.parametrize("suffix", [".npz", ".json"])
@pytest.mark.parametrize("intercept", [True, False])
def test_comes_back_from_plain_files_and_from_skops(tmp_path, phi, suffix, intercept):
    pipeline = make_pipeline(phi(), Ridge(fit_intercept=intercept)).fit(TRAIN[["code"]], TRAIN.wage)
    save_model(pipeline, tmp_path / "model.skops")
    model = read(load_model(tmp_path / "model.skops"))  # without trust
    save_model(model, tmp_path / f"model{suffix}")
    again = load_model(tmp_path / f"model{suffix}")
    np.testing.assert_array_equal(again.decision(TRAIN), model.decision(TRAIN))
    np.testing.assert_array_equal(again.l2, model.l2)
    assert type(again.embedding) is type(model.embedding)
    np.testing.assert_array_equal(align(again, again), model.W)


def test_what_is_scaled_before_an_embedding_is_saved_as_skops():
    model = read(make_pipeline(encoded(), fourier(), Ridge()).fit(TRAIN[RAW], TRAIN.wage))
    with pytest.raises(InputError, match="features are more than their names say"):
        save_model(model, "m.npz")


def arrays(**more):
    rng = np.random.default_rng(0)
    fields = {
        "coef": rng.normal(size=(1, 5)), "loss": np.array("squared"), "feature_names": np.array(["a", "b"]),
        "frequencies": rng.normal(size=(2, 5)), "phases": rng.normal(size=5), "intercept": np.array([1.0]),
    }  # fmt: skip
    return {key: value for key, value in (fields | more).items() if value is not None}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"phases": None}, "has frequencies of an embedding: give frequencies and phases, or basis"),
        (
            {"basis": np.ones((2, 2))},
            "or basis, mixing and gamma, and nothing of the other",
        ),
        ({"phases": np.ones(4)}, r"arrays do not fit together \(frequencies \(2, 5\), phases \(4,\)\)"),
        ({"phases": np.full(5, np.nan)}, "the embedding's phases are not finite"),
        ({"feature_names": np.array(["a"])}, "the embedding has 2 inputs and there are 1 feature names"),
        ({"coef": np.ones((1, 2))}, r"coef has shape \(1, 2\) and the embedding 5 features"),
        ({"l2": np.ones(2)}, "l2 has shape .2,.: give one number, or one for each of 5 features"),
    ],
)
def test_plain_files_that_do_not_fit(tmp_path, change, message):
    np.savez(tmp_path / "m.npz", **arrays())
    assert isinstance(load_model(tmp_path / "m.npz"), LinearModel)
    np.savez(tmp_path / "m.npz", **arrays(**change))
    with pytest.raises(InputError, match=message):
        load_model(tmp_path / "m.npz")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: make_pipeline(nystroem(kernel="poly"), Ridge()),
            "Nystroem was fitted with kernel='poly': undele",
        ),
        (
            lambda: make_pipeline(fourier(), StandardScaler(), Ridge()),
            "has StandardScaler after RBFSampler: undele",
        ),
        (lambda: make_pipeline(fourier(), nystroem(), Ridge()), "has Nystroem after RBFSampler"),
        (
            lambda: make_pipeline(ColumnTransformer([("r", fourier(), ["code"])]), Ridge()),
            "has RBFSampler inside another step: undelete reads an embedding only as the last step before",
        ),
    ],
)
def test_refuses_what_cannot_be_traced_back(make, message):
    pipeline = make().fit(TRAIN[["year", "code"]] / 1000, TRAIN.wage)
    with pytest.raises(InputError, match=message):
        from_sklearn(pipeline, None, None)


def test_a_changed_embedding_is_not_that_of_the_pipeline():
    pipeline = make_pipeline(fourier(), Ridge()).fit(TRAIN[["code"]], TRAIN.wage)
    pipeline[0].random_offset_ = pipeline[0].random_offset_[:-1]
    with pytest.raises(InputError, match="do not fit together"):
        from_sklearn(pipeline, TRAIN[["code"]], None)
    pipeline[0].random_offset_ = np.zeros(30)
    pipeline[0].n_components = 15  # the pipeline then scales its features otherwise
    with pytest.raises(InputError, match="decides otherwise on the public records than its steps say"):
        from_sklearn(pipeline, TRAIN[["code"]], None)


def pair(make, row=17, fixed=False):
    """The models before and after, every step refitted, or all but the last one fixed."""
    rest = TRAIN.index != row
    before = make().fit(TRAIN[RAW], TRAIN.wage)
    if fixed:
        steps = FrozenEstimator(before[:-1])
        after = make_pipeline(steps, clone(before[-1])).fit(TRAIN.loc[rest, RAW], TRAIN.wage[rest])
    else:
        after = make().fit(TRAIN.loc[rest, RAW], TRAIN.wage[rest])
    return read(before), read(after)


def test_the_same_embedding_is_compared_as_it_is():
    numbers = ColumnTransformer([("n", MinMaxScaler(), ["year", "income"]), ("t", OneHotEncoder(), ["state"])])
    for make, fixed in (
        (lambda: make_pipeline(encoded(), nystroem(), Ridge()), True),
        (lambda: make_pipeline(numbers, fourier(), Ridge()), False),  # no extreme moves, the weights are drawn alike
    ):
        before, after = pair(make, fixed=fixed)
        np.testing.assert_array_equal(align(before, after), after.W)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: make_pipeline(encoded(), fourier(), Ridge()),
            r"steps before the embedding \(StandardScaler, OneHotEncoder\) were refitted and changed 'year': .*"
            r"keep them as fitted before the deletion\. Whatever the models say: The two pipelines' scalers give "
            r"values of the deleted record away exactly, .* for 'year', 'income'$",
        ),
        (
            lambda: make_pipeline(encoded(numbers=MinMaxScaler), fourier(random_state=None), Ridge()),
            "different embeddings, which are drawn anew in each fit: .*fix random_state",
        ),
        (lambda: make_pipeline(encoded(numbers=MinMaxScaler), nystroem(), Ridge()), "different embeddings"),
    ],
)
def test_another_embedding_is_refused_with_what_is_given_away_anyhow(make, message):
    before, after = pair(make)
    with pytest.raises(InputError, match=message) as error:
        align(before, after)
    assert "\n" not in str(error.value)


def test_an_embedding_is_not_compared_with_none():
    plain = LinearModel([1.0, 2.0], 0.0, "squared", ["a", "b"])
    with_one = LinearModel(
        [1.0, 2.0], 0.0, "squared", ["a", "b"], embedding=RandomFourierFeatures(np.eye(2), np.zeros(2))
    )
    with pytest.raises(InputError, match="differ in their embedding: none before, fourier after"):
        align(plain, with_one)


def test_a_record_that_only_the_old_nystroem_stores_is_the_deleted_one():
    def make():
        return make_pipeline(encoded(numbers=MinMaxScaler), nystroem(n_components=400), Ridge())

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fewer records than components
        before, after = pair(make)
    np.testing.assert_allclose(basis_leak(before, after), before.inputs(TRAIN.iloc[[17]])[0])
    assert any("it is the deleted record as it stands" in told for told in sentences(before, after))
    with pytest.raises(InputError, match="stores one record that the new one lacks"):
        align(before, after)
    assert basis_leak(before, before) is None
    drawn_anew = pair(lambda: make_pipeline(encoded(numbers=MinMaxScaler), nystroem(), Ridge()))
    assert basis_leak(*drawn_anew) is None
