"""What a defence is, what it is given, and what it returns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np

from undelete.maintainer.defences.budget import Budget
from undelete.maintainer.leave_one_out import Deletions
from undelete.maths.arrays import Floats, Indices
from undelete.maths.objective import Objective, gram
from undelete.release.protection import Noise

Proof = Literal["proved", "measured"]


@dataclass(frozen=True, eq=False)
class Private:
    """The maintainer's own: the records, the model, and what is public beside them.

    Parameters
    ----------
    objective : Objective
        n private records and what is minimised on them.
    W : array (d, k)
        The minimiser.
    deletions : Deletions
        The models without each of b records.
    X_public, Y_public : arrays (m, d), (m, k)
        Public records. Bounds and settings of a defence are chosen on these, never on private ones.
    has_constant : bool
        Whether the last feature is the constant.
    offset_public : array (m,) or None
        What each public record has added to its predictions, as `objective.offset` of the private ones, maths (47).
    """

    objective: Objective
    W: Floats
    deletions: Deletions
    X_public: Floats
    Y_public: Floats
    has_constant: bool
    offset_public: Floats | None = None

    @property
    def rows(self) -> Indices:
        """The deleted rows (b,)."""
        return self.deletions.rows

    @property
    def W_after(self) -> Floats:
        """The retrained parameters (b, d, k)."""
        return np.asarray(self.deletions.W, dtype=np.float64)

    @cached_property
    def unit(self) -> Floats:
        """Root mean square of each feature over the public records (d,), 1 where it is zero."""
        size = np.sqrt((self.X_public**2).mean(axis=0))
        return np.where(size > 0, size, 1.0)

    @cached_property
    def standard_errors(self) -> Floats:
        """Standard error of each parameter (d, k), by the sandwich of the old model's Hessian and its gradients.

        Infinite for a feature that no record has, such as a product of two categories of one column: nothing tells it.
        """
        seen = (self.objective.X != 0).any(axis=0)  # (d,)
        found, R = [], np.asarray(self.objective.residual(self.objective.predict(self.W)))
        for j, H in enumerate(self.hessian(self.objective, self.W)):
            inverse = np.linalg.pinv(H)
            spread = np.diagonal(inverse @ gram(self.objective.X, np.abs(R[:, j])) @ inverse)
            found.append(np.where(seen, np.sqrt(np.maximum(spread, np.finfo(float).tiny)), np.inf))
        return np.stack(found, axis=1)

    @cached_property
    def bound(self) -> float:
        """Length in `unit`s that 99 of 100 public records do not exceed: longer private ones are clipped to it."""
        return float(np.quantile(np.linalg.norm(self.X_public / self.unit, axis=1), 0.99))

    def clipped(self, X: Floats) -> Floats:
        """Return records no longer than `bound`."""
        length = np.linalg.norm(X / self.unit, axis=1, keepdims=True)
        return np.asarray(X * np.minimum(1.0, self.bound / np.maximum(length, np.finfo(float).tiny)))

    def hessian(self, objective: Objective, W: Floats) -> Floats:
        """Return an objective's Hessians (k, d, d) with its penalty, an output at a time."""
        return np.stack([np.asarray(objective.hessian(W, j)) for j in range(W.shape[1])])

    def public_objective(self, l2: Floats) -> Objective:
        """Return the public records' objective with a penalty, each record weighing as much as n / m private ones."""
        m = len(self.X_public)
        weights = np.full(m, self.objective.n / m)
        return Objective(self.X_public, self.Y_public, self.objective.loss, l2, weights, self.offset_public)


@dataclass(frozen=True, eq=False)
class Protected:
    """A model and its successors as they are released, and what anybody may know of how.

    Parameters
    ----------
    W_before, W_after : arrays (d, k), (b, d, k)
        Released parameters.
    exact : array (d, k)
        The old model before noise. Stays with the maintainer.
    l2 : array (d,)
        The penalty that they were fitted with.
    noise : Noise or None
        What was added to each, independently.
    redraw : callable or None
        From a generator to the old model as it would be released another time, and its penalty; None: always the same.
    together : int
        How many people left or joined at once.
    n : int or None
        Records of the old model; None: all.
    members : array (b, together) of int or None
        Who; None: each row alone.
    budget : Budget or None
        Of one release, where differential privacy is proved.
    digits : int or None
        Decimals of the answers that are all that is given out; None: the models themselves are.
    unknowing : tuple of arrays (d, k), (b, d, k), or None
        The models that somebody works with who does not know the defence, where these are others.
    """

    W_before: Floats
    W_after: Floats
    exact: Floats
    l2: Floats
    noise: Noise | None = None
    redraw: Callable[[np.random.Generator], tuple[Floats, Floats]] | None = None
    together: int = 1
    n: int | None = None
    members: Indices | None = field(default=None, repr=False)
    budget: Budget | None = None
    digits: int | None = None
    unknowing: tuple[Floats, Floats] | None = None

    @property
    def epsilon(self) -> float | None:
        """The epsilon that is proved of one release."""
        return None if self.budget is None else self.budget.epsilon

    @property
    def delta(self) -> float | None:
        """The delta that goes with it."""
        return None if self.budget is None else self.budget.delta

    def again(self, rng: np.random.Generator) -> Floats:
        """Return the old model (d, k) as it would be released another time."""
        return self.drawn(rng)[0]

    def drawn(self, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Return the same, and the penalty (d,) that it has."""
        return (self.W_before, self.l2) if self.redraw is None else self.redraw(rng)


class Defence(ABC):
    """A way to release a model, at a ladder of strengths.

    Attributes
    ----------
    name, label : str
        What the table and a reader call it.
    unit : str
        What its strength is a number of.
    proof : {"proved", "measured"}
        Whether theory bounds what any attacker learns, or only our strongest attack was tried.
    source : str
        Where it is from.
    only_a_way : bool
        Whether it is a way to release, and there is no other model to hand out.
    strengths : tuple of float
        The ladder, the weakest first. A field: others may be given.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    unit: ClassVar[str]
    proof: ClassVar[Proof]
    source: ClassVar[str]
    only_a_way: ClassVar[bool] = False
    strengths: tuple[float, ...]

    def refusal(self, private: Private) -> str:
        """Return why it does not apply to this model, "" where it does."""
        return ""

    @abstractmethod
    def protect(self, private: Private, strength: float, rng: np.random.Generator) -> Protected:
        """Return the models as they are released at one strength."""
