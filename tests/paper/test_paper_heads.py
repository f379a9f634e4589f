"""`reproduce heads` on a few made-up images: files, page, and what they hold."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from tests.paper.replay import agrees
from undelete.attacker.embedding import decoder
from undelete.data.schema import ImageInfo
from undelete.errors import InputError
from undelete.lab import heads as lab
from undelete.lab.heads import HeadCase
from undelete.paper import heads
from undelete.paper.experiments import EXPERIMENTS
from undelete.paper.pages.page import page
from undelete.paper.pages.terminal import lines

pytest.importorskip("torch")
SIDE = 16


def spots(*_):
    """Bright spots of three sizes, anywhere, with noise."""
    rng, at = np.random.default_rng(0), np.arange(SIDE)
    y, middle = rng.integers(0, 3, 1000), rng.uniform(4, SIDE - 4, (2, 1000))
    square = (at[:, None] - middle[0][:, None, None]) ** 2 + (at - middle[1][:, None, None]) ** 2
    images = 230 * np.exp(-square / (2 + 1.5 * y + rng.uniform(0, 1, 1000))[:, None, None] ** 2)
    images = (images + rng.uniform(0, 20, images.shape)).astype(np.uint8)
    info = ImageInfo((SIDE, SIDE), -1.0, 1.0)
    return SimpleNamespace(x_train=images, y_train=y, source="spots", classes=tuple("abc"), info=info)


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    out = tmp_path_factory.mktemp("heads")
    cases = (
        HeadCase("dense", "a hidden layer", "spots", 400, 24, 2, (("image", 0.5), ("label", 1.01))),
        HeadCase("drawn", "convolutions", "spots", 400, 32, 0),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(heads, "CASES", cases)
        patch.setattr(heads, "SPLITS", 1)
        patch.setattr(heads, "_DRAWN_OF", ("dense",))
        patch.setattr(heads, "sizes", lambda *_: {})
        patch.setattr(lab, "load_images", spots)
        patch.setattr(lab, "PENALTIES", (1.0, 10.0))
        patch.setattr(decoder, "_STEPS", 40)
        return out, EXPERIMENTS["heads"].run(None, out, 5, 0, None)


def test_the_result_is_on_disk_and_on_a_page(played):
    out, found = played
    assert json.loads((out / "heads.json").read_text()) == found
    assert (out / "heads.svg").exists()
    assert all(len(line) <= 80 for line in lines(found))
    text = page([found])
    assert "### a hidden layer" in text
    assert "image, centred at least 0.5: met; label at least 1.01: missed" in text
    with pytest.raises(InputError, match="a page of their own"):
        page([found, found])


def test_the_attack_is_ahead_of_every_guess_and_behind_the_bound(played):
    for row in played[1]["heads"]:
        image = {name: one["median_image"] for name, one in row["attacks"].items() if "median_image" in one}
        assert image["hrec+"] > max(image["maxdiff"], image["avg"], image["nearest"])
        assert image["hrec+"] < image["informed"] + 0.02
        assert row["label"] == 1
        assert row["attacks"]["hrec+"]["median_features"] > 0.9
        assert abs(row["promised"] - image["hrec+"]) < 0.15
        assert row["gradient_norm_largest"] <= 1e-10
        assert 0.2 < row["chi2"] < 4


def test_the_numbers_are_what_they_were(played):
    agrees(played[1])


def test_too_few_images_are_refused(monkeypatch):
    monkeypatch.setattr(lab, "load_images", spots)
    with pytest.raises(InputError, match="private and public images and some more"):
        lab.played(HeadCase("all", "all", "spots", 500, 8, 1), None, 1, 0, print)
