"""`reproduce mlp`, `cnn` and `conditions` on a few made-up people and images: files, pages, and what they hold."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier

from tests.paper.replay import agrees
from undelete.attacker.networks import record
from undelete.errors import InputError
from undelete.lab import matching, network_images
from undelete.lab.network_images import ImageCase
from undelete.lab.network_pairs import perceptron
from undelete.lab.network_parts import PARTS, of_part, pretrained
from undelete.lab.networks import Case, prepared
from undelete.maintainer.networks import train
from undelete.paper import network_conditions, network_parts, networks
from undelete.paper.experiments import EXPERIMENTS
from undelete.paper.pages.page import page
from undelete.paper.pages.terminal import lines

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def results(data_dir, tmp_path_factory):
    out = tmp_path_factory.mktemp("networks")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(networks, "CASES", (Case("few", "a few people", 150, 150, (2,), 1e-2),))
        patch.setattr(networks, "SPLITS", 1)
        patch.setattr(networks, "MATCHED", 1)
        for name, value in (("N", 120), ("M", 180), ("UNITS", 2), ("DECAY", 1e-2), ("SPLITS", 1)):
            patch.setattr(network_conditions, name, value)
        some = [one for one in network_conditions.CONDITIONS if one.key in ("optimum", "adam_masked")]
        patch.setattr(network_conditions, "CONDITIONS", tuple(some))
        patch.setattr(networks, "IMAGE_CASES", (ImageCase("few", "a few images", 40, 60, 7, "dense", (1,), 0.1),))
        patch.setattr(matching, "_STEPS", 5)
        patch.setattr(network_images, "load_images", tiny)
        patch.setattr(network_parts, "CASE", Case("parts", "", 140, 150, (2,), 1e-2))
        patch.setattr(network_parts, "SPLITS", 1)
        some = [one for one in network_parts.PARTS if one.key == "ab1"]
        patch.setattr(network_parts, "PARTS", tuple(some))
        found = {name: EXPERIMENTS[name].run(data_dir, out, 1, 0, None) for name in ("mlp", "lora", "conditions")}
        for name in ("_SCOUT", "_STEPS"):  # each of ten classes is searched
            patch.setattr(record, name, 2)
        return out, found | {"cnn": EXPERIMENTS["cnn"].run(data_dir, out, 1, 0, None)}


def tiny(*_):
    """Ten kinds of bars, with noise."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 100)
    images = rng.integers(0, 60, (100, 28, 28)) + 190 * (np.arange(28) // 3 == labels[:, None])[:, None]
    return SimpleNamespace(x_train=images.astype(np.uint8), y_train=labels, source="bars")


def test_the_results_are_on_disk_and_on_a_page(results):
    out, found = results
    for name, result in found.items():
        assert json.loads((out / f"{name}.json").read_text()) == result
        assert all(len(line) <= 80 for line in lines(result))
    assert all((out / f"{name}.svg").exists() for name in found)
    text = page(list(found.values()))
    assert "| both at the optimum |" in text
    assert "plain gradient matching" in text
    assert "### a few images" in text
    row = found["cnn"]["networks"][0]
    assert "said" not in row
    assert len(row["shown"]["true"][0]) == row["side"] ** 2
    assert row["gradient_norm_largest"] <= 1e-10


def test_the_bound_is_exact_and_pairs_are_counted(results):
    _, found = results
    row = found["mlp"]["networks"][0]
    assert row["attacks"]["informed"]["median_centred_cosine"] > 0.999
    assert row["attacks"]["informed"]["exact_columns"] >= 0.8  # a value that no public record has is not told
    conditions = found["conditions"]
    assert conditions["pairs"] == 1
    assert conditions["false_exposed"] == 0
    null = {one["condition"]: one["null_change"] for one in conditions["conditions"]}
    assert null["optimum"] == 0
    assert null["adam_masked"] == 0


def test_what_is_done_of_the_conditions_is_not_done_again(results, data_dir, monkeypatch):
    out, found = results
    for name, value in (("N", 120), ("M", 180), ("UNITS", 2), ("DECAY", 1e-2), ("SPLITS", 1)):
        monkeypatch.setattr(network_conditions, name, value)
    some = [one for one in network_conditions.CONDITIONS if one.key in ("optimum", "adam_masked")]
    monkeypatch.setattr(network_conditions, "CONDITIONS", tuple(some))
    monkeypatch.setattr(network_conditions, "prepared", lambda *_: pytest.fail("trained again"))
    again = EXPERIMENTS["conditions"].run(data_dir, out, 1, 0, None)
    assert again["conditions"] == found["conditions"]["conditions"]


def test_a_perceptron_of_scikit_learn_is_the_same_network(data_dir):
    trained = prepared(Case("few", "", 150, 150, (3,), 1e-2, act="ReLU"), data_dir, 0)
    theta = perceptron("lbfgs", "relu").old(trained.fit, trained.start)
    model = MLPClassifier((3,), solver="lbfgs", random_state=0).fit(trained.fit.X, trained.fit.Y[:, 0].astype(int))
    said = 1 / (1 + np.exp(-trained.fit.network.outputs(theta, trained.fit.X)[:, 0]))
    np.testing.assert_allclose(said, model.predict_proba(trained.fit.X)[:, 1], atol=1e-9)


def test_only_the_part_that_is_trained_moves(data_dir):
    trained, before = pretrained(Case("few", "", 150, 150, (3,), 1e-2), data_dir, 0)
    adapted = of_part(trained, before, next(part for part in PARTS if part.key == "b2"), 0)
    network = adapted.fit.network
    assert network.moved == ("0.B",)
    np.testing.assert_allclose(
        network.outputs(adapted.start, adapted.fit.X), trained.fit.network.outputs(before, adapted.fit.X)
    )
    moved = train(adapted.fit, adapted.start)
    assert moved.converged
    assert np.abs(moved.theta).max() > 0


def test_two_convolutions_and_a_dense_layer_have_as_many_parameters_as_one_counts(monkeypatch):
    monkeypatch.setattr(network_images, "load_images", tiny)
    trained = network_images.prepared_images(ImageCase("few", "", 40, 60, 7, "convolutions", (3, 4), 0.1), None, 0)
    network = trained.fit.network
    assert network.parameters == (9 + 1) * 3 + (27 + 1) * 4 + (36 + 1) * 10
    assert network.outputs(trained.start, trained.release.X_public).shape == (60, 10)
    assert pytest.approx(trained.fit.X[[3]]) == trained.truth(np.array([3])).X


def test_too_few_people_are_refused(data_dir, tmp_path):
    with pytest.raises(InputError, match="too few"):
        EXPERIMENTS["mlp"].run(data_dir, tmp_path, 1, 0, None)


def test_the_key_numbers_are_as_they_were(results):
    for result in results[1].values():
        agrees(result)
