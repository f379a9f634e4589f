"""Pipelines with an embedding, and models of several classes, through audit, simulate and leave_one_out."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.kernel_approximation import Nystroem, RBFSampler
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

import undelete
from tests.test_auditing import WHO, N, population
from undelete.attacker.attacks import run_attack
from undelete.attacker.hrec import HREC
from undelete.cli import main
from undelete.release.release import Release

X = ["age", "years", "colour"]


@pytest.fixture(scope="module")
def halves():
    table = population()
    table["band"] = pd.cut(table["income"], [-1e9, 35, 45, 1e9], labels=["low", "middle", "high"]).astype(str)
    return table.iloc[:N].reset_index(drop=True), table.iloc[N:].reset_index(drop=True)


def fourier(**options):
    return RBFSampler(**({"gamma": 0.1, "n_components": 60, "random_state": 0} | options))


def nystroem(**options):
    return Nystroem(**({"gamma": 0.1, "n_components": 60, "random_state": 0} | options))


def encoded(numbers=StandardScaler):
    return ColumnTransformer([("colour", OneHotEncoder(), ["colour"]), ("numbers", numbers(), ["age", "years"])])


def logistic():
    return LogisticRegression(C=100.0, tol=1e-10, max_iter=2000, solver="newton-cholesky")


MODELS = {
    "ols": (LinearRegression, "income"),
    "ridge": (lambda: Ridge(30.0), "income"),
    "ridge classifier": (lambda: RidgeClassifier(0.1), "rich"),
    "logistic": (logistic, "rich"),
    "svm": (lambda: LinearSVC(dual=False, tol=1e-10, C=10.0, max_iter=20000), "rich"),
    "ridge classifier of several": (lambda: RidgeClassifier(0.1), "band"),
    "softmax": (logistic, "band"),
}


def pair(private, pipeline, target, who=WHO):
    """The pipeline fitted with one record and, its last step alone refitted, without it."""
    before = pipeline.fit(private[X], private[target])
    rest = private.drop(index=who)
    after = make_pipeline(FrozenEstimator(before[:-1]), clone(before[-1])).fit(rest[X], rest[target])
    return before, after


@pytest.mark.parametrize("phi", [fourier, nystroem])
@pytest.mark.parametrize("name", MODELS)
def test_the_record_comes_back_from_behind_the_embedding(name, phi, halves):
    private, public = halves
    model, target = MODELS[name]
    before, after = pair(private, make_pipeline(encoded(), phi(), model()), target)
    truth = private[[*X, target]].iloc[[WHO]]
    result = undelete.audit(before, after, public[[*X, target]], target=target, truth=truth, n=N)
    assert result.release.embedding is not None
    record = result.records.iloc[0]
    assert record["colour"] == truth["colour"].iloc[0]
    assert abs(record["age"] - truth["age"].iloc[0]) <= 2
    assert abs(record["years"] - truth["years"].iloc[0]) <= 2
    if target == "income":
        error = result.found["hrec+"].target_error[0, 0]
        assert abs(record["income"] - truth["income"].iloc[0]) < 4 * error
        assert error < 8.0  # the deviation of income given the record
    else:
        assert record[target] == truth[target].iloc[0]
    summary = result.summary()
    assert summary.loc["hrec+", "median_centred_cosine"] > 0.98
    assert summary.loc["hrec+", "median_centred_cosine"] > summary.loc["maxdiff", "median_centred_cosine"]
    assert "EXPOSED" in result.verdict.word
    assert all(check.ok is not False for check in result.diagnostics)
    document = result.document()
    assert document["model"]["inputs"] == 6
    assert document["model"]["steps"][-1] == type(phi()).__name__


@pytest.mark.parametrize("phi", [fourier, nystroem])
@pytest.mark.parametrize("name", ["ridge", "logistic", "softmax"])
def test_error_bars_promise_what_the_truth_shows(name, phi, halves):
    private, public = halves
    model, target = MODELS[name]
    before, after = pair(private, make_pipeline(encoded(), phi(), model()), target)
    blind = undelete.audit(before, after, public[[*X, target]], target=target, n=N)
    known = undelete.audit(before, after, public[[*X, target]], target=target, n=N, truth=private.iloc[[WHO]])
    np.testing.assert_array_equal(blind.found["hrec"].inputs, known.found["hrec"].inputs)
    assert 0.9 < blind.exposure[0] <= 1
    assert abs(blind.exposure[0] - known.exposure[0]) < 0.05
    assert "EXPOSED" in blind.verdict.word


def test_pipelines_that_were_refitted_whole_are_audited_from_their_files(halves, tmp_path, capsys):
    private, public = halves
    make = lambda: make_pipeline(encoded(MinMaxScaler), fourier(gamma=0.5), Ridge(0.1))  # noqa: E731
    rest = private.drop(index=WHO)  # no extreme and no category goes with the record
    undelete.save_model(make().fit(private[X], private["income"]), tmp_path / "before.skops")
    undelete.save_model(make().fit(rest[X], rest["income"]), tmp_path / "after.skops")
    public[[*X, "income"]].to_csv(tmp_path / "public.csv", index=False)
    private[[*X, "income"]].iloc[[WHO]].to_csv(tmp_path / "truth.csv", index=False)
    given = [f"{tmp_path}/{name}" for name in ("before.skops", "after.skops")]
    options = ["--target", "income", "--public", f"{tmp_path}/public.csv", "--truth", f"{tmp_path}/truth.csv"]
    assert main(["audit", *given, *options, "--out", str(tmp_path / "out")]) == 0
    assert "Verdict  " in capsys.readouterr().out
    document = json.loads((tmp_path / "out/audit.json").read_text())
    assert document["verdict"]["word"] == "EXPOSED"
    assert document["model"]["features"] == 61
    colour = next(cell for cell in document["records"][0]["columns"] if cell["name"] == "colour")
    assert colour["right"]


@pytest.mark.parametrize("name", ["ridge classifier of several", "softmax"])
def test_models_of_several_classes_are_audited_and_simulated_from_the_command_line(name, halves, tmp_path, capsys):
    private, public = halves
    model, target = MODELS[name]
    before, after = (
        make_pipeline(encoded(), model()).fit(table[X], table[target]) for table in (private, private.drop(index=WHO))
    )
    columns = [*X, target]
    undelete.save_model(before, tmp_path / "before.skops")
    undelete.save_model(after, tmp_path / "after.skops")
    public[columns].to_parquet(tmp_path / "public.parquet")
    private[columns].to_parquet(tmp_path / "train.parquet")
    private[columns].iloc[[WHO]].to_parquet(tmp_path / "truth.parquet")
    common = ["--target", target, "--public", f"{tmp_path}/public.parquet", "--out", str(tmp_path / "out")]
    audit = ["audit", f"{tmp_path}/before.skops", f"{tmp_path}/after.skops", "--truth", f"{tmp_path}/truth.parquet"]
    assert main([*audit, *common]) == 0
    document = json.loads((tmp_path / "out/audit.json").read_text())
    record = document["records"][0]
    assert record["target"]["recovered"] == private[target][WHO]
    assert {cell["name"]: cell["recovered"] for cell in record["columns"]}["colour"] == private["colour"][WHO]
    assert document["verdict"]["word"] == "EXPOSED"
    train = ["simulate", f"{tmp_path}/before.skops", "--train", f"{tmp_path}/train.parquet", "--deletions", "20"]
    assert main([*train, *common]) == 0
    document = json.loads((tmp_path / "out/audit.json").read_text())
    rows = {row["attack"]: row for row in document["summary"]}
    assert rows["informed"]["exact_record"] == rows["informed"]["label"] == 1.0
    assert rows["hrec"]["label"] > 0.8
    capsys.readouterr()


@pytest.mark.parametrize("name", ["ridge", "logistic", "softmax", "svm"])
def test_simulate_through_an_embedding(name, halves, tmp_path):
    private, public = halves
    model, target = MODELS[name]
    result = undelete.simulate(
        make_pipeline(encoded(), fourier(), model()), private[X], private[target], public[X], public[target],
        deletions=20, rng=1,
    )  # fmt: skip
    summary = result.summary()
    assert summary.loc["informed", "median_centred_cosine"] > 0.9999
    assert summary.loc["hrec+", "median_centred_cosine"] > 0.99
    assert summary.loc["hrec+", "median_centred_cosine"] > summary.loc["maxdiff", "median_centred_cosine"] + 0.005
    assert summary.loc["hrec+", "exact_columns"] > summary.loc["maxdiff", "exact_columns"]
    assert result.verdict.word == "EXPOSED"
    result.release.save(tmp_path / "release.npz")
    again = run_attack(HREC, Release.load(tmp_path / "release.npz"), np.random.default_rng(0))
    np.testing.assert_array_equal(again.inputs, result.found["hrec"].inputs)
    truth = result.truth.arrays()
    np.testing.assert_allclose(result.release.embedding.transform(truth["inputs"]), truth["X"][:, :-1])


@pytest.mark.parametrize("phi", [fourier, nystroem])
@pytest.mark.parametrize("name", ["ridge", "ols", "logistic", "softmax"])
def test_leave_one_out_equals_refits_over_the_fixed_embedding(name, phi, halves):
    private, _ = halves
    model, target = MODELS[name]
    table = private.head(600)
    pipeline = make_pipeline(encoded(), phi(n_components=20), model()).fit(table[X], table[target])
    found = undelete.leave_one_out(pipeline, table[X], table[target], [3, 77])
    assert found.converged.all()
    Z = pipeline[:-1].transform(table[X])
    for i, row in enumerate((3, 77)):
        rest = np.delete(np.arange(len(table)), row)
        refit = clone(pipeline[-1]).fit(Z[rest], table[target].iloc[rest])
        tolerance = 1e-6 * np.abs(refit.coef_).max()
        np.testing.assert_allclose(found.coef[i], np.atleast_2d(refit.coef_), atol=tolerance)
        np.testing.assert_allclose(found.intercept[i], np.ravel(refit.intercept_), atol=tolerance)


def test_a_refitted_scaler_before_an_embedding_is_read_by_the_answers(halves):
    private, public = halves
    before, after = (
        make_pipeline(encoded(), fourier(), Ridge()).fit(table[X], table["income"])
        for table in (private, private.drop(index=WHO))
    )
    result = undelete.audit(before, after, public, target="income", truth=private.iloc[[WHO]], attacks=["hrec+"])
    held = undelete.audit(*pair(private, before, "income"), public, target="income", truth=private.iloc[[WHO]])
    refitted, kept = (r.summary().loc["hrec+", "median_centred_cosine"] for r in (result, held))
    assert refitted > kept - 0.02


def test_records_that_nystroem_stores_are_told(halves):
    private, public = halves
    pipeline = make_pipeline(encoded(), nystroem(), Ridge()).fit(private[X], private["income"])
    stored = int(pipeline[1].component_indices_[0])
    before, after = pair(private, pipeline, "income", who=stored)
    result = undelete.audit(before, after, public, target="income", truth=private.iloc[[stored]])
    told = " ".join(result.warnings)
    assert "records as they are, none of them among the public ones" in told
    assert "The Nystroem transformer stores the deleted record as it was fitted" in told
    played = undelete.simulate(pipeline, private[X], private["income"], public[X], deletions=[stored, WHO])
    assert any("stores 1 of the deleted records" in text for text in played.warnings)
    fitted = make_pipeline(encoded(), nystroem()).fit(public[X])
    harmless = make_pipeline(FrozenEstimator(fitted), Ridge()).fit(private[X], private["income"])
    played = undelete.simulate(harmless, private[X], private["income"], public[X], deletions=[WHO])
    assert not any("Nystroem transformer" in text for text in played.warnings)


@pytest.mark.parametrize("how", ["rounded", "noised", "of others"])
def test_what_is_no_deletion_is_not_called_one(how, halves):
    private, public = halves
    before, after = pair(private, make_pipeline(encoded(), fourier(), Ridge()), "income")
    last = after[-1]
    if how == "rounded":
        last.coef_ = np.round(last.coef_, 1)
    elif how == "noised":
        size = np.abs(before[-1].coef_ - last.coef_).max()
        last.coef_ = last.coef_ + size * np.random.default_rng(0).normal(size=last.coef_.shape)
    else:
        last.fit(before[:-1].transform(private[X].iloc[500:]), private["income"].iloc[500:])
    result = undelete.audit(before, after, public, target="income", n=N)
    assert result.verdict.word == "NOT DECIDABLE"
    failed = {check.name for check in result.diagnostics if check.ok is False}
    assert failed & {"Fits one record", "Scale of the record"}


def numbers_table(rng, n, columns):
    values = rng.normal(size=(n, columns)) @ np.random.default_rng(9).normal(size=(columns, columns))
    table = pd.DataFrame(values / np.sqrt(columns), columns=[f"c{j}" for j in range(columns)])
    return table.assign(y=np.tanh(table["c0"]) + table["c1"] ** 2 + 0.3 * rng.normal(size=n))


def test_continuous_records_are_judged_by_their_similarity():
    table = numbers_table(np.random.default_rng(0), 6000, 5)
    private, public = table.iloc[:3000].reset_index(drop=True), table.iloc[3000:]
    inputs = [name for name in table.columns if name != "y"]
    pipeline = make_pipeline(StandardScaler(), fourier(n_components=100), Ridge(0.1))
    result = undelete.simulate(pipeline, private[inputs], private["y"], public[inputs], public["y"], deletions=20)
    assert result.verdict.word == "EXPOSED"
    assert "centred cosine" in result.verdict.reason
    assert result.verdict.rule["median_centred_cosine"] > 0.9
    assert result.lift["score"] == "centred_cosine"
    assert result.lift["low"] > 0


def test_records_of_many_numbers_have_no_error_bars_and_are_not_called_safe():
    table = numbers_table(np.random.default_rng(1), 1600, 260)
    private, public = table.iloc[:800].reset_index(drop=True), table.iloc[800:]
    inputs = [name for name in table.columns if name != "y"]
    make = lambda table: make_pipeline(fourier(gamma=0.001, n_components=40), Ridge(0.1)).fit(table[inputs], table["y"])  # noqa: E731
    before, after = make(private), make(private.drop(index=5))
    result = undelete.audit(before, after, public, target="y", n=800)
    assert result.verdict.word == "NOT DECIDABLE"
    assert "get no error bars behind an embedding" in " ".join(check.text for check in result.diagnostics)
    known = undelete.audit(before, after, public, target="y", n=800, truth=private.iloc[[5]])
    assert all(check.name != "Error bars" for check in known.diagnostics)
