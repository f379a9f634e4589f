"""Moves that keep three people's sums, and what is told of a column."""

from __future__ import annotations

import dataclasses
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest

from undelete.attacker.groups.ends import beyond, in_common
from undelete.attacker.groups.moves import position, trios
from undelete.attacker.groups.people import People
from undelete.attacker.groups.read import _cells
from undelete.attacker.groups.search import _either_side
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
