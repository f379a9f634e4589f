"""`reproduce stopped` on a few made-up people and images: files, page, and what they hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.paper.replay import agrees
from undelete.paper import stopped, stopped_models
from undelete.paper.experiments import EXPERIMENTS
from undelete.paper.pages.page import page
from undelete.paper.pages.terminal import lines


@pytest.fixture(scope="module")
def played(data_dir: Path, images_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("stopped")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stopped, "BUDGETS", (3, 20))
        patch.setattr(stopped_models, "BUDGETS", (3, 20))
        patch.setattr(stopped, "FEATURES", 12)
        patch.setattr(stopped, "MORE", 1)
        patch.setattr(stopped.images, "PICTURES", ("mnist",))
        patch.setattr(stopped, "OPTIMISERS", [one for one in stopped.OPTIMISERS if one.key != "anew"])
        patch.setenv("UNDELETE_DATA", str(images_dir))
        return out, EXPERIMENTS["stopped"].run(_both(data_dir, images_dir), out, 4, 0, None)


def _both(people: Path, images: Path) -> Path:
    for file in images.glob("*.npz"):
        place = people / file.name
        if not place.exists():
            place.write_bytes(file.read_bytes())
    return people


def test_the_result_is_on_disk_and_on_a_page(played: tuple[Path, dict[str, Any]]) -> None:
    out, found = played
    assert json.loads((out / "stopped.json").read_text()) == found
    assert (out / "stopped.svg").exists()
    assert all(len(line) <= 80 for line in lines(found))
    text = page([found])
    assert "| optimiser | MNIST |" in text
    assert "| gradient descent, momentum .9 | 20 |" in text


def test_it_gives_what_it_gave(played: tuple[Path, dict[str, Any]]) -> None:
    agrees(played[1])


def test_who_knows_the_optimiser_is_nearer_after_few_steps(played: tuple[Path, dict[str, Any]]) -> None:
    row = played[1]["stopped"][0]["rows"][0]
    assert row["optimiser"] == "descent"
    assert row["steps"] == 3
    assert row["attacks"]["known"]["median_embedding"] > row["attacks"]["hrec"]["median_embedding"] + 0.01
    assert {one["optimiser"] for one in played[1]["stopped"][0]["rows"] if "known" in one["attacks"]} == {
        "descent", "momentum", "batches",
    }  # fmt: skip


def test_what_was_trained_is_kept(played: tuple[Path, dict[str, Any]]) -> None:
    kept = {place.name for place in (played[0] / "cache").rglob("*.npz")}
    assert {"stopped-descent-4.npz", "stopped-descent-4-3.npz", "stopped-lbfgs-4-20.npz"} <= kept
