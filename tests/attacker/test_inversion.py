"""From embeddings back to records, Eq. (6): exact where the embedding is, better than its starts where it is not."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from undelete.attacker.baselines import avg, informed, maxdiff, nearest
from undelete.attacker.embedding.inversion import linear_inverse, nearest_embedding
from undelete.attacker.embedding.search import Search
from undelete.attacker.gradient.difference import by_hessian
from undelete.attacker.gradient.estimate import Estimate
from undelete.attacker.hrec import hrec
from undelete.errors import InputError
from undelete.maintainer.fit import fit
from undelete.maintainer.game import play, remaining_gradient
from undelete.maths.embeddings import Nystroem, RandomFourierFeatures, embed, median_distance
from undelete.maths.losses import LOSSES
from undelete.maths.objective import Objective
from undelete.release.columns import Column
from undelete.release.release import Release
from undelete.release.shared import shared
from undelete.scoring.scores import cosine
from undelete.scoring.table import score
from undelete.scoring.truth import Truth

RNG = np.random.default_rng


def _people(rng, n, k):
    X = rng.normal(size=(n, 4)) @ (np.eye(4) + 0.3 * RNG(5).normal(size=(4, 4))) + 0.5
    Z = np.sin(X @ RNG(6).normal(size=(4, k))) + 0.3 * rng.normal(size=(n, k))
    return X, Z


def _embedding(kind, X):
    if kind == "fourier":
        return RandomFourierFeatures.draw(4, 24, median_distance(X, RNG(1)), RNG(2))
    basis = X[RNG(3).choice(len(X), size=24, replace=False)]
    return Nystroem(basis, np.eye(24) / 5, np.array(0.08))


def play_embedded(loss="squared", kind="fourier", n=1500, m=1500, l2=1e-3, k=1, deletions=12, seed=0):
    """A model on an embedding, some deletions, and the truth; m = 0: the public records are the private ones."""
    rng = RNG(seed)
    X, Z = _people(rng, n + m, 3 if loss == "softmax" else k)
    phi = _embedding(kind, X[n:] if m else X)
    if loss == "softmax":
        Z = np.eye(3)[Z.argmax(axis=1)]
    elif loss != "squared":
        Z = np.where(np.median(Z, axis=0) < Z, 1.0, -1.0)
    penalty = np.append(np.full(24, l2), 0.0)
    objective = Objective(embed(phi, X[:n]), Z[:n], LOSSES[loss], penalty)
    fitted = fit(objective, tol=1e-12)
    assert fitted.gradient_norm < 1e-10
    rows = np.sort(rng.choice(n, size=deletions, replace=False))
    seen = slice(n, None) if m else slice(None)
    public = {
        "X_public": embed(phi, X[seen]), "Y_public": Z[seen], "inputs_public": X[seen], "embedding": phi,
        "constant": np.eye(25)[-1], "target_kind": "number" if loss == "squared" else "class",
    }  # fmt: skip
    release, _ = play(objective, fitted.W, rows, public)
    truth = Truth(X=objective.X[rows], Y=Z[rows], inputs=X[rows])
    return release, truth, objective, rows


@pytest.mark.parametrize("kind", ["fourier", "nystroem"])
@pytest.mark.parametrize("loss", ["squared", "logistic", "softmax"])
def test_the_remaining_gradient_gives_the_record_back_exactly(loss, kind):
    release, truth, objective, rows = play_embedded(loss, kind)
    seen = dataclasses.replace(release, remaining_gradient=remaining_gradient(objective, release.W_before, rows))
    found = informed(seen, RNG(0))
    assert set(found.status) == {"ok"}
    assert cosine(truth.inputs, found.inputs).min() > 0.9999
    assert found.distance.max() < 1e-2


@pytest.mark.parametrize("kind", ["fourier", "nystroem"])
def test_the_private_hessian_gives_the_record_back(kind):
    release, truth, _, _ = play_embedded("squared", kind, m=0, l2=1e-7)
    found = hrec(release, RNG(0))
    assert cosine(truth.inputs, found.inputs).min() > 0.9999


@pytest.mark.parametrize("loss", ["squared", "logistic", "softmax"])
def test_public_data_give_back_more_than_the_baselines(loss):
    release, truth, _, _ = play_embedded(loss, n=6000, m=6000, deletions=20)
    medians = {}
    for attack in (hrec, avg, maxdiff, nearest):
        found = attack(release, RNG(0))
        assert found.inputs.shape == truth.inputs.shape
        medians[attack.__name__] = np.median(score(release, truth, found)["centred_cosine"])
    assert medians["hrec"] > 0.85
    assert medians["hrec"] > max(np.nan_to_num(medians["avg"]), medians["maxdiff"])  # Avg has no direction of its own


def test_the_search_ends_no_further_than_the_truth():
    release, truth, _, _ = play_embedded("softmax", n=3000, m=3000)
    found = hrec(release, RNG(0))
    at_truth = np.linalg.norm(found.X[:, :-1] - release.embedding.transform(truth.inputs), axis=1)
    assert (found.distance <= at_truth + 1e-6).all()


def test_the_better_start_is_kept():
    release, _, _, _ = play_embedded()
    targets = hrec(release, RNG(0)).X[:, :-1]
    found = nearest_embedding(release, targets)
    start = linear_inverse(release).apply(targets)
    before = np.linalg.norm(targets - release.embedding.transform(start), axis=1)
    assert (found.distance <= before + 1e-9).all()
    assert found.converged.all()
    assert (found.iterations > 0).all()


def test_a_prior_pulls_towards_its_centre():
    phi = RandomFourierFeatures.draw(3, 30, 2.0, RNG(0))
    x = RNG(1).normal(size=(5, 3))
    K = phi.curvature(x)
    values, vectors = np.linalg.eigh(K)
    far, near = (
        Search(phi, np.zeros(3), vectors, values, prior=True).run(phi.transform(x), np.zeros((5, 3)), np.full(5, noise))
        for noise in (1e3, 1e-6)
    )
    assert np.abs(far.inputs).max() < 0.1
    np.testing.assert_allclose(near.inputs, x, atol=1e-2)


def test_the_metric_is_the_euclidean_one_of_whitened_embeddings():
    phi = RandomFourierFeatures.draw(3, 8, 2.0, RNG(0))
    x, root = RNG(1).normal(size=(4, 3)), RNG(2).normal(size=(8, 8))
    targets = phi.transform(x) + 0.05 * RNG(3).normal(size=(4, 8))
    found = Search(phi, np.zeros(3), np.eye(3), np.ones(3), root @ root.T).run(targets, x, np.ones(4))
    off = phi.transform(found.inputs) - targets
    slope = phi.pull_back(found.inputs, off @ root @ root.T)
    assert np.abs(slope).max() < 0.05 * np.abs(phi.pull_back(x, (phi.transform(x) - targets) @ root @ root.T)).max()


def test_error_bars_of_raw_columns_hold_across_populations():
    """The columns' standard errors, propagated through the inversion, against the errors that are seen."""
    z = []
    for seed in range(12):
        release, truth, _, _ = play_embedded(n=4000, m=4000, deletions=6, seed=seed)
        column = [
            Column(f"x{j}", "continuous", np.eye(4)[:, [j]], [], np.empty((0, 1)), [], spread=1.0) for j in range(4)
        ]
        m = len(release.X_public)
        codes, values = np.full((m, 4), -1), release.inputs_public
        found = hrec(dataclasses.replace(release, columns=column, public_codes=codes, public_values=values), RNG(0))
        good = np.array([status == "ok" for status in found.status])
        np.testing.assert_allclose(found.values[good], found.inputs[good])
        z.append(((found.values - truth.inputs) / found.error)[good])
    z = np.concatenate(z).ravel()
    assert 0.7 < np.median(np.abs(z)) / 0.6745 < 1.4


def test_a_release_keeps_its_embedding_on_disk(tmp_path):
    for kind in ("fourier", "nystroem"):
        release, _, _, _ = play_embedded(kind=kind)
        release.save(tmp_path / "release.npz")
        again = Release.load(tmp_path / "release.npz")
        assert type(again.embedding) is type(release.embedding)
        np.testing.assert_array_equal(hrec(again, RNG(0)).inputs, hrec(release, RNG(0)).inputs)


def test_what_depends_on_public_data_is_made_once_for_them():
    release, _, _, _ = play_embedded()
    other, _, _, _ = play_embedded(seed=1)
    made = []

    def make(seen):
        made.append(seen)
        return len(made)

    told = dataclasses.replace(release, Y_public=release.Y_public + 1.0)  # whose classes are others
    seen = (release, release.take(slice(0, 2)), other, release, told)
    assert [shared(one, make) for one in seen] == [1, 1, 2, 3, 4]


def test_an_embedding_has_to_fit_the_model():
    release, _, _, _ = play_embedded()
    with pytest.raises(InputError, match="give both, or neither"):
        dataclasses.replace(release, inputs_public=None)
    with pytest.raises(InputError, match="one row a record"):
        dataclasses.replace(release, inputs_public=release.inputs_public[1:])
    wide = RandomFourierFeatures.draw(4, 30, 1.0, RNG(0))
    with pytest.raises(InputError, match="30 features and the model 25"):
        dataclasses.replace(release, embedding=wide)


def test_the_estimate_of_the_scale_is_that_of_the_constant():
    release, _, _, _ = play_embedded("softmax")
    G = by_hessian(release)
    found = hrec(release, RNG(0))
    np.testing.assert_allclose(found.scale, G[np.arange(len(G)), -1, found.output])
    assert Estimate(found.scale, found.output).scale_identified(release).any()
