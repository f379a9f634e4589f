"""The peeling solver against dense least squares."""

import numpy as np
import pytest
import scipy.sparse as sp

from undelete.adapters.design.span import Span


def triangular(rng, p, d):
    B = np.triu(rng.normal(size=(p, d)) * (rng.random((p, d)) < 0.4))
    B[np.arange(d), np.arange(d)] = rng.uniform(0.5, 2.0, d)
    return B[rng.permutation(p)][:, rng.permutation(d)]


@pytest.mark.parametrize("seed", range(10))
def test_back_substitution_is_exact(seed):
    rng = np.random.default_rng(seed)
    B, V = triangular(rng, 12, 9), rng.normal(size=(9, 3))
    found, left = Span(sp.csc_array(B)).solve(B @ V)
    np.testing.assert_allclose(found, V, atol=1e-9)
    np.testing.assert_allclose(left, 0.0, atol=1e-9)


@pytest.mark.parametrize("seed", range(10))
def test_what_cannot_be_peeled_is_solved_with_least_norm(seed):
    rng = np.random.default_rng(seed)
    B = rng.normal(size=(8, 5))
    B[:, 4] = B[:, 3]  # a feature twice
    R = B @ rng.normal(size=(5, 2))
    found, left = Span(sp.csc_array(B)).solve(R)
    np.testing.assert_allclose(found, np.linalg.pinv(B) @ R, atol=1e-9)
    np.testing.assert_allclose(left, 0.0, atol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_what_is_outside_the_span_is_left(seed):
    rng = np.random.default_rng(seed)
    B, R = triangular(rng, 10, 6), rng.normal(size=(10, 1))
    found, left = Span(sp.csc_array(B)).solve(R)
    np.testing.assert_allclose(left, R - B @ found, atol=1e-12)
    assert np.abs(left).max() > 0.01


def test_a_feature_that_is_zero_has_no_say():
    found, left = Span(sp.csc_array(np.array([[0.0, 2.0]]))).solve(np.ones((1, 1)))
    assert found.ravel().tolist() == [0.0, 0.5]
    assert left.item() == 0.0
