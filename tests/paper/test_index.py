"""docs/results/index.md: a row for each figure and table, from numbers.json, which is what the pages say."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

from tests.paper.replay import STORED
from undelete.lab.models import LEAST_SQUARES
from undelete.lab.samples import states
from undelete.paper.experiments import EXPERIMENTS
from undelete.paper.figure import Figure, reproduce
from undelete.paper.pages import numbers
from undelete.paper.pages.beyond import BEYOND
from undelete.paper.pages.claims import CLAIMS, NO, YES
from undelete.paper.pages.index import main, page

RESULTS = Path(__file__).parents[2] / "docs" / "results"
RUN = "run python -m undelete.paper.pages.index docs/results/PAGE.md"


@pytest.fixture(scope="module")
def found() -> dict[str, numbers.Entry]:
    return numbers.load(RESULTS / "numbers.json")


def test_the_committed_files_belong_together(found: dict[str, numbers.Entry]) -> None:
    assert (RESULTS / "index.md").read_text() == page(found), RUN
    assert (RESULTS / "numbers.json").read_text() == numbers.text(found), RUN
    for name in {entry["from"] for entry in found.values() if entry["from"].endswith(".md")}:
        for experiment, entry in numbers.entries(RESULTS / name).items():
            assert found[experiment] == entry, f"{experiment} of {name} has changed: {RUN}"


def test_no_row_is_missing_and_every_link_leads_to_a_section(found: dict[str, numbers.Entry]) -> None:
    assert [claim.title for claim in CLAIMS] == [*(f"Figure {i}" for i in range(1, 15)), "Table 1", "Table 2"]
    for claim in CLAIMS:
        headings = [line[3:] for line in (RESULTS / claim.page).read_text().splitlines() if line.startswith("## ")]
        assert found[claim.experiment]["section"] in map(numbers.anchor, headings)
    paper, beyond = page(found).split("## Beyond the paper")
    rows = [line for line in paper.splitlines() if line.startswith("| [")]
    assert len(rows) == len(CLAIMS)
    assert all(" | open | " not in row for row in rows)
    named = {one.page.split("#")[0] for one in (*CLAIMS, *BEYOND)}
    assert {place.name for place in RESULTS.glob("*.md")} - {"index.md"} <= named
    assert all(f"]({one.page})" in beyond for one in BEYOND)
    assert {one.name for one in BEYOND} - {""} <= EXPERIMENTS.keys()


def test_a_small_replay_of_each_is_compared() -> None:
    stored = json.loads(STORED.read_text())
    assert {claim.experiment for claim in CLAIMS} <= stored.keys()


def test_a_verdict_follows_its_numbers(found: dict[str, numbers.Entry]) -> None:
    claim = next(claim for claim in CLAIMS if claim.title == "Figure 5")
    entry = copy.deepcopy(found["fig5"])
    assert claim.rule(entry)[1] == YES
    table = next(table for table in entry["tables"] if "attack" in table[0])
    row = next(row for row in table if row["attack"] == "HRec")
    row["median cosine (centred)"] = "0.701"
    said, verdict = claim.rule(entry)
    assert verdict == NO
    assert "median centred cosine 0.701 to 0.9999" in said
    without = {name: entry for name, entry in found.items() if name != "fig5"}
    assert "| Figure 5 | " in page(without)
    assert "| not yet | open |" in page(without)


def test_a_new_result_takes_the_place_of_the_old(data_dir: Path, tmp_path: Path) -> None:
    one_panel = Figure(
        "fig10", "one panel", "of Figure 10", (LEAST_SQUARES,), lambda folder, _: (states(folder)[:1], [])
    )
    result = reproduce(one_panel, data_dir, tmp_path, 3, 0)
    (tmp_path / "numbers.json").write_bytes((RESULTS / "numbers.json").read_bytes())
    assert main([str(tmp_path / "fig10.json"), "--docs", str(tmp_path)]) == 0
    entry = json.loads((tmp_path / "numbers.json").read_text())["experiments"]["fig10"]
    assert entry["from"] == "fig10.json"
    assert entry["command"] == result["command"]
    assert "1 panels, 3 deletions a panel" in (tmp_path / "index.md").read_text()


def test_what_is_no_result_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "numbers.json").write_text('{"schema": "other", "experiments": {}}')
    assert main(["--docs", str(tmp_path)]) == 2
    assert "has schema 'other'" in capsys.readouterr().err
    assert main([str(tmp_path / "none.md"), "--docs", str(tmp_path / "new")]) == 2
    assert "cannot be read" in capsys.readouterr().err
