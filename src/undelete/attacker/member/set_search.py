"""The set of people whose pulls add up to what was seen: improved one or two members at a time.

Sets are too many to try them all: one or two members are taken out and those put in who fit best in their place, which
for two is found exactly, and that from many beginnings. Each beginning is annealed: pairs of members are drawn anew
among sets that fit, at first hardly and then as well as the error says (Kirkpatrick, Gelatt and Vecchi, *Optimization
by simulated annealing*, 1983), for a search that only improves ends in many places that fit badly.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import gammaln
from scipy.stats import chi2

from undelete.maths.arrays import Floats

_BEGINNINGS = 40
_ENOUGH = 3  # beginnings that lead to the best set, after which no more are made if that set fits
_COOLED = 1.3  # from one temperature of a beginning to the next
_DRAWN = 100  # candidates among whom a pair is drawn anew at a time
_GRAM = 4000  # candidates up to which all pairs are looked at by their products
_NEAR = 30  # of pairs for the same place, how many are remembered
_RARE = 1e-3  # p-value below which a set is no end of the search
_ROUNDS = 40


@dataclass(eq=False)
class SetSearch:
    """Sets that were looked at, and how to come to better ones; the first `left` members left, the others joined.

    Parameters
    ----------
    seen : array (r,)
        What the members' pulls add up to.
    gone, came : arrays (c, r)
        Of each candidate, had they left, and had they joined.
    left, joined : int
        How many.
    moved : int
        Of `seen`, the numbers that have an error: the true set's squared distance is chi-squared of so many.
    found : dict
        The squared distance of each set that was looked at.
    reached : int
        Beginnings that led to the best set.
    """

    seen: Floats
    gone: Floats
    came: Floats
    left: int
    joined: int
    moved: int
    found: dict[tuple[tuple[int, ...], tuple[int, ...]], float] = field(default_factory=dict)
    reached: int = 0
    trees: dict[int, cKDTree] = field(default_factory=dict)
    grams: dict[tuple[int, int], Floats] = field(default_factory=dict)

    def sought(self, begun: list[int], rng: np.random.Generator) -> list[int]:
        """Return the best set, from where another search ended and from many beginnings, until several agree."""
        ends = [self.improve(begun)] if begun else []
        fits = float(chi2.isf(_RARE, self.moved))
        for _ in range(_BEGINNINGS if self.left + self.joined > 2 else 1):
            ends.append(self.improve(self.annealed(rng)))
            self.reached = sum(end < min(ends) + 1e-6 for end in ends)
            if self.reached >= _ENOUGH and min(ends) <= fits:
                break
        left, joined = min(self.found, key=self.found.__getitem__)
        return [*left, *joined]

    @property
    def missed(self) -> float:
        """Return the logarithm of the likelihood that sets have which the search did not look at: maths (49).

        Were sets as dense about `seen` as those that were found, A misfit^(r/2) of them up to a misfit, then
        exp(-misfit / 2) would add up to A 2^(r/2) Gamma(r/2 + 1) over all. All of the k beginnings that led to the best
        set miss another that is as easy to reach e^-k of the time. Two people are found exactly.
        """
        if self.left + self.joined < 3:
            return -np.inf
        half = len(self.seen) / 2
        others = np.sort(list(self.found.values()))[1:]
        dense = np.log(np.arange(1, len(others) + 1)) - half * np.log(np.maximum(others, np.finfo(float).tiny))
        return float(dense.max() + half * np.log(2) + gammaln(half + 1) - self.reached)

    def side(self, place: int) -> int:
        """Return 0 for a place of those who left, 1 of those who joined."""
        return int(place >= self.left)

    def pulls(self, side: int) -> Floats:
        """Return everybody's pull on a side (c, r)."""
        return self.came if side else self.gone

    def total(self, members: list[int]) -> Floats:
        """Return what members add up to (r,)."""
        return np.asarray(sum(self.pulls(self.side(k))[i] for k, i in enumerate(members)))

    def annealed(self, rng: np.random.Generator) -> list[int]:
        """Return a set to begin with: drawn, and drawn anew two members at a time, ever more as the misfit says."""
        together = self.left + self.joined
        members = [int(i) for i in rng.choice(len(self.gone), size=together, replace=False)]
        far = float(((self.seen - self.total(members)) ** 2).sum())
        for weight in np.append(np.exp(-np.arange(np.log(max(far, 1.0)), 0, -np.log(_COOLED))), 1.0):
            places = rng.permutation(together)
            for k in range(together if together > 2 else together - 1):
                members = self.redrawn(members, (int(places[k]), int(places[(k + 1) % together])), float(weight), rng)
        return members

    def redrawn(
        self, members: list[int], places: tuple[int, int], weight: float, rng: np.random.Generator
    ) -> list[int]:
        """Draw two members among some candidates, as likely as exp(-weight times the misfit / 2) given the others."""
        both = [members[k] for k in places]
        first, second = (self.pulls(self.side(k)) for k in places)
        rest = self.seen - (self.total(members) - first[both[0]] - second[both[1]])
        free = np.setdiff1d(np.arange(len(first)), members)
        some = np.append(rng.choice(free, size=min(_DRAWN, len(free)), replace=False), both)
        one, two = first[some], second[some]
        misfit = ((one**2).sum(axis=1) - 2 * one @ rest)[:, None] + (two**2).sum(axis=1) - 2 * two @ rest
        misfit += 2 * one @ two.T
        np.fill_diagonal(misfit, np.inf)
        up_to = np.cumsum(np.exp(-weight / 2 * (misfit - misfit.min())))
        place = int(np.searchsorted(up_to, rng.random() * up_to[-1]))
        tried = list(members)
        tried[places[0]], tried[places[1]] = (int(some[i]) for i in divmod(place, len(some)))
        return tried

    def improve(self, members: list[int]) -> float:
        """Replace one or two members at a time while that helps; return the squared distance."""
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
        """Return a tree of everybody's pull on a side."""
        if side not in self.trees:
            self.trees[side] = cKDTree(self.pulls(side))
        return self.trees[side]

    def gram(self, sides: tuple[int, int]) -> Floats:
        """Return twice the products of all pulls of two sides (c, c)."""
        if sides not in self.grams:
            self.grams[sides] = 2 * self.pulls(sides[0]) @ self.pulls(sides[1]).T
        return self.grams[sides]

    def note(self, members: list[int]) -> float:
        """Return the squared distance of a set, and remember it."""
        key = tuple(sorted(members[: self.left])), tuple(sorted(members[self.left :]))
        if key not in self.found:
            self.found[key] = float(((self.seen - self.total(members)) ** 2).sum())
        return self.found[key]
