"""Whole numbers beyond all public ones, as far as estimates of the deleted records say that they may have one.

A column of few whole numbers is decoded to one of those that public records have. Who has more children than any public
person would be told the most that these have, and surely.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from undelete.maths.arrays import Indices
from undelete.release.columns import Column

_WITHIN = 3.0  # standard errors of an estimate, in which the record's value is looked for
_MOST = 200  # values that join a column, or nothing is said by an estimate


def reaching(
    columns: Sequence[Column], codes: Indices, estimates: Mapping[int, Sequence[tuple[float, float]]]
) -> tuple[list[Column], Indices] | None:
    """Return columns that go as far as estimates of their values do, and the codes in them; None where none is longer.

    Parameters
    ----------
    columns : sequence of Column
        As public records have them.
    codes : array (m, c)
        The public records.
    estimates : mapping of int to pairs of floats
        By column: each deleted record's number and its standard error.

    Notes
    -----
    Values join a column up to three standard errors beyond an estimate, where its terms are lines in its value. No
    public record has them: beforehand each is as likely as half a record, and the search says which it is.
    """
    longer, codes = list(columns), np.array(codes)
    for j, told in estimates.items():
        for value in sorted({value for one in told for value in _further(columns[j], *one)}):
            found = longer[j].with_value(value)
            if found is None:
                break
            longer[j], place = found
            codes[:, j] += codes[:, j] >= place
    if all(new is old for new, old in zip(longer, columns, strict=True)):
        return None
    return longer, codes


def _further(column: Column, value: float, error: float) -> list[float]:
    """Return the whole numbers before a column's first value and after its last that an estimate leaves possible."""
    own = column.counted
    if not len(own) or not np.isfinite(value + error):
        return []
    low, high = np.ceil(value - _WITHIN * error), np.floor(value + _WITHIN * error)
    low = max(low, 0.0) if own.min() >= 0 else low
    if max(own.min() - low, 0.0) + max(high - own.max(), 0.0) > _MOST:  # before they are listed: they may be billions
        return []
    return [*np.arange(low, own.min()).tolist(), *np.arange(own.max() + 1, high + 1).tolist()]
