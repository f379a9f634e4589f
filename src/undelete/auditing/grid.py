"""A value that the files give, as one of those that its column has."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from undelete.adapters.design.polynomial import Category
from undelete.adapters.design.values import MISSING
from undelete.auditing.written import written
from undelete.release.columns import Column
from undelete.release.seen import Seen

_LINE = 1e-9  # of a term, up to which it is a line in its column's value
_NEAR = 1e-3  # of the step to the next value, or of a continuous column's deviation: round-off is far below


def on_grid(release: Seen, values: Mapping[str, Category], proved: Collection[str]) -> dict[str, Category]:
    """Return the values, those of columns of whole numbers, or of so many decimals, as such, where they are near one.

    What two files say of a sum over thousands of records has the round-off of that sum, so that -1244 may come as
    -1243.99999994, which no cell of the column is; and as -1243.7 where nothing exact is left, unless the column is
    `proved` to be that of one record (`Change.proven`), which then has a value that no public record has.
    """
    found = dict(values)
    for column in release.columns:
        value = found.get(column.name)
        if column.kind != "discrete" or value is None or isinstance(value, str):
            continue
        own = column.values.astype(float)
        digits = written(own).digits
        if digits is None:
            continue
        whole = round(float(value), digits)
        if abs(value - whole) <= _NEAR * 10.0**-digits:
            found[column.name] = whole
        elif column.name not in proved:
            del found[column.name]
    return found


def code_of(column: Column, value: Category) -> int:
    """Return the position of a value, None for a missing cell, among a column's; -1 where it is none of them."""
    if column.kind == "continuous" or not len(column.values):
        return -1
    if column.kind == "categorical" or isinstance(value, str) or value is None:
        same = np.flatnonzero(column.values.astype(str) == (MISSING if value is None else str(value)))
        return int(same[0]) if same.size else -1
    own = column.values.astype(float)  # a missing cell, which is a value too, is not near any number
    distance = np.where(np.isfinite(own), np.abs(own - value), np.inf)
    steps = np.diff(np.unique(own[np.isfinite(own)]))
    near = _NEAR * float(steps.min()) if steps.size else _LINE * max(float(np.abs(own[np.isfinite(own)]).max()), 1.0)
    return int(distance.argmin()) if distance.min() <= near else -1
