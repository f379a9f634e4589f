"""Which columns and rows of a file are read, and what is said before there is too little memory."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

import undelete
from undelete import cli, limits
from undelete.auditing import tables
from undelete.errors import InputError


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Two models, and public tables with columns that none of them reads, one of them a list."""
    folder = tmp_path_factory.mktemp("tables")
    rng = np.random.default_rng(8)
    table = pd.DataFrame({"age": rng.integers(18, 80, 6000), "hours": rng.integers(1, 60, 6000)})
    table["pay"] = 3.0 * table["age"] + 5.0 * table["hours"] + rng.normal(size=6000)
    private, public = table.iloc[:500], table.iloc[500:].reset_index(drop=True)
    for name, rows in (("before", private), ("after", private.drop(index=17))):
        undelete.save_model(Ridge(1.0).fit(rows[["age", "hours"]], rows["pay"]), folder / f"{name}.skops")
    private.to_parquet(folder / "train.parquet")
    public.to_csv(folder / "public.csv", index=False)
    public.assign(tags=[[1]] * len(public), note="x" * 50).to_parquet(folder / "wide.parquet", row_group_size=700)
    return folder


def audited(place, public, out, *more):
    words = ["audit", place / "before.skops", place / "after.skops", "--public", public]
    return cli.main([*map(str, words), "--target", "pay", "--n", "500", "--out", str(out), *more])


def test_columns_that_no_model_reads_are_not_read(place, tmp_path, monkeypatch):
    assert audited(place, place / "wide.parquet", tmp_path / "out") == 0
    assert audited(place, place / "public.csv", tmp_path / "other") == 0
    one, other = (json.loads((tmp_path / name / "audit.json").read_text()) for name in ("out", "other"))
    assert one["records"] == other["records"]
    models = [undelete.load_model(place / "before.skops")]
    table, _ = tables.public_records(place / "wide.parquet", models, "pay")
    assert list(table.columns) == ["age", "hours", "pay"]
    with pytest.raises(InputError, match="lists or records in column 'tags'"):
        undelete.data.read_table(place / "wide.parquet")


def test_a_target_that_is_not_there_is_answered_with_all_names(place, tmp_path, capsys):
    words = ["audit", place / "before.skops", place / "after.skops", "--public", place / "wide.parquet"]
    assert cli.main([*map(str, words), "--target", "wage", "--out", str(tmp_path)]) == 2
    assert "has no target column 'wage'; it has age, hours, pay, tags, note" in capsys.readouterr().err


def test_many_public_records_are_sampled_and_it_is_said(place, tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "MOST", 2000)
    assert audited(place, place / "public.csv", tmp_path / "out") == 0
    document = json.loads((tmp_path / "out" / "audit.json").read_text())
    kept = document["public"]["records"]
    assert 1000 <= kept <= 2000
    assert document["warnings"][0].startswith(f"Of 5,500 public records a random sample of {kept:,} is used")
    assert document["records"][0]["status"] == "ok"
    assert audited(place, place / "public.csv", tmp_path / "all", "--limits", "10") == 0
    assert json.loads((tmp_path / "all" / "audit.json").read_text())["public"]["records"] == 5500


def test_tables_in_memory_are_sampled_by_the_same_rule(place, monkeypatch):
    monkeypatch.setattr(tables, "MOST", 2000)
    public = pd.read_csv(place / "public.csv")
    pair = [place / "before.skops", place / "after.skops"]
    by_file = undelete.audit(*pair, place / "public.csv", target="pay", attacks=["hrec"])
    by_table = undelete.audit(*pair, public, target="pay", attacks=["hrec"])
    np.testing.assert_array_equal(by_file.release.X_public, by_table.release.X_public)
    train = pd.read_parquet(place / "train.parquet")
    X = ["age", "hours"]
    played = undelete.simulate(
        undelete.load_model(pair[0]), train[X], train["pay"], public[X], public["pay"], deletions=3, attacks=["hrec"]
    )
    np.testing.assert_array_equal(played.release.X_public, by_table.release.X_public)
    np.testing.assert_array_equal(played.release.Y_public, by_table.release.Y_public)
    assert any("random sample" in warning for warning in played.warnings)


def test_too_little_memory_is_told_before_the_work(place, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tables, "free_memory", lambda: 50_000)
    monkeypatch.setattr(tables, "read_table", None)  # nothing is read
    words = ["simulate", place / "before.skops", "--train", place / "train.parquet", "--public", place / "public.csv"]
    assert cli.main([*map(str, words), "--target", "pay", "--out", str(tmp_path / "out")]) == 2
    err = capsys.readouterr().err
    assert "has 500 records of 3 numbers, for which about 0.0 GB of memory are needed" in err
    assert err.count("\n") == 1


def test_free_memory_is_a_number_of_this_machine():
    free = tables.free_memory()
    assert free is None or 0 < free < 2**60


def test_a_csv_s_rows_are_guessed(place):
    assert tables.count_rows(place / "public.csv") == pytest.approx(5500, rel=0.01)
    assert tables.count_rows(place / "wide.parquet") == 5500


def test_lifted_limits_end_with_the_block():
    with limits.lifted(7):
        assert limits.allowed(2) == 14
    assert limits.allowed(2) == 2
