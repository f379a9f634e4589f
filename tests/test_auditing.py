"""Two models and public data in, the record out: on pipelines somebody really has."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier, RidgeCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, PolynomialFeatures, StandardScaler
from sklearn.svm import LinearSVC

import undelete
from undelete.auditing.cautions import overlap
from undelete.errors import InputError

N, WHO = 4000, 1234


def population(seed=0, size=2 * N):
    """Age, years in town, one of four colours, and an income that depends on them."""
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 80, size)
    years = np.minimum(rng.geometric(0.1, size), age)
    colour = rng.choice(["blue", "green", "red", "white"], size, p=[0.4, 0.3, 0.2, 0.1])
    income = 20 + 0.5 * age - 0.004 * (age - 50.0) ** 2 + 4 * (colour == "red") + rng.normal(0, 8, size)
    table = pd.DataFrame({"age": age, "years": years, "colour": colour, "income": income})
    return table.assign(rich=np.where(income > 45, "yes", "no"))


@pytest.fixture(scope="module")
def halves():
    table = population()
    return table.iloc[:N].reset_index(drop=True), table.iloc[N:].reset_index(drop=True)


def pipeline(model, columns=("age", "years", "colour")):
    numbers = make_pipeline(StandardScaler(), PolynomialFeatures(2, include_bias=False, interaction_only=False))
    parts = [("colour", OneHotEncoder(), ["colour"]), ("age", numbers, ["age"]), ("years", MinMaxScaler(), ["years"])]
    return Pipeline([("features", ColumnTransformer(parts)), ("model", model)])


def pair(private, make, target):
    """The pipeline fitted with and without one record, all of its steps refitted."""
    X, y = private[["age", "years", "colour"]], private[target]
    return make().fit(X, y), make().fit(X.drop(index=WHO), y.drop(index=WHO))


MODELS = {
    "ridge": (lambda: Ridge(alpha=1.0), "income"),
    "ols": (LinearRegression, "income"),
    "ridgecv": (lambda: RidgeCV(alphas=[0.1, 1.0, 10.0]), "income"),
    "ridge classifier": (lambda: RidgeClassifier(alpha=1.0), "rich"),
    "logistic": (lambda: LogisticRegression(tol=1e-10, max_iter=2000, solver="newton-cholesky"), "rich"),
    "svm": (lambda: LinearSVC(dual=False, tol=1e-10, max_iter=20000), "rich"),
}


@pytest.mark.parametrize("name", MODELS)
def test_the_record_comes_back_in_its_own_columns_and_units(name, halves):
    private, public = halves
    model, target = MODELS[name]
    before, after = pair(private, lambda: pipeline(model()), target)
    truth = private.iloc[[WHO]]
    result = undelete.audit(
        before, after, public.drop(columns=["income" if target == "rich" else "rich"]), target=target, truth=truth, n=N
    )
    record = result.records.iloc[0]
    assert record["colour"] == truth["colour"].iloc[0]
    assert abs(record["age"] - truth["age"].iloc[0]) <= 2
    assert abs(record["years"] - truth["years"].iloc[0]) <= 2
    if target == "rich":
        assert record["rich"] == truth["rich"].iloc[0]
    else:
        assert abs(record["income"] - truth["income"].iloc[0]) < 1.5
    told = result.document()["records"][0]
    colour = next(cell for cell in told["columns"] if cell["name"] == "colour")
    assert (colour["recovered"], colour["true"], colour["right"]) == (record["colour"], record["colour"], True)
    assert told["target"]["recovered"] == record[target]
    assert told["target"]["true"] == truth[target].iloc[0]
    assert told["target"]["right"] is (True if target == "rich" else None)
    assert result.verdict.word == "EXPOSED"
    summary = result.summary()
    assert summary.loc["hrec", "median_centred_cosine"] > 0.99
    assert summary.loc["hrec", "median_centred_cosine"] > summary.loc["maxdiff", "median_centred_cosine"]


def test_without_the_truth_there_are_error_bars_and_no_scores(halves):
    private, public = halves
    before, after = pair(private, lambda: pipeline(Ridge()), "income")
    result = undelete.audit(before, after, public, target="income", n=N)
    assert result.truth is None
    assert result.scores.empty
    assert result.exposure[0] > 0.98
    assert 0 < result.confidence[0] <= 1
    document = result.document()
    age = document["records"][0]["columns"][1 if document["columns"][1]["name"] == "age" else 0]
    assert age["recovered"] == private["age"][WHO]  # the scaler's mean gives it away exactly
    assert age["low"] <= private["age"][WHO] <= age["high"] < age["low"] + 1.5
    assert age["probability"] == 1.0
    assert age["true"] is None
    years = next(cell for cell in document["records"][0]["columns"] if cell["name"] == "years")
    assert years["low"] <= private["years"][WHO] <= years["high"]
    blind = undelete.audit(before, after, public, target="income", n=N, truth=private.iloc[[WHO]])
    # the truth adds scores and changes nothing that the attack says
    np.testing.assert_array_equal(blind.found["hrec"].X, result.found["hrec"].X)


def test_n_is_read_from_the_scaler_and_its_own_leak_is_told(halves):
    private, public = halves
    before, after = pair(private, lambda: pipeline(Ridge()), "income")
    result = undelete.audit(before, after, public, target="income")
    assert result.release.n == N
    assert any("scalers give values of the deleted record away exactly" in text for text in result.warnings)


def test_same_models_are_not_decidable(halves):
    private, public = halves
    before, _ = pair(private, lambda: pipeline(Ridge()), "income")
    result = undelete.audit(before, before, public, target="income")
    assert result.verdict.word == "NOT DECIDABLE"
    assert "The models are the same" in result.verdict.reason
    assert result.records.isna().all(axis=None)
    assert result.exposure[0] == 0


def test_a_deletion_outside_the_margin_changes_nothing_and_says_so(halves):
    private, public = halves
    X, y = private[["age", "years"]], private["rich"]
    before = make_pipeline(StandardScaler(), LinearSVC(dual=False, tol=1e-12, max_iter=50000)).fit(X, y)
    margin = np.where(y == "yes", 1, -1) * before.decision_function(X)
    outside = int(np.argmax(margin))
    model = undelete.simulate(
        before, X, y, public[["age", "years"]], public["rich"], deletions=[outside, int(np.argmin(margin))]
    )
    assert model.found["hrec"].status == ("unchanged", "ok")
    assert "Of 2 models, 1 stayed as they were" in " ".join(check.text for check in model.diagnostics)


def test_stopping_early_is_noticed(halves):
    private, public = halves
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before, after = pair(private, lambda: pipeline(LogisticRegression(max_iter=3)), "rich")
    result = undelete.audit(before, after, public, target="rich")
    assert any("without converging" in text for text in result.warnings)


def test_a_model_far_from_the_optimum_shows_on_the_public_data(halves):
    private, public = halves
    X, y = private[["age", "years"]], private["rich"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = lambda X, y: LogisticRegression(max_iter=1).fit(X, y)  # noqa: E731
        before, after = fit(X, y), fit(X.drop(index=WHO), y.drop(index=WHO))
    result = undelete.audit(before, after, public, target="rich")
    gradient = next(check for check in result.diagnostics if check.name == "Gradient on public data")
    assert gradient.ok is False
    assert "stopped before it had converged" in gradient.text


def test_without_an_intercept_the_direction_is_returned(halves):
    private, public = halves
    X, y = private[["age", "years"]], private["income"]
    before = Ridge(fit_intercept=False).fit(X, y)
    after = Ridge(fit_intercept=False).fit(X.drop(index=WHO), y.drop(index=WHO))
    result = undelete.audit(before, after, public, target="income", truth=private.iloc[[WHO]], n=N)
    assert result.found["hrec"].status == ("direction",)
    assert result.verdict.word == "NOT DECIDABLE"
    assert any("no intercept and no full one-hot group" in check.text for check in result.diagnostics)
    assert abs(result.summary().loc["hrec", "median_cosine"]) > 0.99


def test_too_few_public_records(halves):
    private, public = halves
    before, after = pair(private, lambda: pipeline(Ridge()), "income")
    few = undelete.audit(before, after, public.head(5), target="income")
    assert few.verdict.word == "NOT DECIDABLE"
    assert "Fewer public records than features" in few.verdict.reason


def test_two_changed_records_are_not_taken_for_one(halves):
    """Where the files count more people than can be told apart, that is said, and nothing is promised."""
    private, public = halves
    X, y = private[["age", "years"]], private["rich"]
    fit = lambda X, y: make_pipeline(StandardScaler(), LogisticRegression(tol=1e-12, max_iter=1000)).fit(X, y)  # noqa: E731
    before, after = fit(X, y), fit(X.iloc[300:], y.iloc[300:])
    result = undelete.audit(before, after, public[["age", "years", "rich"]], target="rich", n=N)
    assert result.verdict.word == "NOT DECIDABLE"
    assert "of more than 10 people" in result.verdict.reason


REFUSED = {
    "target not there": (dict(target="wage"), "no target column 'wage'"),
    "n too small": (dict(n=1), "n is 1"),
    "negative penalty": (dict(l2=-1.0), "l2 is -1.0"),
    "unknown attack": (dict(attacks=("hrec", "x")), "no attack 'x'"),
    "informed": (dict(attacks=("informed",)), "use simulate, or leave it out"),
    "two truths": (dict(truth="two"), "the truth has 2 records"),
    "empty public": (dict(public="empty"), "no rows"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_in_one_line(name, halves):
    private, public = halves
    before, after = pair(private, lambda: pipeline(Ridge()), "income")
    given, message = REFUSED[name]
    given = dict(given)
    if given.get("truth") == "two":
        given["truth"] = private.iloc[:2]
    table = public.head(0) if given.pop("public", None) else public
    with pytest.raises(InputError, match=message) as error:
        undelete.audit(before, after, table, **({"target": "income"} | given))
    assert "\n" not in str(error.value)


def test_squared_hinge_needs_the_public_target(halves):
    private, public = halves
    before, after = pair(private, lambda: pipeline(LinearSVC(dual=False)), "rich")
    with pytest.raises(InputError, match="name the target column of the public table"):
        undelete.audit(before, after, public)


def test_different_models_are_refused(halves):
    private, public = halves
    ridge, _ = pair(private, lambda: pipeline(Ridge()), "income")
    logistic, _ = pair(private, lambda: pipeline(LogisticRegression()), "rich")
    with pytest.raises(InputError, match=r"kind of model|loss"):
        undelete.audit(ridge, logistic, public)


def test_simulate_ranks_scores_and_keeps_the_truth_apart(halves):
    private, public = halves
    X = ["age", "years", "colour"]
    result = undelete.simulate(
        pipeline(Ridge()), private[X], private["income"], public[X], public["income"], deletions=60, rng=3
    )
    assert result.release.deletions == 60
    assert result.verdict.word == "EXPOSED"
    summary = result.summary()
    assert summary.loc["informed", "exact_record"] == 1.0
    assert summary.loc["hrec", "exact_columns"] > summary.loc["avg", "exact_columns"] + 0.2
    assert (
        summary.loc["hrec", "exact_columns_low"]
        < summary.loc["hrec", "exact_columns"]
        < summary.loc["hrec", "exact_columns_high"]
    )
    order = result.order()
    right = result.scored[result.main]["exact_columns"][order]
    assert (np.diff(right) <= 0).all()
    assert sorted(result.truth.rows) == sorted(set(result.truth.rows))
    again = undelete.simulate(
        pipeline(Ridge()), private[X], private["income"], public[X], public["income"], deletions=60, rng=3
    )
    np.testing.assert_array_equal(again.found["hrec"].X, result.found["hrec"].X)
    assert result.scores.groupby("attack").size().nunique() == 1


def test_simulate_says_when_the_model_was_trained_on_other_records(halves):
    private, public = halves
    X = ["age", "years"]
    model = Ridge().fit(private[X].iloc[:500], private["income"].iloc[:500])
    result = undelete.simulate(model, private[X], private["income"], public[X], deletions=5)
    own = next(check for check in result.diagnostics if check.name == "The model's own fit")
    assert own.ok is False
    assert "was trained on others" in own.text
    scaled = make_pipeline(StandardScaler(), Ridge()).fit(private[X].iloc[:500], private["income"].iloc[:500])
    with pytest.raises(InputError, match="fitted on 500 records and the table has 4,000"):
        undelete.simulate(scaled, private[X], private["income"], public[X], deletions=5)


def spoilt(model, how, private):
    """Return what is not the model after one deletion."""
    step = model.named_steps["model"]
    if how == "rounded":
        step.coef_ = np.round(step.coef_, 2)
    elif how == "noised":
        step.coef_ = step.coef_ + 0.05 * np.random.default_rng(0).normal(size=step.coef_.shape)
    elif how == "of others":
        part = private.iloc[1000:]
        return pipeline(Ridge()).fit(part[["age", "years", "colour"]], part["income"])
    elif how == "of a bootstrap":
        part = private.sample(len(private) - 1, replace=True, random_state=0)
        return pipeline(Ridge()).fit(part[["age", "years", "colour"]], part["income"])
    return model


@pytest.mark.parametrize("how", ["rounded", "noised", "of others", "of a bootstrap"])
def test_what_is_no_deletion_is_not_called_one(how, halves):
    private, public = halves
    before, after = pair(private, lambda: pipeline(Ridge()), "income")
    assert undelete.audit(before, after, public, target="income").verdict.word == "EXPOSED"
    result = undelete.audit(before, spoilt(after, how, private), public, target="income")
    assert result.verdict.word == "NOT DECIDABLE"
    failed = [check.name for check in result.diagnostics if check.ok is not True]
    wanted = {
        "Fits one record",
        "Fits these people",
        "Number of deleted records",
        "Credible record",
        "Scale of the record",
    }
    assert wanted & set(failed)


def test_overlap_of_public_and_private_records_is_told(halves):
    private, _ = halves
    X = ["age", "years"]
    result = undelete.simulate(Ridge(), private[X], private["income"], private[X], private["income"], deletions=5)
    assert any("equal a training record in every column" in text for text in result.warnings)


def test_overlap_compares_numbers_as_numbers_and_missing_cells_too():
    own = pd.DataFrame({"age": [31, 42, 53], "colour": ["red", None, "blue"]})
    other = pd.DataFrame({"age": [31.0, 42.0, 53.5], "colour": ["red", None, "blue"]})
    (text,) = overlap(own, [0, 1, 0], other, [0.0, 1.0, 0.0])
    assert text.startswith("67 % of the public records equal")
    assert overlap(own, [0, 1, 0], other.assign(colour="green"), [0.0, 1.0, 0.0]) == []


def test_an_intercept_of_zero_in_both_models_is_none():
    rng = np.random.default_rng(0)
    X = rng.normal(2, 1, size=(500, 2))
    y = X @ [1.0, -1.0] + rng.normal(size=500)
    fit = lambda rows: np.linalg.solve(X[rows].T @ X[rows], X[rows].T @ y[rows])  # noqa: E731
    before, after = fit(np.arange(500)), fit(np.arange(1, 500))
    models = [undelete.LinearModel(w, 0.0, "squared", ["a", "b"], n=500 - i) for i, w in enumerate((before, after))]
    public = pd.DataFrame(rng.normal(2, 1, size=(500, 2)), columns=["a", "b"]).assign(y=0.0)
    result = undelete.audit(*models, public, target="y")
    assert result.found["hrec"].status == ("direction",)
    assert result.document()["records"][0]["direction"] is not None


def test_a_target_named_like_a_column_does_no_harm(halves):
    private, public = halves
    X, y = private[["age", "years"]], pd.Series(private["income"].to_numpy(), name="age")
    result = undelete.simulate(Ridge(), X, y, public[["age", "years"]], public["income"], deletions=20)
    assert result.summary().loc["hrec", "median_centred_cosine"] > 0.95


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda b, a, p: undelete.audit(b, a, p, attacks=()), "attacks is empty"),
        (lambda b, a, p: undelete.audit(b, a, p, n="4000"), "n is '4000'"),
        (lambda b, a, p: undelete.audit(b, a, p, n=5000), "n is given as 5,000, but the old model says"),
        (lambda b, a, p: undelete.audit(b, a, p, rng=np.random.default_rng(0)), "it is a seed"),
        (lambda b, a, p: undelete.leave_one_out(Ridge(), p[["age"]], [1.0, 2.0]), "8000|4000 records but 2 targets"),
        (lambda b, a, p: undelete.leave_one_out(Ridge(), p[["colour"]], p["income"]), "cannot be fitted"),
        (
            lambda b, a, p: undelete.leave_one_out(Ridge(), p[["colour"] * 2], p["income"]),
            "two columns are called 'col",
        ),
        (
            lambda b, a, p: undelete.simulate(Ridge(), p[["age"]], p["income"], p[["age"]], [1.0], deletions=3),
            "4000 public records but 1 public targets",
        ),
    ],
)
def test_python_users_get_one_line_too(call, message, halves):
    private, public = halves
    before, after = pair(private, lambda: pipeline(Ridge()), "income")
    with pytest.raises(InputError, match=message):
        call(before, after, public)


def test_leave_one_out_of_an_estimator_equals_refitting_it(halves):
    private, _ = halves
    X, y = private[["age", "years"]].to_numpy(float)[:300], private["income"].to_numpy()[:300]
    found = undelete.leave_one_out(Ridge(alpha=3.0), X, y, [0, 17])
    for i, row in enumerate((0, 17)):
        refit = Ridge(alpha=3.0).fit(np.delete(X, row, axis=0), np.delete(y, row))
        np.testing.assert_allclose(found.coef[i, 0], refit.coef_, rtol=1e-7)
        np.testing.assert_allclose(found.intercept[i, 0], refit.intercept_, rtol=1e-7)
    with pytest.raises(InputError, match="row 300 is not in the table"):
        undelete.leave_one_out(Ridge(), X, y, [300])


def test_softmax_of_several_classes(halves):
    private, public = halves
    X = ["age", "years"]
    bands = lambda table: pd.cut(table["income"], [-1e9, 35, 45, 1e9], labels=["low", "middle", "high"]).astype(str)  # noqa: E731
    fit = lambda rows: make_pipeline(StandardScaler(), LogisticRegression(tol=1e-10, solver="newton-cholesky")).fit(  # noqa: E731
        private[X].loc[rows], bands(private).loc[rows]
    )
    before, after = fit(private.index), fit(private.index.delete(WHO))
    public, truth = public[X].assign(band=bands(public)), private[X].assign(band=bands(private)).iloc[[WHO]]
    result = undelete.audit(before, after, public, target="band", truth=truth)
    record = result.records.iloc[0]
    assert record["band"] == truth["band"].iloc[0]
    assert abs(record["age"] - truth["age"].iloc[0]) <= 2
    played = undelete.simulate(before, private[X], bands(private), public[X], public["band"], deletions=40)
    assert played.summary().loc["hrec", "label"] > 0.9
    assert played.summary().loc["informed", "label"] == 1.0


def test_an_imputer_that_fills_another_mean_is_left_out_where_no_cell_is_missing(halves):
    private, public = halves
    X, y = private[["age", "years"]], private["income"]
    fit = lambda rows: make_pipeline(SimpleImputer(), StandardScaler(), Ridge()).fit(X.loc[rows], y.loc[rows])  # noqa: E731
    before, after = fit(X.index), fit(X.index.delete(WHO))
    result = undelete.audit(before, after, public, target="income", truth=private.iloc[[WHO]])
    assert any("fill another value" in text for text in result.warnings)
    assert result.summary().loc["hrec", "median_centred_cosine"] > 0.98
    with_a_gap = public.assign(age=[np.nan, *public["age"].iloc[1:]])  # one that moved: the answers are compared
    again = undelete.audit(before, after, with_a_gap, target="income", truth=private.iloc[[WHO]])
    assert again.release.answer_change is not None
    assert again.summary().loc["hrec+", "median_centred_cosine"] > 0.98


def test_a_category_that_only_the_deleted_record_had_is_told(halves):
    private, public = halves
    private = private.assign(colour=["violet" if i == WHO else c for i, c in enumerate(private["colour"])])
    before, after = pair(private, lambda: pipeline(Ridge()), "income")
    result = undelete.audit(before, after, public, target="income")
    assert any("lacks a category that the old one knew" in text for text in result.warnings)


def test_leave_one_out_takes_sample_weights(halves):
    private, _ = halves
    X, y = private[["age", "years"]].to_numpy(float)[:200], private["income"].to_numpy()[:200]
    weights = np.random.default_rng(0).uniform(0.5, 2.0, 200)
    found = undelete.leave_one_out(Ridge(), X, y, [5], sample_weight=weights)
    rest = np.delete(np.arange(200), 5)
    refit = Ridge().fit(X[rest], y[rest], sample_weight=weights[rest])
    np.testing.assert_allclose(found.coef[0, 0], refit.coef_, rtol=1e-7)
    with pytest.raises(InputError, match="one number, zero or more, for each"):
        undelete.leave_one_out(Ridge(), X, y, [5], sample_weight=weights[:5])


def test_the_only_member_of_a_class_cannot_be_deleted(halves):
    private, _ = halves
    X, y = private[["age", "years"]].head(300), pd.Series(["a", "b", "a"] * 100, name="y")
    y.iloc[7] = "rare"
    with pytest.raises(InputError, match="record 7 is the only one of class 'rare'"):
        undelete.leave_one_out(LogisticRegression(C=0.1), X, y, [3, 7])
    y = pd.Series(["no"] * 300, name="y")
    y.iloc[9] = "yes"
    with pytest.raises(InputError, match="record 9 is the only one of class 'yes'"):
        undelete.leave_one_out(LogisticRegression(C=0.1), X, y, [9])


def test_a_sweep_can_be_remembered(halves, tmp_path):
    private, _ = halves
    X, y = private[["age", "years"]].head(300), private["rich"].head(300)
    first = undelete.leave_one_out(LogisticRegression(), X, y, checkpoint=tmp_path / "sweep")
    again = undelete.leave_one_out(LogisticRegression(), X, y, checkpoint=tmp_path / "sweep")
    np.testing.assert_array_equal(first.W, again.W)
    with pytest.raises(InputError, match="holds the blocks of another sweep"):
        undelete.leave_one_out(LogisticRegression(C=0.5), X, y, checkpoint=tmp_path / "sweep")


@pytest.mark.parametrize("model", [LinearRegression(), Ridge(1.0)])
def test_money_without_a_scaler_is_simulated_as_thousands_of_it_are(model):
    draw = np.random.default_rng(4)
    homes = pd.DataFrame({"area": draw.integers(300, 9000, 1600), "people": draw.integers(100, 7000, 1600)})
    homes["wage"] = np.round(draw.lognormal(10.5, 0.5, 1600))
    price = 30000 + 4 * homes.wage + 9 * homes.area - 12 * homes.people + draw.normal(0, 5e4, 1600)
    own, public = slice(0, 800), slice(800, 1600)
    found = []
    for unit in (1.0, 1000.0):
        audit = undelete.simulate(
            model, homes[own], price[own] / unit, homes[public], price[public] / unit, deletions=12, attacks=["hrec+"]
        )
        found.append(audit.summary().loc["hrec+", "exact_columns"])
    assert found[0] == pytest.approx(found[1], abs=0.06)
    deletions = undelete.leave_one_out(model, homes[own], price[own], [5])
    assert deletions.converged.all()
    keep = np.arange(800) != 5
    refit = type(model)().fit(homes[own][keep], price[own][keep])
    np.testing.assert_allclose(deletions.coef[0, 0], refit.coef_, rtol=1e-8)


def test_a_target_that_comes_back_surely_counts_as_much_as_it_is_uncommon():
    rng = np.random.default_rng(1)
    X = pd.DataFrame(rng.random((6000, 3)) < [0.5, 0.3, 0.4], columns=["a", "b", "c"]).astype(int)
    table = X.assign(state=rng.choice(["sick", "well"], 6000, p=[0.1, 0.9]))
    private, public = table[:1000], table[1000:].reset_index(drop=True)

    def told(who):
        models = [
            LogisticRegression(solver="newton-cholesky", tol=1e-12).fit(part[["a", "b", "c"]], part.state)
            for part in (private, private.drop(who))
        ]
        return undelete.audit(*models, public, target="state", n=1000)

    sick = told(private.index[private.state == "sick"][0])
    assert sick.records.state[0] == "sick"
    assert sick.verdict.word == "EXPOSED"
    assert sick.verdict.rule["target_lift"] == sick.verdict.rule["best_column_lift"] > 0.85
    assert "state is surer by 90 % than public data make it" in sick.verdict.reason
    well = told(private.index[private.state == "well"][0])
    assert well.records.state[0] == "well"
    assert well.verdict.rule["target_lift"] < 0.15


def test_a_gate_stops_at_a_target_though_nothing_else_came_back(halves):
    private, public = halves
    before, after = pair(private, lambda: pipeline(LogisticRegression(solver="newton-cholesky", tol=1e-12)), "rich")
    result = undelete.audit(before, after, public, target="rich")
    silent = dataclasses.replace(result, exposure=np.zeros(1))
    lead = silent.verdict.rule["target_lift"]
    assert lead > 0.4
    assert "the target came back surely" in silent.why_stopped(lead - 0.01)
    assert not silent.gate(lead + 0.01)


def test_the_order_of_the_attacks_changes_nothing(halves):
    private, public = halves
    X = ["age", "years"]
    one, other = (
        undelete.simulate(
            Ridge(), private[X], private["income"], public[X], public["income"], deletions=25, attacks=attacks
        )
        for attacks in (("hrec", "maxdiff", "hrec+", "nearest"), ("hrec+", "nearest", "maxdiff", "hrec"))
    )
    assert one.main == other.main == "hrec+"
    assert one.verdict == other.verdict
    np.testing.assert_array_equal(one.confidence, other.confidence)
    pd.testing.assert_frame_equal(one.records, other.records)
    pd.testing.assert_frame_equal(one.summary(), other.summary().loc[one.summary().index])


def test_what_the_scaler_and_the_encoder_give_away_is_what_is_shown(halves):
    private, public = halves
    odd = private.assign(age=private["age"].astype(float))
    odd.loc[WHO, ["age", "colour"]] = [141.0, "violet"]  # an age and a colour that no public record has
    before, after = pair(odd, lambda: pipeline(Ridge()), "income")
    result = undelete.audit(before, after, public, target="income")
    shown = result.document()["records"][0]["columns"]
    cells = {cell["name"]: cell for cell in shown}
    assert cells["age"]["recovered"] == pytest.approx(141.0, abs=1e-6)
    assert cells["colour"]["recovered"] == "violet"
    assert cells["age"]["probability"] == cells["colour"]["probability"] == 1.0
    plain = undelete.audit(before, after, public, target="income", attacks=["hrec"])
    assert plain.records["age"][0] == pytest.approx(141.0, abs=1e-6)


def test_an_attack_of_ones_own_runs_beside_ours_and_sees_the_release_only(halves):
    seen = []

    def first_public_record(release, rng):
        seen.append((release, rng))
        rows = np.zeros(release.deletions, dtype=int)
        return undelete.Reconstruction(
            attack="first",
            X=release.X_public[rows],
            codes=release.public_codes[rows],
            values=release.public_values[rows],
        )

    first = undelete.Attack(
        "first", "the first public record", "baseline", first_public_record, about="no attack at all"
    )
    private, public = halves
    game = (Ridge(1.0), private[["age", "years"]], private["income"], public[["age", "years"]], public["income"])
    found = undelete.simulate(*game, deletions=5, attacks=("hrec", first))
    assert list(found.found) == ["hrec", "first"]
    assert all(release.remaining_gradient is None for release, _ in seen)
    assert found.main == "hrec"
    assert found.document()["attacks"][1] == {
        "name": "first", "label": "the first public record", "role": "baseline", "about": "no attack at all",
        "independent": True,
    }  # fmt: skip
    alone = undelete.simulate(*game, deletions=5, attacks=("hrec",))
    assert np.array_equal(alone.found["hrec"].X, found.found["hrec"].X)
    with pytest.raises(undelete.InputError, match="two attacks are called 'hrec'"):
        undelete.simulate(*game, deletions=5, attacks=("hrec", dataclasses.replace(first, name="hrec")))


def parents(n, seed):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"age": rng.integers(18, 80, n), "children": np.minimum(rng.poisson(1.5, n), 5),
                          "grade": rng.integers(1, 6, n)})  # fmt: skip
    return table.assign(pay=0.1 * table.age + 0.3 * table.children + rng.normal(size=n))


@pytest.mark.parametrize(("children", "found"), [(9, (7, 11)), (2, (2, 2))])
def test_a_person_beyond_all_public_ones_is_not_told_their_maximum(children, found):
    private, public = parents(1200, 1), parents(2500, 2)
    private.loc[5, "children"] = children
    models = [LinearRegression().fit(rows[["age", "children", "grade"]], rows.pay)
              for rows in (private, private.drop(index=5))]  # fmt: skip
    audit = undelete.audit(*models, public, target="pay", n=1200, attacks=("hrec+",))
    cell = next(cell for cell in audit.document()["records"][0]["columns"] if cell["name"] == "children")
    assert found[0] <= cell["recovered"] <= found[1]
    assert audit.release.public_codes[:, 1].tolist() == public.children.tolist()  # values from 0 on: positions stay
    assert len(audit.release.columns[2].values) <= 7  # a grade of 0 or 6, not more
    assert next(check for check in audit.diagnostics if check.name == "Fits one record").ok


@pytest.mark.parametrize("together", [False, True])
def test_a_person_beyond_all_public_ones_is_played_as_such(together):
    columns, private, public = ["age", "children", "grade"], parents(1200, 1), parents(2500, 2)
    private.loc[5, ["children", "pay"]] = [9, 15.0]
    private.loc[7, "children"] = np.nan  # filled by a mean, which is no whole number
    public.loc[:9, "children"] = np.nan
    model = make_pipeline(SimpleImputer(), LinearRegression())
    given = {"deletions": [[5, 6]], "group": 2} if together else {"deletions": [5, 6], "attacks": ("hrec+",)}
    played = undelete.simulate(model, private[columns], private.pay, public[columns], public.pay, **given)
    told = played.found[played.main].values[:, 1]
    assert told.max() > 5
    assert together or 7 <= told.max() <= 11  # of two people only the sum is known
    assert played.found[played.main].probability[:, 1][told == 5].max(initial=0.0) < 0.9


def test_columns_that_follow_from_one_another_do_not_add_to_the_certainty_of_a_promise():
    """One number of which a step or two are open, in six units: all of them are right, or none."""
    rng = np.random.default_rng(0)
    length = rng.integers(0, 60, size=600)
    table = pd.DataFrame({f"unit{k}": length * (k + 1) for k in range(6)}).assign(mark=rng.integers(0, 2, size=600))
    table["cost"] = length + 10 * table.mark + rng.normal(size=600) * 20
    before = make_pipeline(StandardScaler(), Ridge()).fit(table[:300].drop(columns="cost"), table.cost[:300])
    rest = before[0].transform(table[1:300].drop(columns="cost"))
    after = make_pipeline(before[0], Ridge().fit(rest, table.cost[1:300]))
    found = undelete.audit(before, after, table[300:].reset_index(drop=True), target="cost", n=300, deleted=1)
    p = found.found["hrec+"].probability[0]
    assert 0.1 < p[0] < 0.9
    rule = found.verdict.rule
    sd = (rule["columns_recovered"] - rule["columns_best_baseline"] - rule["lift_low"]) / 2.326
    assert sd == pytest.approx(6 * np.sqrt(p[0] * (1 - p[0])) / 7, rel=0.05)
