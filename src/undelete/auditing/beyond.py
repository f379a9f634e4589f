"""Whole numbers beyond all public ones, as far as the linear estimate says that the deleted record may have one.

A column of few whole numbers is decoded to one of those that public records have. Who has more children than any public
person would be told the most that these have, and surely.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from undelete.attacker.hrec import hrec
from undelete.release.columns import Column
from undelete.release.release import Release

_WITHIN = 3.0  # standard errors of the estimate, in which the record's value is looked for
_MOST = 200  # values that join a column, or nothing is said by the estimate


def reached(release: Release) -> Release:
    """Return a release whose columns of whole numbers go as far as the estimates of its deletions do.

    Values join a column up to three standard errors beyond the estimate of maths (12), where its terms are lines in its
    value. No public record has them: beforehand each is as likely as half a record, and the search says which it is.
    """
    codes = release.public_codes
    if codes is None or release.embedding is not None:
        return release
    if all(column.kind != "discrete" for column in release.columns):
        return release
    found = hrec(release, np.random.default_rng(0))
    rows = [i for i, status in enumerate(found.status) if status == "ok"]
    if found.values is None or found.error is None or not rows:
        return release
    columns, codes = list(release.columns), np.array(codes)
    for j, column in enumerate(columns):
        estimates = zip(found.values[rows, j].tolist(), found.error[rows, j].tolist(), strict=True)
        for value in sorted({value for estimate in estimates for value in _further(column, *estimate)}):
            longer = columns[j].with_value(value)
            if longer is None:
                break
            columns[j], place = longer
            codes[:, j] += codes[:, j] >= place
    if all(new is old for new, old in zip(columns, release.columns, strict=True)):
        return release
    return dataclasses.replace(release, columns=columns, public_codes=codes)


def _further(column: Column, value: float, error: float) -> list[float]:
    """Return the whole numbers before a column's first value and after its last that an estimate leaves possible."""
    own = column.counted
    if not len(own) or not np.isfinite(value + error):
        return []
    low, high = np.ceil(value - _WITHIN * error), np.floor(value + _WITHIN * error)
    low = max(low, 0.0) if own.min() >= 0 else low
    numbers = [*np.arange(low, own.min()).tolist(), *np.arange(own.max() + 1, high + 1).tolist()]
    return numbers if len(numbers) <= _MOST else []
