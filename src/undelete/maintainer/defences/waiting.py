"""Defences that wait: the new model is released when several people have left, or others have joined."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undelete.maintainer.defences.defence import Defence, Private, Protected
from undelete.maintainer.defences.fitting import refitted

_ROOM = 10  # times as many records as people at once


@dataclass(frozen=True)
class Batch(Defence):
    """Deletions wait for one another: the new model is released when several people have left."""

    name = "batch"
    label = "Delete several people at once"
    unit = "people"
    proof = "measured"
    source = "common practice; the gradients of all are added up"
    only_a_way = True
    strengths: tuple[float, ...] = (2, 3, 5, 10, 30, 100)

    def refusal(self, private: Private) -> str:
        """Refuse where a batch would be most of the records."""
        return _too_few(private, max(self.strengths))

    def protect(self, private: Private, strength: float, rng: np.random.Generator) -> Protected:
        """Delete each row together with others drawn at random."""
        objective, together = private.objective, int(strength)
        members, after = [], []
        everyone = np.arange(objective.n)
        for row in private.rows:
            others = rng.choice(objective.n - 1, together - 1, replace=False)
            gone = np.r_[row, others + (others >= row)]
            members.append(gone)
            stay = objective.take(np.delete(everyone, gone))
            after.append(refitted(stay, private.W, private.has_constant))
        return Protected(
            private.W, np.stack(after), private.W, np.asarray(objective.l2), together=together,
            members=np.stack(members), n=objective.n - (together - 1),
        )  # fmt: skip


@dataclass(frozen=True)
class Joined(Defence):
    """A deletion waits for people who join: the new model is released when so many have."""

    name = "joined"
    label = "Wait for people who join"
    unit = "people who join"
    proof = "measured"
    source = "common practice; the gradients of those who join are taken off"
    only_a_way = True
    strengths: tuple[float, ...] = (1, 3, 10, 30, 100)

    def refusal(self, private: Private) -> str:
        """Refuse where those who join would be most of the records."""
        return _too_few(private, max(self.strengths))

    def protect(self, private: Private, strength: float, rng: np.random.Generator) -> Protected:
        """Keep some records out of the old model, and let each deletion come with so many of them."""
        objective, joined = private.objective, int(strength)
        outside = np.setdiff1d(np.arange(objective.n), private.rows)
        outside = rng.choice(
            outside, min(len(outside) // 2, joined * len(private.rows), objective.n // 4), replace=False
        )
        base = np.setdiff1d(np.arange(objective.n), outside)
        W = refitted(objective.take(base), private.W, private.has_constant)
        members, after = [], []
        for i, row in enumerate(private.rows):
            came = outside.take(np.arange(i * joined, (i + 1) * joined), mode="wrap")  # few may meet again
            members.append(np.r_[row, came])
            stay = np.r_[base[base != row], came]
            after.append(refitted(objective.take(stay), W, private.has_constant))
        return Protected(
            W, np.stack(after), W, np.asarray(objective.l2), together=1 + joined, members=np.stack(members),
            n=len(base),
        )  # fmt: skip


def _too_few(private: Private, most: float) -> str:
    n = private.objective.n
    return "" if n > _ROOM * most else f"{n} records are too few for {int(most)} people at once"
