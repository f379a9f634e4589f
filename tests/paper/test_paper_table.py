"""Table 1 and the page made from the results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import f1_score, r2_score

from tests.paper.replay import agrees
from undelete.data.acs import acs_income
from undelete.errors import InputError
from undelete.lab.samples import Sample
from undelete.paper.experiments import EXPERIMENTS
from undelete.paper.pages.page import main, page, read
from undelete.paper.pages.terminal import lines
from undelete.paper.table1 import f1, r2


@pytest.fixture(scope="module")
def table(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("table")
    return out, EXPERIMENTS["table1"].run(data_dir, out, 10, 2, None)


@pytest.mark.parametrize("seed", range(3))
def test_scores_equal_scikit_learn_s_with_weights(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y, z = rng.normal(size=50), rng.normal(size=50)
    weights = rng.integers(0, 4, size=(2, 50)).astype(float)
    assert r2(y, z, weights) == pytest.approx([r2_score(y, z, sample_weight=w) for w in weights])
    label = np.where(y > 0, 1.0, -1.0)
    assert f1(label, z, weights) == pytest.approx([f1_score(label, np.sign(z), sample_weight=w) for w in weights])


def test_f1_is_zero_where_nothing_is_found() -> None:
    assert f1(np.array([1.0, -1.0]), np.array([-1.0, -1.0]), np.ones((1, 2))).tolist() == [0.0]


def test_the_table_is_a_held_out_score_beside_the_paper_s(table: tuple[Path, dict[str, Any]], data_dir: Path) -> None:
    out, result = table
    assert json.loads((out / "table1.json").read_text()) == result
    assert [file.name for file in out.iterdir()] == ["table1.json"]
    assert result["command"] == "undelete reproduce table1 --data DIR --seed 2"
    cells = {(cell["key"], cell["sample"]): cell for cell in result["cells"]}
    assert len(cells) == 18
    assert cells["ridge", "CA"]["paper"] == 0.30139
    assert cells["svm", "TX"]["paper"] == 0.6868
    for cell in cells.values():
        assert cell["low"] < cell["value"] < cell["high"]
        assert cell["difference"] == pytest.approx(cell["value"] - cell["paper"])
    cell, dealt = cells["ridge", "CA"], Sample("CA", acs_income("CA", data_dir)).halves("number", 2)
    ridge = Ridge(alpha=cell["penalty"]).fit(dealt.X[:, :-1], dealt.Y[:, 0])
    assert cell["value"] == pytest.approx(ridge.score(dealt.X_public[:, :-1], dealt.Y_public[:, 0]), abs=1e-9)


def test_the_table_in_a_terminal(table: tuple[Path, dict[str, Any]]) -> None:
    text = lines(table[1])
    assert max(map(len, text)) <= 80
    cell = table[1]["cells"][0]
    row = next(line for line in text if line.startswith("  NY, ridge regression, R2"))
    assert row.split()[-2:] == [f"{cell['paper']:.4f}", f"{cell['difference']:+.4f}"]
    assert "The samples differ, so a difference" in " ".join(line.strip() for line in text)


def test_the_page_has_every_number_and_command(
    table: tuple[Path, dict[str, Any]], data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figure = EXPERIMENTS["fig10"].run(data_dir, tmp_path / "0", 5, 0, None)
    other = EXPERIMENTS["fig10"].run(data_dir, tmp_path / "1", 5, 1, None)
    text = page([table[1], other, figure])
    assert text.index("## fig10") < text.index("## table1")
    for result in (figure, other, table[1]):
        assert result["command"] in text
    for result in (figure, other):
        for panel in result["rows"][0]["panels"]:
            assert f"{panel['attacks']['hrec']['median_cosine']:.3f}" in text
    assert "![Ordinary least squares of income](fig10.svg)" in text
    assert str(data_dir) not in text
    for table_text in text.split("\n\n"):
        if table_text.startswith("| "):
            assert len({line.count("|") for line in table_text.splitlines()}) == 1
    paths = [str(tmp_path / "0" / "fig10.json"), str(table[0] / "table1.json")]
    assert main(paths) == 0
    assert capsys.readouterr().out == page([figure, table[1]])


def test_the_page_refuses_what_is_no_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.json"
    with pytest.raises(InputError, match=r"a\.json is not a result of `undelete reproduce` \("):
        read(file)
    for text in ("{", "[]", "{}"):
        file.write_text(text)
        with pytest.raises(InputError, match="is not a result of `undelete reproduce`"):
            read(file)
    file.write_text('{"schema": "undelete.audit/1"}')
    assert main([str(file)]) == 2
    said = capsys.readouterr().err
    assert said.endswith("a.json has schema 'undelete.audit/1', this version reads 'undelete.paper/1'\n")
    assert main([]) == 2
    assert capsys.readouterr().err.startswith("usage: python -m undelete.paper.pages RESULT.json")


def test_the_key_numbers_are_as_they_were(table):
    agrees(table[1])
