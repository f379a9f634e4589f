"""Moves that keep three people's sums, and what is told of a column."""

from __future__ import annotations

from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest

from undelete.attacker.groups.moves import position, trios
from undelete.attacker.groups.told import Told, held
from undelete.errors import InputError
from undelete.release.columns import Column


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
