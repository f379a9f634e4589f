"""`reproduce answers` on a few made-up people and tiny images: files, page, and what they hold."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from tests.paper.replay import agrees
from undelete.errors import InputError
from undelete.lab.answers import asked_only
from undelete.lab.models import LOGISTIC
from undelete.paper import answers
from undelete.paper.better_tables import income
from undelete.paper.experiments import EXPERIMENTS
from undelete.paper.pages.page import page
from undelete.paper.pages.terminal import lines

pytest.importorskip("torch")

COUNT = 8


@pytest.fixture(scope="module")
def result(data_dir, images_dir, tmp_path_factory):
    out, both = tmp_path_factory.mktemp("answers"), tmp_path_factory.mktemp("both")
    shutil.copytree(data_dir, both, dirs_exist_ok=True)
    shutil.copy(images_dir / "cifar10.npz", both)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answers, "STATES", ("NY",))
        patch.setattr(answers, "QUERIES", (12, None))
        patch.setattr(answers, "DIGITS", (2, None))
        patch.setattr(answers, "PICTURES", ((40, None), (None, 3)))
        return out, EXPERIMENTS["answers"].run(both, out, COUNT, 0, None, shadows=40, epochs=2)


def test_the_result_is_on_disk_and_on_a_page(result):
    out, found = result
    assert json.loads((out / "answers.json").read_text()) == found
    assert (out / "answers.svg").exists()
    assert (out / "answers.png").exists()
    assert found["command"].endswith("--seed 0 --shadows 40 --epochs 2")
    assert all(len(line) <= 80 for line in lines(found))
    text = page([found])
    assert "| 12 |" in text
    assert "Updates-Leak, retrained, 15 answers, in full" in text
    with pytest.raises(InputError, match="page of their own"):
        page([found, found])


def test_a_dozen_answers_in_full_do_as_well_as_all_and_as_the_models(result):
    table = result[1]["asked"][0]
    by = {(cell["queries"], cell["digits"]): cell for cell in table["cells"]}
    models = table["beside"]["hrec+"]
    for queries in (12, 150):
        assert by[queries, None]["centred"] == pytest.approx(models["centred"], abs=0.05)
    assert by[12, 2]["centred"] < models["centred"]
    assert {row["attack"] for row in result[1]["images"]["rows"]} >= {"updates_leak_retraining", "hrec+", "maxdiff"}


def test_nothing_but_the_answers_is_seen(data_dir):
    release = income("NY", LOGISTIC, data_dir, 3, 0).release
    rows = np.arange(40)
    seen = asked_only(release, rows, 6)
    own = np.abs(seen.W_after - release.W_after).max()
    assert 0 < own < np.abs(release.W_before - release.W_after).max()
    assert seen.share_error.shape == (3, 1, 11, 11)
    assert seen.answer_change is None
    assert asked_only(release, np.arange(len(release.X_public)), None).answer_change.shape == (3, 150, 1)


def test_the_key_numbers_are_as_they_were(result):
    agrees(result[1])
