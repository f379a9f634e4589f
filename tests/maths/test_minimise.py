"""Batched L-BFGS against SciPy's, on functions that are not quadratic."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from undelete.maths.minimise import minimise


def _valleys(U, which):
    """Rosenbrock functions of growing steepness, one for each index, lifted to be positive."""
    a = (1.0 + 5.0 * which)[:, None]
    x, y = U[:, :-1], U[:, 1:]
    value = 1.0 + (a * (y - x**2) ** 2 + (1 - x) ** 2).sum(axis=1)
    gradient = np.zeros_like(U)
    gradient[:, :-1] += -4 * a * x * (y - x**2) - 2 * (1 - x)
    gradient[:, 1:] += 2 * a * (y - x**2)
    return value, gradient


@pytest.mark.parametrize("seed", range(3))
def test_each_reaches_its_own_minimum(seed):
    start = np.random.default_rng(seed).normal(size=(5, 4))
    found = minimise(_valleys, start, tol=1e-16, max_iterations=500)
    assert found.converged.all()
    for i in range(5):
        alone = minimize(
            lambda u, i=i: tuple(part[0] for part in _valleys(u[None], np.array([i]))), start[i], jac=True, tol=1e-12
        )
        assert found.value[i] <= alone.fun + 1e-9


def test_a_batch_is_as_good_as_one_by_one():
    start = np.random.default_rng(9).normal(size=(6, 3))
    together = minimise(_valleys, start, tol=1e-14, max_iterations=300)
    for i in range(6):
        alone = minimise(
            lambda U, _, i=i: _valleys(U, np.full(len(U), i)), start[i : i + 1], tol=1e-14, max_iterations=300
        )
        np.testing.assert_allclose(together.U[i], alone.U[0], atol=1e-12)
        assert together.iterations[i] == alone.iterations[0]


def test_what_has_not_converged_says_so_and_never_ends_higher():
    start = np.random.default_rng(1).normal(size=(4, 4)) * 3
    found = minimise(_valleys, start, tol=1e-14, max_iterations=3)
    assert not found.converged.any()
    assert (found.value <= _valleys(start, np.arange(4))[0]).all()
    assert (found.promise > 1e-14).all()


def test_a_start_at_the_minimum_stays():
    found = minimise(_valleys, np.ones((2, 3)), tol=1e-10, max_iterations=5)
    np.testing.assert_array_equal(found.U, np.ones((2, 3)))
    assert found.iterations.tolist() == [0, 0]
