"""Figures 1 and 7, end to end on a stand-in, against naive twins."""

from __future__ import annotations

import copy
import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score

from tests.paper.conftest import PERSONS
from tests.paper.replay import agrees
from undelete.data.acs import acs_income
from undelete.errors import InputError
from undelete.lab.fitting import fit_private
from undelete.lab.holdout import with_holdout
from undelete.lab.models import LOGISTIC, RIDGE, SVM
from undelete.lab.samples import Sample
from undelete.paper import deleted_ranks, membership
from undelete.paper.experiments import EXPERIMENTS
from undelete.paper.membership import Row, play_panel
from undelete.paper.membership_figures import FIGURES
from undelete.paper.pages.page import page
from undelete.paper.pages.terminal import lines
from undelete.report.roc import LEVELS

DELETIONS = 8
N, HELD_OUT = 2 * PERSONS // 5, PERSONS // 5


def panels(result: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for row in result["rows"] for panel in row["panels"]]


@pytest.fixture(scope="module")
def figures(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, dict[str, Any]]]:
    """The folder and the results of fig1 and fig7, the latter with few random features."""
    out = tmp_path_factory.mktemp("out")
    rows = (Row(RIDGE), Row(LOGISTIC, 16), Row(SVM, 16))
    few = membership.Figure("fig7", "Membership inference on the tabular models", "after Figure 7 of the paper", rows)
    return out, {
        "fig1": EXPERIMENTS["fig1"].run(data_dir, out, DELETIONS, 0, None),
        "fig7": membership.reproduce(few, data_dir, out, DELETIONS, 0),
    }


def test_a_sample_is_dealt_40_40_20_and_standardised_with_the_public_part(data_dir: Path) -> None:
    sample = Sample("NY", acs_income("NY", data_dir))
    parts = with_holdout(sample, "number", 0)
    dealt = parts.halves
    assert (len(dealt.X), len(dealt.X_public), len(parts.X_holdout)) == (N, N, HELD_OUT)
    assert np.allclose(dealt.X_public[:, :-1].mean(axis=0), 0, atol=1e-12)
    assert np.allclose(dealt.X_public[:, :-1].std(axis=0), 1)
    everybody = np.concatenate([dealt.Y, dealt.Y_public, parts.Y_holdout])[:, 0]
    assert sorted(everybody) == sorted(sample.dataset.table["PINCP"])
    again, other = with_holdout(sample, "number", 0), with_holdout(sample, "number", 1)
    assert np.array_equal(parts.X_holdout, again.X_holdout)
    assert not np.array_equal(parts.X_holdout, other.X_holdout)


def test_random_features_are_of_the_standardised_columns(data_dir: Path) -> None:
    sample = Sample("CA", acs_income("CA", data_dir))
    plain, random = (with_holdout(sample, "class", 3, features) for features in (0, 4000))
    assert random.X_holdout.shape == (HELD_OUT, 4001)
    assert (random.X_holdout[:, -1] == 1).all()
    # inner products approximate the Gaussian kernel of the bandwidth that is stated
    a, b = plain.halves.X[:20, :-1], plain.halves.X_public[:20, :-1]
    distance = ((a[:, None] - b[None]) ** 2).sum(axis=2)
    kernel = np.exp(-distance / (2 * random.space["bandwidth"] ** 2))
    assert np.abs(random.halves.X[:20, :-1] @ random.halves.X_public[:20, :-1].T - kernel).max() < 0.08
    assert plain.space == {"name": "columns", "features": 10}
    assert np.array_equal(plain.halves.Y, random.halves.Y)


def test_lira_on_ridge_equals_a_naive_twin(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bootstraps, each a table with repeated rows, fitted by scikit-learn; scores of records by name."""
    drawn: list[np.ndarray] = []
    original = membership.bootstrap

    def watched(*arguments: Any) -> np.ndarray:
        drawn.append(original(*arguments))
        return drawn[-1]

    monkeypatch.setattr(membership, "bootstrap", watched)
    sample = Sample("TX", acs_income("TX", data_dir))
    panel = play_panel(sample, Row(RIDGE), 2, seed=1)
    parts = with_holdout(sample, "number", 1)
    dealt = parts.halves

    def fitted(X: np.ndarray, Y: np.ndarray) -> Ridge:
        return Ridge(alpha=panel["penalty"]).fit(X[:, :-1], Y[:, 0])

    X, y = np.concatenate([dealt.X, parts.X_holdout]), np.concatenate([dealt.Y, parts.Y_holdout])[:, 0]
    rows = [np.repeat(np.arange(N), weights.astype(int)) for weights in drawn[0]]
    shadows = [fitted(dealt.X_public[drawn], dealt.Y_public[drawn]) for drawn in rows]
    residuals = np.array([-np.abs(y - model.predict(X[:, :-1])) for model in shadows])
    above = -np.abs(y - fitted(dealt.X, dealt.Y).predict(X[:, :-1])) - residuals.mean(axis=0)
    member = np.arange(len(y)) < N
    assert len(shadows) == 64
    assert panel["lira"]["global"]["auc"] == pytest.approx(roc_auc_score(member, above), abs=1e-9)
    scores = above / residuals.std(axis=0, ddof=1)
    assert panel["lira"]["record"]["auc"] == pytest.approx(roc_auc_score(member, scores), abs=1e-9)


def test_the_results_say_how_they_came_about(figures: tuple[Path, dict[str, dict[str, Any]]]) -> None:
    out, results = figures
    for name, result in results.items():
        assert json.loads((out / f"{name}.json").read_text()) == result
        assert result["command"] == f"undelete reproduce {name} --data DIR --deletions {DELETIONS} --seed 0"
        assert "20 % held out" in result["split"]
        for panel in panels(result):
            assert (panel["n"], panel["m"], panel["held_out"]) == (N, N, HELD_OUT)
            assert panel["shadows"] == panel["cost"]["lira"]["models"] == 64
            assert panel["gradient_norm_shadows"] <= panel["gradient_tolerance"]
            for rates in panel["lira"].values():
                assert rates["auc_low"] < rates["auc"] < rates["auc_high"]
                for rate in (".001", ".01", ".1"):
                    low, high = (rates[f"tpr_at_{rate}_{end}"] for end in ("low", "high"))
                    assert low <= rates[f"tpr_at_{rate}"] <= high
                assert len(rates["curve"]) == len(LEVELS)
                assert rates["curve"] == sorted(rates["curve"])
                assert rates["curve"][-1] == 1.0
    assert [panel["sample"] for panel in panels(results["fig1"])] == ["NY", "CA", "TX"]
    assert len(panels(results["fig7"])) == 9
    assert [row["model"] for row in results["fig7"]["rows"]] == [
        "ridge regression",
        "logistic regression, 16 random features",
        "SVM, squared hinge, 16 random features",
    ]
    # the same split, folds, bootstraps and deletions: the same panel in both figures
    first, same = (copy.deepcopy(panels(results[name])[0]) for name in ("fig1", "fig7"))
    for panel in (first, same):
        panel.pop("cost")
    assert first == same


def test_two_models_name_the_deleted_where_one_does_not(figures: tuple[Path, dict[str, dict[str, Any]]]) -> None:
    for panel in (panel for result in figures[1].values() for panel in panels(result)):
        who = panel["who"]
        assert (who["deletions"], who["candidates"]) == (DELETIONS, N + HELD_OUT)
        found, blind = who["attacks"]["two_models"], who["attacks"]["lira"]
        assert found["auc"] > 0.9  # of 120 private and 120 public records only
        assert found["auc"] > blind["auc"] + 0.1
        assert found["median_rank"] <= 10
        assert found["first"] <= found["unbeaten"]
        # deleted at random from the members: one model cannot tell
        assert 0.1 < blind["auc_members"] < 0.9
        for one in who["attacks"].values():
            weighed = (one["auc_members"] * (N - 1) + one["auc_non_members"] * HELD_OUT) / (N - 1 + HELD_OUT)
            assert weighed == pytest.approx(one["auc"])


def test_an_svm_names_nobody_whom_it_forgot_without_a_trace(data_dir: Path) -> None:
    sample = Sample("CA", acs_income("CA", data_dir))
    panel = play_panel(sample, Row(SVM), None, seed=2)
    parts = with_holdout(sample, "class", 2)
    dealt = parts.halves
    inside = int((dealt.Y * (dealt.X @ fit_private(SVM, sample, dealt, 2).W) < 1).sum())
    assert panel["who"]["deletions"] == N  # all, since there are fewer than 200
    assert panel["who"]["changed"] == inside < N


def test_where_no_deletion_changed_the_model_nothing_is_claimed() -> None:
    rng = np.random.default_rng(0)
    assert set(deleted_ranks._ranked([], 10, 5, rng).values()) == {None}


def test_the_pictures_are_whole(figures: tuple[Path, dict[str, dict[str, Any]]]) -> None:
    out, _ = figures
    assert sorted(file.name for file in out.iterdir()) == [
        f"{name}.{end}" for name in ("fig1", "fig7") for end in ("json", "png", "svg")
    ]
    for name in ("fig1", "fig7"):
        text = (out / f"{name}.svg").read_text()
        ElementTree.fromstring(text)
        ids = set(re.findall(r'\bid="([^"]+)"', text))
        assert set(re.findall(r'href="#([^"]+)"', text)) <= ids
        assert len(text) < 400_000
        assert "AUC: LiRA" in text[: text.index("</desc>")]


def test_the_same_seed_gives_the_same_numbers_and_another_does_not(data_dir: Path) -> None:
    sample = Sample("CA", acs_income("CA", data_dir))
    first, again, other = (play_panel(sample, Row(LOGISTIC, 8), 3, seed) for seed in (4, 4, 5))
    for panel in (first, again, other):
        assert panel.pop("cost")["lira"]["seconds"] >= 0  # time is not a matter of the seed
    assert first == again
    assert first["lira"] != other["lira"]


def test_figure_7_has_three_models_on_both_sets_of_features() -> None:
    found = [(row.model.key, row.random_features) for row in FIGURES["fig7"].rows]
    assert found == [(model, features) for features in (0, 512) for model in ("ridge", "logistic", "svm")]


def test_the_terminal_shows_areas_in_80_columns(figures: tuple[Path, dict[str, dict[str, Any]]]) -> None:
    for result in figures[1].values():
        text = lines(result)
        assert max(map(len, text)) <= 80
        for panel in panels(result):
            row = [line for line in text if line.startswith(f"  {panel['sample']}, n = {N}")]
            assert any(f"{panel['lira']['global']['auc']:.4f}" in line for line in row)


def test_the_page_has_every_number_and_command(
    figures: tuple[Path, dict[str, dict[str, Any]]], data_dir: Path, tmp_path: Path
) -> None:
    results = figures[1]
    seen: list[tuple[int, int]] = []
    other = EXPERIMENTS["fig1"].run(data_dir, tmp_path, 3, 1, lambda done, total, _: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    text = page([results["fig7"], other, results["fig1"]])
    assert text.index("## fig1") < text.index("## fig7")
    for result in (other, *results.values()):
        assert result["command"] in text
        for panel in panels(result):
            assert f"{panel['lira']['global']['auc']:.4f}" in text
    assert "![Membership inference on the tabular models](fig7.svg)" in text
    assert str(data_dir) not in text
    for table in text.split("\n\n"):
        if table.startswith("| "):
            assert len({line.count("|") for line in table.splitlines()}) == 1
    with pytest.raises(InputError, match=r"fig1 and fig7 have a page of their own, membership\.md: give their results"):
        page([results["fig1"], EXPERIMENTS["table1"].run(data_dir, tmp_path / "table", None, 0, None)])


def test_the_key_numbers_are_as_they_were(figures):
    for result in figures[1].values():
        agrees(result)
