"""Which of some candidates left, and joined, together? The likelihood of sets of them: maths (16) and (32).

Every candidate says what minus their gradient would be, so that a set says its sum, and the sum is estimated with the
covariance of maths (10). Sets are too many to try them all: a set is improved by taking one or two of its members out
and putting in those who fit best in their place, which for two is found exactly, and that from many beginnings.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from scipy.spatial import cKDTree
from scipy.stats import chi2

from undelete.attacker.groups.likelihood import sum_gradient
from undelete.errors import InputError
from undelete.maths.arrays import Floats, Indices
from undelete.maths.solvers import factor
from undelete.release.candidates import Candidates
from undelete.release.release import Release

MOST = 10  # people of a set
_BEGINNINGS = 24
_ENOUGH = 3  # beginnings that lead to the best set, after which no more are made
_GRAM = 4000  # candidates up to which all pairs are looked at by their products
_KEPT = 40.0  # misfit over the best at which a set counts no more
_NEAR = 30  # of pairs for the same place, how many are remembered
_ROUNDS = 40
_WIDTHS = (30.0, 5.0, 1.0)  # of what the files say, one search after another


@dataclass(frozen=True, eq=False)
class Sets:
    """What is known of c candidates, several of whom left or joined.

    Parameters
    ----------
    left, joined : arrays of int
        The likeliest set: positions among the candidates.
    misfit : float
        Its squared distance from the change, in standard errors.
    p_value : float
        How often the true set fits worse than that.
    left_probability, joined_probability : arrays (c,)
        Of each candidate: the share of all sets that were found, by their likelihood, in which they left or joined.
    set_probability : float
        Of the likeliest set among these.
    """

    left: Indices
    joined: Indices
    misfit: float
    p_value: float
    left_probability: Floats
    joined_probability: Floats
    set_probability: float


@dataclass(frozen=True, eq=False)
class Known:
    """What the files say by themselves of who left less who joined, in units of what counts as the same.

    Parameters
    ----------
    own : array (c, q)
        What each candidate adds to it.
    seen : array (q,)
        What it is.
    """

    own: Floats
    seen: Floats


def explain_sets(
    release: Release, candidates: Candidates, left: int, joined: int, rng: np.random.Generator,
    known: Known | None = None,
) -> Sets:  # fmt: skip
    """Return which candidates together explain the difference of two models best.

    Parameters
    ----------
    release : Release
        Of all of them as if of one deletion, n known.
    candidates : Candidates
        c records with their targets.
    left, joined : int
        How many, ten in all at most.
    rng : numpy.random.Generator
        Draws where the search begins.
    known : Known, optional
        What the files say besides.

    Raises
    ------
    InputError
        For too many people or too few candidates.

    Notes
    -----
    Cost of a step c^2 for up to 4,000 candidates, and c queries of a tree of them for more; t (t + 1) / 2 steps a
    round.
    Exact for two; for more the best set may be missed, which the p-value says. Source: maths (16), (32).
    """
    if left + joined > MOST or left + joined < 1:
        raise InputError(f"{left + joined} people are looked for among the candidates: between one and {MOST} can be")
    if len(candidates.X) < left + joined:
        raise InputError(f"there are {len(candidates.X)} candidates for {left + joined} people: give more")
    G, C = sum_gradient(release, left)
    half = np.asarray(factor(C).half)
    seen, (gone, came) = G.reshape(-1) @ half, _pulls(release, candidates, half)
    begun: list[int] = []
    moved = len(seen)
    known = known if known is not None and len(known.seen) else None
    for width in () if known is None else _WIDTHS:  # what is known sharply leads nowhere from afar
        assert known is not None
        own, told = known.own / width, np.concatenate([seen, known.seen / width])
        search = _Search(told, np.hstack([gone, own]), np.hstack([came, -own]), left, joined)
        _sought(search, begun, rng)
        begun = search.best()
    if known is None:
        search = _Search(seen, gone, came, left, joined)
        _sought(search, begun, rng)
    return search.result(moved)


def _sought(search: _Search, begun: list[int], rng: np.random.Generator) -> None:
    """Improve sets from where another search ended, and from many beginnings, until several lead to the best one."""
    ends = [search.improve(begun)] if begun else []
    for start in range(_BEGINNINGS if search.left + search.joined > 2 else 1):
        ends.append(search.improve(search.beginning(rng, greedy=start == 0)))
        if sum(end < min(ends) + 1e-6 for end in ends) >= _ENOUGH:
            break


def _pulls(release: Release, candidates: Candidates, half: Floats) -> tuple[Floats, Floats]:
    """Return what each candidate adds to G, white (c, r): had they left, and had they joined."""
    X, Y = candidates.X, candidates.Y
    found = []
    for W, sign in ((release.W_before, 1.0), (release.W_after[0], -1.0)):
        rho = -sign * np.asarray(release.loss.residual(Y, candidates.predictions(W)))
        found.append((X[:, :, None] * rho[:, None, :]).reshape(len(X), -1) @ half)
    return found[0], found[1]


@dataclass(eq=False)
class _Search:
    """Sets that were looked at, and how to come to better ones; the first `left` members left, the others joined."""

    seen: Floats
    gone: Floats
    came: Floats
    left: int
    joined: int
    found: dict[tuple[tuple[int, ...], tuple[int, ...]], float] = field(default_factory=dict)
    trees: dict[int, cKDTree] = field(default_factory=dict)
    grams: dict[tuple[int, int], Floats] = field(default_factory=dict)

    def side(self, place: int) -> int:
        return int(place >= self.left)

    def pulls(self, side: int) -> Floats:
        return self.came if side else self.gone

    def total(self, members: list[int]) -> Floats:
        return np.asarray(sum(self.pulls(self.side(k))[i] for k, i in enumerate(members)))

    def beginning(self, rng: np.random.Generator, *, greedy: bool) -> list[int]:
        if not greedy:
            drawn = rng.choice(len(self.gone), size=self.left + self.joined, replace=False)
            return [int(i) for i in drawn]
        members: list[int] = []
        for place in range(self.left + self.joined):
            rest = self.seen - (self.total(members) if members else 0.0)
            distance = ((rest - self.pulls(self.side(place))) ** 2).sum(axis=1)
            distance[members] = np.inf
            members.append(int(distance.argmin()))
        return members

    def improve(self, members: list[int]) -> float:
        best = self.note(members)
        for _ in range(_ROUNDS):
            before = best
            for k in range(len(members)):
                members, best = self.replaced(members, (k,), best)
            for k, other in combinations(range(len(members)), 2):
                members, best = self.replaced(members, (k, other), best)
            if best >= before - 1e-9:
                break
        return best

    def replaced(self, members: list[int], places: tuple[int, ...], best: float) -> tuple[list[int], float]:
        """Put those in some places who fit best there, given the others."""
        others = [i for k, i in enumerate(members) if k not in places]
        rest = self.seen - (self.total(members) - sum(self.pulls(self.side(k))[members[k]] for k in places))
        for people in self.nearest(rest, places):
            if len({*people, *others}) < len(people) + len(others):
                continue
            tried = list(members)
            for k, i in zip(places, people, strict=True):
                tried[k] = int(i)
            misfit = self.note(tried)
            if misfit < best - 1e-9:
                members, best = tried, misfit
        return members, best

    def nearest(self, rest: Floats, places: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Return those whose sum is nearest to what is left, the best first."""
        first = self.pulls(self.side(places[0]))
        if len(places) == 1:
            distance = ((rest - first) ** 2).sum(axis=1)
            return [(int(i),) for i in np.argpartition(distance, min(_NEAR, len(distance) - 1))[:_NEAR]]
        sides = self.side(places[0]), self.side(places[1])
        second = self.pulls(sides[1])
        if len(first) > _GRAM:
            distance, other = self.tree(sides[1]).query(rest - first, k=2)
            order = np.argsort(distance, axis=None)[: 2 * _NEAR]
            return [(int(i), int(other[i, k])) for i, k in zip(*np.unravel_index(order, distance.shape), strict=True)]
        along = [(one**2).sum(axis=1) - 2 * one @ rest for one in (first, second)]
        distance = along[0][:, None] + along[1] + self.gram(sides)
        order = np.argpartition(distance, min(2 * _NEAR, distance.size - 1), axis=None)[: 2 * _NEAR]
        return [(int(i), int(k)) for i, k in zip(*np.unravel_index(order, distance.shape), strict=True)]

    def tree(self, side: int) -> cKDTree:
        if side not in self.trees:
            self.trees[side] = cKDTree(self.pulls(side))
        return self.trees[side]

    def gram(self, sides: tuple[int, int]) -> Floats:
        if sides not in self.grams:
            self.grams[sides] = 2 * self.pulls(sides[0]) @ self.pulls(sides[1]).T
        return self.grams[sides]

    def note(self, members: list[int]) -> float:
        key = tuple(sorted(members[: self.left])), tuple(sorted(members[self.left :]))
        if key not in self.found:
            self.found[key] = float(((self.seen - self.total(members)) ** 2).sum())
        return self.found[key]

    def best(self) -> list[int]:
        """Return the members of the best set that was found."""
        left, joined = min(self.found, key=self.found.__getitem__)
        return [*left, *joined]

    def result(self, moved: int) -> Sets:
        """Return what was found, the p-value by the models' change: `moved` numbers, beside which others are exact."""
        least = min(self.found.values())
        near = {key: misfit for key, misfit in self.found.items() if misfit <= least + _KEPT}
        total = sum(np.exp((least - misfit) / 2) for misfit in near.values())
        chances = np.zeros((2, len(self.gone)))
        for key, misfit in near.items():
            for side in (0, 1):
                chances[side, list(key[side])] += np.exp((least - misfit) / 2) / total
        best = min(near, key=near.__getitem__)
        return Sets(
            left=np.array(best[0], dtype=np.int64),
            joined=np.array(best[1], dtype=np.int64),
            misfit=least,
            p_value=float(chi2.sf(least, moved)),
            left_probability=chances[0],
            joined_probability=chances[1],
            set_probability=float(1 / total),
        )
