"""Moves that keep three people's sums, and what is told of a column."""

from __future__ import annotations

import dataclasses
from itertools import combinations_with_replacement, product
from types import SimpleNamespace

import numpy as np
import pytest

from undelete.attacker.groups.ends import beyond, in_common
from undelete.attacker.groups.exchange import another, exchange
from undelete.attacker.groups.lattice import GroupLattice
from undelete.attacker.groups.likelihood import SumLikelihood
from undelete.attacker.groups.moves import trios
from undelete.attacker.groups.people import People
from undelete.attacker.groups.read import _cells
from undelete.attacker.groups.search import _either_side
from undelete.attacker.groups.solutions import position, solutions
from undelete.attacker.groups.told import Told, held
from undelete.errors import InputError
from undelete.maths.losses import LOSSES
from undelete.release.columns import Column
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release


def test_three_values_with_given_sums_are_found_all_of_them():
    whole, rng = np.unique(np.random.default_rng(1).integers(-9, 40, 30)), np.random.default_rng(2)
    for signs in ([1, 1, 1], [-1, 1, 1], [1, -1, -1]):
        signs = np.array(signs, dtype=float)
        values = whole[rng.integers(len(whole), size=(4, 3))]
        sums = [(values**power @ signs) for power in (1, 2)]
        found = trios(whole, signs, *sums)
        for row in range(4):
            good = found[row][(found[row] >= 0).all(axis=1)]
            brute = [
                trio
                for trio in product(range(len(whole)), repeat=3)
                if all(
                    whole[list(trio)].astype(float) ** p @ signs == s[row] for p, s in zip((1, 2), sums, strict=True)
                )
            ]
            assert set(map(tuple, good.tolist())) == set(brute)


@pytest.mark.parametrize("people", [2, 3, 4, 5])
def test_all_sets_of_values_with_given_sums_are_found(people):
    rng = np.random.default_rng(people)
    whole = np.unique(rng.integers(-9, 40, 16))
    every = np.array(list(combinations_with_replacement(range(len(whole))[::-1], people)))
    for drawn in rng.integers(len(every), size=5):
        total, square = (int((whole[every[drawn]] ** power).sum()) for power in (1, 2))
        same = (whole[every].sum(axis=1) == total) & ((whole[every] ** 2).sum(axis=1) == square)
        found = solutions(whole, people, total, square, most=1000)
        assert sorted(map(tuple, found)) == sorted(map(tuple, every[same]))
    assert solutions(whole, people, total, square, most=0) is None


def test_what_begins_has_every_set_of_values_with_the_sums():
    """Of five people and some 500 values nobody comes upon the only set by chance."""
    whole = np.unique(np.random.default_rng(3).integers(0, 10_000, 500)).astype(float)
    column = Column("job", "discrete", np.ones((1, 1)), whole, whole[:, None], np.full(len(whole), 1 / len(whole)))
    for seed in range(3):
        rng = np.random.default_rng(seed)
        values = rng.choice(whole, size=5)
        one = held([column], {0: Told(None, float(values.sum()), float((values**2).sum()))}, np.ones(5), rng)[0]
        assert (np.sort(whole[one.begin], axis=1) == np.sort(values)).all(axis=1).any()


@pytest.mark.parametrize("classes", [True, False], ids=["class", "number"])
def test_people_exchange_columns_as_often_as_their_posterior_says(classes):
    """Against all states of three people with 2, 2 and 3 values; of a number the sizes are integrated."""
    rng, values, t = np.random.default_rng(5), (2, 2, 6), 3
    prior = {
        0: SimpleNamespace(base=rng.normal(size=2), tables={2: rng.normal(size=(6, 2))}),
        1: SimpleNamespace(base=rng.normal(size=2), tables={0: rng.normal(size=(2, 2)), 3: rng.normal(size=(2, 2))}),
        2: SimpleNamespace(base=np.array([0.0, 0.0, 0.0, 0.0, 1.2, 0.0]), tables={}),
    }
    tables = [[] for _ in range(4)]
    for j, one in prior.items():
        for parent, table in one.tables.items():
            tables[j].append((parent, table))
            tables[parent].append((j, table.T))
    lattice = GroupLattice([], np.zeros((0, 3), int), np.zeros(0, int), prior, tables, np.zeros((0, 0)), np.zeros(0))
    known = SumLikelihood(
        loss=LOSSES["logistic" if classes else "squared"], seen=rng.normal(size=4), size=0.0,
        terms=[0.4 * rng.normal(size=(1, n, 4)) for n in values], constant=0.4 * rng.normal(size=(1, 4)),
        scores=[rng.normal(size=(2, n, 1)) for n in values], offset=np.zeros((2, 1)),
        labels=np.array([[-1.0], [1.0]]) if classes else None, spread=np.ones(1),
    )  # fmt: skip
    sets = np.array([[4, 4, 1], [5, 3, 1]])  # three orders, and six
    last = np.array([order for order in product(range(6), repeat=t) if sorted(order)[::-1] in sets.tolist()])
    first = np.array(list(product(range(2), repeat=t)))
    every = np.array([
        np.column_stack([a, b, c, y]) for a in first[[1, 2, 4]] for b in first[[3, 5, 6]] for c in last
        for y in (first[[3, 5, 6]] if classes else first[:1])
    ])  # fmt: skip
    guesses = People(known, lattice, np.ones(t), every[:, :, :3], every[:, :, 3], rng)
    guesses.power = 1.0
    log = sum(lattice.loose(every[:, i]) for i in range(t))
    log = log + (
        guesses.explained if classes else guesses.together(np.tile(known.seen, (len(every), 1)), guesses.white)[0]
    )
    expected = np.exp(log - log.max())
    start = every[rng.integers(len(every), size=4000)]
    moved = People(known, lattice, np.ones(t), start[:, :, :3], start[:, :, 3], rng)
    moved.power = 1.0
    for _ in range(12):
        exchange(moved, *rng.permutation(t)[:2].tolist())
        another(moved, 2, sets)
        moved.resume(range(t), moved.rest(range(t)))
    place = {state.tobytes(): number for number, state in enumerate(every)}
    counted = np.bincount([place[np.ascontiguousarray(state).tobytes()] for state in moved.codes], minlength=len(every))
    shares = counted / 4000, expected / expected.sum()
    assert np.abs(shares[0] - shares[1]).sum() / 2 < np.sqrt(len(every) / (2 * np.pi * 4000))
    fives = (every[:, :, 2] == 5).any(axis=1)  # of one set; and by so many guesses the deviation is 0.008
    assert shares[0][fives].sum() == pytest.approx(shares[1][fives].sum(), abs=0.03)
    assert 0.2 < shares[1][fives].sum() < 0.8
    fresh = People(known, lattice, np.ones(t), moved.codes[:, :, :3], moved.codes[:, :, 3], rng)
    np.testing.assert_allclose(fresh.white, moved.white, atol=1e-12)
    np.testing.assert_allclose(fresh.score, moved.score, atol=1e-12)


def test_what_is_told_begins_with_ways_that_agree_with_it():
    whole = np.arange(20.0)
    column = Column("age", "discrete", np.ones((1, 1)), whole, whole[:, None], np.full(20, 0.05))
    signs, rng = np.array([1.0, 1.0, 1.0, -1.0]), np.random.default_rng(0)
    values = np.array([3.0, 7.0, 12.0, 5.0])
    told = {0: Told(None, float(values @ signs), float(values**2 @ signs))}
    begin = held([column], told, signs, rng)[0].begin
    assert len(begin) > 10
    assert (whole[begin] @ signs == told[0].total).all()
    assert (whole[begin] ** 2 @ signs == told[0].square).all()
    named = held([column], {0: Told([3.0, 7.0, 7.0, 5.0])}, signs, rng)[0]
    assert named.whole is None
    assert len(named.begin) == 3  # who has the 3; the one who joined has the 5
    assert (position(whole.astype(int), np.array([4, 25])) == [4, -1]).all()


def test_what_some_have_is_with_one_of_their_side_and_the_others_are_free():
    column = Column(
        "town", "categorical", np.ones((1, 1)), np.array(list("abcd")), np.eye(4), np.array([0.5, 0.5, 0, 0])
    )
    signs, rng = np.array([1.0, 1.0, -1.0]), np.random.default_rng(0)
    one = held([column], {0: Told(some=(["c"], ["d"]))}, signs, rng)[0]
    assert ((one.begin[:, :2] == 2).sum(axis=1) >= 1).all()
    assert (one.begin[:, 2] == 3).all()
    assert 0.2 < (one.begin[:, 0] == 2).mean() < 0.8
    codes = np.array([[[2], [0], [3]], [[2], [2], [3]], [[0], [2], [3]]])  # guesses, people, one column
    guesses = SimpleNamespace(codes=codes, side=np.array([0, 0, 1]))
    assert one.stays(guesses, 0, 0).tolist() == [True, False, False]  # the last with it stays
    assert one.stays(guesses, 2, 0).tolist() == [True, True, True]
    with pytest.raises(InputError, match="no public record"):
        held([column], {0: Told(some=(["e"], []))}, signs, rng)


def kids(values, share):
    own = np.array([*values, np.nan])
    return Column("kids", "discrete", np.ones((1, 1)), own, np.where(np.isnan(own), 1.5, own)[:, None], share)


def test_whole_numbers_follow_where_somebody_is_at_the_end():
    column = kids([0.0, 1.0, 2.0, 3.0], np.array([0.4, 0.3, 0.2, 0.05, 0.05]))
    column = dataclasses.replace(column, terms=np.array([[0.0], [1.0], [2.0], [3.0], [1.5]]))
    people = SimpleNamespace(weight=np.full(2, 0.5), codes=np.array([[[3], [0]], [[3], [1]]]))
    assert beyond([column], people)[0].tolist() == [4.0, 5.0, 6.0]  # none below zero
    assert beyond([column], people, known=[0]) == {}
    people.codes[:, 0] = [[2], [2]]
    assert beyond([column], people) == {}


def test_groups_that_were_decoded_with_other_values_are_written_alike():
    column = kids([0.0, 1.0, 2.0], np.array([0.4, 0.3, 0.2, 0.1]))
    longer = column.with_value(4.0)[0]
    release = Release(
        LOSSES["squared"], np.ones((1, 1)), np.ones((2, 1, 1)), np.ones((3, 1)), columns=[column],
        public_codes=np.array([[0], [2], [3]]), public_values=np.array([[0.0], [2.0], [np.nan]]),
    )  # fmt: skip
    parts = [
        (
            dataclasses.replace(release, columns=[one]),
            Reconstruction("group", np.ones((1, 1)), codes=np.array([[code]])),
        )
        for one, code in ((column, 3), (longer, 3))
    ]
    whole, found = in_common(release, parts)
    np.testing.assert_array_equal(whole.columns[0].values, [0.0, 1.0, 2.0, 4.0, np.nan])
    assert whole.public_codes.ravel().tolist() == [0, 2, 4]
    assert [one.codes[0, 0] for one in found] == [4, 3]  # a missing cell, and four


def test_a_value_on_a_grid_stands_for_those_around_it_unless_the_files_say_it():
    cells = _cells(np.array([0.0, 1.0, 1.5, 4.0]), np.array([False, True, False, False]), spread=2.0)
    assert cells.tolist() == [2.5, 0.0, 1.5, 3.25]


def test_two_people_with_one_record_have_sizes_of_which_the_sum_is_known():
    precision = People.precision(SimpleNamespace(power=1.0), np.full((1, 2, 2), 1e9), np.full(2, 1e6))
    assert np.isfinite(np.linalg.cholesky(precision)).all()
    assert np.linalg.solve(precision, np.full((1, 2, 1), 1e9)).sum() == pytest.approx(1.0, rel=1e-6)


def test_of_a_number_who_left_and_who_joined_explain_the_change_in_each_other_s_place():
    rng, signs = np.random.default_rng(0), np.array([1.0, 1.0, -1.0])
    codes, rho = np.tile(np.arange(3)[:, None], (400, 1, 2)), np.tile([[2.0], [3.0], [-5.0]], (400, 1, 1))
    turned, sizes = _either_side(codes, rho, signs, rng)
    assert (np.sort(turned[:, :, 0]) == [0, 1, 2]).all()
    assert (turned[:, :, 0] == turned[:, :, 1]).all()
    assert (sizes[:, :, 0] == np.array([2.0, 3.0, -5.0])[turned[:, :, 0]]).all()  # everybody keeps their own
    assert 0.2 < (turned[:, 2, 0] == 2).mean() < 0.3  # neither took the place
