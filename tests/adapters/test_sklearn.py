"""Estimators are read as the objective that they minimise, or refused with a reason."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    Perceptron,
    QuantileRegressor,
    Ridge,
    RidgeClassifier,
    RidgeClassifierCV,
    RidgeCV,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    PolynomialFeatures,
    QuantileTransformer,
    StandardScaler,
)
from sklearn.svm import SVR, LinearSVC

import undelete
from undelete import InputError
from undelete.adapters.design.probed import Probed
from undelete.adapters.leaks import between, exact_values
from undelete.adapters.sklearn.pipeline import from_sklearn
from undelete.maths.losses import LOSSES
from undelete.maths.objective import Objective

RNG = np.random.default_rng(5)
X = pd.DataFrame(RNG.normal([0, 1, -2], size=(300, 3)), columns=["a", "b", "c"])
Z = X.to_numpy() @ [1.0, -1.0, 0.5] + RNG.normal(size=300)
TWO, THREE = np.where(np.median(Z) < Z, "yes", "no"), np.digitize(Z, np.quantile(Z, [0.3, 0.6]))


def signs(model, y):
    if model.classes is None:
        return np.asarray(y, dtype=float).reshape(len(y), -1)
    if len(model.classes) == 2:
        return np.where(np.asarray(y) == model.classes[1], 1.0, -1.0)[:, None]
    return np.where(np.asarray(y)[:, None] == np.array(model.classes), 1.0, -1.0)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize(
    ("make", "y", "kind"),
    [
        (lambda **o: LinearRegression(**o), Z, "LinearRegression"),
        (lambda **o: Ridge(7.0, **o), Z, "Ridge"),
        (lambda **o: Ridge([7.0, 7.0], **o), np.c_[Z, -(Z**2)], "Ridge"),
        (lambda **o: RidgeCV([2.0, 5.0], **o), Z, "RidgeCV"),
        (lambda **o: RidgeClassifier(3.0, **o), TWO, "RidgeClassifier"),
        (lambda **o: RidgeClassifierCV([3.0, 4.0], **o), THREE, "RidgeClassifierCV"),
        (lambda **o: LogisticRegression(C=0.3, tol=1e-10, **o), TWO, "LogisticRegression"),
        (lambda **o: LogisticRegression(C=np.inf, tol=1e-10, **o), TWO, "LogisticRegression"),
        (
            lambda **o: LogisticRegression(C=0.3, tol=1e-10, solver="liblinear", intercept_scaling=2.5, **o),
            TWO,
            "LogisticRegression",
        ),
        (
            lambda **o: LogisticRegressionCV(
                Cs=[0.1, 1.0], l1_ratios=(0,), scoring="neg_log_loss", use_legacy_attributes=False, tol=1e-10, **o
            ),
            TWO,
            "LogisticRegressionCV",
        ),
        (lambda **o: LinearSVC(C=0.4, tol=1e-12, max_iter=100_000, intercept_scaling=3.0, **o), TWO, "LinearSVC"),
        (lambda **o: LinearSVC(C=0.4, tol=1e-12, max_iter=100_000, **o), THREE, "LinearSVC"),
    ],
)
def test_the_estimator_is_the_minimiser_of_what_is_read(make, y, kind, fit_intercept):
    """The oracle: with our loss and penalty, intercept's included, the gradient at its parameters is zero."""
    model = from_sklearn(make(fit_intercept=fit_intercept).fit(X, y), X, None)
    assert model.kind == kind
    assert model.design.has_constant == fit_intercept
    features = model.design.transform(X)
    objective = Objective(features, signs(model, y), LOSSES[model.loss], np.asarray(model.l2))
    assert np.abs(objective.gradient(model.W)).max() / len(X) < 1e-6
    assert model.l2.shape == (features.shape[1],)


def test_decision_is_the_estimators():
    for estimator, y in ((LinearSVC(), THREE), (RidgeClassifier(), TWO)):
        theirs = estimator.fit(X, y).decision_function(X).reshape(300, -1)
        np.testing.assert_allclose(from_sklearn(estimator, X, None).decision(X), theirs, rtol=1e-10)


def test_fitted_on_an_array():
    public = X.rename(columns={"a": 0, "b": 1, "c": 2}).assign(income=Z)
    model = from_sklearn(make_pipeline("passthrough", StandardScaler(), Ridge()).fit(X.to_numpy(), Z), public, "income")
    assert model.design.raw == ("0", "1", "2")
    with pytest.raises(
        InputError, match=r"an array of 3 columns and the public table has 4 besides the target .none w"
    ):
        from_sklearn(Ridge().fit(X.to_numpy(), Z), public, None)
    assert from_sklearn(Ridge().fit(X.to_numpy(), Z), None, None).design.raw == ("x0", "x1", "x2")


def test_nested_pipelines_and_what_they_tell():
    inner = make_pipeline(StandardScaler(), PolynomialFeatures(2, include_bias=False))
    outer = make_pipeline(inner, None, make_pipeline(MinMaxScaler(), Ridge())).fit(X, Z)
    model = from_sklearn(outer, X, None)
    assert model.steps == ("StandardScaler", "PolynomialFeatures", "MinMaxScaler")
    assert model.n == 300
    assert model.feature_names == ("a", "b", "c", "a^2", "a*b", "a*c", "b^2", "b*c", "c^2")
    np.testing.assert_allclose(model.decision(X).ravel(), outer.predict(X), rtol=1e-10)


def test_equal_names_are_told_apart():
    twice = ColumnTransformer([("one", "passthrough", ["a"]), ("two", StandardScaler(), ["a"])])
    model = from_sklearn(make_pipeline(twice, Ridge()).fit(X, Z), X, None)
    assert model.feature_names == ("a", "a#2")


def test_a_fit_that_did_not_converge_is_noted():
    estimator = LogisticRegression(max_iter=1)
    with pytest.warns(ConvergenceWarning):
        estimator.fit(X, TWO)
    first, second = from_sklearn(estimator, X, None).notes
    assert first == "LogisticRegression stopped at max_iter=1 without converging"
    assert second.startswith("LogisticRegression was fitted with tol=0.0001, coarse beside the change that one record")
    assert second.endswith("what the two fits may have left over is in the error bars")


@pytest.mark.parametrize(
    ("estimator", "y", "note"),
    [
        (Ridge(solver="lsqr"), Z, "Ridge was fitted by the iterative solver 'lsqr' with tol=0.0001, coarse beside"),
        (RidgeClassifier(solver="sag", max_iter=10_000), TWO, "RidgeClassifier was fitted by the iterative solver"),
        (LogisticRegressionCV(
            Cs=[1.0], l1_ratios=(0,), scoring="accuracy", use_legacy_attributes=False
        ), TWO, "LogisticRegressionCV was fitted with tol=0.0001, coarse beside"),
        (LinearSVC(), TWO, "LinearSVC was fitted with tol=0.0001, coarse beside the change that one record makes"),
        (Ridge(), Z, None),
        (Ridge(solver="lsqr", tol=1e-12), Z, None),
        (RidgeClassifier(), TWO, None),
        (LinearRegression(), Z, None),
        (LogisticRegression(tol=1e-10), TWO, None),
        (LinearSVC(tol=1e-10, max_iter=100_000), TWO, None),
    ],
)  # fmt: skip
def test_a_tolerance_in_which_one_record_is_lost_is_noted(estimator, y, note):
    notes = from_sklearn(estimator.fit(X, y), X, None).notes
    assert len(notes) == (note is not None)
    assert all(text.startswith(note) for text in notes)


def test_sparse_input_chooses_an_iterative_ridge_and_is_noted():
    """The oracle for "coarse": the solver errs as much as the deletion changes, within a factor of two."""
    rng, share = np.random.default_rng(0), 1 / np.arange(1, 61)
    names = [f"s{i}" for i in range(60)]
    table = pd.DataFrame({c: rng.choice(names, 10_000, p=share / share.sum()) for c in ("state", "code")})
    table.iloc[0] = "s0"  # the record that will be deleted is a common one
    y = rng.normal(size=10_000) + table.state.str[1:].astype(int) + table.code.str[1:].astype(int) / 2

    def change(sparse):
        pipeline = make_pipeline(OneHotEncoder(sparse_output=sparse), Ridge())
        old, new = (from_sklearn(clone(pipeline).fit(table[k:], y[k:]), table, None) for k in (0, 1))
        return old, new.coef - old.coef

    (sparse, coarse), (dense, exact) = change(True), change(False)
    assert np.abs(coarse - exact).max() > 0.5 * np.abs(exact).max()
    assert dense.notes == ()
    (note,) = sparse.notes
    assert "solver 'sparse_cg' with tol=0.0001" in note
    assert "what the two fits may have left over is in the error bars" in note
    assert 'solver="cholesky" or "svd" leave nothing (sparse input chooses sparse_cg by itself' in note
    assert (sparse.tolerance, sparse.criterion, dense.tolerance) == (1e-4, "moment", None)


def test_scalers_give_the_deleted_record_away():
    steps = ColumnTransformer(
        [("s", StandardScaler(), ["b", "c"]), ("i", make_pipeline(SimpleImputer(), StandardScaler()), ["a"])]
    )
    pipeline = make_pipeline(steps, StandardScaler(), Ridge())
    before = from_sklearn(pipeline.fit(X, Z), X, None)
    rest = X.index != 17
    leaked = exact_values(before, from_sklearn(pipeline.fit(X[rest], Z[rest]), X, None))
    assert leaked == pytest.approx(X.loc[17].to_dict(), abs=1e-10)  # "a" too: nothing was missing, which shows
    assert exact_values(before, before) == {}
    bare = [from_sklearn(Ridge().fit(X[keep], Z[keep]), X, None) for keep in (X.index >= 0, rest)]
    assert exact_values(*bare) == {}


def test_an_extreme_that_moved_is_the_deleted_record_s_value():
    steps = ColumnTransformer(
        [
            ("m", MinMaxScaler(), ["a", "b"]),
            ("l", MaxAbsScaler(), ["c"]),
            ("i", make_pipeline(SimpleImputer(), MinMaxScaler()), ["d"]),  # fills another mean: nothing follows
        ]
    )
    table = X.assign(d=X.a)
    pipeline = make_pipeline(steps, MinMaxScaler(), Ridge())
    before = from_sklearn(pipeline.fit(table, Z), table, None)
    leaks = {}
    for row in (table.a.idxmax(), table.b.idxmin(), table.c.abs().idxmax(), 17):
        rest = table.index != row
        after = from_sklearn(clone(pipeline).fit(table[rest], Z[rest]), table, None)
        moved = [r for r in between(before, after).own if r.kind in ("extreme", "magnitude")]
        leaks[row] = {r.column: r.value for r in moved}
        assert between(after, before).joined  # an extreme that came is of somebody who joined
    largest = table.c[table.c.abs().idxmax()]  # its sign is in the second scaler
    expected = [{"a": table.a.max()}, {"b": table.b.min()}, {"c": largest}, {}]
    assert list(leaks.values()) == [pytest.approx(values) for values in expected]


def test_what_the_estimator_cannot_predict_is_said_in_a_clear_line():
    table = pd.DataFrame({"code": ["a1", "a2", "a3"] * 20, "age": np.arange(60.0), "note": 0.0})
    encoder = make_column_transformer((OneHotEncoder(), ["code"]), ("passthrough", ["age"]), ("drop", ["note"]))
    pipeline = make_pipeline(encoder, Ridge()).fit(table, np.arange(60.0))
    with pytest.raises(InputError, match=r"column 'code' has 1 in row 0, a category .* does not know \(it knows 'a1'"):
        from_sklearn(pipeline, table.assign(code=1), None)
    ridge = Ridge().fit(table[["age", "note"]], np.arange(60.0))
    ridge.feature_names_in_ = np.array(["age", "note"])
    ridge.predict = lambda _: np.sqrt("x")
    with pytest.raises(
        InputError, match=r"^the Ridge does not predict the public records: give records with the columns"
    ):
        from_sklearn(ridge, table, None)


def test_an_array_for_a_model_of_named_columns():
    for public in (pd.DataFrame(X.to_numpy()), pd.DataFrame(X.to_numpy(), columns=["x0", "x1", "x2"]).assign(wage=Z)):
        with pytest.raises(InputError, match=r"given as an array.*: give a DataFrame with the columns 'a', 'b', 'c'$"):
            from_sklearn(Ridge().fit(X, Z), public, "wage")


class ShiftingRidge(Ridge):
    pass


class Shifting(StandardScaler):
    pass


def twisted():
    """A pipeline whose scaler was tampered with in a way that its attributes do not show."""
    pipeline = make_pipeline(StandardScaler(), Ridge()).fit(X, Z)
    pipeline[0].transform = lambda table: np.asarray(table) * 2
    return pipeline


def damaged(attribute, value):
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, TWO)
    step = pipeline[0] if hasattr(pipeline[0], attribute) else pipeline[1]
    setattr(step, attribute, value)
    return pipeline


def quietly(estimator, *data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return estimator.fit(*data)


REFUSED = [
    (lambda: Ridge(), "the Ridge is not fitted: there are no parameters to compare"),
    (lambda: make_pipeline(StandardScaler(), Ridge()), "the Pipeline is not fitted"),
    (lambda: QuantileRegressor().fit(X, Z), "QuantileRegressor is not audited: its loss has no curvature"),
    (lambda: GaussianNB().fit(X, TWO), "GaussianNB is not audited: it stores the means"),
    (
        lambda: RandomForestRegressor(2).fit(X, Z),
        "RandomForestRegressor is not a model that undelete reads: it reads LinearRegression, Ridge",
    ),
    (lambda: SVR(kernel="linear").fit(X, Z), "SVR is not audited: it is linear in a kernel of its training records"),
    (lambda: ShiftingRidge().fit(X, Z), "ShiftingRidge is not a model that undelete reads"),
    (lambda: StandardScaler().fit(X), "StandardScaler is not a model"),
    (lambda: make_pipeline(StandardScaler(), "passthrough").fit(X), "StandardScaler is not a model"),
    (lambda: BaseEstimator(), "BaseEstimator is not a model"),
    (lambda: {"coef": [1]}, "dict is not a model that undelete reads"),
    (lambda: Ridge(positive=True).fit(X, Z), r"Ridge was fitted with positive=True: at a bound the gradient is not"),
    (lambda: LinearRegression(positive=True).fit(X, Z), "LinearRegression was fitted with positive=True"),
    (lambda: Ridge([1.0, 2.0]).fit(X, np.c_[Z, Z]), r"a penalty of its own for each output \(alpha 1 to 2\)"),
    (
        lambda: LogisticRegression(class_weight={TWO[0]: 0.0}).fit(X, TWO),
        "a class that weighs nothing is not fitted",
    ),
    (
        lambda: LogisticRegressionCV(
            Cs=[1.0], l1_ratios=(0,), scoring="accuracy", use_legacy_attributes=False, refit=False
        ).fit(X, TWO),
        "LogisticRegressionCV was fitted with refit=False: its coefficients are an average over folds",
    ),
    (lambda: damaged("scale_", np.array([1.0, 0.0, 1.0])), "cannot be read .float division by zero.: it is damaged"),
    (
        lambda: quietly(LinearSVC(loss="hinge"), X, TWO),
        "LinearSVC was fitted with loss='hinge', which has no curvature",
    ),
    (
        lambda: quietly(LinearSVC(multi_class="crammer_singer"), X, THREE),
        "LinearSVC was fitted with multi_class='crammer_singer'",
    ),
    (twisted, "the Pipeline decides otherwise on the public records than its steps say"),
    (lambda: damaged("mean_", np.zeros(2)), "StandardScaler has no usable mean_ for its 3 features"),
    (lambda: damaged("scale_", np.array([1, np.nan, 1])), "StandardScaler has values in scale_ that are not finite"),
    (lambda: damaged("coef_", np.zeros((1, 2))), "LogisticRegression has coefficients for 2 features and is given 3"),
    (lambda: damaged("coef_", np.full((1, 3), np.inf)), "coef has values that are not finite"),
    (lambda: damaged("classes_", None), "LogisticRegression predicts several labels a record"),
    (lambda: damaged("C", "much"), r"the fitted Pipeline cannot be read \(could not convert"),
    (lambda: damaged("n_features_in_", 2), "StandardScaler was fitted on 2 columns and is given 3"),
    (lambda: RidgeClassifier().fit(X, np.c_[Z > 0, Z > 1].astype(int)), "RidgeClassifier predicts several labels"),
    (
        lambda: RidgeClassifier().fit(X, np.c_[Z > 0, Z > 1, Z > 2].astype(int)),
        "RidgeClassifier predicts several labels a record: undelete reads one label",
    ),
]


@pytest.mark.parametrize(("make", "message"), REFUSED)
def test_refusals(make, message):
    with pytest.raises(InputError, match=message) as caught:
        from_sklearn(make(), X, None)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "steps",
    [
        (QuantileTransformer(n_quantiles=10),),
        (Shifting(),),
        (MinMaxScaler(clip=True),),
        (FunctionTransformer(np.exp),),
        (StandardScaler(), OneHotEncoder(handle_unknown="ignore")),
        (PolynomialFeatures(2), SimpleImputer(missing_values=-9)),
    ],
)
def test_what_is_no_polynomial_is_asked_for_its_features(steps):
    pipeline = make_pipeline(*steps, Ridge()).fit(X, Z)
    model = from_sklearn(pipeline, X, None)
    assert isinstance(model.design, Probed)
    np.testing.assert_allclose(model.decision(X).ravel(), pipeline.predict(X), rtol=1e-9)
    assert model.steps == tuple(type(step).__name__ for step in steps)


def test_a_sparse_coefficient_is_read():
    estimator = LogisticRegression().fit(X, TWO)
    decided = estimator.decision_function(X)
    model = from_sklearn(estimator.sparsify(), X, None)
    np.testing.assert_allclose(model.decision(X).ravel(), decided, rtol=1e-12)


def test_the_public_table_must_have_the_columns():
    with pytest.raises(InputError, match=r"the table has no column 'b', which the model reads; it has 'a', 'c'"):
        from_sklearn(Ridge().fit(X, Z), X.drop(columns="b"), None)


def three_grades():
    draw = np.random.default_rng(3)
    table = pd.DataFrame({"a": draw.normal(size=240), "b": draw.integers(0, 5, 240)})
    return table, pd.qcut(table.a + table.b / 3 + draw.normal(0, 0.7, 240), 3, labels=["low", "mid", "top"]).astype(str)


@pytest.mark.parametrize("old", ["ovr", "liblinear", "OneVsRestClassifier"])
def test_one_class_against_the_rest_is_a_logistic_model_for_each(old):
    table, grade = three_grades()
    each = [LogisticRegression(tol=1e-10).fit(table, grade == one) for one in sorted(set(grade))]
    if old == "OneVsRestClassifier":
        model = OneVsRestClassifier(LogisticRegression(tol=1e-10)).fit(table, grade)
    else:  # the state that scikit-learn before 1.8 saved
        model = LogisticRegression(tol=1e-10, solver="liblinear" if old == "liblinear" else "lbfgs")
        model.classes_ = np.array(sorted(set(grade)))
        model.coef_, model.intercept_ = (
            np.concatenate([np.asarray(getattr(one, name)) for one in each]) for name in ("coef_", "intercept_")
        )
        model.feature_names_in_, model.n_features_in_ = each[0].feature_names_in_, 2
        model.n_iter_ = np.array([1, 1, 1])
        model.multi_class = "ovr" if old == "ovr" else "deprecated"
    linear = from_sklearn(model, table, None)
    assert linear.loss == "logistic"
    assert linear.classes == ("low", "mid", "top")
    np.testing.assert_array_equal(linear.W, np.vstack([np.hstack([one.coef_[0], one.intercept_]) for one in each]).T)
    if old == "OneVsRestClassifier":
        deletions = undelete.leave_one_out(model, table, grade, [7])
        keep = np.arange(240) != 7
        again = OneVsRestClassifier(LogisticRegression(tol=1e-12, solver="newton-cholesky")).fit(
            table[keep], grade[keep]
        )
        expected = np.vstack([one.coef_ for one in again.estimators_])
        np.testing.assert_allclose(deletions.coef[0], expected, rtol=1e-5)


def test_several_penalties_or_kinds_against_the_rest_and_the_old_two_class_softmax_are_refused():
    table, grade = three_grades()
    model = OneVsRestClassifier(LogisticRegression()).fit(table, grade)
    model.estimators_[1].C = 5.0
    with pytest.raises(InputError, match="several kinds or penalties"):
        from_sklearn(model, table, None)
    with pytest.raises(InputError, match="OneVsRestClassifier holds a Perceptron, which undelete does not read"):
        from_sklearn(OneVsRestClassifier(Perceptron()).fit(table, grade), table, None)
    two = LogisticRegression().fit(table, grade == "low")
    two.multi_class = "multinomial"
    with pytest.raises(InputError, match="multi_class='multinomial' on two classes"):
        from_sklearn(two, table, None)


def test_least_squares_that_left_directions_out_or_stopped_at_a_tolerance_say_so():
    draw = np.random.default_rng(4)
    table = pd.DataFrame({"sales": draw.lognormal(17, 1, 300), "a": draw.integers(0, 2, 300), "b": draw.random(300)})
    y = draw.normal(size=300)
    (note,) = from_sklearn(LinearRegression().fit(table, y), table, None).notes
    assert "left 2 of 3 directions" in note
    assert "its rank_ counts only" in note
    scaled = make_pipeline(StandardScaler(), LinearRegression()).fit(table, y)
    assert from_sklearn(scaled, table, None).notes == ()
    # a direction that carries nothing is left out rightly: a full one-hot group beside the intercept
    twice = table[["a", "b"]].assign(c=1 - table.a)
    assert from_sklearn(LinearRegression().fit(twice, y), twice, None).notes == ()
    sparse = make_pipeline(make_column_transformer((OneHotEncoder(), ["a"]), sparse_threshold=1.0), LinearRegression())
    (note,) = from_sklearn(sparse.fit(table, y), table, None).notes
    assert "fitted on sparse columns by lsqr" in note
    single = Ridge().fit(table[["a", "b"]].astype(np.float32), y.astype(np.float32))
    (note,) = from_sklearn(single, table[["a", "b"]], None).notes
    assert "single precision (its coefficients are float32)" in note
