"""`reproduce sensitivity` on a few made-up people: files, page, and that what should hurt does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.paper.replay import agrees
from undelete.paper import sensitivity
from undelete.paper.experiments import EXPERIMENTS
from undelete.paper.pages.page import page
from undelete.paper.pages.terminal import lines
from undelete.paper.sensitivity_point import LOSSES

SMALL = {
    "N": 150, "M": 150, "_SIZES": (40, 150), "_FEATURES": (4, 15), "_SHARES": (0.2, 1.0), "_PENALTIES": (1.0, 1000.0),
    "_LEFT": (1e-9, 1e-2), "_DIGITS": (2, 10),
}  # fmt: skip


@pytest.fixture(scope="module")
def played(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("sensitivity")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SMALL.items():
            patch.setattr(sensitivity, name, value)
        return out, EXPERIMENTS["sensitivity"].run(data_dir, out, 8, 0, None)


def test_the_result_is_on_disk_and_on_a_page(played: tuple[Path, dict[str, Any]]) -> None:
    out, found = played
    assert json.loads((out / "sensitivity.json").read_text()) == found
    assert (out / "sensitivity.svg").exists()
    assert all(len(line) <= 80 for line in lines(found))
    text = page([found])
    assert "### Digits of the coefficients" in text
    assert "| Digits of the coefficients | significant digits | " in text


def test_it_gives_what_it_gave(played: tuple[Path, dict[str, Any]]) -> None:
    agrees(played[1])


def test_what_should_hurt_does(played: tuple[Path, dict[str, Any]]) -> None:
    panels = {panel["key"]: panel["points"] for panel in played[1]["sensitivity"]}
    for loss in LOSSES:
        near = {key: [point for point in points if point["loss"] == loss] for key, points in panels.items()}
        for key, order in {"n": 1, "m": 1, "tolerance": -1, "digits": 1}.items():
            assert order * (near[key][-1]["known"] - near[key][0]["known"]) > 0.003, key
        assert near["penalty"][-1]["known"] > near["penalty"][-1]["hrec"] + 0.001
        assert abs(near["m"][-1]["theory"] - near["m"][-1]["known"]) < 0.05


def test_digits_are_significant_ones() -> None:
    W = np.array([0.0, -1234.5678, 0.00098765])
    np.testing.assert_allclose(sensitivity._rounded(3, W), [0.0, -1230.0, 0.000988], rtol=1e-12)
