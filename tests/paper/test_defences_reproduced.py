"""Defences on made-up people: every number is there, the page and the terminal hold them, and a run goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from undelete.attacker.networks import record
from undelete.auditing import protect
from undelete.lab.networks import Case
from undelete.paper import defences, defences_images, defences_networks, noisy_images
from undelete.paper.experiments import EXPERIMENTS
from undelete.paper.pages.page import page
from undelete.paper.pages.terminal import lines
from undelete.report import svg


def test_defences_on_made_up_people(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(defences, "CASES", (defences.Case("ridge", "ridge", Ridge(1.0), number=True),))
    monkeypatch.setattr(defences, "SPLITS", 2)
    monkeypatch.setattr(defences, "_DELETIONS", 3)
    monkeypatch.setattr(defences, "LADDERS", {"noisy_moments": (30,), "rounding": (6, 2)})
    monkeypatch.setattr(protect, "_REFITTED", 1)
    found = EXPERIMENTS["defences"].run(data_dir, tmp_path, 3, 0, None)
    (case,) = found["defences"]
    assert [row["key"] for row in case["states"][0]["rows"]] == [
        "none nan", "refitting nan", "noisy_moments 30", "rounding 6", "rounding 2",
    ]  # fmt: skip
    for state in case["states"]:
        none, refitted, *_, fine, coarse = state["rows"]
        assert none["exposure_low"] <= none["exposure"] <= none["exposure_high"]
        assert none["utility_loss"] == 0
        assert refitted["whole_records"] == 1.0  # the new scaler's means are the record
        assert fine["exposure"] > coarse["exposure"] - 0.3
    text = page([found])
    assert "| no defence, scaler refitted too |" in text
    assert "![What each defence leaves, and costs, CA](defences.svg)" in text
    assert any("ridge, CA, n = " in line for line in lines(found))
    assert {"defences.json", "defences.svg", "defences.png"} <= {file.name for file in tmp_path.iterdir()}
    kept = sorted(tmp_path.rglob("row-*.json"))
    assert len(kept) == 2 * 5
    stamps = [file.stat().st_mtime_ns for file in kept]
    again = EXPERIMENTS["defences"].run(data_dir, tmp_path, 3, 0, None)
    assert again["defences"] == found["defences"]
    assert [file.stat().st_mtime_ns for file in kept] == stamps  # nothing was played twice


def test_defences_of_tiny_images(images_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(defences, "SPLITS", 1)
    monkeypatch.setattr(defences_images, "N", 60)
    monkeypatch.setattr(defences_images, "LADDERS", {"instance_noise": (1,), "rounding": (7,)})
    ends, write = [], svg.write

    def watched(figure: Any, *more: Any) -> Any:
        figure.draw_without_rendering()
        ends.extend((axes._left_title.get_window_extent().x1, axes.get_window_extent().x1) for axes in figure.axes)
        return write(figure, *more)

    monkeypatch.setattr(svg, "write", watched)
    found = EXPERIMENTS["defences_images"].run(images_dir, tmp_path, 3, 0, None)
    assert [case["key"] for case in found["defences"]] == ["softmax", "softmax_rff"]
    none, noisy, fine = found["defences"][0]["states"][0]["rows"]
    assert none["exposure"] > 0.5
    assert fine["exposure"] > 0.5
    assert noisy["exposure"] < none["exposure"]
    assert "### softmax_rff, Fashion-MNIST" in page([found])
    assert all(title < panel for title, panel in ends)  # beside the panel stands the legend


def test_defences_of_a_tiny_network(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    monkeypatch.setattr(defences, "SPLITS", 1)
    monkeypatch.setattr(defences_networks, "CASES", (Case("few", "a few people", 150, 150, (2,), 1e-2),))
    monkeypatch.setattr(defences_networks, "LADDERS", {"instance_noise": (1,)})
    for name in ("_SCOUT", "_STEPS"):
        monkeypatch.setattr(record, name, 2)
    found = EXPERIMENTS["defences_mlp"].run(data_dir, tmp_path, 2, 0, None)
    none, noisy = found["defences"][0]["states"][0]["rows"]
    assert none["utility_loss"] == 0
    assert noisy["largest_change"] > 0
    assert "### few, CA: a few people" in page([found])
    assert len(list(tmp_path.rglob("row-*.json"))) == 2


def test_pictures_under_noise_on_tiny_images(images_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noisy_images, "STRENGTHS", (1e6, 1.0))
    found = EXPERIMENTS["noisy_images"].run(images_dir, tmp_path, 3, 0, None)
    plain, little, much = (row["centred_cosine"] for row in found["blurred"])
    assert min(plain) > 0.9
    assert np.mean(little) > np.mean(much) + 0.3
    assert "| none | " in page([found])
    assert any("no noise" in line for line in lines(found))
    assert {"noisy_images.svg", "noisy_images.png", "noisy_images.json"} <= {file.name for file in tmp_path.iterdir()}
