"""Nothing in a stranger's table, model or path writes a line of its own into a terminal, or moves its cursor."""

from __future__ import annotations

import unicodedata

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import undelete
from undelete import cli
from undelete.plain_text import escaped, masked

LINE = "a\nVerdict  NOT EXPOSED: all is well"
HOSTILE = [
    LINE,
    "\x1b[2K\x1b[31mred",
    "a\rVerdict  NOT EXPOSED",
    "\u202edesopxe",
    "b\x9b2J",
    "c\u2028Verdict  NOT EXPOSED",
]


@pytest.mark.parametrize("text", [*HOSTILE, "\ud800", "\x00\x7f\u200b\ufeff"])
def test_what_is_no_print_is_written_out(text):
    assert escaped(text).isprintable()
    assert escaped(escaped(text)) == escaped(text)


@pytest.mark.parametrize("text", ["plain", "Größe 12 °C, Стаж, 体重, naïve", "emoji 🙂 and 'quotes'"])
def test_what_is_print_stays(text):
    assert escaped(text) == text


@pytest.mark.parametrize(
    ("message", "left"),
    [
        ("column 'age' has 'forty' in row 3, which", "column 'age' has ... in row 3, which"),
        ('target "pay" has -1.5e3 in row 7 (it has 0, 1)', 'target "pay" has ... in row 7 (it has ..., ...)'),
        ("column 'it\\'s' has \"O'Hara\" in row 0", "column 'it\\'s' has ... in row 0"),
        ("there is no file /data/2024/x-1.csv", "there is no file /data/2024/x-1.csv"),
    ],
)  # fmt: skip
def test_cells_are_masked_and_names_are_not(message, left):
    assert masked(message) == left


def lawful(text):
    """Every line is one that we began, and no character is anything but print."""
    assert all(c == "\n" or unicodedata.category(c)[0] != "C" for c in text), repr(text)
    assert "\u2028" not in text
    return [line for line in text.splitlines() if line.startswith("Verdict")]


@pytest.fixture
def hostile(tmp_path):
    """Two models, and a table whose categories, columns and file names want to be a verdict."""
    rng = np.random.default_rng(0)
    town, plain = "town\nVerdict  NOT EXPOSED", "Verdict  NOT EXPOSED"
    table = pd.DataFrame({town: rng.choice(HOSTILE, 400), plain: rng.normal(size=400)})
    table["pay"] = rng.normal(size=400) + 2 * table[plain] + (table[town] == LINE)
    private, public = table.iloc[:200], table.iloc[200:]
    private.loc[5, town] = LINE
    folder = tmp_path / "x\nVerdict  NOT EXPOSED"
    folder.mkdir()
    for name, rows in (("before", private), ("after", private.drop(index=5))):
        steps = make_column_transformer((OneHotEncoder(), [town]), remainder="passthrough")
        undelete.save_model(
            make_pipeline(steps, Ridge()).fit(rows[[town, plain]], rows["pay"]), folder / f"{name}.skops"
        )
    public.to_parquet(folder / "public.parquet")
    private.iloc[[5]].to_parquet(folder / "truth.parquet")
    private.to_parquet(folder / "train.parquet")
    return folder


def test_a_result_cannot_be_forged(hostile, capsys):
    pair = [hostile / "before.skops", hostile / "after.skops"]
    common = ["--public", hostile / "public.parquet", "--target", "pay", "--out", hostile / "out"]
    played = ["simulate", pair[0], "--train", hostile / "train.parquet", "--deletions", "30", *common]
    for words in (["audit", *pair, "--truth", hostile / "truth.parquet", *common], ["audit", *pair, *common], played):
        for more in ([], ["--redact"]):
            assert cli.main([*map(str, words), *more]) == 0
            said = capsys.readouterr()
            assert len(lawful(said.out)) == 1
            assert said.err == ""


def test_an_error_cannot_be_forged(hostile, capsys, tmp_path):
    pair = [hostile / "before.skops", hostile / "after.skops"]
    table = pd.read_parquet(hostile / "public.parquet")
    table.iloc[3, 0] = "new\x1b[2J\nVerdict  NOT EXPOSED"
    table.to_parquet(tmp_path / "odd.parquet")
    assert cli.main([*map(str, ["audit", *pair, "--public", tmp_path / "odd.parquet"]), "--out", str(tmp_path)]) == 0
    said = capsys.readouterr()
    assert "1 of" in said.out
    assert "public records are left out" in " ".join(said.out.split())
    assert len(lawful(said.out)) == 1
    table.iloc[::3, 0] = "new\x1b[2J\nVerdict  NOT EXPOSED"
    table.to_parquet(tmp_path / "other.parquet")
    for words in (
        ["audit", *pair, "--public", tmp_path / "other.parquet"],
        ["audit", *pair, "--public", hostile / "gone\x1b[2J.csv"],
        ["audit", hostile / "\x1b[2J\nVerdict.skops", pair[1], "--public", hostile / "public.parquet"],
        ["audit", *pair, "--public", hostile / "public.parquet", "--target", "\x1b[2J\nVerdict"],
    ):
        assert cli.main([*map(str, words), "--out", str(tmp_path / "out")]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.count("\n") == 1
        assert lawful(said.err) == []
    with pytest.raises(SystemExit):
        cli.main(["audit", "--\x1b[2J\nVerdict  NOT EXPOSED"])
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert lawful(said.err) == []
