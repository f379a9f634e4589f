"""Six to ten people whose columns files sum: where a search begins and moves, and how sure what it found is."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from undelete.attacker.groups import exchange, moves
from undelete.attacker.groups.moves import Held
from undelete.attacker.groups.read import read, sure
from undelete.attacker.groups.search import Samples, _last, _truncated
from undelete.attacker.groups.told import Told, adds, held
from undelete.release.columns import Column


def column(whole):
    whole = np.asarray(whole, dtype=float)
    return Column("age", "discrete", np.ones((1, 1)), whole, whole[:, None], np.full(len(whole), 1 / len(whole)))


def summed(values):
    return Told(None, float(np.sum(values)), float(np.sum(np.square(values))))


def searches(*each):
    """Two samples a search, in the first of which something is right, with its share."""
    weight = np.array([share for right, size in each for share in (right * size, (1 - right) * size)])
    found = SimpleNamespace(weight=weight / weight.sum(), search=np.repeat(np.arange(len(each)), 2))
    return float(sure(np.tile([True, False], len(each)), found))


def test_of_three_searches_the_one_that_is_surest_does_not_count():
    assert searches((0.9, 1.0), (0.2, 1.0), (0.4, 1.0)) == pytest.approx(0.3)
    assert searches((0.2, 1.0), (0.9, 0.02), (0.6, 0.02)) == pytest.approx(0.23 / 1.04)  # no surer than all together
    assert searches((0.9, 1.0), (0.1, 1e-6), (0.7, 1.0)) == pytest.approx(0.7)  # of one that explains the change worse
    assert searches((0.9, 1.0), (0.5, 1.0)) == pytest.approx(0.7)  # two of them are believed alike


@pytest.mark.parametrize(("search", "doubt"), [([0, 0, 0, 0, 0, 0], 0.0), ([0, 0, 1, 1, 2, 2], 0.25)])
def test_a_range_is_about_the_number_that_is_shown_and_wider_where_samples_are_not_believed(search, doubt):
    age, codes = column(range(11)), np.array([2, 2, 2, 9, 9, 8])
    each = np.full(6, 1 / 6)
    found = Samples(codes[:, None, None], np.zeros((6, 1), int), np.zeros((6, 1, 1)), each, each, 0.0, np.array(search))
    lattice, release = (SimpleNamespace(columns=[age], back=np.eye(2), X_public=np.ones((3, 2))) for _ in range(2))
    known = SimpleNamespace(labels=np.array([[-1.0], [1.0]]))
    shown = read(release, lattice, known, np.ones(1), found, start=0)
    assert (shown.values[0, 0], shown.probability[0, 0]) == (2, pytest.approx(0.5 - doubt))
    apart = np.mean((np.arange(11) - 2.0) ** 2)
    assert shown.error[0, 0] ** 2 == pytest.approx(np.mean((codes - 2.0) ** 2) + doubt * apart)


def test_no_sample_stands_for_all_the_others():
    weight = _truncated(np.array([8.0] + [0.0] * 99))
    assert weight[0] == pytest.approx(0.1 / (0.1 + 99 / (99 + np.exp(8))))
    assert weight.sum() == pytest.approx(1)
    np.testing.assert_allclose(_truncated(np.log([1.0, 2.0, 1.0, 1.0])), np.array([1, 2, 1, 1]) / 5)


def test_many_sets_are_drawn_where_there_are_too_many_to_list(monkeypatch):
    monkeypatch.setattr("undelete.attacker.groups.told._SETS", 50)
    values = [23, 31, 35, 44, 52, 60, 71]
    one = held([column(range(17, 96))], {0: summed(values)}, np.ones(7), np.random.default_rng(0))[0]
    assert not one.all_sets
    assert len(one.sets) > 300
    own = np.arange(17, 96)
    assert (own[one.sets].sum(axis=1) == np.sum(values)).all()
    assert ((own[one.sets] ** 2).sum(axis=1) == np.sum(np.square(values))).all()
    assert (np.diff(one.sets, axis=1) <= 0).all()
    few = held([column(range(4))], {0: summed([0, 1, 2])}, np.ones(3), np.random.default_rng(0))[0]
    assert few.all_sets


def test_from_a_set_that_is_not_listed_nobody_moves_to_one_that_is(monkeypatch):
    """There is no way back, and the posterior would not stay as it is."""
    tried = []
    monkeypatch.setattr(exchange, "redraw", lambda people, who, j, options, score: tried.append(score))
    codes = np.array([[[3], [3], [0]], [[4], [2], [0]]])
    people = SimpleNamespace(codes=codes, rng=np.random.default_rng(0))
    exchange.another(people, 0, np.array([[4, 2, 0], [4, 1, 1]]))
    there = np.isfinite(tried[0]).sum(axis=1)
    assert there.tolist() == [1, 2]  # as it is; as it is, and the other


def test_values_beyond_the_public_ones_are_looked_for_where_sums_leave_room():
    few, ones = column(range(5)), np.ones(3)
    assert not adds(few, np.array([5.0, 6.0]), summed([4, 4, 4]), ones)
    assert adds(few, np.array([5.0, 6.0]), summed([6, 2, 1]), ones)
    assert adds(few, np.array([5.0]), Told(some=([4], [])), ones)


def test_columns_of_one_set_stay_and_others_are_moved_by_as_many_trios_as_need_be(monkeypatch):
    three, sets = [], []
    monkeypatch.setattr(moves, "_three", lambda people, j, whole: three.append(j))
    monkeypatch.setattr(moves, "another", lambda people, j, own: sets.append(j))
    people, whole = SimpleNamespace(codes=np.zeros((2, 9, 3), dtype=int)), np.arange(5)
    for j, one in enumerate([
        Held(whole, whole, np.zeros((1, 9), dtype=int), all_sets=True), Held(whole, whole, np.zeros((2, 9), dtype=int)),
        Held(whole), Held(whole, whole, None),
    ]):  # fmt: skip
        moves._other_values(people, j, one)
    assert three == [1, 1, 1, 3, 3, 3]
    assert sets == [1]


def test_guesses_of_all_last_sweeps_count(monkeypatch):
    people = SimpleNamespace(codes=np.zeros((2, 3, 1), dtype=int), rho=np.zeros((2, 3, 1)), explained=np.zeros(2))

    def sweep(people, held):
        people.codes[:] += 1
        people.explained = people.explained - 1.0

    monkeypatch.setattr("undelete.attacker.groups.search.sweep", sweep)
    codes, rho, misfit = _last(people, {})
    assert codes[:, 0, 0].tolist() == [1, 1, 2, 2, 3, 3, 4, 4]
    assert len(rho) == 8
    assert misfit.tolist() == [2, 2, 4, 4, 6, 6, 8, 8]
