"""What two files of networks give away by themselves: a perceptron's pipeline whose preprocessing was fitted anew."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

from undelete.adapters.design.polynomial import Category
from undelete.adapters.sklearn.perceptron import is_perceptron
from undelete.adapters.stored.given import Given
from undelete.auditing.deletion_checks import counted
from undelete.auditing.diagnostics import Diagnostic
from undelete.auditing.given_away import most_columns, not_used
from undelete.auditing.grid import on_grid
from undelete.auditing.network_reading import Training
from undelete.auditing.pointed import own_values
from undelete.release.networks import NetworkRelease


@dataclass(frozen=True)
class FromFiles:
    """What they give away of one deleted record.

    Parameters
    ----------
    rows : list of Given
        Its exact values.
    one : bool
        Whether the files say that it was one record.
    proven : collection of str
        Columns of which they say so themselves (`Change.proven`).
    before, after : float or None
        Of how many records they say they are.
    """

    rows: list[Given] = field(default_factory=list)
    one: bool = False
    proven: Collection[str] = ()
    before: float | None = None
    after: float | None = None

    @classmethod
    def of(cls, before: Any, after: Any) -> FromFiles:
        """Compare what two perceptrons' pipelines store; of other networks nothing but the parameters is known."""
        if not (is_perceptron(before) and is_perceptron(after)):
            return cls()
        change, rows = own_values(before, after)
        return cls(rows, bool(change.one) and not change.joined, change.proven, change.before, change.after)

    def counted(self, training: Training) -> tuple[Training, list[str]]:
        """Return what is said of the training with the number of records, where only the old file says it."""
        if training.n is not None or self.before is None or self.before != round(self.before):
            return training, []
        n = int(self.before)
        return replace(training, n=n), [f"The number of training records, {n:,}, is the one that the old file counts."]

    @property
    def checks(self) -> list[Diagnostic]:
        """Check that the files count one record less; equal numbers are those of a preprocessing that was kept."""
        if self.before is None or self.after is None or self.before == self.after:
            return []
        return [counted(int(self.before), int(self.after))]

    def leaks(self, release: NetworkRelease) -> list[str]:
        """Say what of them is used."""
        used = ", ".join(map(repr, self.exact(release)))
        if not used:
            return []
        return [f"What the two pipelines store gives the deleted record's {used} away exactly, without any attack."]

    def not_used(self, release: NetworkRelease) -> list[str]:
        """Say what of them is not."""
        return not_used(self._values, self.exact(release))

    def exact(self, release: NetworkRelease) -> dict[str, Category]:
        """Return the values by column, as the table has them."""
        return on_grid(release, self._values, self.proven)

    @property
    def _values(self) -> dict[str, Category]:
        first: dict[str, Category] = {}
        for row in self.rows:
            first.setdefault(row.column, row.value)
        return first

    def mostly(self, release: NetworkRelease) -> str:
        """Return the sentence that says so where they are most of the record, else ""."""
        return most_columns(release, self.exact(release)) if self.one else ""
