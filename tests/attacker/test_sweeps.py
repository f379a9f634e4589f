"""Sweeps against the sum over all records, and against how often what they say is right."""

import dataclasses

import numpy as np
import pytest
from scipy.special import logsumexp

from tests.attacker.test_whole_record import SIZES, enumerated, lattice, seen
from undelete.attacker.table.lattice import Lattice
from undelete.attacker.table.prior import Conditional
from undelete.attacker.table.sweeps import swept
from undelete.attacker.table.term_likelihood import TermLikelihood
from undelete.attacker.table.whole_record import search
from undelete.release.columns import Column

COLUMNS, VALUES, RECORDS, FEW = 30, 9, 30, 64


def marginals(codes, weight):
    return [np.bincount(own, weights=weight, minlength=size) for own, size in zip(codes.T, SIZES, strict=True)]


def off(found, every, weight):
    """The largest difference of a value's probability."""
    pairs = zip(marginals(found.codes, found.weight), marginals(every, weight), strict=True)
    return max(np.abs(mine - true).max() for mine, true in pairs)


@pytest.mark.parametrize("seed", range(2, 8))
@pytest.mark.parametrize("scaled", [True, False])
def test_sweeps_end_at_the_posterior_wherever_they_begin(seed, scaled):
    rng = np.random.default_rng(seed)
    shared, one, target = lattice(rng, True), seen(rng, 0.8, scaled), seed % 2
    every, log = enumerated(shared, one, target)
    weight = np.exp(log - logsumexp(log))
    few = search(shared, one, target, 2)  # two records that stand for sixty
    found = swept(few)
    assert off(found, every, weight) < 0.06
    assert found.log_evidence == few.log_evidence
    np.testing.assert_allclose(found.weight.sum(), 1)
    true = {tuple(codes): own for codes, own in zip(every.tolist(), log + one.offset, strict=True)}
    each = [true[tuple(codes)] - few.log_evidence for codes in found.codes.tolist()]
    np.testing.assert_allclose(found.probability, np.minimum(np.exp(each), 1), rtol=1e-9)


def test_a_beginning_of_two_records_is_far_off():
    rng = np.random.default_rng(1)
    shared, one = lattice(rng, True), seen(rng, 0.8, True)
    every, log = enumerated(shared, one, 1)
    assert off(search(shared, one, 1, 2), every, np.exp(log - logsumexp(log))) > 0.2


def test_what_the_likelihood_lacks_counts_once():
    rng = np.random.default_rng(5)
    shared, one = lattice(rng, True), seen(rng, 0.8, True)

    def lacking(points, _misfit):
        return 2 * np.tanh(points[:, 3])

    every, _ = enumerated(shared, one, 0)
    start = search(shared, one, 0, 1000, lacking)
    log = np.array([np.log(max(start.of(codes)[0], 1e-300)) for codes in every])
    assert off(swept(search(shared, one, 0, 4, lacking)), every, np.exp(log - logsumexp(log))) < 0.06


def test_excluded_values_stay_out():
    rng = np.random.default_rng(3)
    shared, one = dataclasses.replace(lattice(rng, True), allowed={1: np.array([0, 3])}), seen(rng, 0.8, True)
    found = swept(search(shared, one, 1, 3))
    assert set(found.codes[:, 1]) == {0, 3}


def test_numbers_that_hang_together_are_told_as_surely_as_they_are_right():
    rng = np.random.default_rng(0)
    place, unit = np.arange(float(VALUES)), np.eye(COLUMNS + 1)
    near = -0.125 * (place[:, None] - place) ** 2  # each column's value is near the one's before
    columns = [
        Column(f"c{j}", "discrete", unit[:, [j]], np.arange(VALUES), place[:, None], np.ones(VALUES))
        for j in range(COLUMNS)
    ]
    alone = Conditional(np.full(VALUES, -np.log(VALUES)), {}, 0.0)
    prior = {j: Conditional(np.zeros(VALUES), {j - 1: near}, 0.0) if j else alone for j in range(COLUMNS)}
    shared = Lattice(columns, list(range(COLUMNS)), unit[:, :COLUMNS], COLUMNS, prior, 1.0, True)
    errors = np.cov(rng.normal(size=(COLUMNS, 3 * COLUMNS))) * 2
    inverse, nothing = np.linalg.inv(np.linalg.cholesky(errors)), np.zeros((COLUMNS, COLUMNS + 1))
    said, right, few = [], [], []
    for _ in range(RECORDS):
        true = np.zeros((1, COLUMNS + 1), dtype=np.int64)
        for j in range(COLUMNS):
            true[0, j] = rng.choice(VALUES, p=np.exp(prior[j].log_distribution(true)[0]))
        data = inverse @ true[0, :COLUMNS] + rng.normal(size=COLUMNS)
        one = TermLikelihood(
            data, np.zeros(COLUMNS), inverse, True, np.ones(COLUMNS + 1), nothing, np.eye(COLUMNS + 1), 0.0
        )
        found = swept(search(shared, one, 0, FEW))
        shares = [np.bincount(own, weights=found.weight, minlength=VALUES) for own in found.codes.T]
        said.append([share.max() for share in shares])
        right.append([share.argmax() for share in shares] == true[0, :COLUMNS])
        beam = search(shared, one, 0, FEW)
        few.append([np.bincount(own, weights=beam.weight).max() for own in beam.codes.T])
    error = np.std(np.mean(np.array(said) - right, axis=1)) / np.sqrt(RECORDS)
    assert abs(np.mean(said) - np.mean(right)) < 3 * error
    assert np.mean(few) > np.mean(said) + 3 * error


def test_columns_that_cannot_move_alone_remember_what_they_began_as():
    rng = np.random.default_rng(2)
    shared, one = lattice(rng, True), seen(rng, 0.8, True)
    steep = 30 * np.eye(SIZES[2])  # the third column is as the second is, and the other way round
    tied = shared.prior | {2: Conditional(np.zeros(SIZES[2]), {1: steep[: SIZES[1]]}, 0.0)}
    loose = dataclasses.replace(one, matrix=np.zeros_like(one.matrix), constant=one.data)
    assert swept(search(dataclasses.replace(shared, prior=tied), loose, 1, 12)) is None
