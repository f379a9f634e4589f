import numpy as np
import pytest

from undelete.maths.arrays import to_numpy
from undelete.maths.solvers import conjugate_gradients, factor


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


def test_conjugate_gradients_solve_each_system_and_leave_it_when_it_is_solved(xp):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(5, 30, 12))
    A = np.matrix_transpose(X) @ X + np.eye(12)
    B = rng.normal(size=(5, 12, 1))
    B[3] = 0.0
    tol = np.array([1e-2, 1e-12, 1e-4, 1e-4, 1e-1])
    asked = []

    def operator(V, active):
        asked.append(active.tolist())
        return xp.asarray(A[active]) @ V

    V, iterations = conjugate_gradients(
        operator, xp.asarray(B), lambda V: V / 40, tol=xp.asarray(tol), max_iterations=100
    )
    left = np.abs(A @ to_numpy(V) - B).max(axis=(1, 2))
    assert (left <= 1.01 * tol * np.abs(B).max(axis=(1, 2)) + 1e-13).all()
    assert iterations == len(asked)
    assert asked[0] == [0, 1, 2, 4]  # nothing to do for a right side of zero
    assert asked[-1] == [1]
    short, iterations = conjugate_gradients(
        operator, xp.asarray(B), lambda V: V / 40, tol=xp.asarray(tol), max_iterations=2
    )
    assert iterations == 2
    assert np.isfinite(to_numpy(short)).all()
