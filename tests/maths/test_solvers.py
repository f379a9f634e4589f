import numpy as np
import pytest

from undelete.maths.arrays import to_numpy
from undelete.maths.solvers import factor


def test_solves_with_a_regular_matrix(xp):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 8)) * np.logspace(-4, 4, 8)  # badly scaled features must not look singular
    A, B = X.T @ X, rng.normal(size=(8, 3))
    factored = factor(xp.asarray(A))
    assert factored.full_rank
    np.testing.assert_allclose(to_numpy(factored.solve(xp.asarray(B))), np.linalg.solve(A, B), rtol=1e-8)


@pytest.mark.parametrize("rank", [520, 519])
def test_a_large_matrix_is_solved_whether_regular_or_not(rank, xp):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(900, rank))
    X = X if rank == 520 else np.c_[X, X[:, :3].sum(axis=1)]
    A = X.T @ X
    factored = factor(xp.asarray(A))
    assert factored.rank == rank
    assert factored.null.shape == (520, 520 - rank)
    b = A @ rng.normal(size=(520, 2))
    np.testing.assert_allclose(A @ to_numpy(factored.solve(xp.asarray(b))), b, rtol=1e-8, atol=1e-8)


def test_singular_matrix_is_solved_in_its_range_and_its_rank_is_told():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 4))
    X = np.c_[X, X[:, 0] + X[:, 1]]
    A = X.T @ X
    factored = factor(A)
    assert factored.rank == 4
    assert not factored.full_rank
    b = A @ rng.normal(size=(5, 1))
    np.testing.assert_allclose(A @ factored.solve(b), b, rtol=1e-9)
