"""`undelete.scan` and `undelete scan`: files in, tables out."""

from __future__ import annotations

import json

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import BaggingClassifier, BaggingRegressor, RandomForestRegressor, VotingClassifier
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.impute import KNNImputer
from sklearn.kernel_approximation import Nystroem
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KernelDensity, KNeighborsClassifier, LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.semi_supervised import LabelSpreading
from sklearn.svm import SVC, OneClassSVM

import undelete
from undelete.cli import main

N, GONE = 60, 11


@pytest.fixture(scope="module")
def people():
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"age": rng.integers(18, 90, N), "pay": rng.normal(3000, 900, N).round(2)})
    table["town"] = rng.choice(["Ham", "Rye"], N)
    return table, (table.age > 50).astype(int)


def steps(*encoders):
    return make_column_transformer((StandardScaler(), ["age", "pay"]), *encoders)


KEEPS_ALL = [
    KNeighborsClassifier(), LocalOutlierFactor(novelty=True), KernelDensity(), GaussianProcessRegressor(optimizer=None),
    KernelRidge(), KNNImputer(), LabelSpreading(),
]  # fmt: skip


@pytest.mark.parametrize("model", KEEPS_ALL, ids=lambda m: type(m).__name__)
def test_what_keeps_all_records_gives_each_back_in_raw_columns(people, model, tmp_path):
    """Trees of neighbours and kernels are no trusted types: the file is read all the same, and nothing in it built."""
    table, y = people
    pipeline = make_pipeline(steps((OneHotEncoder(), ["town"])), model)
    for name, keep in (("a", table.index >= 0), ("b", table.index != GONE)):
        skops.io.dump(clone(pipeline).fit(table[keep], y[keep]), tmp_path / f"{name}.skops")
    one = undelete.scan(tmp_path / "a.skops")
    found = one.records[["age", "pay", "town"]]
    pd.testing.assert_frame_equal(found.astype({"age": int}), table, check_dtype=False)
    assert one.exposed
    two = undelete.scan(tmp_path / "a.skops", tmp_path / "b.skops")
    (gone,) = two.records[two.records.held != "both"].to_dict("records")
    assert {name: gone[name] for name in table} == table.loc[GONE].to_dict()
    assert gone["held"] == "before"
    if "(target)" in gone:
        assert int(gone["(target)"]) == y[GONE]


@pytest.mark.parametrize("model", [SVC(), OneClassSVM(), Nystroem(n_components=9)], ids=lambda m: type(m).__name__)
def test_what_keeps_some_records_keeps_real_ones(people, model):
    table, y = people
    fitted = make_pipeline(steps((OrdinalEncoder(), ["town"])), model).fit(table, y)
    found = undelete.scan(fitted).records
    real = {tuple(row) for row in table.itertuples(index=False)}
    assert 0 < len(found) < N
    assert {(int(age), float(pay), town) for age, pay, town in found[["age", "pay", "town"]].to_numpy()} <= real


def test_one_file_lists_values_of_one_person(people):
    table, y = people
    target = pd.Series(np.random.default_rng(0).normal(size=N))
    scaled = undelete.scan(make_pipeline(MinMaxScaler(), LogisticRegression()).fit(table[["age", "pay"]], y)).table
    assert set(scaled[scaled.kind == "extreme"].value) == {
        *table.age.agg(["min", "max"]),
        *table.pay.agg(["min", "max"]),
    }
    assert scaled[scaled.kind == "count"].value.tolist() == [N]
    (largest,) = undelete.scan(MaxAbsScaler().fit(-table[["pay"]])).table.to_dict("records")[1:]
    assert (largest["low"], largest["high"], largest["exact"]) == (-table.pay.max(), table.pay.max(), False)
    forest = undelete.scan(RandomForestRegressor(3, random_state=0).fit(table[["age", "pay"]], target)).table
    leaves = forest[forest.kind == "leaf of one"].value
    assert len(leaves) > 20
    assert all(np.isclose(target, leaf, rtol=1e-12).any() for leaf in leaves)
    assert str(undelete.scan(MaxAbsScaler().fit(-table[["pay"]]))) == (
        "<Scan: 2 values of training records, 1 exact; 0 stored records>"
    )
    bag = BaggingRegressor(KernelRidge(), 2, max_features=1, random_state=0).fit(table[["age", "pay"]], target)
    assert set(undelete.scan(bag).records.columns) <= {"source", "age", "pay"}


@pytest.mark.parametrize(
    "holder", [CalibratedClassifierCV(GaussianNB(), cv=3), BaggingClassifier(GaussianNB(), 3, random_state=0)]
)
def test_folds_and_samples_that_a_deletion_deals_anew_say_nothing_of_who_left(people, holder):
    table, y = people
    numbers, keep = table[["age", "pay"]], table.index != GONE
    before, after = clone(holder).fit(numbers, y), clone(holder).fit(numbers[keep], y[keep])
    assert not undelete.scan(before, after).table.exact.any()  # people who moved to another fold were told as deleted


@pytest.mark.parametrize("last", [GaussianNB(), make_pipeline(StandardScaler(), GaussianNB())])
def test_classes_are_called_as_the_whole_calls_them(people, last):
    table, y = people
    numbers, answer, keep = table[["age", "pay"]], np.where(y == 1, "yes", "no"), table.index != GONE
    vote = VotingClassifier([("bayes", last)])
    found = undelete.scan(vote.fit(numbers, answer), clone(vote).fit(numbers[keep], answer[keep])).table
    assert set(found.value[found.kind == "class"]) == {answer[GONE]}


def test_target_encodings_of_one_record_are_told_from_others():
    from sklearn.preprocessing import TargetEncoder

    towns = pd.DataFrame({"town": ["Ham"] * 30 + ["Rye"] * 29 + ["Ely"]})
    late = np.r_[np.arange(59) % 3 == 0, True].astype(int)
    found = undelete.scan(TargetEncoder(smooth=3.0).fit(towns, late)).table
    assert found[found.kind == "category of one"].value.tolist() == ["Ely"]
    assert found[found.kind == "encoding of one"].value.tolist() == [1.0]


def test_the_command_writes_tables_and_prints_a_summary(people, tmp_path, capsys):
    table, y = people
    for name, keep in (("a", table.index >= 0), ("b", table.index != GONE)):
        model = make_pipeline(steps((OneHotEncoder(), ["town"])), LogisticRegression()).fit(table[keep], y[keep])
        skops.io.dump(model, tmp_path / f"{name}.skops")
    files = [str(tmp_path / f"{name}.skops") for name in "ab"]
    assert main(["scan", *files, "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "the record that left" in printed
    written = pd.read_csv(tmp_path / "out" / "scan.csv").set_index("column")
    assert written.loc["age", "value"] == table.age[GONE]
    assert written.loc["pay", "value"] == pytest.approx(table.pay[GONE], rel=1e-9)
    document = json.loads((tmp_path / "out" / "scan.json").read_text())
    assert document["change"]["one"] is True
    assert main(["scan", *reversed(files), "--json", "--out", str(tmp_path / "out")]) == 0
    assert json.loads(capsys.readouterr().out)["who"] == "the record that joined"


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("missing", "there is no file"),
        ("pickle", "unpickling runs code"),
        ("other", "store different things"),
        ("damaged", "is damaged or no .skops file"),
        ("text", "is not a model file by its name"),
        ("network", "is a network's file, which holds its parameters and nothing that scan lists"),
    ],
)
def test_what_cannot_be_scanned_is_refused_in_a_line(people, case, message, tmp_path, capsys):
    table, _ = people
    scaler, trees = tmp_path / "scaler.skops", tmp_path / "other.skops"
    skops.io.dump(StandardScaler().fit(table[["age"]]), scaler)
    skops.io.dump(MinMaxScaler().fit(table[["age"]]), trees)
    joblib.dump(StandardScaler().fit(table[["age"]]), tmp_path / "x.joblib")
    (tmp_path / "bad.skops").write_bytes(scaler.read_bytes()[:300])
    (tmp_path / "notes.txt").write_text("x")
    given = {
        "missing": ["no.skops"], "pickle": ["x.joblib"], "other": ["scaler.skops", "other.skops"],
        "damaged": ["bad.skops"], "text": ["notes.txt"], "network": ["net.safetensors"],
    }[case]  # fmt: skip
    assert main(["scan", *(str(tmp_path / name) for name in given), "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1


def test_a_pickle_is_scanned_on_trust(people, tmp_path):
    table, _ = people
    joblib.dump(StandardScaler().fit(table[["age"]]), tmp_path / "x.joblib")
    assert undelete.scan(tmp_path / "x.joblib", trust=True).table.value.tolist() == [N]
