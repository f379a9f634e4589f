"""The decoders' comparison, end to end on a stand-in for the survey."""

from __future__ import annotations

import dataclasses
import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.paper.replay import agrees
from undelete.data.acs import acs_income
from undelete.errors import InputError
from undelete.lab.models import LOGISTIC, RIDGE
from undelete.lab.samples import Sample
from undelete.paper import better
from undelete.paper.better import Target
from undelete.paper.better_tables import income, standardised, wages
from undelete.paper.experiments import EXPERIMENTS
from undelete.paper.measures import LEVELS, MEASURES, measures
from undelete.paper.pages.page import page, read
from undelete.paper.pages.terminal import lines

DELETIONS = 15


@pytest.fixture(scope="module")
def compared(data_dir: Path, images_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The folder and the result of two splits of each table, the wages' on all of their records."""
    out = tmp_path_factory.mktemp("better")
    tables = (case for case in better.CASES if case.curve != "cosine")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNDELETE_DATA", str(images_dir))  # they are looked for, whether or not they are played
        patch.setattr(better, "CASES", tuple(dataclasses.replace(case, splits=2) for case in tables))
        patch.setattr(better, "TRIAL", 0)
        return out, EXPERIMENTS["better"].run(data_dir, out, DELETIONS, 3, None)


def test_every_case_has_both_decoders_and_what_was_wanted(compared: tuple[Path, dict[str, Any]]) -> None:
    out, result = compared
    assert json.loads((out / "better.json").read_text()) == result
    assert [case["case"] for case in result["cases"]] == [case.key for case in better.CASES[:3]]
    for case in result["cases"]:
        assert case["seeds"] == [3, 4]
        assert case["deletions"] == 2 * DELETIONS
        for decoder in case["decoders"].values():
            exact = decoder["measures"]["exact_record"]
            assert exact["value"] == pytest.approx(np.mean(exact["by_split"]))
            assert 0 <= exact["low"] <= exact["value"] <= exact["high"] <= 1
            assert len(decoder["per_column"]) == len(case["columns"])
            assert np.mean(decoder["per_column"]) == pytest.approx(decoder["measures"]["exact_columns"]["value"])
            assert len(decoder["curve"]) == len(LEVELS)
            assert decoder["by_confidence"][-1] == pytest.approx(exact["value"])
            assert sum(one["n"] for one in decoder["reliability"]) <= case["deletions"]
        assert case["decoders"]["hrec"]["measures"]["median_bits"]["value"] is None
        for target in case["targets"]:
            assert target["value"] == case["decoders"]["hrec+"]["measures"][target["measure"]]["value"]
    census = result["cases"][-1]["decoders"]  # 14,750 private records: what it is about can be seen
    assert census["hrec+"]["measures"]["exact_record"]["value"] > 0.5
    assert census["hrec+"]["per_column"][0] > 0.9


def test_the_picture_and_the_page_are_whole(compared: tuple[Path, dict[str, Any]]) -> None:
    out, result = compared
    text = (out / "better.svg").read_text()
    ElementTree.fromstring(text)
    assert "ACS Income CA, ridge regression: hrec" in text[: text.index("</desc>")]
    assert (out / "better.png").read_bytes().startswith(b"\x89PNG")
    markdown = page([read(out / "better.json")])
    assert markdown.count("\n## ") == len(result["cases"]) + 2
    assert result["command"] in markdown
    for case in result["cases"]:
        exact = case["decoders"]["hrec+"]["measures"]["exact_record"]
        assert f"{exact['value']:.3f} ({exact['low']:.3f} to {exact['high']:.3f})" in markdown
    with pytest.raises(InputError, match=r"makes a page of its own: give better\.json alone"):
        page([result, result])


def test_the_terminal_says_what_was_reached_in_80_columns(compared: tuple[Path, dict[str, Any]]) -> None:
    text = lines(compared[1])
    assert max(map(len, text)) <= 80
    reached = [line for line in text if line.lstrip().startswith(("reached", "MISSED"))]
    assert len(reached) == sum(len(case["targets"]) for case in compared[1]["cases"])


def test_the_columns_stand_where_the_model_reads_them(data_dir: Path) -> None:
    dealt = Sample("CA", acs_income("CA", data_dir)).halves("class", 0)
    np.testing.assert_allclose(standardised(dealt).transform(dealt.raw), dealt.X, atol=1e-12)
    played = income("CA", LOGISTIC, data_dir, DELETIONS, 0)
    terms = np.hstack([played.truth.X @ column.projection for column in played.release.columns])
    known = played.truth.codes
    assert known is not None
    for j, column in enumerate(played.release.columns):
        there = known[:, j] >= 0  # a code that no public person has cannot be named
        np.testing.assert_allclose(column.terms[known[there, j], 0], terms[there, j], atol=1e-9)


def test_seeds_deal_other_deletions_and_the_same_ones_again(data_dir: Path) -> None:
    def first(seed: int) -> np.ndarray:
        return np.array(income("CA", RIDGE, data_dir, DELETIONS, seed).release.W_after)

    np.testing.assert_array_equal(first(0), first(0))
    assert not np.array_equal(first(0), first(1))
    assert wages(None, 3, 0).release.deletions == 3


def test_measures_of_known_scores() -> None:
    nothing = np.full(40, np.nan)
    exact = np.r_[np.ones(10), np.zeros(30)]
    scores = np.column_stack(
        [np.full(40, 0.995), nothing, exact, exact, nothing, np.full(40, 0.3), np.full(40, 8.0), exact]
    )
    found = dict(zip(MEASURES, measures(scores), strict=True))
    assert found["exact_record"] == 0.25
    assert found["surest_tenth"] == 1.0
    assert found["calibration_error"] == 0.0
    assert found["median_bits"] == 8.0
    assert found["median_target_error"] == pytest.approx(0.3)
    assert found["share_above_.99"] == 1.0
    assert np.isnan(found["label"])


@pytest.mark.parametrize(
    ("target", "value", "met"),
    [
        (Target("exact_record", at_least=0.3), 0.3, True),
        (Target("exact_record", at_least=0.3), 0.29, False),
        (Target("calibration_error", at_most=0.05), 0.05, True),
        (Target("calibration_error", at_most=0.05), 0.06, False),
        (Target("calibration_error", at_most=0.05), None, False),
    ],
)
def test_a_target_is_a_bound(target: Target, value: float | None, met: bool) -> None:
    assert target.met(value) is met


def test_the_key_numbers_are_as_they_were(compared):
    agrees(compared[1])
