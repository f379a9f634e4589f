"""The image figures, end to end on tiny images, against a naive twin of the paper's attack."""

from __future__ import annotations

import dataclasses
import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.paper.conftest import FEATURES, IMAGES
from tests.paper.replay import agrees
from undelete.errors import InputError
from undelete.lab import fitting, game, images, models
from undelete.lab.fitting import deal, fit_private, in_space
from undelete.lab.kept import Shelf
from undelete.lab.models import IMAGE_FREE, IMAGE_RIDGE, PIXELS, tried
from undelete.lab.panel import play_panel
from undelete.lab.population import Halves
from undelete.lab.steps import Steps
from undelete.maintainer.fit import fit
from undelete.maths.arrays import Floats
from undelete.paper import better, better_images
from undelete.paper.experiments import EXPERIMENTS
from undelete.paper.figure import Figure, reproduce, shelf
from undelete.paper.pages.page import page
from undelete.paper.pages.terminal import lines

COUNT = 24
NAMES = ("fig3", "fig3_many", "fig2", "fig4", "fig12", "table2", "fig13", "fig14")


@pytest.fixture(scope="module")
def played(images_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, dict[str, Any]]]:
    """The folder and the results of some experiments, one after the other."""
    out = tmp_path_factory.mktemp("out") / "results"
    return out, {name: EXPERIMENTS[name].run(images_dir, out, COUNT, 0, None) for name in NAMES}


def test_pixels_equal_a_naive_twin(images_dir: Path) -> None:
    population = images.load(images_dir, ("mnist",))[0]
    shown = play_panel(population, PIXELS, COUNT, seed=1)
    dealt, _ = deal(PIXELS, population, 1, Steps())
    fitted = fit_private(PIXELS, population, dealt, 1)
    P = np.exp(dealt.X_public @ fitted.W)
    P /= P.sum(axis=1, keepdims=True)
    for i, guess, cosine in zip(*(shown.arrays[name] for name in ("rows", "hrec", "cosine_hrec")), strict=True):
        keep = np.delete(np.arange(len(dealt.X)), i)
        after = fit(fitted.objective.take(keep), tol=1e-11).W
        Z = dealt.X_public @ (fitted.W - after)
        G = dealt.X_public.T @ (P * (Z - (P * Z).sum(axis=1, keepdims=True)))  # paper Eq. (12) and (13)
        x, found = dealt.X[i, :-1], G[:-1, G[-1].argmax()]  # the label by Eq. (15); its length does not matter here
        assert abs(cosine) == pytest.approx(abs(_cosine(x, found)), abs=1e-6)
        assert abs(_cosine(guess, found)) == pytest.approx(1, abs=1e-9)
    assert shown.account["gradient_norm_largest"] <= shown.account["gradient_tolerance"]


def _cosine(x: Floats, y: Floats) -> float:
    return float(x @ y / np.linalg.norm(x) / np.linalg.norm(y))


def test_the_halves_are_the_training_images_in_two(images_dir: Path) -> None:
    population = images.load(images_dir, ("cifar10",))[0]
    dealt = population.halves("class", 3)
    both = np.vstack([dealt.X, dealt.X_public])
    assert both.shape == (IMAGES, 37)
    assert (both[:, -1] == 1).all()
    pixels = np.rint((both[:, :-1] + 1) * 127.5)
    known = population.data.x_train.reshape(IMAGES, -1)
    assert sorted(map(tuple, pixels)) == sorted(map(tuple, known))
    labels = np.vstack([dealt.Y, dealt.Y_public]).argmax(axis=1)
    assert np.bincount(labels).tolist() == np.bincount(population.data.y_train).tolist()
    assert not np.array_equal(dealt.X, population.halves("class", 4).X)


def test_the_bandwidth_is_read_off_public_records_alone(images_dir: Path) -> None:
    population = images.load(images_dir, ("mnist",))[0]
    dealt = population.halves("class", 0)
    noise = np.random.default_rng(0).normal(size=dealt.X.shape)
    other = dataclasses.replace(dealt, X=noise, Y=np.roll(dealt.Y, 1, axis=0))
    one, two = (in_space(IMAGE_RIDGE, population, halves, 0, Shelf(), Steps()) for halves in (dealt, other))
    assert one.account == two.account
    assert one.account["features"] == FEATURES
    np.testing.assert_array_equal(one.X_public, two.X_public)
    np.testing.assert_array_equal(one.inputs_public, dealt.X_public[:, :-1])
    assert one.X.shape == (IMAGES // 2, FEATURES + 1)


def test_of_more_deletions_two_models_are_shown_as_with_fewer(played: tuple[Path, dict[str, dict[str, Any]]]) -> None:
    many = played[1]["fig3_many"]
    assert EXPERIMENTS["fig3_many"].deletions == 1000 > EXPERIMENTS["fig3"].deletions
    assert many["rows"] == played[1]["fig3"]["rows"][:2]


def test_the_curves_say_how_they_came_about(played: tuple[Path, dict[str, dict[str, Any]]]) -> None:
    out, results = played
    result = results["fig3"]
    assert json.loads((out / "fig3.json").read_text()) == result
    assert [row["model"] for row in result["rows"]] == [
        "softmax on pixels", "ridge on 4,096 RFF", "softmax on 4,096 RFF",
    ]  # fmt: skip
    for row in result["rows"]:
        assert [one["sample"] for one in row["panels"]] == ["MNIST", "Fashion-MNIST", "CIFAR-10"]
        for one in row["panels"]:
            assert one["deletions"] == one["changed"] == COUNT
            assert one["gradient_norm_largest"] <= one["gradient_tolerance"]
            assert one["accuracy_low"] < one["accuracy"] < one["accuracy_high"]
            assert one["tested"] == 100
            assert one["peak_memory_gb"] > 0
            assert "held out" in one["penalty_chosen"]
            for attack in one["attacks"].values():
                assert attack["label_low"] <= attack["label"] <= attack["label_high"]
                assert ("median_embedding" in attack) == ("bandwidth" in one)
    assert all(one["attacks"]["avg"]["median_centred"] == 0 for one in result["rows"][0]["panels"])
    for column in zip(*(row["panels"] for row in result["rows"]), strict=True):
        same = {round(one["attacks"]["avg"]["median_cosine"], 6) for one in column}
        assert len(same) == 1  # of all pixels, whatever the model sees
    pixels = result["rows"][0]["panels"][0]["attacks"]
    assert pixels["hrec"]["median_cosine"] > pixels["maxdiff"]["median_cosine"]


def test_the_pictures_are_those_of_the_curves(played: tuple[Path, dict[str, dict[str, Any]]], images_dir: Path) -> None:
    out, results = played
    for name, blocks in (("fig2", 1), ("fig4", 2), ("fig12", 2)):
        grids = results[name]["grids"]
        assert len(grids) == blocks
        for grid in grids:
            population = next(p for p in images.load(images_dir) if p.name == grid["sample"])
            dealt = population.halves("class", 0)
            labels = [population.data.classes[i] for i in dealt.Y[grid["rows"]].argmax(axis=1)]
            assert labels == grid["labels"]
            draw = np.random.default_rng(population.streams(0)[2])
            deleted = dealt.Y[draw.choice(population.n, size=COUNT, replace=False)].argmax(axis=1)
            assert len(set(labels)) == len(set(deleted.tolist()))  # one a label
            assert set(grid["cosines"]) == {"hrec", "hrec+", "maxdiff"}
        text = (out / f"{name}.svg").read_text()
        ElementTree.fromstring(text)
        assert len(text) < 300_000
        assert text.count("data:image/png") >= 20 * blocks


def test_nothing_is_played_twice(
    played: tuple[Path, dict[str, dict[str, Any]]], images_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, results = played

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("fitted or retrained again")

    monkeypatch.setattr(fitting, "fit", refuse)
    monkeypatch.setattr(game, "play", refuse)
    seen: list[tuple[int, int]] = []
    again = EXPERIMENTS["fig3"].run(images_dir, out, COUNT, 0, lambda done, total, _: seen.append((done, total)))
    assert again == results["fig3"]
    assert seen[-1] == (9 * 5 * COUNT, 9 * 5 * COUNT)
    assert EXPERIMENTS["table2"].run(images_dir, out, COUNT, 0, None) == results["table2"]
    with pytest.raises(AssertionError, match="fitted or retrained again"):
        EXPERIMENTS["fig2"].run(images_dir, out, COUNT, 1, None)  # another seed is another panel


def test_a_fit_that_is_none_of_these_records_is_not_taken(images_dir: Path, tmp_path: Path) -> None:
    population = images.load(images_dir, ("mnist",))[0]
    place = shelf(tmp_path, population, 0)
    dealt, mark = deal(PIXELS, population, 0, Steps())
    fitted = fit_private(PIXELS, population, dealt, 0, mark=mark, shelf=place)
    assert fit_private(PIXELS, population, dealt, 0, mark=mark, shelf=place).W.tolist() == fitted.W.tolist()
    place.store("fit-softmax", mark, {"W": fitted.W + 1e-3 * np.eye(*fitted.W.shape)}, fitted.account)
    assert np.allclose(fit_private(PIXELS, population, dealt, 0, mark=mark, shelf=place).W, fitted.W, atol=1e-6)
    file = place.folder / "fit-softmax.npz"
    file.write_bytes(file.read_bytes()[:100])
    assert place.load("fit-softmax", mark) is None


@pytest.mark.parametrize("separable", [True, False])
def test_a_weak_penalty_stands_in_where_no_optimum_exists(images_dir: Path, separable: bool) -> None:
    population = images.load(images_dir, ("mnist",))[0]
    dealt = population.halves("class", 0)
    # all pixels tell the tiny images' labels, three do not
    dealt = dealt if separable else dataclasses.replace(dealt, X=dealt.X[:, [0, 1, 2, -1]])
    free = dataclasses.replace(IMAGE_FREE, features=0, stand_in=1e-4)
    assert not free.penalties
    fitted = fit_private(free, _WithoutTest(population.data), dealt, 0)
    right = (dealt.X @ fitted.W).argmax(axis=1) == dealt.Y.argmax(axis=1)
    assert right.all() == separable
    assert fitted.account["penalty"] == (free.stand_in if separable else 0)
    assert ("separable" in fitted.account["penalty_chosen"]) == separable
    assert fitted.account["gradient_norm_fit"] <= 1e-10


def test_a_weak_penalty_stands_in_where_the_hessian_is_not_formed(
    images_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("undelete.maintainer.fit._DENSE_PARAMETERS", 10)
    population = images.load(images_dir, ("mnist",))[0]
    dealt = population.halves("class", 0)
    dealt = dataclasses.replace(dealt, X=dealt.X[:, [0, 1, 2, -1]])
    free = dataclasses.replace(IMAGE_FREE, features=0)
    fitted = fit_private(free, _WithoutTest(population.data), dealt, 0)
    right = ((dealt.X @ fitted.W).argmax(axis=1) == dealt.Y.argmax(axis=1)).mean()
    assert 0 < right < 1
    assert fitted.account["penalty"] == free.stand_in
    assert f"classifies {right:.1%} of the private records" in fitted.account["penalty_chosen"]


class _WithoutTest(images.Images):
    """Its test images have other columns."""

    def quality(self, dealt: Halves, W: Floats) -> dict[str, Any]:
        """Return nothing."""
        return {}


def test_the_table_has_the_accuracies_of_the_curves(played: tuple[Path, dict[str, dict[str, Any]]]) -> None:
    results = played[1]
    cells = {(cell["key"], cell["sample"]): cell for cell in results["table2"]["cells"]}
    assert len(cells) == 9
    assert cells["image_softmax", "CIFAR-10"]["paper"] == 0.504
    for row in results["fig3"]["rows"]:
        for one in row["panels"]:
            assert cells[one["key"], one["sample"]]["value"] == one["accuracy"]


def test_terminal_and_page(played: tuple[Path, dict[str, dict[str, Any]]]) -> None:
    results = played[1]
    for name in NAMES:
        assert max(map(len, lines(results[name]))) <= 80
    text = page(list(results.values()))
    assert text.startswith("# The paper's image results")
    for name in NAMES:
        assert results[name]["command"] in text
    assert "![CIFAR-10 images deleted](fig2.svg)" in text
    for table in text.split("\n\n"):
        if table.startswith("| "):
            assert len({line.count("|") for line in table.splitlines()}) == 1


def test_200_images_are_usual_and_too_few_refused(images_dir: Path) -> None:
    assert {EXPERIMENTS[name].deletions for name in NAMES if name != "fig3_many"} == {200}
    population = images.load(images_dir, ("mnist",))[0]
    few = dataclasses.replace(
        population.data, x_train=population.data.x_train[:19], y_train=population.data.y_train[:19]
    )
    with pytest.raises(InputError, match="too few for two halves and a choice of the penalty; 20 are needed"):
        images.Images(few).halves("class", 0)


def test_the_decoders_are_compared_on_the_figures_deletions(
    played: tuple[Path, dict[str, dict[str, Any]]], images_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, results = played
    pictures = tuple(dataclasses.replace(case, splits=1) for case in better.CASES if case.curve == "cosine")
    monkeypatch.setattr(better, "CASES", pictures)
    kept = {path: path.stat().st_mtime_ns for path in out.glob("cache/*/models-*.npz")}
    result = EXPERIMENTS["better"].run(images_dir, out, COUNT, 0, None)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept  # nothing is retrained again
    panels = {(p["sample"], p["model"]): p for row in results["fig3"]["rows"] for p in row["panels"]}
    for case in result["cases"]:
        sample, model = case["title"].split(", ")
        panel = panels[sample, model]
        ours, paper = (case["decoders"][name]["measures"] for name in ("hrec+", "hrec"))
        assert abs(paper["median_cosine"]["value"]) == pytest.approx(
            abs(panel["attacks"]["hrec"]["median_cosine"]), abs=0.2
        )
        assert ours["label"]["value"] is not None
        assert ours["exact_record"]["value"] is None  # a picture is never right to the last shade
        assert case["deletions"] == COUNT
        assert ours["deciles_ahead"]["value"] == pytest.approx(
            np.mean([np.less(*(case["decoders"][d]["curve"][20 * i] for d in ("hrec", "hrec+"))) for i in range(1, 10)])
        )
    assert len(result["cases"]) == 9
    monkeypatch.setattr(better_images, "attacked", None)  # a game that is kept is not played again
    again = EXPERIMENTS["better"].run(images_dir, out, COUNT, 0, None)
    assert again["cases"] == result["cases"]
    text = page([result])
    assert "| Fashion-MNIST, softmax on pixels | label" in text
    assert "(better.svg)" in text
    assert all(len(line) <= 80 for line in lines(result))


def test_the_key_numbers_are_as_they_were(
    played: tuple[Path, dict[str, dict[str, Any]]], images_dir: Path, tmp_path: Path
) -> None:
    for result in played[1].values():
        agrees(result)
    free = Figure("fig11", "no penalty", "of Figure 11", (IMAGE_FREE,), lambda d, _: (images.load(d, ("mnist",)), []))
    agrees(reproduce(dataclasses.replace(free, images=True), images_dir, tmp_path, COUNT, 0))


def test_few_deletions_are_a_trial_on_fewer_images(images_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "TRIED", 100)
    whole, few = (images.load(images_dir, ("mnist",), count)[0] for count in (50, 49))
    assert (whole.n, few.n) == (150, 50)
    assert "a trial of fewer than 50 deletions: the first 100 training images" in few.source
    assert whole.folder == "mnist"
    assert few.folder == "mnist-trial"
    monkeypatch.setattr(models, "TRIED_FEATURES", 2048)
    model = tried(IMAGE_RIDGE, 49)
    assert (model.features, model.label, model.key) == (2048, "ridge on 2,048 RFF", "image_ridge")
    assert (tried(IMAGE_RIDGE, 50), tried(PIXELS, 3)) == (IMAGE_RIDGE, PIXELS)
