"""What two fitted files say of who came between, as far as it is known."""

from __future__ import annotations

from dataclasses import dataclass, field

from undelete.adapters.stored.given import Given
from undelete.adapters.stored.leaving import Leaving

ROUND = 1e-9  # of a number, within which two files' are the same: a scaler before it was refitted
EXACT = 1e-4  # of a column's deviation, the largest error of an exact value


@dataclass
class Change:
    """What two files say of who came between.

    Parameters
    ----------
    before, after : float or None
        Numbers of records; None where the files do not say, or disagree.
    number : float or None
        How many records more the larger file has.
    weight : float
        By how much one record counts: not a whole number where it had a weight in the fits.
    joined : bool
        Whether the second file has more records: what is given away is of who joined.
    one : bool or None
        Whether it is one person: None where no mean with its variance, or count, can tell.
    rows : list of Given
        Values.
    notes : list of str
        What speaks against one person.
    pairs : list of (str, Leaving)
        Each raw column's mean and variance, where two people changed.
    proved : set of str
        Raw columns whose mean and variance together differ as by one record, whatever its value.
    """

    before: float | None = None
    after: float | None = None
    number: float | None = None
    weight: float = 1.0
    joined: bool = False
    one: bool | None = None
    rows: list[Given] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    pairs: list[tuple[str, Leaving]] = field(default_factory=list)
    proved: set[str] = field(default_factory=set)

    @property
    def own(self) -> list[Given]:
        """Values of the one person who came between; none where it was not one."""
        return self.rows if self.one is not False and self.number in (1, None) else []

    @property
    def proven(self) -> set[str]:
        """Raw columns of which one record has the value, whatever it is: no other's is in it."""
        return self.proved | {row.column for row in self.own if row.kind == "extreme"}

    def deny(self, why: str) -> None:
        """Note that it was not one person."""
        self.one = False
        self.notes.append(why)
