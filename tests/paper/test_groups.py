"""Groups and other populations, on made-up people: every number is there and the pages hold them."""

from __future__ import annotations

from pathlib import Path

import pytest
from sklearn.linear_model import Ridge

from undelete.paper import groups, population
from undelete.paper.experiments import EXPERIMENTS
from undelete.paper.pages.page import page
from undelete.paper.pages.terminal import lines


def test_groups_on_made_up_people(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "CASES", (groups.Case("ridge", "ridge", Ridge(1.0), "income"), groups.CASES[1]))
    monkeypatch.setattr(groups, "TOGETHER", ((9, 0),))
    monkeypatch.setattr(groups, "REFITTED", (2,))
    monkeypatch.setattr(groups, "LISTS", ((2, 50),))
    monkeypatch.setattr("undelete.attacker.groups.search.GUESSES", 12)
    found = EXPERIMENTS["groups"].run(data_dir, tmp_path, 1, 0, None)
    assert [(r["model"], r["left"], r["refitted"]) for r in found["together"]] == [
        ("ridge", 9, False), ("logistic", 9, False), ("logistic", 2, True),
    ]  # fmt: skip
    assert all(0 <= r["person"] <= r["most"] <= 1 for r in found["together"])
    assert found["lists"][0]["candidates"] == 50
    assert "| ridge | 9 | 0 | no | 1 |" in page([found])
    assert any("all named" in line for line in lines(found))


def test_another_population_on_made_up_people(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(population, "AUDITED", 1)
    found = EXPERIMENTS["population"].run(data_dir, tmp_path, 2, 0, None)
    assert [r["public"] for r in found["populations"]][-2:] == ["NY", "NY, no moments stored"]
    assert "| TX, no moments stored |" in page([found])
    assert any("widened" in line for line in lines(found))
