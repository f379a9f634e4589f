"""Groups and other populations, on made-up people: every number is there and the pages hold them."""

from __future__ import annotations

from pathlib import Path

import pytest
from sklearn.linear_model import Ridge

from undelete.errors import InputError
from undelete.paper import groups, lists, population
from undelete.paper.experiments import EXPERIMENTS
from undelete.paper.pages.page import page
from undelete.paper.pages.terminal import lines


def test_groups_on_made_up_people(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "CASES", (groups.Case("ridge", "ridge", Ridge(1.0), "income"), groups.CASES[1]))
    monkeypatch.setattr(groups, "TOGETHER", ((9, 0),))
    monkeypatch.setattr(groups, "REFITTED", {"ridge": (), "logistic": ((2, 0), (7, 0), (1, 1))})
    monkeypatch.setattr("undelete.attacker.groups.search.GUESSES", 12)
    kept, refitted = (EXPERIMENTS[name].run(data_dir, tmp_path, 1, 0, None) for name in ("groups", "refitted_groups"))
    monkeypatch.setattr(groups, "audit", None)
    again = EXPERIMENTS["refitted_groups"].run(data_dir, tmp_path, 1, 0, None)
    assert again["together"] == refitted["together"]  # kept, not played anew
    rows = [*kept["together"], *refitted["together"]]
    assert [(r["model"], r["left"], r["refitted"]) for r in rows] == [
        ("ridge", 9, False), ("logistic", 9, False), ("logistic", 2, True), ("logistic", 1, True),
    ]  # fmt: skip
    assert all(0 <= r["person"] <= r["most"] <= 1 for r in rows)
    text = page([kept, refitted])
    assert "| ridge | 9 | 0 | no | 1 |" in text
    assert "| logistic | 2 | 0 | yes | 1 |" in text
    assert all(any("most exposed" in line for line in lines(found)) for found in (kept, refitted))


def test_lists_of_made_up_people(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "LISTS", (("logistic", True, 2, 50), ("softmax", False, 2, 50)))
    found = EXPERIMENTS["lists"].run(data_dir, tmp_path, 2, 0, None)
    assert [(r["model"], r["candidates"], r["cases"]) for r in found["lists"]] == [
        ("logistic", 50, 2), ("softmax", 50, 2),
    ]  # fmt: skip
    assert found["lists"][1]["all"] == 1
    assert "| softmax | no | 2 | 50 | 2 |" in page([found])
    assert any("all named" in line for line in lines(found))
    other = {**found, "populations": []}
    del other["lists"]
    with pytest.raises(InputError, match="population has a page of its own"):
        page([found, other])


def test_another_population_on_made_up_people(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(population, "AUDITED", 1)
    found = EXPERIMENTS["population"].run(data_dir, tmp_path, 2, 0, None)
    assert [r["public"] for r in found["populations"]][-2:] == ["NY", "NY, no moments stored"]
    assert "| TX, no moments stored |" in page([found])
    assert any("widened" in line for line in lines(found))
