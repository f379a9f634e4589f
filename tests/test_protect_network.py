"""Defences of a network: what the attacker is told of each is true, what the table says, and what is handed out."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import numpy as np
import pytest

import undelete
from tests.attacker.networks_played import COLUMNS, play, small
from undelete import InputError
from undelete.attacker.networks import record
from undelete.attacker.networks.estimate import Estimator
from undelete.attacker.networks.protected import knowing
from undelete.auditing import protection
from undelete.cli import main
from undelete.maintainer.defences import private_training
from undelete.maintainer.defences.networks_ladder import NETWORK_DEFENCES
from undelete.maintainer.defences.networks_noisy import NetworkNoise, NetworkPenalty, NetworkRepeated, NetworkRounding
from undelete.maintainer.defences.networks_waiting import NetworkBatch, NetworkJoined
from undelete.maintainer.defences.of_networks import PrivateNetwork
from undelete.maintainer.defences.private_training import PrivateTraining, Recipe, budget, noise_multiplier, trained
from undelete.maintainer.networks import retrain_without
from undelete.maths.network import Network
from undelete.release.networks import NetworkRelease
from undelete.scoring.privacy import epsilon_seen

torch = pytest.importorskip("torch")
ROWS = np.arange(3, 63, 6)


@pytest.fixture(scope="module")
def played():
    return play(torch, n=600, m=900, row=5)


@pytest.fixture(scope="module")
def private(played):
    after = np.stack([one.theta for one in retrain_without(played.fit, played.theta, ROWS)])
    X = played.scale.transform(played.public[COLUMNS].to_numpy(float))
    Y = played.public[["label"]].to_numpy(float)
    return PrivateNetwork(played.fit, played.theta, ROWS, after, X, Y, averaged=False)


def released(private, found):
    return NetworkRelease(
        private.fit.network, found.before, found.after, private.X_public, np.where(private.Y_public > 0, 1.0, -1.0),
        found.n or private.fit.n, found.l2, found.l2, 2,
    )  # fmt: skip


def protect(played, model=None, **given):
    given = dict(loss="bce", l2=played.l2, features=played.scale, deletions=4) | given
    tables = [table[part] for table in (played.private, played.public) for part in (COLUMNS, "label")]
    return undelete.protect(copy.deepcopy(played.before) if model is None else model, *tables, **given)


@pytest.mark.parametrize(
    ("defence", "strength"),
    [(NetworkNoise(), 100.0), (NetworkRepeated(), 10.0), (NetworkRounding(), 3.0), (NetworkBatch((2, 10)), 10.0),
     (NetworkJoined((10,)), 10.0)],
    ids=lambda one: getattr(one, "name", ""),
)  # fmt: skip
def test_the_error_that_an_attacker_is_told_is_the_error_there_is(private, defence, strength):
    found = defence.protect(private, strength, np.random.default_rng(1))
    told = knowing(released(private, found), (found.noise, found.noise), found.together)
    plain, knows = Estimator(released(private, found)), Estimator(told)
    fit, sizes = private.fit, []
    own = -fit.network.gradients(private.theta, fit.X[ROWS], fit.Y[ROWS])
    for i in range(len(ROWS)):
        estimate = knows.estimate(i)
        off = np.linalg.solve(estimate.factor, estimate.gradient - own[i])
        unaware = plain.estimate(i)
        sizes.append([off @ off, np.square(np.linalg.solve(unaware.factor, unaware.gradient - own[i])).sum()])
    about, unaware = np.mean(sizes, axis=0) / len(private.theta)
    assert 0.3 < about < 2.0
    assert unaware > 1.5 * about  # who does not know it trusts too much


def test_who_leaves_together_and_who_joins_is_what_the_networks_were_trained_on(private):
    found = NetworkJoined((3,)).protect(private, 3.0, np.random.default_rng(2))
    fit, n = private.fit, found.n
    outside = set(found.members[:, 1:].ravel().tolist())
    base = np.array([row for row in range(fit.n) if row not in outside])
    assert set(ROWS.tolist()).isdisjoint(outside)
    assert np.abs(fit.among(base).gradient(found.before)).max() / n < 1e-8
    stay = np.r_[base[base != ROWS[0]], found.members[0, 1:]]
    assert np.abs(fit.among(stay).gradient(found.after[0])).max() / n < 1e-8


def test_a_stronger_penalty_is_that_of_the_mean_loss(private):
    found = NetworkPenalty().protect(private, 0.01, np.random.default_rng(0))
    np.testing.assert_allclose(found.l2, private.fit.l2 + 0.01 * private.fit.n)
    left = replace(private.fit, l2=found.l2).gradient(found.before)
    assert np.abs(left).max() / private.fit.n < 1e-8


def test_the_command_writes_the_network_in_its_own_type(played, tmp_path, capsys, monkeypatch):
    from safetensors.torch import load_file, save_file

    monkeypatch.setattr(protection, "ENOUGH", 2)
    for name, steps in (("_SCOUT", 3), ("_STEPS", 12)):
        monkeypatch.setattr(record, name, steps)
    monkeypatch.setitem(NETWORK_DEFENCES, "rounding", NetworkRounding((2,)))

    (tmp_path / "net.py").write_text(
        "import torch\n\n\ndef net():\n    return torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.Softplus(), "
        "torch.nn.Linear(5, 1))\n"
    )
    save_file({k: v.float().contiguous() for k, v in played.before.state_dict().items()}, tmp_path / "net.safetensors")
    means, sizes = played.scale.mean_, played.scale.scale_
    for name, table in (("train", played.private), ("public", played.public)):
        scaled = (table[COLUMNS] - means) / sizes
        scaled.assign(label=table["label"]).to_csv(tmp_path / f"{name}.csv", index=False)
    status = main([
        "protect", str(tmp_path / "net.safetensors"), "--architecture", f"{tmp_path / 'net.py'}:net", "--loss", "bce",
        "--l2", "2", "--train", str(tmp_path / "train.csv"), "--public", str(tmp_path / "public.csv"), "--target",
        "label", "--defence", "rounding", "--defence", "noisy_moments", "--deletions", "2", "--max-exposure", "1",
        "--max-loss", "0.5", "--out", str(tmp_path / "out"),
    ])  # fmt: skip
    assert status == 0
    assert "Round the parameters" in capsys.readouterr().out
    written = load_file(tmp_path / "out" / "protected.safetensors")
    assert {str(value.dtype) for value in written.values()} == {"torch.float32"}
    said = json.loads((tmp_path / "out" / "protection.json").read_text())
    none, rounded = said["table"]
    assert none["exposure"] > 0.4
    assert rounded["exposure"] < none["exposure"]
    assert none["utility_loss"] == 0
    assert rounded["largest_change"] > 0
    assert said["refused"] == {"noisy_moments": "only least squares is a function of second moments"}
    digits = int(said["recommended"]["strength"])
    value = written["0.weight"].double().numpy()
    np.testing.assert_allclose(value, np.vectorize(lambda x: float(f"{x:.{digits}g}"))(value), rtol=1e-7)
    assert said["law"]["noise"] is None
    assert "seed" not in json.dumps(said["recommended"])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (dict(defences=["nothing"]), "there is no defence 'nothing'"),
        (dict(defences=["noisy_moments"]), "no defence applies to this network"),
        (dict(loss=lambda z, y: ((z - y) ** 4).mean()), "what a defence costs is measured for the losses"),
        (dict(loss=None), "the loss that the networks were trained with is not known"),
    ],
)
def test_what_cannot_be_played_is_refused(played, given, message):
    with pytest.raises(InputError, match=message):
        protect(played, **given)


class TestPrivateTraining:
    @pytest.fixture(autouse=True)
    def _opacus(self):
        pytest.importorskip("opacus")

    def test_a_budget_says_what_the_accountant_says(self):
        multiplier = noise_multiplier(1.0, 1e-6)
        found = budget(multiplier, 1.0, 1e-6)
        assert 0.5e-6 < found.curve(1.0) <= 1e-6
        assert 1.0 < found.twice() < 2.0
        assert found.curve(3.0) < found.curve(1.0)

    def test_the_claim_holds_in_a_game_and_a_broken_mechanism_is_caught(self, monkeypatch):
        monkeypatch.setattr(private_training, "RATE", 1.0)
        monkeypatch.setattr(private_training, "STEPS", 1)
        one = torch.nn.Sequential(torch.nn.Linear(1, 1, bias=False)).double().requires_grad_(False)
        network = Network(one, torch.nn.functional.mse_loss, ["0.weight"], (1,), False)
        begun = private_training.start(network)[0]
        X, Y = np.zeros((3, 1)), np.zeros((3, 1))  # nobody else pulls
        told = np.r_[X, [[1.0]]], np.r_[Y, [[50.0]]]  # one pulls as far as clipping lets
        recipe = Recipe(noise_multiplier(1.0, 1e-6), 1.0, 0.1, 4, np.zeros(1), 1)

        def plays(recipe, X, Y, seed):
            rng = np.random.default_rng(seed)
            return np.array([trained(network, recipe, X, Y, rng)[0] - begun for _ in range(60)])

        assert epsilon_seen(plays(recipe, *told, 0), plays(recipe, X, Y, 1), 1e-6) <= 1.0
        quiet = replace(recipe, multiplier=recipe.multiplier / 30)  # noise thirty times too small
        unclipped = replace(quiet, clip=30 * recipe.clip)  # the noise as claimed, and hardly anything clipped
        for planted in (quiet, unclipped):
            assert epsilon_seen(plays(planted, *told, 2), plays(planted, X, Y, 3), 1e-6) > 1.0

    def test_a_network_is_trained_from_a_start_that_saw_nobody(self, private, monkeypatch):
        monkeypatch.setattr(private_training, "STEPS", 5)
        few = replace(private, rows=ROWS[:1], theta_after=private.theta_after[:1])
        assert PrivateTraining().refusal(few) == ""
        found = PrivateTraining().protect(few, 10.0, np.random.default_rng(0))
        assert found.budget.epsilon == 10.0
        other = replace(few, fit=replace(few.fit, network=replace(few.fit.network, module=small(torch, seed=9))))
        np.testing.assert_array_equal(
            private_training.start(few.fit.network), private_training.start(other.fit.network)
        )
        moved = np.linalg.norm(found.before - private_training.start(few.fit.network))
        assert 0 < moved < 5 * 0.01 * len(found.before)
