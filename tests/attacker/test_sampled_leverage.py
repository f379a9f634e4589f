"""Leverages of many features by draws: against H itself, and against models that were trained on the record."""

import numpy as np
import pytest
import scipy.sparse as sp

from undelete.attacker.gradient.sampled_leverage import trained_on_many
from undelete.attacker.gradient.trained import bends, given_way
from undelete.maintainer.fit import fit
from undelete.maths.losses import loss_of
from undelete.maths.objective import Objective

M, P = 150, 220


def words(seed=0):
    rng = np.random.default_rng(seed)
    X = (rng.random((M, P)) < 1.5 / np.arange(1, P + 1) ** 0.7) * rng.uniform(0.3, 1.0, (M, P))
    X[:, -1] = 1.0
    return X


def naive(X, alone, l2, loss, Y, Z, n):
    """The same with H itself, formed and inverted, and each record's own words written out as features."""
    m, k = Z.shape
    extra = np.diag(np.sqrt(alone))
    wide, l2 = np.hstack([X, extra]), np.append(l2, np.ones(m))
    within = Z
    for _ in range(1 if loss.quadratic else 3):
        C = bends(loss, Y, within)
        C = np.stack([np.diag(c) for c in C]) if C.ndim == 2 else C
        H = n / m * np.einsum("mp,mij,mq->piqj", wide, C, wide) + np.einsum("pq,ij->piqj", np.diag(l2), np.eye(k))
        inverse = np.linalg.inv(H.reshape(len(l2) * k, -1)).reshape(len(l2), k, len(l2), k)
        u = np.einsum("mp,piqj,mq->mij", wide, inverse, wide)
        q = u @ np.linalg.inv(np.eye(k) - n / m * C @ u)
        q = np.diagonal(q, axis1=1, axis2=2) if loss.separable else q
        within = given_way(loss, Y, Z, q, within)
    return q, within


@pytest.mark.parametrize(("name", "k"), [("squared", 1), ("logistic", 1), ("softmax", 3)])
def test_draws_tell_leverages_as_the_inverse_does(name, k):
    rng = np.random.default_rng(4)
    X, loss = words(), loss_of(name)
    Y = rng.normal(size=(M, 1))
    if name == "logistic":
        Y = np.sign(Y)
    if name == "softmax":
        Y = np.eye(3)[rng.integers(0, 3, M)]
    l2, alone = np.append(np.full(P - 1, 0.8), 0.1), rng.choice([0.0, 0.6], M)
    Z = X @ rng.normal(size=(P, k)) * 0.3
    found = trained_on_many(sp.csr_array(X), alone, l2, loss, Y, Z, M)
    q, within = naive(X, alone, l2, loss, Y, Z, M)
    trace = [one if k == 1 else np.trace(one, axis1=1, axis2=2) for one in (found.q, q)]
    np.testing.assert_allclose(np.median(trace[0] / trace[1]), 1, atol=0.05)
    assert np.std(np.log(trace[0] / trace[1])) < 0.45  # by 64 draws; what they are off by averages out
    moved, wanted = found.Z - Z, within - Z
    assert abs((moved * wanted).sum() / (wanted**2).sum() - 1) < 0.05


def test_the_pull_of_a_record_is_as_large_as_it_is():
    """A ridge that follows its records: each of them left out, the others' answers stand for the remaining ones'."""
    X, rng = words(1), np.random.default_rng(4)
    other, Y, Y_other = words(2), rng.normal(size=(M, 1)), rng.normal(size=(M, 1))
    l2 = np.full(P, 0.5)
    W = fit(Objective(X, Y, loss_of("squared"), l2), tol=1e-12).W
    Z = other @ W
    found = trained_on_many(sp.csr_array(other), np.zeros(M), l2, loss_of("squared"), Y_other, Z, M)
    plain, told, true = [], [], []
    for row in range(40):
        rest = np.arange(M) != row
        later = other @ fit(Objective(X[rest], Y[rest], loss_of("squared"), l2), tol=1e-12).W
        plain.append((Z - later).sum() * (M - 1) / M)
        told.append(found.change(later).sum() * (M - 1) / M)
        true.append(float(Y[row, 0] - X[row] @ W[:, 0]))
    slope = [np.dot(one, true) / np.dot(true, true) for one in (plain, told)]
    assert slope[0] > 1.5
    assert abs(slope[1] - 1) < 0.15


def test_what_is_not_told_or_hardly_counts_is_nothing():
    rng = np.random.default_rng(4)
    X, Y = sp.csr_array(words()), rng.normal(size=(M, 1))
    Z, l2, loss = np.zeros((M, 1)), np.ones(P), loss_of("squared")
    assert trained_on_many(X, np.full(M, np.inf), l2, loss, Y, Z, M) is None
    assert trained_on_many(X, np.zeros(M), 1e6 * l2, loss, Y, Z, M) is None
    many = np.eye(12)[rng.integers(0, 12, M)]
    assert trained_on_many(X, np.zeros(M), l2, loss_of("softmax"), many, np.zeros((M, 12)), M) is None
