"""`reproduce answers` on a few made-up people and tiny images: files, page, and what they hold."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.paper.replay import agrees
from undelete.auditing.asked_only import asked_only
from undelete.errors import InputError
from undelete.lab.models import LOGISTIC
from undelete.paper import answers
from undelete.paper.better_tables import income
from undelete.paper.experiments import EXPERIMENTS
from undelete.paper.pages.page import page
from undelete.paper.pages.terminal import lines

pytest.importorskip("torch")

COUNT = 8


@pytest.fixture(scope="module")
def results(data_dir, images_dir, tmp_path_factory):
    out = tmp_path_factory.mktemp("answers")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answers, "STATES", ("NY",))
        patch.setattr(answers, "QUERIES", (12, None))
        patch.setattr(answers, "DIGITS", (2, None))
        patch.setattr(answers, "PICTURES", ((40, None), (None, 3)))
        few = {"shadows": 40, "epochs": 2}
        people = EXPERIMENTS["answers"].run(data_dir, out, COUNT, 0, None)
        return out, people, EXPERIMENTS["answers_images"].run(images_dir, out, COUNT, 0, None, **few)


def test_the_results_are_on_disk_and_on_a_page(results):
    out, *found = results
    for one in found:
        assert json.loads((out / f"{one['name']}.json").read_text()) == one
        assert (out / f"{one['name']}.svg").exists()
        assert all(len(line) <= 80 for line in lines(one))
    assert found[1]["command"].endswith("--seed 0 --shadows 40 --epochs 2")
    text = page(found)
    assert "| 12 |" in text
    assert "Updates-Leak, retrained, 15 answers, in full" in text
    assert "shadow updates" not in page(found[:1])
    with pytest.raises(InputError, match="page of their own"):
        page([found[0], {"rows": [], "name": "fig5"}])


def test_a_dozen_answers_in_full_do_as_well_as_all_and_as_the_models(results):
    table = results[1]["asked"][0]
    by = {(cell["queries"], cell["digits"]): cell for cell in table["cells"]}
    models = table["beside"]["hrec+"]
    for queries in (12, 150):
        assert by[queries, None]["centred"] == pytest.approx(models["centred"], abs=0.05)
    assert by[12, 2]["centred"] < models["centred"]
    seen = {row["attack"] for row in results[2]["asked_images"]["rows"]}
    assert seen >= {"updates_leak_retraining", "hrec+", "maxdiff"}


def test_nothing_but_the_answers_is_seen(data_dir):
    release = income("NY", LOGISTIC, data_dir, 3, 0).release
    rows = np.arange(40)
    seen = asked_only(release, rows, 6)
    own = np.abs(seen.W_after - release.W_after).max()
    assert 0 < own < np.abs(release.W_before - release.W_after).max()
    assert seen.share_error.shape == (3, 1, 11, 11)
    assert seen.answer_change is None
    assert asked_only(release, np.arange(len(release.X_public)), None).answer_change.shape == (3, 150, 1)


def test_the_key_numbers_are_as_they_were(results):
    for found in results[1:]:
        agrees(found)


def test_deletions_of_which_rounding_hides_some_are_told_together(game):
    one = game(loss="squared", n=300, m=200)
    moved = np.stack([one.W + 10.0, one.W + 1e-3])  # beside three decimals, one is seen in full and one hardly
    told = asked_only(one.release(moved), np.arange(200), 3)
    assert told.answer_change is None
    np.testing.assert_allclose(told.W_after[0], moved[0], atol=1e-2)
