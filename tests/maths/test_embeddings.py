"""Embeddings against scikit-learn and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.kernel_approximation import Nystroem as SklearnNystroem
from sklearn.kernel_approximation import RBFSampler

from undelete.maths.embeddings import Nystroem, RandomFourierFeatures, embed, median_distance


def _both(rng, inputs=5, features=12):
    sampler = RBFSampler(gamma=0.3, n_components=features, random_state=0).fit(np.zeros((1, inputs)))
    X = rng.normal(size=(40, inputs))
    nystroem = SklearnNystroem(gamma=0.2, n_components=features, random_state=0).fit(X)
    ours = [
        RandomFourierFeatures(sampler.random_weights_, sampler.random_offset_),
        Nystroem(nystroem.components_, nystroem.normalization_, np.array(0.2)),
    ]
    return list(zip(ours, (sampler, nystroem), strict=True))


@pytest.mark.parametrize("which", [0, 1])
def test_it_is_scikit_learns_embedding(which):
    rng = np.random.default_rng(0)
    ours, theirs = _both(rng)[which]
    X = rng.normal(size=(7, 5))
    np.testing.assert_allclose(ours.transform(X), theirs.transform(X), atol=1e-12)
    assert (ours.inputs, ours.features) == (5, 12)


@pytest.mark.parametrize("which", [0, 1])
def test_the_jacobian_is_the_derivative(which):
    rng = np.random.default_rng(1)
    ours, _ = _both(rng)[which]
    X, V, step = rng.normal(size=(3, 5)), rng.normal(size=(3, 12)), 1e-6
    for i in range(3):
        J = ours.jacobian(X[i])
        moved = [(ours.transform(X[i : i + 1] + e) - ours.transform(X[i : i + 1] - e))[0] for e in step * np.eye(5)]
        np.testing.assert_allclose(J, np.transpose(moved) / (2 * step), atol=1e-8)
        np.testing.assert_allclose(ours.pull_back(X, V)[i], J.T @ V[i], atol=1e-12)


@pytest.mark.parametrize("which", [0, 1])
def test_the_curvature_is_the_mean_over_jacobians(which):
    rng = np.random.default_rng(6)
    ours, _ = _both(rng)[which]
    X, root = rng.normal(size=(4, 5)), rng.normal(size=(12, 12))
    jacobians = [ours.jacobian(x) for x in X]
    np.testing.assert_allclose(ours.curvature(X), np.mean([J.T @ J for J in jacobians], axis=0), atol=1e-12)
    wanted = np.mean([J.T @ root @ root.T @ J for J in jacobians], axis=0)
    np.testing.assert_allclose(ours.curvature(X, root @ root.T), wanted, atol=1e-11)


def test_it_runs_in_each_array_library(xp):
    rng = np.random.default_rng(2)
    X, V = rng.normal(size=(4, 5)), rng.normal(size=(4, 12))
    for ours, _ in _both(rng):
        there = type(ours)(**{name: xp.asarray(array) for name, array in ours.arrays().items()})
        np.testing.assert_allclose(np.asarray(there.transform(xp.asarray(X))), ours.transform(X), atol=1e-12)
        pulled = there.pull_back(xp.asarray(X), xp.asarray(V))
        np.testing.assert_allclose(np.asarray(pulled), ours.pull_back(X, V), atol=1e-12)


def test_inner_products_approximate_the_kernel():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(30, 4))
    bandwidth = median_distance(X, rng)
    phi = RandomFourierFeatures.draw(4, 20_000, bandwidth, rng).transform(X)
    square = ((X[:, None] - X[None]) ** 2).sum(axis=2)
    assert np.sqrt(np.median(square[np.triu_indices(30, 1)])) == pytest.approx(bandwidth)
    np.testing.assert_allclose(phi @ phi.T, np.exp(-square / (2 * bandwidth**2)), atol=0.05)


def test_the_model_sees_a_constant_last():
    phi = RandomFourierFeatures.draw(3, 6, 1.0, np.random.default_rng(4))
    X = np.random.default_rng(5).normal(size=(9, 3))
    np.testing.assert_array_equal(embed(phi, X), np.c_[phi.transform(X), np.ones(9)])
    assert embed(phi, X, constant=False).shape == (9, 6)
