"""How well scores tell members from non-members: the ROC curve, its area, and its start, where the harm is.

A membership attack matters where it is sure, so the true-positive rate at a small false-positive rate is
reported beside the area (Carlini et al. 2022, Section III).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm

from undelete.maths.arrays import Flags, Floats
from undelete.scoring.intervals import wilson

RATES = (0.001, 0.01, 0.1)  # false-positive rates at which an attack is reported

_DRAWS = 400
_AT_ONCE = 50  # resamples held at a time
_SLACK = 1e-12  # of a rate: .1 of 10 non-members is one of them, whatever its binary fraction


@dataclass(frozen=True, eq=False)
class Roc:
    """A ROC curve: the rates when everybody with at least a threshold's score is called a member.

    Parameters
    ----------
    false_positive, true_positive : array (g + 1,)
        Rates at each of g different scores, the largest first; from (0, 0), nobody called, to (1, 1).
    member : array (c,) of bool
        The truth, those with the largest score first.
    last : array (g,) of int
        Where in that order each group of equal scores ends.
    """

    false_positive: Floats
    true_positive: Floats
    member: Flags
    last: NDArray[np.int64]

    @classmethod
    def of(cls, member: Flags, scores: Floats) -> Roc:
        """Return the curve of scores (c,), larger for member; of each kind there must be one at least.

        Cost O(c log c).

        Examples
        --------
        >>> curve = Roc.of(np.array([True, False, True, False]), np.array([3.0, 2.0, 2.0, 1.0]))
        >>> curve.false_positive.tolist(), curve.true_positive.tolist(), curve.auc
        ([0.0, 0.0, 0.5, 1.0], [0.0, 0.5, 1.0, 1.0], 0.875)
        """
        down = np.argsort(-scores, kind="stable")
        truth, values = np.asarray(member, dtype=np.bool_)[down], scores[down]
        last = np.append(np.flatnonzero(values[1:] != values[:-1]), len(values) - 1)
        rates = [np.append(0.0, np.cumsum(kind)[last] / kind.sum()) for kind in (~truth, truth)]
        return cls(rates[0], rates[1], truth, last)

    @property
    def members(self) -> int:
        """Number of members."""
        return int(self.member.sum())

    @property
    def others(self) -> int:
        """Number of non-members."""
        return int((~self.member).sum())

    @property
    def auc(self) -> float:
        """Area under the curve: the chance that a member scores above a non-member, equal scores counted half."""
        return float(np.trapezoid(self.true_positive, self.false_positive))

    @property
    def auc_interval(self) -> tuple[float, float]:
        """The area's 95 % interval by `auc_interval`."""
        return auc_interval(self.auc, self.members, self.others)

    def tpr_at(self, fpr: float) -> float:
        """Return the largest true-positive rate whose false-positive rate is at most fpr."""
        at = np.searchsorted(self.false_positive, fpr * (1 + _SLACK), side="right") - 1
        return float(self.true_positive[at])

    def tpr_intervals(self, fprs: Sequence[float], rng: np.random.Generator) -> list[tuple[float, float]]:
        """Return the 95 % intervals of `tpr_at` for some false-positive rates.

        The percentile bootstrap over members and over non-members, since the threshold is estimated too: at .001 of a
        few thousand non-members by a handful of them. (Wilson's interval for the threshold as it stands missed the true
        rate at .02 of 200 non-members in 40 of 100 simulations, this one in 8.) Where few members are above the
        threshold a bootstrap is too narrow, so each interval is widened to Wilson's.

        Parameters
        ----------
        fprs : sequence of float
            False-positive rates.
        rng : numpy.random.Generator
            Draws 400 resamples.

        Notes
        -----
        Records are taken as independent, given the models. Cost 400 c additions.
        """
        drawn = np.concatenate([self._resampled(fprs, rng) for _ in range(_DRAWS // _AT_ONCE)])
        found = []
        for fpr, (low, high) in zip(fprs, np.quantile(drawn, [0.025, 0.975], axis=0).T, strict=True):
            own = wilson(self.tpr_at(fpr) * self.members, self.members)
            found.append((min(float(low), own[0]), max(float(high), own[1])))
        return found

    def _resampled(self, fprs: Sequence[float], rng: np.random.Generator) -> Floats:
        """Return `tpr_at` of each rate on some resamples, (resamples, rates)."""
        reach = int(np.searchsorted(np.cumsum(~self.member), 2 * max(fprs) * self.others + 100))  # none goes further
        head, last = self.member[:reach], self.last[self.last < reach]
        hits = np.zeros((_AT_ONCE, len(fprs)))
        for b in range(_AT_ONCE):
            counts = []
            for kind, total in ((~head, self.others), (head, self.members)):
                drawn = np.bincount(rng.integers(total, size=total), minlength=total)[: int(kind.sum())]
                of_each = np.zeros(reach, dtype=np.int64)
                of_each[kind] = drawn
                counts.append(np.append(0, np.cumsum(of_each)[last]))
            allowed = np.array(fprs) * self.others * (1 + _SLACK)
            hits[b] = counts[1][np.searchsorted(counts[0], allowed, side="right") - 1] / self.members
        return hits


def auc_interval(auc: float, members: int, others: int, level: float = 0.95) -> tuple[float, float]:
    """Return Newcombe's interval of an area under a ROC curve: Wilson's for an area, never of width zero.

    It solves (auc - a)^2 = z^2 V(a) for a, with V(a) = a (1 - a) [1 + N ((1 - a) / (2 - a) + a / (1 + a))] / (n n')
    for n members and n' others, N = (n + n') / 2 - 1: Hanley and McNeil's variance, which at a = 1/2 is Mann and
    Whitney's. Source: Newcombe (2006), Statistics in Medicine 25, 559-573, method 5, doi:10.1002/sim.2324.

    Examples
    --------
    >>> [round(end, 3) for end in auc_interval(1.0, 20, 20)]
    [0.899, 1.0]
    """
    z = float(norm.ppf(0.5 + level / 2))
    average = (members + others) / 2 - 1

    def excess(a: float) -> float:
        spread = 1 + average * ((1 - a) / (2 - a) + a / (1 + a))
        return (auc - a) ** 2 - z**2 * a * (1 - a) * spread / (members * others)

    # at 0 and 1 the equation has the area itself as a solution too; the end is the other one
    low = 0.0 if auc <= 0 else float(brentq(excess, 0.0, min(auc, 1 - _SLACK)))
    return low, 1.0 if auc >= 1 else float(brentq(excess, max(auc, _SLACK), 1.0))


def placed(scores: Floats, truth: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Return how many other candidates score above each row's true one, and how many score the same, (b,) each.

    Parameters
    ----------
    scores : array (b, c)
        A row for each deletion.
    truth : array (b,) of int
        The column of the true candidate.

    Examples
    --------
    >>> above, level = placed(np.array([[0.1, 0.9, 0.9], [3.0, 2.0, 1.0]]), np.array([1, 2]))
    >>> above.tolist(), level.tolist()
    ([0.0, 2.0], [1.0, 0.0])
    """
    own = scores[np.arange(len(scores)), truth][:, None]
    above, level = (scores > own).sum(axis=1), (scores == own).sum(axis=1) - 1
    return above.astype(np.float64), level.astype(np.float64)
