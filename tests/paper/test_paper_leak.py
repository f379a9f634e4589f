"""Figures 8 and 9 on tiny images: both scenarios against naive twins, and what is written about them."""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.paper.conftest import IMAGES
from tests.paper.replay import agrees
from undelete.cli import main
from undelete.errors import InputError
from undelete.lab import images
from undelete.lab.panel import play_release
from undelete.lab.shadow_updates import Roles, full_retraining, single_step
from undelete.maintainer.fit import fit
from undelete.maths.softmax import Softmax
from undelete.paper import updates_leak
from undelete.paper.experiments import EXPERIMENTS
from undelete.paper.figure import shelf
from undelete.paper.leak import MODEL
from undelete.paper.pages.markdown import similarity
from undelete.paper.pages.page import page
from undelete.paper.pages.terminal import lines
from undelete.paper.updates_leak import LEAKS

pytest.importorskip("torch")

COUNT = 24
FEW = {"shadows": 40, "epochs": 2}


@pytest.fixture(scope="module")
def played(images_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, dict[str, Any]]]:
    """The folder and the results of both figures, one after the other."""
    out = tmp_path_factory.mktemp("leak")
    return out, {name: EXPERIMENTS[name].run(images_dir, out, COUNT, 0, None, **FEW) for name in ("fig8", "fig9")}


@pytest.fixture(scope="module")
def game(images_dir: Path, played: tuple[Path, dict[str, dict[str, Any]]]) -> tuple[Any, ...]:
    """The deletions of the figures, and the public records' parts."""
    population = images.load(images_dir, ("cifar10",))[0]
    release, truth, _ = play_release(population, MODEL, COUNT, 0, shelf(played[0], population, 0))
    return release, truth, Roles.deal(len(release.X_public), 10, 40, np.random.default_rng(0))


def test_the_parts_are_apart_and_all() -> None:
    roles = Roles.deal(1000, 100, 250, np.random.default_rng(3))
    assert [len(part) for part in (roles.probes, roles.shadows, roles.rest)] == [100, 250, 650]
    assert sorted(np.concatenate([roles.probes, roles.shadows, roles.rest])) == list(range(1000))
    few = Roles.deal(150, 100, 10_000, np.random.default_rng(3))
    assert [len(part) for part in (few.probes, few.shadows, few.rest)] == [15, 60, 75]


def _probabilities(probes: np.ndarray, W: np.ndarray) -> np.ndarray:
    E = np.exp(probes @ W)
    return E / E.sum(axis=-1, keepdims=True)


def test_a_single_step_equals_models_that_took_it(game: tuple[Any, ...]) -> None:
    release, truth, roles = game
    updates = single_step(release, truth, roles)
    probes, rate = release.X_public[roles.probes], updates.account["rate"]
    assert rate == pytest.approx(2 / np.square(release.X_public[roles.rest]).sum(axis=1).mean())

    def stepped(W: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return W - rate * np.outer(x, Softmax().residual(y, x @ W))

    shadows, changes = updates.seen("probability")
    for seen, W, x, y in zip(changes, release.W_after, truth.X, truth.Y, strict=True):
        np.testing.assert_allclose(
            seen, _probabilities(probes, stepped(W, x, y)) - _probabilities(probes, W), atol=1e-12
        )
    own = leak_objective(release, roles.rest)
    W = fit(own, tol=1e-11).W  # has seen no shadow's record and no probe
    X, Y = release.X_public[roles.shadows], release.Y_public[roles.shadows]
    for change, x, y in zip(shadows.changes, X, Y, strict=True):
        twin = _probabilities(probes, stepped(W, x, y)) - _probabilities(probes, W)
        np.testing.assert_allclose(change, twin, atol=1e-6)
    np.testing.assert_array_equal(shadows.records, release.inputs_public[roles.shadows])


def leak_objective(release: Any, rows: np.ndarray) -> Any:
    from undelete.maths.objective import Objective

    l2 = release.l2 * len(rows) / release.n
    return Objective(release.X_public[rows], release.Y_public[rows], Softmax(), l2)


def test_shadow_deletions_are_near_retrained_models(game: tuple[Any, ...]) -> None:
    release, truth, roles = game
    updates = full_retraining(release, truth, roles)
    probes = release.X_public[roles.probes]
    twin = [_probabilities(probes, release.W_before) - _probabilities(probes, W) for W in release.W_after]
    shadows, changes = updates.seen("probability")
    np.testing.assert_allclose(changes, twin, atol=1e-14)
    own = leak_objective(release, np.concatenate([roles.shadows, roles.rest]))
    W, cosines = fit(own, tol=1e-11).W, []
    for i, change in enumerate(shadows.changes):
        after = fit(own.take(np.delete(np.arange(own.n), i)), tol=1e-11).W
        exact = _probabilities(probes, W) - _probabilities(probes, after)
        cosines.append((change * exact).sum() / np.linalg.norm(change) / np.linalg.norm(exact))
    assert np.median(cosines) > 0.99  # of 135 records only; the length counts for nothing


def test_what_is_private_is_in_no_shadow_update(game: tuple[Any, ...]) -> None:
    release, truth, roles = game
    for scenario in (single_step, full_retraining):
        shadows, _ = scenario(release, truth, roles).seen("log")
        public = {row.tobytes() for row in release.inputs_public}
        assert all(row.tobytes() in public for row in shadows.records)
        other, _ = scenario(release.take(np.arange(3)), _part(truth, 3), roles).seen("log")
        np.testing.assert_array_equal(other.changes, shadows.changes)  # whoever was deleted


def _part(truth: Any, count: int) -> Any:
    from dataclasses import replace

    return replace(truth, X=truth.X[:count], Y=truth.Y[:count], inputs=truth.inputs[:count], rows=truth.rows[:count])


def test_the_results_say_how_they_came_about(played: tuple[Path, dict[str, dict[str, Any]]]) -> None:
    out, results = played
    for name, result in results.items():
        assert json.loads((out / f"{name}.json").read_text()) == result
        assert (
            result["command"] == f"undelete reproduce {name} --data DIR --deletions 24 --seed 0 --shadows 40 --epochs 2"
        )
        assert (result["plan"]["shadows"], result["plan"]["epochs"], result["plan"]["variant"]) == (
            40,
            2,
            "autoencoder",
        )
        ElementTree.fromstring((out / f"{name}.svg").read_text())
        assert (out / f"{name}.png").exists()
    panel = results["fig8"]["rows"][0]["panels"][0]
    assert list(panel["attacks"]) == ["hrec", "avg", "maxdiff", "hrec+", *LEAKS] == list(panel["cost"])
    for attack in panel["attacks"].values():
        for of in ("cosine", "centred"):
            assert attack[f"median_{of}_low"] <= attack[f"median_{of}"] <= attack[f"median_{of}_high"]
    for name in LEAKS:
        attack, cost, account = panel["attacks"][name], panel["cost"][name], panel["updates_leak"][name]
        assert attack["deletions"] == COUNT
        assert attack["share_above_.9_low"] <= attack["share_above_.9"] <= attack["share_above_.9_high"]
        assert cost["queries"] == 2 * COUNT * account["probes"] == 2 * COUNT * 15
        assert cost["models"] == 3
        assert not cost["parameters"]
        parts = [value for key, value in cost.items() if key.startswith("seconds_") and key != "seconds_training"]
        assert cost["seconds"] == pytest.approx(sum(parts), abs=0.05)
        assert account["shadows"] == 40
        assert account["training"]["epochs"] <= 2
        assert account["gradient_norm_shadow_model"] <= 1e-9
        if "retraining" in name:
            assert account["checked"] == 8
            assert 0.97 < account["first_order_cosine_least"] <= account["first_order_cosine"] <= 1 + 1e-12
            assert 0.5 < account["first_order_length"] < 1.1
    assert panel["cost"]["maxdiff"]["queries"] == (COUNT + 1) * IMAGES // 2
    assert panel["cost"]["hrec"]["parameters"]


def test_the_pictures_are_of_the_deletions_that_the_curves_count(played: tuple[Path, dict[str, Any]]) -> None:
    grid = played[1]["fig9"]["grids"][0]
    assert len(set(grid["labels"])) == len(grid["labels"]) == len(grid["rows"])
    assert list(grid["cosines"]) == ["updates_leak_step", "updates_leak_retraining", "hrec", "hrec+"]
    assert (played[0] / "fig9.svg").read_text().count("data:image/png") >= 5 * len(grid["rows"])


def test_the_second_figure_and_a_second_run_train_nothing(
    played: tuple[Path, dict[str, dict[str, Any]]], images_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(updates_leak, "pretrain", refuse)
    seen: list[tuple[int, int]] = []
    again = EXPERIMENTS["fig8"].run(
        images_dir, played[0], COUNT, 0, lambda done, total, _: seen.append((done, total)), **FEW
    )
    assert again == played[1]["fig8"]
    assert seen[-1] == (9 * COUNT, 9 * COUNT)
    with pytest.raises(AssertionError, match="trained again"):
        EXPERIMENTS["fig8"].run(images_dir, played[0], COUNT, 0, None, shadows=41, epochs=2)


def test_the_terminal_and_the_page_have_the_numbers(played: tuple[Path, dict[str, dict[str, Any]]]) -> None:
    results = played[1]
    for result in results.values():
        assert max(map(len, lines(result))) <= 100
    assert max(map(len, lines(results["fig8"]))) <= 80
    text = page([results["fig9"], results["fig8"]])
    assert text.index("## fig8") < text.index("## fig9") < text.index("## What each attack costs")
    for attack in results["fig8"]["rows"][0]["panels"][0]["attacks"].values():
        assert f"| {similarity(attack['median_cosine'])} (" in text
    for block in text.split("\n\n"):
        if block.startswith("| "):
            assert len({line.count("|") for line in block.splitlines()}) == 1
    members = {"name": "fig1", "command": "undelete reproduce fig1", "rows": [{"panels": [_membership()]}]}
    joined = page([results["fig8"], members])
    assert "| LiRA: was each in the data? | NY, ridge | 0.5 | 0.2 | 64 | 0 | 30 | no | AUC 0.510 |" in joined
    with pytest.raises(InputError, match=r"fig8 and fig9 have a page of their own, updates_leak\.md"):
        page([results["fig8"], {"name": "fig3", "rows": []}])


def _membership() -> dict[str, Any]:
    cost = {"seconds": 0.5, "seconds_training": 0.2, "models": 64, "queries": 30, "parameters": False}
    named = {name: {"auc": 0.9} for name in ("confidence", "two_models")}
    return {
        "sample": "NY", "model": "ridge", "embedding": {"name": "columns"}, "lira": {"global": {"auc": 0.51}},
        "who": {"attacks": named}, "cost": dict.fromkeys(("lira", "confidence", "two_models"), cost),
    }  # fmt: skip


def test_without_torch_one_line_says_what_to_install(
    images_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    status = main(["reproduce", "fig8", "--data", str(images_dir), "--out", str(tmp_path), "--deletions", "3"])
    assert status == 2
    assert "install undelete with its extra torch" in capsys.readouterr().err
    assert not (tmp_path / "fig8.json").exists()


def test_other_figures_take_no_shadows(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["reproduce", "fig8", "fig3", "--shadows", "5", "--out", str(tmp_path)]) == 2
    assert "--shadows is for answers_images and fig8 and fig9: fig3 trains no such networks" in capsys.readouterr().err
    assert EXPERIMENTS["fig8"].deletions == EXPERIMENTS["fig9"].deletions == 200


def test_the_key_numbers_are_as_they_were(played):
    for result in played[1].values():
        agrees(result)
