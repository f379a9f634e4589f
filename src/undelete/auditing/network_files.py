"""What two files of networks give away by themselves: a perceptron's pipeline whose preprocessing was fitted anew."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from undelete.adapters.design.polynomial import Category
from undelete.adapters.sklearn.perceptron import is_perceptron
from undelete.adapters.sklearn.stored import stored_in
from undelete.adapters.stored.compare import compare
from undelete.adapters.stored.given import Given
from undelete.adapters.stored.statistic import TARGET
from undelete.auditing.given_away import most_columns, not_used, on_grid
from undelete.release.networks import NetworkRelease

_OWN = ("value", "extreme", "category", "class")  # kinds of rows that are the person's own value, where they are exact


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
    """

    rows: list[Given] = field(default_factory=list)
    one: bool = False
    proven: Collection[str] = ()

    @classmethod
    def of(cls, before: Any, after: Any) -> FromFiles:
        """Compare what two perceptrons' pipelines store; of other networks nothing but the parameters is known."""
        if not (is_perceptron(before) and is_perceptron(after)):
            return cls()
        change = compare(stored_in(before), stored_in(after))
        if change.joined:
            return cls()
        rows = [row for row in change.own if row.exact and row.kind in _OWN and row.column != TARGET]
        return cls(rows, bool(change.one), change.proven)

    @property
    def columns(self) -> str:
        """The columns, for a sentence."""
        return ", ".join(dict.fromkeys(repr(row.column) for row in self.rows))

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
