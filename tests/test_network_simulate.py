"""`undelete.simulate` of a torch module: trained, each person left out, attacked, the null pair beside it."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest

import undelete
from tests.attacker.networks_played import COLUMNS, play
from undelete import InputError

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def played():
    return play(torch, n=600, m=800, row=5)


def simulate(played, module=None, **given):
    given = dict(loss="bce", l2=played.l2, features=played.scale, deletions=np.array([played.row])) | given
    tables = [table[part] for table in (played.private, played.public) for part in (COLUMNS, "label")]
    return undelete.simulate(copy.deepcopy(played.before) if module is None else module, *tables, **given)


@pytest.fixture(scope="module")
def result(played):
    return simulate(played)


def test_a_person_is_left_out_as_the_maintainer_would(played, result):
    np.testing.assert_allclose(result.release.theta_before, played.theta, atol=1e-6)
    np.testing.assert_allclose(result.release.theta_after[0], played.theta_after, atol=1e-6)
    assert list(result.truth.rows) == [played.row]
    assert list(result.found) == ["hrec+", "hrec", "avg", "maxdiff", "nearest"]
    assert result.document()["model"]["moved"] == ["0.weight", "0.bias", "2.weight", "2.bias"]


def test_the_null_pair_stands_beside_the_scores(result):
    checks = {check.name: check for check in result.diagnostics}
    assert checks["Null pair"].ok
    share = float(checks["Null pair"].value.split()[0])
    assert share < 1e-3
    assert checks["Retraining"].ok


def test_training_that_ends_early_is_told_by_the_null_pair(played):
    rough = simulate(played, tol=3e-5)
    checks = {check.name: check for check in rough.diagnostics}
    assert checks["Null pair"].ok is False
    assert rough.verdict.word == "NOT DECIDABLE"


def test_frozen_parameters_stay_and_the_penalty_of_a_mean_goes_with_the_records(played):
    head = copy.deepcopy(played.before)
    head[0].requires_grad_(False)
    told = []
    found = simulate(
        played, head, l2=None, weight_decay=1e-3, attacks=("avg",), progress=lambda *done: told.append(done)
    )
    assert told == [(1, 2), (2, 2)]
    assert found.release.network.moved == ("2.weight", "2.bias")
    n = len(played.private)
    assert found.release.penalty_before == pytest.approx(1e-3 * n)
    assert found.release.penalty_after == pytest.approx(1e-3 * (n - 1))
    one = slice(played.row, played.row + 1)
    network, theta = found.release.network, found.release.theta_after[0]
    scaled = played.fit.X, played.fit.Y
    left = network.gradient(theta, *scaled) - network.gradient(theta, *(part[one] for part in scaled))
    assert np.abs(left + found.release.penalty_after * theta).max() / n < 1e-9


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (dict(group=2), "deletions of one person each"),
        (dict(loss=None), "the loss that the networks were trained with is not known"),
        (dict(attacks=("hrec+", "informed")), "no attack 'informed' on networks"),
    ],
)
def test_what_cannot_be_played_is_refused(played, given, message):
    with pytest.raises(InputError, match=message):
        simulate(played, **given)


def test_a_module_s_words_belong_to_a_module_and_something_must_be_trained(played):
    from sklearn.linear_model import LogisticRegression

    with pytest.raises(InputError, match="belong to a torch module"):
        simulate(played, LogisticRegression())
    with pytest.raises(InputError, match="all have requires_grad False"):
        simulate(played, copy.deepcopy(played.before).requires_grad_(False))


def test_records_normalised_by_their_batch_are_refused(played):
    norm = torch.nn.BatchNorm1d(5, track_running_stats=False)
    with pytest.raises(InputError, match="keeps no running statistics"):
        simulate(played, torch.nn.Sequential(*played.before[:2], norm, *played.before[2:]).double())


def test_a_file_of_parameters_is_played_on_the_command_line(played, result, tmp_path, monkeypatch, capsys):
    from undelete.cli import main

    pytest.importorskip("safetensors.torch").save_file(played.before.state_dict(), tmp_path / "net.safetensors")
    (tmp_path / "net.py").write_text(
        "import torch\nfrom torch import nn\n\n\ndef make():\n    return nn.Sequential(nn.Linear(4, 5), nn.Softplus(), "
        "nn.Linear(5, 1))\n"
    )
    pytest.importorskip("skops.io").dump(played.scale, tmp_path / "scale.skops")
    for name, table in (("train", played.private), ("public", played.public)):
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    monkeypatch.chdir(tmp_path)
    asked = ["simulate", "net.safetensors", "--train", "train.csv", "--public", "public.csv", "--target", "label"]
    network = ["--architecture", "net.py:make", "--loss", "bce", "--l2", "2", "--preprocessing", "scale.skops"]
    assert main([*asked, *network, "--deletions", "1", "--out", "out", "--export", "apart"]) == 0
    assert "undelete" in capsys.readouterr().out
    document = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert document["model"]["moved"] == result.document()["model"]["moved"]
    assert {"Null pair", "Retraining"} <= {check["name"] for check in document["diagnostics"]}
    with np.load(tmp_path / "apart" / "truth.npz") as truth:
        assert truth["X"].shape == (1, len(COLUMNS))
    assert main([*asked, *network, "--resume"]) == 2
    assert main(asked) == 2
    said = capsys.readouterr().err
    assert "this is a network: leave it out" in said
    assert "holds a network's parameters only" in said
    assert said.count("\n") == 2


def test_scikit_learn_s_perceptron_is_played_as_the_network_that_it_is(played):
    import warnings

    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier((3,), activation="tanh", alpha=1.0, solver="lbfgs", max_iter=50, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(played.scale.transform(played.private[COLUMNS]), played.private["label"])
    found = simulate(played, model, loss=None, l2=None, attacks=("avg",))
    assert found.release.deletions == 1
    assert found.release.penalty_before.max() == 1.0
    with pytest.raises(InputError, match="not fitted"):
        simulate(played, MLPClassifier(), loss=None, l2=None)
