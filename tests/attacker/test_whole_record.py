"""The beam search against the sum over all records."""

import itertools

import numpy as np
import pytest

from undelete.attacker.likelihood import Normal
from undelete.attacker.prior import Conditional
from undelete.attacker.whole_record import Lattice, search
from undelete.release import Column

SIZES = (3, 4, 5)


def lattice(rng, whole):
    """A one-hot group, a number and its square, a number; x has the constant last, as the likelihood does."""
    grid = np.arange(4.0)
    terms = [np.eye(3), np.c_[grid, grid**2] / 3, rng.normal(size=(5, 1))]
    start, columns = 0, []
    for j, t in enumerate(terms):
        projection = np.eye(7)[:, start : start + t.shape[1]]
        start += t.shape[1]
        kind = "categorical" if j == 0 else "discrete"
        columns.append(Column(f"c{j}", kind, projection, np.arange(len(t)), t, np.full(len(t), 1 / len(t))))
    prior = {
        j: Conditional(
            rng.normal(size=size),
            {e: rng.normal(size=((*SIZES, 2)[e], size)) for e in (3, *range(j))},
            0.0,
        )
        for j, size in enumerate(SIZES)
    }
    P = np.hstack([column.projection for column in columns])
    return Lattice(columns, [0, 1, 2], P, 3, prior, 9.0, whole)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("whole", [True, False])
def test_it_is_the_posterior(seed, whole):
    rng = np.random.default_rng(seed)
    shared = lattice(rng, whole)
    root = np.vstack([rng.normal(size=(6, 6)) * 0.4, np.zeros((1, 6))])  # no error of the constant
    likelihood = Normal(np.r_[rng.normal(size=6), 1.0], root @ root.T)
    target = seed % 2
    found = search(shared, likelihood, target, 1000)

    every = np.array(list(itertools.product(*map(range, SIZES))))
    m = likelihood.mean[:6]
    S = likelihood.covariance[:6, :6] + 1e-6 * np.eye(6)
    log = []
    for v in every:
        a = np.concatenate([column.terms[k] for column, k in zip(shared.columns, v, strict=True)])
        known = np.r_[v, target][None]
        prior = sum(shared.prior[j].log_distribution(known)[0, v[j]] for j in range(3))
        log.append(prior - 0.5 * (m - a) @ np.linalg.solve(S, m - a))
    weight = np.exp(log - np.max(log))
    weight /= weight.sum()
    order = np.argsort(-weight)

    kept = len(found.weight)
    np.testing.assert_array_equal(found.codes[0], every[order[0]])
    np.testing.assert_allclose(found.weight, weight[order][:kept], atol=1e-9)
    positive = weight[weight > 1e-300]
    assert found.entropy == pytest.approx(-(positive * np.log2(positive)).sum(), abs=1e-6)
    a = np.concatenate([column.terms[k] for column, k in zip(shared.columns, found.codes[0], strict=True)])
    assert found.misfit == pytest.approx((m - a) @ np.linalg.solve(S, m - a))
    np.testing.assert_allclose(found.points[0], np.r_[a, 1.0], atol=1e-2)  # all of the record is known with its terms
    assert np.abs(found.covariance).max() < 1e-4


def test_a_narrow_beam_keeps_the_best():
    """Less than the whole: the weights are among those kept, and the first is the best of them."""
    rng = np.random.default_rng(0)
    shared = lattice(rng, True)
    root = np.vstack([rng.normal(size=(6, 6)) * 0.2, np.zeros((1, 6))])
    likelihood = Normal(np.r_[rng.normal(size=6), 1.0], root @ root.T)
    wide, narrow = (search(shared, likelihood, 0, beam) for beam in (1000, 5))
    assert len(narrow.weight) <= 5
    assert (np.diff(narrow.weight) <= 0).all()
    np.testing.assert_array_equal(narrow.codes[0], wide.codes[0])
    assert narrow.weight.sum() == pytest.approx(1.0)
