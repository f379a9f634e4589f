"""Defences of networks that wait: for several people who leave, or for others who join."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from undelete.maintainer.defences.of_networks import TOL, NetworkDefence, PrivateNetwork, ProtectedNetwork, ended
from undelete.maintainer.defences.waiting import Batch, Joined
from undelete.maintainer.networks import train

_ROOM = 10  # times as many records as people at once


@dataclass(frozen=True)
class NetworkBatch(NetworkDefence):
    """Deletions wait for one another: the new network is released when several people have left."""

    name = Batch.name
    label = Batch.label
    unit = Batch.unit
    source = Batch.source
    only_a_way = True
    strengths: tuple[float, ...] = (2, 3, 5, 10, 30, 100)

    def refusal(self, private: PrivateNetwork) -> str:
        """Refuse where a batch would be most of the records."""
        return _too_few(private, max(self.strengths))

    def protect(self, private: PrivateNetwork, strength: float, rng: np.random.Generator) -> ProtectedNetwork:
        """Delete each row together with others drawn at random."""
        n, together = private.fit.n, int(strength)
        members = []
        for row in private.rows:
            others = rng.choice(n - 1, together - 1, replace=False)
            members.append(np.r_[row, others + (others >= row)])
        everyone = np.arange(n)
        parts = [np.delete(everyone, gone) for gone in members]
        after = private.optima(private.fit, private.theta, parts, n - together)
        return ProtectedNetwork(
            private.theta, after, private.fit.l2, together=together, members=np.stack(members), n=n - (together - 1)
        )


@dataclass(frozen=True)
class NetworkJoined(NetworkDefence):
    """A deletion waits for people who join: the new network is released when so many have."""

    name = Joined.name
    label = Joined.label
    unit = Joined.unit
    source = Joined.source
    only_a_way = True
    strengths: tuple[float, ...] = (1, 3, 10, 30, 100)

    def refusal(self, private: PrivateNetwork) -> str:
        """Refuse where those who join would be most of the records."""
        return _too_few(private, max(self.strengths))

    def protect(self, private: PrivateNetwork, strength: float, rng: np.random.Generator) -> ProtectedNetwork:
        """Keep some records out of the old network, and let each deletion come with so many of them."""
        n, joined = private.fit.n, int(strength)
        outside = np.setdiff1d(np.arange(n), private.rows)
        outside = rng.choice(outside, min(len(outside) // 2, joined * len(private.rows), n // 4), replace=False)
        base = np.setdiff1d(np.arange(n), outside)
        l2 = private.penalty(len(base))
        theta = ended(train(replace(private.fit.among(base), l2=l2), private.theta, tol=TOL))
        members, parts = [], []
        for i, row in enumerate(private.rows):
            came = outside.take(np.arange(i * joined, (i + 1) * joined), mode="wrap")  # few may meet again
            members.append(np.r_[row, came])
            parts.append(np.r_[base[base != row], came])
        after = private.optima(private.fit, theta, parts, len(base) - 1 + joined)
        return ProtectedNetwork(theta, after, l2, together=1 + joined, members=np.stack(members), n=len(base))


def _too_few(private: PrivateNetwork, most: float) -> str:
    n = private.fit.n
    return "" if n > _ROOM * most else f"{n} records are too few for {int(most)} people at once"
