"""What a verdict rests on: the numbers of the evidence, and the thresholds that they are held against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MOST = 0.5  # share of a record's columns that counts as most of it
WHOLE = 0.05  # share of deletions whose whole record came back, beyond the baseline's, that counts by itself
CONFIDENT = 0.5  # confidence in one whole record that counts by itself
CLEAR = 0.1  # lift over the baseline that counts when one deletion leaves no interval
NEAR = 0.8  # centred cosine that makes a record partly exposed whatever its columns
ROUNDING = 1e-9  # of the shares that are compared
COLUMN = 0.25  # the lift of a single column, or of the target, that makes a record partly exposed
RISK = 0.05  # probability of a mistake that NOT EXPOSED may carry where nobody knows the true record


@dataclass(frozen=True)
class Evidence:
    """The numbers a verdict rests on.

    Parameters
    ----------
    deletions : int
        How many were examined.
    columns : float
        Mean share of raw columns recovered exactly; without a truth, the share the error bars promise.
    baseline : float
        The same for the best baseline; without a truth, how common the values that came back are.
    baseline_name : str
        Which baseline that is; "" where none was run, so that the most common values stand for one.
    lift_low, lift_high : float
        Ends of the 95 % interval of columns - baseline; NaN when there is none (one deletion with a truth).
    whole, whole_baseline : float
        Share of deletions whose whole record is right; without a truth, the confidence.
    whole_low, whole_high : float
        Ends of the 95 % interval of `whole`; NaN when there is none.
    best_column : tuple of str and float
        The column, or target, with the largest lift, and the lift; without a truth, of those that are all but sure.
    measured : bool
        Whether there was a truth to compare with.
    centred : float
        Median centred cosine, or what the error bars promise.
    centred_high : float
        Without a truth, the most that the error bars allow.
    possible : float
        Without a truth, the probability that some column or target, of which public data say less than 1 - COLUMN, is
        right.
    bits : tuple of two floats
        Bits of a record that came back (median), and of how many; NaN when not known.
    by : {"columns", "similarity"}
        What `columns` and `baseline` hold: shares of raw columns, or mean centred cosines of records without raw
        columns, such as images; those have no whole records, and no best column but their target.
    limit : str
        Without a truth, what keeps the error bars wide.
    target : float
        The target's own lift, as of `best_column`.
    """

    deletions: int
    columns: float
    baseline: float
    baseline_name: str
    lift_low: float
    whole: float
    whole_baseline: float
    whole_low: float
    best_column: tuple[str, float]
    measured: bool
    centred: float
    bits: tuple[float, float] = (float("nan"), float("nan"))
    by: Literal["columns", "similarity"] = "columns"
    lift_high: float = float("nan")
    whole_high: float = float("nan")
    centred_high: float = 1.0
    possible: float = 1.0
    limit: str = ""
    target: float = 0.0

    @property
    def lift(self) -> float:
        """The lead over the baseline."""
        return self.columns - self.baseline

    @property
    def certain(self) -> bool:
        """Whether the lead is more than luck: clear for one deletion, beyond its interval for many."""
        clear = self.lift >= CLEAR - ROUNDING
        if self.lift_low != self.lift_low:
            return clear
        if not self.measured and self.by == "columns":  # what is promised has to come true
            return self.lift_low >= CLEAR - ROUNDING
        small_counts = self.by == "columns"  # over many deletions even a small lead is a fact
        return self.lift_low > 0 and (clear or small_counts)

    @property
    def most(self) -> bool:
        """Whether at least half of the columns came back; where that is a promise, all but surely."""
        promised = not self.measured and self.lift_low == self.lift_low
        return self.columns - (self.lift - self.lift_low if promised else 0.0) >= MOST - ROUNDING

    @property
    def complete(self) -> bool:
        """Whether whole records came back beyond the baseline."""
        found = self.whole - self.whole_baseline >= (CONFIDENT if self.deletions == 1 else WHOLE) - ROUNDING
        return found and (self.deletions == 1 or self.whole_low > self.whole_baseline)

    @property
    def excluded(self) -> bool:
        """Whether the intervals leave no room for exposure; what one true record shows is known, not estimated."""
        if self.measured and self.deletions == 1:
            return True
        narrow = self.lift_high < CLEAR
        if self.measured:
            return narrow and (self.by == "similarity" or self.whole_high - self.whole_baseline < WHOLE + ROUNDING)
        no_column = self.possible <= RISK
        no_record = self.whole <= RISK or 1 - self.whole_baseline < CONFIDENT
        return narrow and no_column and no_record and self.centred_high < NEAR
