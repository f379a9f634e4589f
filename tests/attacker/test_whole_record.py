"""The search for whole records against the sum over all of them."""

import dataclasses
import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import logsumexp

from undelete.attacker.hrec_plus import write_record
from undelete.attacker.table.lattice import Lattice
from undelete.attacker.table.likelihood import Likelihood
from undelete.attacker.table.prior import Conditional
from undelete.attacker.table.shown import shown
from undelete.attacker.table.term_likelihood import TermLikelihood
from undelete.attacker.table.thinning import thinned
from undelete.attacker.table.whole_record import search
from undelete.maths.losses import LOSSES
from undelete.release.columns import Column

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


def seen(rng, width, scaled):
    """Whitened terms of some record: the scale is one, or a number that nothing is known of."""
    root = np.linalg.cholesky(np.cov(rng.normal(size=(6 + (not scaled), 40))) * width**2)
    inverse = np.linalg.inv(root)
    first = np.zeros(len(inverse)) if scaled else inverse[:, 0]
    matrix = inverse if scaled else inverse[:, 1:]
    data = (1.0 if scaled else 2.5) * (first + matrix @ rng.normal(size=6)) + rng.normal(size=len(inverse))
    nothing = np.zeros((len(inverse), 7))
    return TermLikelihood(data, first, matrix, scaled, np.ones(7), nothing, np.zeros((7, 7)), -1.5)


def enumerated(shared, one, target):
    """Every record, and its log-posterior but for a constant."""
    every = np.array(list(itertools.product(*map(range, SIZES))))
    log = []
    for v in every:
        b = one.constant + one.matrix @ np.concatenate([c.terms[k] for c, k in zip(shared.columns, v, strict=True)])
        known = np.r_[v, target][None]
        prior = sum(shared.prior[j].log_distribution(known)[0, v[j]] for j in range(3))
        A, B = one.data @ b, b @ b
        log.append(prior + (A - B / 2 if one.scaled else A**2 / B / 2 - np.log(B) / 2))
    return every, np.array(log)


@pytest.mark.parametrize("left", [[1, 2], [0, 3], [2]])
def test_what_is_known_beforehand_leaves_the_posterior_of_the_others(left):
    rng = np.random.default_rng(3)
    shared, one = lattice(rng, True), seen(rng, 0.4, True)
    found = search(dataclasses.replace(shared, allowed={1: np.array(left)}), one, 1, 1000)
    every, log = enumerated(shared, one, 1)
    among = np.isin(every[:, 1], left)
    weight = np.exp(log[among] - logsumexp(log[among]))
    true = {tuple(codes): share for codes, share in zip(every[among].tolist(), weight, strict=True)}
    np.testing.assert_allclose([true[tuple(codes)] for codes in found.codes.tolist()], found.weight, atol=1e-6)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("scaled", [True, False])
def test_it_is_the_posterior(seed, scaled):
    rng = np.random.default_rng(seed)
    shared, one, target = lattice(rng, True), seen(rng, 0.4, scaled), seed % 2
    found = search(shared, one, target, 1000)
    every, log = enumerated(shared, one, target)
    weight = np.exp(log - logsumexp(log))
    order = np.argsort(-weight)
    kept = len(found.weight)
    np.testing.assert_array_equal(found.codes[0], every[order[0]])
    np.testing.assert_allclose(found.weight, weight[order][:kept], atol=1e-9)
    np.testing.assert_allclose(found.probability, found.weight, atol=1e-12)
    assert found.log_evidence == pytest.approx(logsumexp(log) + one.offset)
    assert found.drawn == 0
    positive = weight[weight > 1e-300]
    assert found.entropy == pytest.approx(-(positive * np.log2(positive)).sum(), abs=1e-6)
    probability, _, misfit = found.of(every[order[1]])
    assert probability == pytest.approx(weight[order[1]], abs=1e-9)
    assert found.misfit[0] <= misfit + 100


def test_points_have_the_terms_of_their_records():
    """A likelihood of six features and the constant: where all of them are terms, nothing else moves."""
    rng = np.random.default_rng(0)
    shared, P = lattice(rng, True), np.eye(7)[:, :6]
    root = np.linalg.cholesky(np.cov(rng.normal(size=(7, 60))) * 0.1)
    G = 2.0 * np.r_[rng.normal(size=6), 1.0] + root @ rng.normal(size=7)
    none = np.full(1, np.nan)
    known = Likelihood(
        LOSSES["squared"], G[None], (root @ root.T)[None], np.eye(7)[-1], P, np.zeros((1, 7)), G[None], none,
        np.zeros((7, 7)),
    )  # fmt: skip
    found = search(shared, known.terms(0, P), 0, 1000)
    for point, codes in zip(found.points, found.codes, strict=True):
        a = np.concatenate([c.terms[k] for c, k in zip(shared.columns, codes, strict=True)])
        np.testing.assert_allclose(point, np.r_[a, 1.0], atol=1e-4)
    assert np.abs(found.covariance).max() < 1e-4


@pytest.mark.parametrize("scaled", [True, False])
def test_a_few_records_stand_for_all(scaled):
    """With room for 12 of 60 records: every column's probabilities are right on average, and so is the evidence."""
    off, evidence = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        shared, one = lattice(rng, True), seen(rng, 1.5, scaled)
        found = search(shared, one, 0, 12)
        every, log = enumerated(shared, one, 0)
        weight = np.exp(log - logsumexp(log))
        assert len(found.weight) <= 12
        assert found.weight.sum() == pytest.approx(1.0)
        assert (found.probability <= found.weight + 1e-9).all() or found.drawn < 1
        marginal = [np.bincount(every[:, j], weight, size) for j, size in enumerate(SIZES)]
        shares = [np.bincount(found.codes[:, j], found.weight, size) for j, size in enumerate(SIZES)]
        off.append(np.concatenate(shares) - np.concatenate(marginal))
        evidence.append(found.log_evidence - one.offset - logsumexp(log))
    assert np.abs(np.mean(off, axis=0)).max() < 0.02
    assert np.mean(np.abs(off)) < 0.04
    assert abs(np.mean(evidence)) < 0.05


@pytest.mark.parametrize("seed", range(5))
def test_thinning_leaves_every_sum_right(seed):
    rng = np.random.default_rng(seed)
    score = rng.normal(size=(40, 25)) * 3
    places, weights = [], []
    for offset in np.arange(200) / 200:
        keep, log_weight = thinned(score, 60, offset)
        assert len(keep) <= 60
        assert len(np.unique(keep)) == len(keep)
        places.append(keep)
        weights.append(np.exp(log_weight))
    total = np.bincount(np.concatenate(places), np.concatenate(weights), score.size) / 200
    # on average over where the draw begins, each record weighs what it should
    np.testing.assert_allclose(total, np.exp(score.ravel()), atol=0.02 * np.exp(score).max())
    np.testing.assert_allclose(total.sum(), np.exp(score).sum(), rtol=1e-2)
    everything, log_weight = thinned(score, 10_000, 0.0)
    np.testing.assert_allclose(log_weight, score.ravel()[everything])


def test_where_nothing_is_told_sixty_columns_leave_the_first_as_it_was_before():
    """Records that begin alike stay neighbours, so that the draws of the columns after them do not add up."""
    rng = np.random.default_rng(0)
    terms, names = np.zeros((3, 1)), range(60)
    columns = [Column(f"c{j}", "discrete", np.eye(61)[:, [j]], np.arange(3), terms, np.ones(3) / 3) for j in names]
    prior = {j: Conditional(np.log(rng.dirichlet(np.full(3, 0.5))), {}, 0.0) for j in names}
    wide = Lattice(columns, list(names), np.eye(61)[:, :60], 60, prior, 9.0, True)
    nothing = TermLikelihood(
        np.eye(61)[0], np.eye(61)[0], np.eye(61, 60, -1), False, np.ones(61), np.zeros((61, 61)), np.eye(61), 0.0
    )
    found = search(wide, nothing, 0, 256)
    for j in (0, 1, 30):
        share = np.bincount(found.codes[:, j], found.weight, 3)
        assert share == pytest.approx(np.exp(prior[j].base), abs=0.03)


def test_columns_that_follow_from_one_another_are_right_together():
    """Two columns of one meaning, of which two values are as likely: none is right or both, and never one."""
    codes = np.array([[0, 0, 1], [1, 1, 1]])
    both = SimpleNamespace(
        codes=codes, weight=np.array([0.6, 0.4]), probability=np.array([0.6, 0.4]), points=np.zeros((2, 1)),
        misfit=np.zeros(2),
    )  # fmt: skip
    one = shown(both, 3 * [np.arange(2)])
    assert one.probability.tolist() == [0.6, 0.6, 1.0]
    assert one.spread == pytest.approx(2 * np.sqrt(0.24))


@pytest.mark.parametrize(("alone", "told"), [(0.6, 1 - 1 / 13), (1 - 1e-9, 1.0)])
def test_a_value_that_none_of_the_drawn_records_has_may_have_been_missed(alone, told):
    """Of twelve that were drawn, and all agree: one of them may be wrong, unless the column itself leaves no other."""
    rng = np.random.default_rng(2)
    shared, one = lattice(rng, False), seen(rng, 1.5, True)
    found = search(shared, one, 0, 12)
    assert search(shared, one, 0, 1000).unseen == 0
    equal = np.full(12, 1 / 12)
    found = dataclasses.replace(
        found, codes=np.repeat(found.codes[:1], 12, axis=0), weight=equal, probability=equal / 50
    )
    assert found.unseen == pytest.approx(1 / 13)
    arrays = {"codes": found.codes[:1].copy(), "probability": np.full((1, 3), alone)}
    arrays |= {name: np.zeros((1, 3)) for name in ("values", "error", "low", "high", "range_probability")}
    arrays |= {name: np.zeros((1, 3, 3)) for name in ("candidates", "candidate_probability")}
    write_record(None, shared, found, arrays, 0)
    np.testing.assert_allclose(arrays["probability"][0], told, atol=1e-8)
    np.testing.assert_allclose(arrays["candidate_probability"][0, :, 0], told, atol=1e-8)
