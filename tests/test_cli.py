"""The command line: files out, exit status, one clear line for each thing that cannot be used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import undelete
from tests.test_auditing import WHO, pipeline, population
from undelete.cli import main
from undelete.command.records import _shown
from undelete.command.records import record as printed

X = ["age", "years", "colour"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two pipelines saved as .skops, public and training tables, the deleted record."""
    place = tmp_path_factory.mktemp("files")
    table = population().drop(columns="rich")
    private, public = table.iloc[:4000].reset_index(drop=True), table.iloc[4000:]
    before = pipeline(Ridge()).fit(private[X], private["income"])
    rest = private.drop(index=WHO)
    after = pipeline(Ridge()).fit(rest[X], rest["income"])
    undelete.save_model(before, place / "before.skops")
    undelete.save_model(after, place / "after.skops")
    private.to_parquet(place / "train.parquet")
    public.to_csv(place / "public.csv", index=False)
    private.iloc[[WHO]].to_csv(place / "truth.csv", index=False)
    return place


@pytest.fixture
def run(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(folder)

    def call(*arguments):
        status = main([*map(str, arguments), "--out", str(tmp_path / "out")])
        said = capsys.readouterr()
        return status, said.out, said.err

    call.out = tmp_path / "out"
    return call


def test_audit_writes_the_page_and_the_numbers_and_prints_the_record(run):
    status, out, err = run(
        "audit", "before.skops", "after.skops", "--public", "public.csv", "--target", "income", "--truth", "truth.csv"
    )
    assert status == 0
    assert err == ""
    document = json.loads((run.out / "audit.json").read_text())
    assert document["schema"] == "undelete.audit/1"
    assert document["verdict"]["word"] == "EXPOSED"
    assert document["command"].startswith("undelete audit before.skops")
    assert document["model"]["n"] == 4000
    assert "EXPOSED" in (run.out / "report.html").read_text()
    assert "Verdict  EXPOSED" in out
    assert all(len(line) <= 80 for line in out.splitlines() if "report.html" not in line)
    assert "\x1b" not in out
    assert sorted(path.name for path in run.out.iterdir()) == ["audit.json", "report.html"]


def test_candidates_are_ranked(run, folder):
    table = pd.read_parquet(folder / "train.parquet")
    people = pd.concat([table.iloc[:30], table.iloc[[WHO]], pd.read_csv(folder / "public.csv").iloc[:30]])
    people.to_csv(folder / "people.csv", index=False)
    common = ("audit", "before.skops", "after.skops", "--public", "public.csv", "--candidates", "people.csv")
    status, out, err = run(*common, "--target", "income")
    assert (status, err) == (0, "")
    ranked = pd.read_csv(run.out / "candidates.csv", index_col="row")
    assert ranked.index[0] == 30
    assert ranked["probability"].iloc[0] > 0.99
    assert len(ranked) == 61
    shown = out[out.index("Who?") :].splitlines()
    assert shown[0] == "Who?     61 candidates; given that one of them was deleted:"
    assert shown[2].split()[0] == "30"
    assert all(len(line) <= 80 for line in shown[:-1])
    assert not any("None of them fits" in line for line in shown)
    people.drop(index=[WHO]).to_csv(folder / "people.csv", index=False)
    _, out, _ = run(*common, "--target", "income")
    assert "None of them fits: it was somebody else, or the two models do not differ" in " ".join(out.split())
    status, _, err = run(*common)
    assert (status, err.count("\n")) == (2, 1)
    assert "--candidates needs --target: how a record pulls on the model depends on what it predicts" in err
    people.drop(columns="income").to_csv(folder / "people.csv", index=False)
    status, _, err = run(*common, "--target", "income")
    assert status == 2
    assert "the candidates have no column 'income'" in err


def test_gate(run):
    common = ("audit", "before.skops", "after.skops", "--public", "public.csv", "--target", "income")
    status, out, _ = run(*common, "--fail-above", "0.9")
    assert status == 1
    assert "is above 0.9: status 1" in out
    status, out, _ = run(*common, "--fail-above", "1")
    assert status == 0


def test_json_and_redact(run):
    status, out, _ = run(
        "audit",
        "before.skops",
        "after.skops",
        "--public",
        "public.csv",
        "--target",
        "income",
        "--truth",
        "truth.csv",
        "--json",
        "--redact",
    )
    assert status == 0
    document = json.loads(out)
    assert document["redacted"] is True
    for record in document["records"]:
        for cell in [*record["columns"], record["target"]]:
            assert cell["recovered"] is None
            assert cell["true"] is None
            assert cell["low"] is None
    page = (run.out / "report.html").read_text()
    income = pd.read_csv("truth.csv")["income"].iloc[0]
    assert f"{income:.2f}" not in page
    assert f"{income:.1f}" not in page
    status, out, _ = run("audit", "before.skops", "after.skops", "--public", "public.csv", "--redact")
    assert "The record " not in out


def test_simulate_exports_a_release_that_holds_no_private_record(run, tmp_path):
    status, out, _ = run(
        "simulate", "before.skops", "--train", "train.parquet", "--public", "public.csv", "--target", "income",
        "--deletions", "12", "--export", tmp_path / "apart",
    )  # fmt: skip
    assert status == 0
    assert "12 models" in out
    with np.load(tmp_path / "apart" / "truth.npz") as truth, np.load(tmp_path / "apart" / "release.npz") as release:
        assert truth["X"].shape[0] == 12
        stored = np.concatenate([release[name].ravel() for name in release.files if release[name].dtype == float])
        # incomes of the deleted people are continuous, so each of them would be recognised
        assert not np.isin(truth["Y"].ravel(), stored).any()
    again = undelete.Release.load(tmp_path / "apart" / "release.npz")
    assert again.deletions == 12
    assert again.remaining_gradient is None


def test_same_models_end_with_status_0_and_say_so(run):
    status, out, _ = run("audit", "before.skops", "before.skops", "--public", "public.csv", "--fail-above", "0.5")
    assert status == 0
    assert "NOT DECIDABLE" in out
    assert "The models are the same" in " ".join(out.split())


def spoiled(folder, tmp_path, name):
    """Return the arguments of an audit with one thing wrong."""
    good = dict(before=folder / "before.skops", after=folder / "after.skops", public=folder / "public.csv")
    public = pd.read_csv(folder / "public.csv")
    bad = tmp_path / "bad.csv"
    if name == "no such model":
        good["before"] = tmp_path / "gone.skops"
    elif name == "a folder":
        good["before"] = tmp_path
    elif name == "corrupted":
        (tmp_path / "bad.skops").write_bytes((folder / "before.skops").read_bytes()[:500])
        good["before"] = tmp_path / "bad.skops"
    elif name == "empty":
        (tmp_path / "bad.skops").touch()
        good["after"] = tmp_path / "bad.skops"
    elif name == "no model":
        (tmp_path / "bad.txt").write_text("hello")
        good["after"] = tmp_path / "bad.txt"
    elif name == "pickle":
        import joblib

        joblib.dump(Ridge(), tmp_path / "bad.joblib")
        good["after"] = tmp_path / "bad.joblib"
    elif name == "missing column":
        public.drop(columns="age").to_csv(bad, index=False)
    elif name == "words for numbers":
        public.assign(age=["old", *public["age"].iloc[1:]]).to_csv(bad, index=False)
    elif name == "not a number":
        public.assign(age=public["age"].where(public.index % 3 > 0)).to_csv(bad, index=False)
    elif name == "infinite":
        public.assign(age=[float("inf"), *public["age"].iloc[1:]]).to_csv(bad, index=False)
    elif name == "unknown category":
        public.assign(colour=public["colour"].where(public.index % 3 > 0, "mauve")).to_csv(bad, index=False)
    elif name == "renamed column":
        public.rename(columns={"age": "years_old"}).to_csv(bad, index=False)
    elif name == "empty table":
        bad.touch()
    elif name == "other features":
        model = make_pipeline(StandardScaler(), Ridge()).fit(public[["age", "years"]], public["income"])
        undelete.save_model(model, tmp_path / "other.skops")
        good["after"] = tmp_path / "other.skops"
    elif name == "other penalty":
        undelete.save_model(pipeline(LinearRegression()).fit(public[X], public["income"]), tmp_path / "other.skops")
        good["after"] = tmp_path / "other.skops"
    if bad.exists():
        good["public"] = bad
    return ["audit", good["before"], good["after"], "--public", good["public"]]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no such model", "gone.skops"),
        ("a folder", "not a model file"),
        ("corrupted", "bad.skops"),
        ("empty", "empty"),
        ("no model", "bad.txt"),
        ("pickle", "--trust|trust=True"),
        ("missing column", "no column 'age'"),
        ("renamed column", "no column 'age'.* it has .*'years_old'"),
        ("words for numbers", "'old'"),
        ("not a number", "'age'"),
        ("infinite", "'age'.*(infinite|inf)"),
        ("unknown category", "mauve"),
        ("empty table", "empty"),
        ("other features", "colour|features|columns"),
        ("other penalty", "penalty|LinearRegression"),
    ],
)
def test_what_cannot_be_used_ends_with_status_2_and_one_line(name, message, folder, tmp_path, run):
    status, out, err = run(*spoiled(folder, tmp_path, name))
    assert status == 2
    assert out == ""
    lines = err.strip().splitlines()
    assert len(lines) == 1, err
    assert lines[0].startswith("undelete: ")
    import re

    assert re.search(message, lines[0]), lines[0]
    assert not run.out.exists()


def test_help_and_version_of_the_installed_command():
    environment = dict(os.environ, COLUMNS="80")
    for arguments, wanted in (
        (["--version"], "undelete 0.1.0"),
        (["audit", "--help"], "--fail-above"),
        (["simulate", "-h"], "--export"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "undelete.cli", *arguments], capture_output=True, text=True, env=environment
        )
        assert done.returncode == 0, done.stderr
        assert wanted in done.stdout
    done = subprocess.run([sys.executable, "-m", "undelete.cli", "audit"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "required" in done.stderr


def test_output_folder_that_is_a_file(run, folder, tmp_path, capsys):
    (tmp_path / "out").write_text("in the way")
    status, _, err = run("audit", "before.skops", "after.skops", "--public", "public.csv")
    assert status == 2
    assert "choose another folder with --out" in err


def test_audit_undoes_the_steps_that_an_optimiser_took(tmp_path, capsys):
    rng, n, step = np.random.default_rng(0), 1500, 0.05
    table = pd.DataFrame({"age": rng.integers(-3, 4, 2 * n), "years": rng.normal(size=2 * n) * 0.4})
    table["income"] = 2 * table["age"] + 3 * table["years"] + 5 + rng.normal(size=2 * n)
    private, public = table.iloc[:n], table.iloc[n:]
    public.to_csv(tmp_path / "public.csv", index=False)
    private.iloc[[7]].to_csv(tmp_path / "truth.csv", index=False)
    for name, rows in (("before", private), ("after", private.drop(index=7))):
        X, y, W = np.column_stack([rows[["age", "years"]], np.ones(len(rows))]), rows["income"].to_numpy(), np.zeros(3)
        for _ in range(12):
            W = W - step * X.T @ (X @ W - y) / len(X)
        model = {"coef": W[:2].tolist(), "intercept": W[2], "loss": "squared", "feature_names": ["age", "years"],
                 "l2": 0.0, "n": len(X)}  # fmt: skip
        (tmp_path / f"{name}.json").write_text(json.dumps(model))

    def audited(*more):
        files = [str(tmp_path / name) for name in ("before.json", "after.json", "public.csv", "truth.csv", "out")]
        status = main(["audit", *files[:2], "--public", files[2], "--truth", files[3], "--out", files[4], *more])
        return status, capsys.readouterr().err, tmp_path / "out" / "audit.json"

    known = ("--target", "income", "--optimiser", f"gd:steps=12,step={step}")
    off = {}
    for more in (known[:2], known):
        status, err, place = audited(*more)
        assert (status, err) == (0, "")
        document = json.loads(place.read_text())
        (row,) = document["records"]
        own = {one["name"]: one for one in row["columns"]}["years"]
        off[len(more)] = abs(own["recovered"] - own["true"])
    assert off[4] < 0.3 * off[2]
    assert "Steps replayed on public data" in [check["name"] for check in document["diagnostics"]]
    for steps, said in (
        ("sgd", "gradient descent alone can be undone"), ("gd:steps=2.5,step=1", "does not say the steps"),
        ("gd:steps=2,step=0", "no gradient descent is like that"),
        ("gd:step=1,steps=2,pace=1", "does not say the steps"),
    ):  # fmt: skip
        with pytest.raises(SystemExit):
            audited("--target", "income", "--optimiser", steps)
        assert said in capsys.readouterr().err
    status, err, _ = audited("--optimiser", "gd:steps=12,step=0.05")
    assert status == 2
    assert "give target (--target)" in err


@pytest.mark.parametrize(
    ("value", "shown"),
    [(22387331559636390000000.0, "2.24e+22"), (1234.0, "1,234"), (-5e9, "-5e+09"), (3.0, "3"), (3.14159, "3.14")],
)
def test_a_target_of_more_digits_than_fit_is_not_cut_to_another_number(value, shown):
    target = SimpleNamespace(name="claims", transform=None, unit="")
    assert _shown(SimpleNamespace(setting=SimpleNamespace(target=target)), "claims", value) == shown


def test_a_value_that_may_be_another_has_a_bar_that_is_not_zero():
    """A count told at 97 %, of which the shortest range of 95 % is that count alone."""
    rng = np.random.default_rng(3)
    table = pd.DataFrame({"kids": rng.poisson(1.5, 900), "age": rng.integers(18, 80, 900)})
    table = table.assign(debt=rng.normal(size=900) * 1000, years=rng.integers(0, 6, 900) * 3)
    table["pay"] = table.kids + table.age / 10 + table.debt / 500 + table.years + rng.normal(size=900) * 3
    names = ["kids", "age", "debt", "years"]

    def audited(table):
        scaler = StandardScaler().fit(table[:400][names])
        before, after = (
            make_pipeline(scaler, Ridge().fit(scaler.transform(some[names]), some.pay))
            for some in (table[:400], table[:400].drop(5))
        )
        return undelete.audit(before, after, table[400:].reset_index(drop=True), target="pay", n=400, deleted=1)

    audit = audited(table)
    _, kids, age, debt, years, *_ = printed(audit)
    assert 0.95 < audit.found["hrec+"].probability[0, 0] < 0.99
    assert "1 +- 0.5" in kids
    assert "37 (33 to 44)" in age  # not in the middle of its range
    assert "1343.58 +- 330" in debt
    assert years.split() == ["years", "0", "100%"]
    long = printed(audited(table.assign(age=table.age * 12345)))[2]
    assert long.count("(") == long.count(")") == 1  # half of a range would mislead
