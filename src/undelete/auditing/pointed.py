"""Where no attack compares two models: what their files give away by themselves all the same."""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator

from undelete.adapters.sklearn.stored import stored_in
from undelete.adapters.stored.change import Change
from undelete.adapters.stored.compare import compare
from undelete.adapters.stored.given import Given
from undelete.adapters.stored.statistic import TARGET
from undelete.errors import InputError, NotAttacked

_OWN = ("value", "extreme", "category", "class")  # kinds of rows that are the person's own value, where they are exact


def own_values(before: Any, after: Any) -> tuple[Change, list[Given]]:
    """Return what two files store of who came between, and the exact values of one who left."""
    change = compare(stored_in(before), stored_in(after))
    return change, [] if change.joined else [
        row for row in change.own if row.exact and row.kind in _OWN and row.column != TARGET
    ]


def pointed(error: NotAttacked, before: Any, after: Any) -> NotAttacked:
    """Return the error with what the two files give away all the same, where that is something."""
    if not (isinstance(before, BaseEstimator) and isinstance(after, BaseEstimator)):
        return error
    try:
        _, rows = own_values(before, after)
    except InputError:
        return error
    if not rows or "undelete scan" in str(error):
        return error
    columns = ", ".join(dict.fromkeys(repr(row.column) for row in rows))
    return NotAttacked(
        f"{error}. The two files give {columns} of the record away by themselves all the same: undelete scan BEFORE "
        "AFTER shows the values"
    )
