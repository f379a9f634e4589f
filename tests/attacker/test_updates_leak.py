"""Updates-Leak on records of six columns and on tiny images: it learns, it repeats itself, and it sees answers only."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from undelete.attacker.updates_leak import networks as leak_networks
from undelete.attacker.updates_leak.attack import Shadows, fit_attack
from undelete.attacker.updates_leak.seen import answer_change, observe
from undelete.attacker.updates_leak.settings import Settings
from undelete.attacker.updates_leak.training import pretrain
from undelete.errors import InputError
from undelete.maintainer.influence import step_change
from undelete.maths.embeddings import RandomFourierFeatures, embed
from undelete.maths.losses import LOSSES
from undelete.maths.objective import Objective
from undelete.release.release import Release
from undelete.scoring.scores import centred_cosine

torch = pytest.importorskip("torch")

SOFTMAX = LOSSES["softmax"]
QUICK = Settings(latent=16, widths=(64,), pretraining=6, epochs=15, batch=32, learning_rate=5e-3)
D0, K, PROBES, RATE = 6, 3, 12, 0.5
W = np.random.default_rng(99).normal(size=(D0 + 1, K)) / 2


def records(rng, count):
    """Rows of [x, 1] with correlated x, and one-hot targets."""
    X = np.c_[rng.normal(size=(count, D0)) @ np.triu(np.ones((D0, D0))) / 2 + 1.0, np.ones(count)]
    return X, np.eye(K)[(X @ W + rng.gumbel(size=(count, K))).argmax(axis=1)]


def stepped(rng, count, probes, view="log", W=W):
    """Records, and what a step of a model on each changes at the probes."""
    X, Y = records(rng, count)
    moved = step_change(Objective(X, Y, SOFTMAX, np.zeros(D0 + 1)), W, probes, RATE)
    return X, answer_change(SOFTMAX, (probes @ W)[None], probes @ W + moved, view)


def trained(settings=QUICK, seed=0):
    rng = np.random.default_rng(5)
    probes = records(rng, PROBES)[0]
    X, changes = stepped(rng, 700, probes, settings.view)
    autoencoder = pretrain(X[:, :-1], (D0,), settings, seed)
    return fit_attack(Shadows(changes, X[:, :-1]), probes, autoencoder, settings, seed), probes


@pytest.fixture(scope="module")
def attack():
    return trained()[0]


def release(rng, count=8, **more):
    """The models before and after deletions that a step on the record would undo."""
    X, Y = records(rng, count)
    own = Objective(X, Y, SOFTMAX, np.zeros(D0 + 1))
    W_after = W + RATE * own.own_gradients(W)  # with the record, W; without it, uphill
    X_public, Y_public = records(np.random.default_rng(3), 40)
    return Release(SOFTMAX, W, W_after, X_public, Y_public, n=100, constant=np.eye(D0 + 1)[-1], **more), X


@pytest.mark.parametrize(
    ("variant", "view"), [("autoencoder", "log"), ("generator", "log"), ("autoencoder", "probability")]
)
def test_it_learns_the_record_from_the_answers(variant, view):
    settings = dataclasses.replace(QUICK, variant=variant, view=view)
    attack, probes = trained(settings)
    rng = np.random.default_rng(11)
    X, changes = stepped(rng, 200, probes, view)
    found = attack.reconstruct(changes, rng)
    mean = records(np.random.default_rng(12), 5000)[0][:, :-1].mean(axis=0)
    assert np.median(centred_cosine(X[:, :-1], found, mean)) > 0.9
    assert np.abs(np.median(centred_cosine(X[:, :-1], found[::-1], mean))) < 0.4  # of another's answers
    assert attack.trained.held_out < 0.5  # where the average record has 1
    assert 0 < attack.trained.best <= attack.trained.epochs <= QUICK.epochs


def test_differences_of_logarithms_carry_over_to_another_model(attack):
    """They are the record's inner products with the probes times its residual, for any model: maths (17)."""
    other = W + 0.5 * np.random.default_rng(12).normal(size=W.shape)
    X, changes = stepped(np.random.default_rng(11), 200, attack.probes, W=other)
    twins = 0
    for x, change in zip(X, changes, strict=True):
        left, sizes, right = np.linalg.svd(change)
        np.testing.assert_allclose(sizes[1:], 0, atol=1e-12)
        kernel = attack.probes @ x
        assert abs(left[:, 0] @ kernel) == pytest.approx(np.linalg.norm(kernel))
        p = np.exp(x @ other) / np.exp(x @ other).sum()
        twins += any(abs(right[0] @ (p - y)) == pytest.approx(np.linalg.norm(p - y)) for y in np.eye(K))
    assert twins == len(X)
    mean = records(np.random.default_rng(12), 5000)[0][:, :-1].mean(axis=0)
    found = attack.reconstruct(changes, np.random.default_rng(0))
    assert np.median(centred_cosine(X[:, :-1], found, mean)) > 0.8


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 3), (12, 10)])
def test_an_autoencoder_of_images_learns_them(shape):
    rng = np.random.default_rng(0)
    centres = rng.uniform(1, 6, size=(300, 2))
    grid = np.stack(np.meshgrid(np.arange(shape[0]), np.arange(shape[1]), indexing="ij"), axis=-1)
    blobs = np.exp(-np.square(grid[None] - centres[:, None, None]).sum(axis=-1) / 4)
    if len(shape) == 3:
        blobs = blobs[..., None] * rng.uniform(size=(300, 1, 1, 3))
    images = 2 * blobs.reshape(300, -1) - 1
    model = pretrain(images, shape, dataclasses.replace(QUICK, pretraining=12, batch=32), 0)
    assert model.trained.held_out < 0.35
    assert model.decoder(torch.zeros(2, QUICK.latent)).shape == images[:2].shape
    np.testing.assert_allclose(model.scaling.back(model.scaling.forth(images)), images, atol=1e-6)


@pytest.mark.parametrize(("shape", "stages"), [((32, 32, 3), 3), ((28, 28), 2), ((8, 8), 1), ((3, 4), 0), ((64,), 0)])
def test_images_are_halved_as_long_as_they_can_be(shape, stages):
    size = int(np.prod(shape))
    there, back = leak_networks.encoder(shape, 10), leak_networks.decoder(shape, 10)
    assert back(there(torch.zeros(2, size))).shape == (2, size)
    assert sum(isinstance(layer, torch.nn.Conv2d) for layer in there) == stages


def test_the_change_is_that_of_the_two_models_probabilities():
    seen, _ = release(np.random.default_rng(1))
    probes = records(np.random.default_rng(2), 5)[0]

    def probabilities(parameters):
        E = np.exp(probes @ parameters)
        return E / E.sum(axis=1, keepdims=True)

    for after, plain, log in zip(
        seen.W_after, observe(seen, probes, "probability"), observe(seen, probes), strict=True
    ):
        P, Q = probabilities(seen.W_before), probabilities(after)
        np.testing.assert_allclose(plain, P - Q, atol=1e-14)
        odds = np.log(P) - np.log(Q)
        np.testing.assert_allclose(log, odds - odds.mean(axis=1, keepdims=True), atol=1e-13)
    logistic = LOSSES["logistic"], np.zeros((2, 1)), np.full((2, 1), np.log(3))
    np.testing.assert_allclose(answer_change(*logistic, "probability"), 0.25)
    np.testing.assert_allclose(answer_change(*logistic), np.log(3))


def test_as_an_attack_it_answers_in_the_models_space(attack):
    rng = np.random.default_rng(1)
    seen, _ = release(rng)
    seen = dataclasses.replace(seen, W_after=np.concatenate([seen.W_after, seen.W_before[None]]))
    found = attack(seen, rng)
    assert found.attack == "updates_leak"
    assert found.status == ("ok",) * 8 + ("unchanged",)
    assert np.isnan(found.X[8]).all()
    assert (found.X[:8, -1] == 1).all()
    np.testing.assert_array_equal(found.X[:8, :-1], attack.reconstruct(observe(seen, attack.probes), rng)[:8])


def test_behind_an_embedding_it_answers_with_inputs():
    rng = np.random.default_rng(0)
    phi = RandomFourierFeatures.draw(4, 6, 2.0, rng)
    inputs = rng.normal(size=(60, 4))
    X_public = embed(phi, inputs)
    Y = np.eye(2)[rng.integers(0, 2, 60)]
    before = rng.normal(size=(7, 2))
    gradients = Objective(X_public, Y, SOFTMAX, np.zeros(7)).own_gradients(before)
    seen = Release(SOFTMAX, before, before + gradients[:3], X_public, Y, embedding=phi, inputs_public=inputs)
    few = dataclasses.replace(QUICK, epochs=1, pretraining=1)
    shadows = Shadows(observe(dataclasses.replace(seen, W_after=before + gradients), X_public[:5]), inputs)
    attack = fit_attack(shadows, X_public[:5], pretrain(inputs, (4,), few, 0), few, 0)
    found = attack(seen, rng)
    np.testing.assert_allclose(found.X, embed(phi, found.inputs))
    assert found.inputs.min() >= inputs.min()


def test_it_sees_answers_and_no_parameters(attack):
    """Models that answer alike at the probes are alike to it, however they differ elsewhere."""
    seen, _ = release(np.random.default_rng(4))
    probes = attack.probes[:4]  # four rows leave directions of the parameters that no answer shows
    rng = np.random.default_rng(0)
    hidden = np.linalg.svd(probes)[2][4:].T @ rng.normal(size=(len(seen.W_after), D0 + 1 - 4, K))
    other = dataclasses.replace(seen, W_before=seen.W_before + 5 * hidden[0], W_after=seen.W_after + hidden + 1.0)
    np.testing.assert_allclose(observe(seen, probes), observe(other, probes), atol=1e-12)
    blind = dataclasses.replace(attack, probes=np.vstack([probes] * 3))
    np.testing.assert_allclose(blind(seen, rng).X, blind(other, rng).X, atol=1e-4)  # networks are of single precision


def test_in_a_fresh_interpreter_that_has_no_private_side(tmp_path):
    """All it is given fits in two files: a release, and shadow updates of public records."""
    rng = np.random.default_rng(6)
    probes = records(rng, PROBES)[0]
    X, changes = stepped(rng, 100, probes)
    seen, private = release(np.random.default_rng(7))
    seen.save(tmp_path / "release.npz")
    np.savez(tmp_path / "shadows.npz", changes=changes, records=X[:, :-1], probes=probes)
    program = (
        "import sys, numpy as np\n"
        "from undelete.attacker.updates_leak.training import Settings, pretrain\n"
        "from undelete.attacker.updates_leak.attack import Shadows, fit_attack\n"
        "from undelete.release.release import Release\n"
        "public = np.load('shadows.npz')\n"
        "few = Settings(latent=8, widths=(16,), pretraining=2, epochs=2)\n"
        "records = public['records']\n"
        "model = pretrain(records, (6,), few, 3)\n"
        "attack = fit_attack(Shadows(public['changes'], records), public['probes'], model, few, 3)\n"
        "found = attack(Release.load('release.npz'), np.random.default_rng(0)).X\n"
        "private = ('undelete.maintainer', 'undelete.scoring', 'undelete.data', 'undelete.adapters')\n"
        "private = [m for m in sys.modules if m.startswith(private)]\n"
        "assert not private, private\n"
        "np.save('found.npy', found)\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
    few = Settings(latent=8, widths=(16,), pretraining=2, epochs=2)
    attack = fit_attack(Shadows(changes, X[:, :-1]), probes, pretrain(X[:, :-1], (6,), few, 3), few, 3)
    assert np.load(tmp_path / "found.npy").tobytes() == attack(seen, np.random.default_rng(0)).X.tobytes()
    # no number of a private record is in what it was given
    given = np.concatenate([np.load(tmp_path / "shadows.npz")[name].ravel() for name in ("records", "probes")])
    assert not np.isin(private[:, :-1], given).any()
    assert not np.isin(private[:, :-1], seen.X_public).any()


def test_the_seed_determines_everything_and_nobody_elses_draws():
    torch.manual_seed(1)
    state = torch.random.get_rng_state()
    few = dataclasses.replace(QUICK, epochs=2, pretraining=1, variant="generator")
    seen, _ = release(np.random.default_rng(8))
    first, again, other = (trained(few, seed)[0](seen, np.random.default_rng(0)).X for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_the_stages_are_told():
    stages = []
    rng = np.random.default_rng(0)
    X, changes = stepped(rng, 40, records(rng, 3)[0])
    few = dataclasses.replace(QUICK, epochs=2, pretraining=1)
    autoencoder = pretrain(X[:, :-1], (D0,), few, 0, lambda *stage: stages.append(stage))
    fit_attack(Shadows(changes, X[:, :-1]), X[:3], autoencoder, few, 0, lambda *stage: stages.append(stage))
    assert stages == [(1, 1, "autoencoder"), (1, 2, "shadow updates"), (2, 2, "shadow updates")]


def test_training_stops_when_held_out_records_say_so():
    noise = np.random.default_rng(0).normal(size=(60, 50))  # nothing to learn
    model = pretrain(noise, (50,), dataclasses.replace(QUICK, pretraining=500, patience=3), 0)
    assert model.trained.epochs == model.trained.best + 3 < 500


def test_refusals(monkeypatch):
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="variant is 'gan': it is autoencoder"):
        Settings(variant="gan")
    with pytest.raises(InputError, match="view is 'odds': it is log"):
        Settings(view="odds")
    with pytest.raises(InputError, match=r"held_out is 1\.0: it is the share"):
        Settings(held_out=1.0)
    with pytest.raises(InputError, match="there are 3 changes and 2 records of shadow updates"):
        Shadows(np.zeros((3, 2, 2)), np.zeros((2, 4)))
    with pytest.raises(InputError, match=r"records have 6 columns, not the 8 of an image of \(2, 4\)"):
        pretrain(rng.normal(size=(5, 6)), (2, 4), QUICK, 0)
    with pytest.raises(InputError, match="a model of squared loss gives none, or none whose logarithms"):
        answer_change(LOSSES["squared"], np.zeros((1, 1)), np.zeros((1, 1)))
    X = rng.normal(size=(9, 6))
    autoencoder = pretrain(X, (6,), dataclasses.replace(QUICK, pretraining=1), 0)
    with pytest.raises(InputError, match="the shadow updates are seen at 4 probes, and there are 3: give those"):
        fit_attack(Shadows(rng.normal(size=(9, 4, 2)), X), np.ones((3, 7)), autoencoder, QUICK, 0)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(InputError, match="torch is not installed: install undelete with its extra torch"):
        pretrain(X, (6,), QUICK, 0)
