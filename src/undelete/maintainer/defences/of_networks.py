"""Defences of networks: what one is, what it is given, and what it returns.

A network's objective is not convex, so that none of the proofs of linear models holds; differential privacy is
proved of the training itself, `private_training`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar

import numpy as np
from scipy.special import ndtr

from undelete.errors import InputError
from undelete.maintainer.defences.budget import Budget
from undelete.maintainer.defences.defence import Proof
from undelete.maintainer.networks import Fit, Trained, retrain_among
from undelete.maths.arrays import Floats, Indices
from undelete.maths.solvers import bent
from undelete.release.protection import Noise

MOST = 0.99
"""Of the public people, for whom it is said what noise hides."""
TOL = 1e-9
"""Gradient a record to which a defence's models are trained."""


@dataclass(frozen=True, eq=False)
class PrivateNetwork:
    """The maintainer's own: the records, the network, and what is public beside them.

    Parameters
    ----------
    fit : Fit
        n private records and what is minimised on them.
    theta : array (p,)
        The optimum.
    rows : array (b,) of int
        Who was deleted.
    theta_after : array (b, p)
        The optimum without each.
    X_public, Y_public : arrays (m, d), (m, k)
        Public records, targets as the network's loss takes them. Settings of a defence are chosen on these.
    averaged : bool
        Whether the penalty belongs to the mean loss, and so goes with the number of records.
    """

    fit: Fit
    theta: Floats
    rows: Indices
    theta_after: Floats
    X_public: Floats
    Y_public: Floats
    averaged: bool

    @cached_property
    def metric(self) -> Floats:
        """The summed objective's Hessian (p, p) with a floor, in which a change of the parameters is measured."""
        H = self.fit.network.hessian(self.theta, self.fit.X, self.fit.Y) + np.diag(self.fit.l2)
        return bent(H)

    @cached_property
    def largest(self) -> float:
        """The largest change among the deletions that were played, in that metric."""
        moved = self.theta_after - self.theta
        return float(np.sqrt(np.einsum("bi,ij,bj->b", moved, self.metric, moved).max()))

    def telling(self, noise: Floats) -> float:
        """Return how sure somebody can be which of two people left, by a new network with noise of this covariance.

        A person's gradient g moves the optimum by H^-1 g. So it is for `MOST` of the public people; 1/2 is guessing.
        """
        H = self.fit.network.hessian(self.theta, self.fit.X, self.fit.Y) + np.diag(self.fit.l2)
        own = self.fit.network.gradients(self.theta, self.X_public, self.Y_public)
        moved = np.linalg.solve(H, (own - own.mean(axis=0)).T)
        off = np.sqrt((moved * np.linalg.solve(noise, moved)).sum(axis=0))
        return float(ndtr(np.quantile(off, MOST)))  # two are at most as far apart as both are from the middle

    def penalty(self, n: int, l2: Floats | None = None) -> Floats:
        """Return the penalty (p,) of the sum over n of the records; of another `l2` than its own."""
        own = self.fit.l2 if l2 is None else l2
        return own * (n / self.fit.n) if self.averaged else own

    def optima(self, fit: Fit, theta: Floats, parts: Sequence[Indices], n: int) -> Floats:
        """Return the optimum (b, p) on each of some parts of n records, from one near it; InputError where not."""
        found = retrain_among(replace(fit, l2=self.penalty(n, fit.l2)), theta, parts, tol=TOL)
        return np.stack([ended(one) for one in found])


def ended(one: Trained) -> Floats:
    """Return a network's parameters (p,); InputError where its training did not end."""
    if not one.converged:
        raise InputError(
            f"a defence's network does not converge: a gradient of {one.gradient_norm:.1g} a record is left"
        )
    return one.theta


@dataclass(frozen=True, eq=False)
class ProtectedNetwork:
    """A network and its successors as they are released, and what anybody may know of how.

    Parameters
    ----------
    before, after : arrays (p,), (b, p)
        Released parameters.
    l2 : array (p,)
        The penalty that the old one was trained with.
    noise : array (p, p) or None
        Covariance of what was added to each, independently; None: nothing was, or it has to be found out.
    law : Noise or None
        By what law that was, as it may be told to everybody; None where nothing was added, or it has to be found out.
    chance : float or None
        The most that anybody can be right with by it who has to say which of two people left.
    mechanism : callable or None
        Of a training that is drawn at random: from records, targets and a generator to what it would release (p,).
        Everybody knows it, so that an attacker finds out its law on public records.
    draws : int
        Over how many of `redraw` its utility is averaged.
    redraw : callable or None
        From a generator to the old network as it would be released another time; None: always the same.
    together : int
        How many people left or joined at once.
    n : int or None
        Records of the old network; None: all.
    members : array (b, together) of int or None
        Who; None: each row alone.
    budget : Budget or None
        Of one release, where differential privacy is proved.
    unknowing : tuple of arrays (p,), (b, p), or None
        The networks that somebody works with who does not know the defence, where these are others.
    """

    before: Floats
    after: Floats
    l2: Floats
    noise: Floats | None = field(default=None, repr=False)
    law: Noise | None = None
    chance: float | None = None
    mechanism: Callable[[Floats, Floats, np.random.Generator], Floats] | None = None
    draws: int = 10
    redraw: Callable[[np.random.Generator], Floats] | None = None
    together: int = 1
    n: int | None = None
    members: Indices | None = field(default=None, repr=False)
    budget: Budget | None = None
    unknowing: tuple[Floats, Floats] | None = None

    def again(self, rng: np.random.Generator) -> Floats:
        """Return the old network (p,) as it would be released another time."""
        return self.before if self.redraw is None else self.redraw(rng)


class NetworkDefence(ABC):
    """A way to release a network, at a ladder of strengths; the attributes are those of `Defence`."""

    name: ClassVar[str]
    label: ClassVar[str]
    unit: ClassVar[str]
    proof: ClassVar[Proof] = "measured"
    source: ClassVar[str]
    only_a_way: ClassVar[bool] = False
    strengths: tuple[float, ...]

    def refusal(self, private: PrivateNetwork) -> str:
        """Return why it does not apply to this network, "" where it does."""
        return ""

    @abstractmethod
    def protect(self, private: PrivateNetwork, strength: float, rng: np.random.Generator) -> ProtectedNetwork:
        """Return the networks as they are released at one strength."""
