"""What a membership attack found out, where the truth is known."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from undelete.attacker.member.lira import Variance
from undelete.environment import environment
from undelete.errors import InputError
from undelete.files import write
from undelete.maths.arrays import Floats
from undelete.scoring.roc import RATES, Roc

if TYPE_CHECKING:
    from matplotlib.figure import Figure


SCHEMA = "undelete.membership/1"


@dataclass(frozen=True, eq=False)
class Membership:
    """What a membership attack found out about records of which the auditor knows the truth.

    Parameters
    ----------
    scores : array (c,)
        One score a record, larger for "was in the training data": the private records in their order, then the
        held-out ones. `undelete.attacker.member.lira.lira` says what it is.
    member : array (c,) of bool
        Whether the record was in the training data.
    variance : {"global", "record"}
        The attack's variant.
    shadows : int
        Models it trained.
    gradient_norm : float
        Largest gradient per record of the shadow models.
    seed : numpy.random.SeedSequence
        Of the intervals.
    warnings : tuple of str
        What makes the result mean less than it seems.
    """

    scores: Floats
    member: NDArray[np.bool_]
    variance: Variance
    shadows: int
    gradient_norm: float
    seed: np.random.SeedSequence
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        low, high = self.auc_interval
        return (
            f"<Membership: AUC {self.auc:.3f} ({low:.3f} to {high:.3f}; .5 is guessing) of {self.roc.members:,} "
            f"members and {self.roc.others:,} others, {self.shadows} shadow models>"
        )

    @cached_property
    def roc(self) -> Roc:
        """The ROC curve."""
        return Roc.of(self.member, self.scores)

    @property
    def auc(self) -> float:
        """Area under the ROC curve: .5 is guessing."""
        return self.roc.auc

    @property
    def auc_interval(self) -> tuple[float, float]:
        """The area's 95 % interval (Newcombe 2006): over records, given the models."""
        return self.roc.auc_interval

    def tpr_at(self, fpr: float) -> float:
        """Return the largest true-positive rate whose false-positive rate is at most fpr; fpr itself is guessing."""
        return self.roc.tpr_at(_rate(fpr))

    def tpr_interval(self, fpr: float) -> tuple[float, float]:
        """Return the 95 % interval of `tpr_at`: bootstrap over both kinds of records, Wilson's where that is wider."""
        return self.roc.tpr_intervals([_rate(fpr)], np.random.default_rng(self.seed))[0]

    def document(self) -> dict[str, Any]:
        """Return the result as JSON's own types: no record's score is among them."""
        low, high = self.auc_interval
        rates = [
            {"fpr": fpr, "tpr": self.tpr_at(fpr), **dict(zip(("low", "high"), self.tpr_interval(fpr), strict=True))}
            for fpr in RATES
        ]
        return {
            "schema": SCHEMA, "undelete": version("undelete"), "attack": "lira", "variance": self.variance,
            "shadows": self.shadows, "gradient_norm": self.gradient_norm, "members": self.roc.members,
            "non_members": self.roc.others, "auc": self.auc, "auc_low": low, "auc_high": high, "rates": rates,
            "warnings": list(self.warnings), "environment": environment(),
        }  # fmt: skip

    def to_json(self, path: str | os.PathLike[str]) -> None:
        """Write `document` to a file."""
        write(path, json.dumps(self.document(), indent=1, allow_nan=False) + "\n")

    def figure(self) -> Figure:
        """Return the ROC curve on logarithmic axes."""
        from undelete.report import roc

        curve = [self.tpr_at(fpr) for fpr in roc.LEVELS]
        return roc.figure({self.variance: curve}, f"AUC {self.auc:.3f}, {self.shadows} shadow models")


def _rate(fpr: float) -> float:
    if not 0 <= fpr <= 1:
        raise InputError(f"the false-positive rate is {fpr}: it is a share between 0 and 1")
    return float(fpr)
