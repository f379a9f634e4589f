"""Sets of candidates who left, and joined, together."""

from __future__ import annotations

import dataclasses
from itertools import combinations

import numpy as np
import pytest

from tests.attacker.test_candidates import played
from undelete.attacker.member import set_search, sets
from undelete.attacker.member.sets import explain_sets
from undelete.errors import InputError
from undelete.maintainer.groups import Groups, retrain_groups
from undelete.release.candidates import Candidates


def together(game, left, joined=(), loss="logistic", k=1):
    """A release in which some of the first records left and others joined, and 300 candidates."""
    one, release, candidates = played(game, loss, deletions=1, candidates=150, k=k, n=3000, m=3000)
    rest = np.setdiff1d(np.arange(one.objective.n), joined)
    before = retrain_groups(one.objective, one.W, Groups(rest, np.zeros((1, 0), int), np.zeros((1, 0), int)),
                            one.objective.l2)[0][0]  # fmt: skip
    groups = Groups(rest, np.array([left]), np.array([joined], dtype=int).reshape(1, -1))
    W_after, worst = retrain_groups(one.objective, before, groups, one.objective.l2)
    assert worst < 1e-9
    return dataclasses.replace(release, W_before=before, W_after=W_after, n=len(rest)), candidates


@pytest.mark.parametrize(("loss", "k"), [("squared", 1), ("logistic", 1), ("softmax", 3)])
def test_the_set_is_named_with_a_probability(game, loss, k):
    release, candidates = together(game, [2, 5], loss=loss, k=k)
    found = explain_sets(release, candidates, 2, 0, np.random.default_rng(0))
    assert found.left_probability[[2, 5]].mean() > 0.2  # of few features a neighbour may fit as well
    assert found.left_probability.sum() == pytest.approx(2)
    assert found.p_value > 1e-3


def test_of_two_the_best_set_is_the_best_of_all(game, monkeypatch):
    release, candidates = together(game, [2, 5])
    few = Candidates(candidates.X[:40], candidates.Y[:40])
    found = explain_sets(release, few, 2, 0, np.random.default_rng(0))
    every = [explain_sets(release, Candidates(few.X[list(p)], few.Y[list(p)]), 2, 0, np.random.default_rng(0)).misfit
             for p in list(combinations(range(40), 2))[::9]]  # fmt: skip
    assert found.misfit <= min(every) + 1e-9
    monkeypatch.setattr(set_search, "_GRAM", 10)  # by a tree of them
    assert explain_sets(release, few, 2, 0, np.random.default_rng(0)).misfit == pytest.approx(found.misfit)


def test_who_left_and_who_joined_are_told_apart(game):
    release, candidates = together(game, [2, 5], [7], loss="squared")
    found = explain_sets(release, candidates, 2, 1, np.random.default_rng(0))
    assert found.left_probability[[2, 5]].mean() > 0.2
    assert found.joined_probability[7] > 0.1
    assert len(found.joined) == 1


def test_sets_that_cannot_be_looked_for(game):
    release, candidates = together(game, [2, 5])
    with pytest.raises(InputError, match="11 people are looked for"):
        explain_sets(release, candidates, 11, 0, np.random.default_rng(0))
    with pytest.raises(InputError, match="there are 1 candidates for 2 people"):
        explain_sets(release, Candidates(candidates.X[:1], candidates.Y[:1]), 2, 0, np.random.default_rng(0))
    with pytest.raises(InputError, match="number of training records is not known"):
        explain_sets(dataclasses.replace(release, n=None), candidates, 2, 0, np.random.default_rng(0))


def people_who_pull(seed: int, together: int = 4) -> set_search.SetSearch:
    """Made-up candidates with heavy tails, the first of whom left: their sum, with an error of one in each number."""
    rng = np.random.default_rng(seed)
    pulls = 20 * rng.standard_t(3, size=(150, 12))
    seen = pulls[:together].sum(axis=0) + rng.standard_normal(12)
    return set_search.SetSearch(seen, pulls, -pulls, together, 0, len(seen))


@pytest.mark.parametrize("seed", [0, 3, 5])  # from drawn beginnings none of them was
def test_the_true_set_of_four_is_come_by(seed):
    search = people_who_pull(seed)
    search.sought([], np.random.default_rng(0))
    assert min(search.found.values()) <= search.note([0, 1, 2, 3]) + 1e-9


def test_where_nobody_fits_the_set_that_fits_best_has_no_probability(monkeypatch):
    monkeypatch.setattr(set_search, "_BEGINNINGS", 4)
    search = people_who_pull(0)
    search.seen = search.seen + 200.0
    search.sought([], np.random.default_rng(0))
    found = sets._result(search)
    assert found.p_value < 1e-6
    assert found.set_probability < 1e-3
    assert found.left_probability.sum() < 1e-2


@pytest.mark.parametrize("reached", [1, 3])
def test_what_was_not_looked_at_is_counted_by_density(reached):
    """Of sets as many as in a box around what was seen, the mass of all is that of an integral over the box."""
    search = people_who_pull(0, together=3)
    rng = np.random.default_rng(1)
    points = rng.uniform(-9, 9, size=(20_000, 12))
    search.found = {((i,), ()): float((point**2).sum()) for i, point in enumerate(points)}
    search.reached = reached
    exact = 20_000 / 18**12 * (2 * np.pi) ** 6
    assert search.missed == pytest.approx(np.log(exact) - reached, abs=0.7)
