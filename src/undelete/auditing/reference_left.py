"""Models without an intercept whose reference category left: nothing stands for the one that is the reference now."""

from __future__ import annotations

import numpy as np

from undelete.adapters.leaks import lost_indicators
from undelete.adapters.model import LinearModel
from undelete.errors import InputError
from undelete.release.release import Release

_NOBODY = 1e-6  # probability that none of the remaining records has a category that public records have
_SAME = 1e-6  # as one, of a sum of features


def refuse_reference_left(before: LinearModel, after: LinearModel, release: Release, n: int | None) -> None:
    """Refuse a new model without an intercept that lacks a category that some of its records have by all accounts.

    With an intercept, a column of ones or all categories of another column, the category has become the reference, and
    these stand for it. Without them the new model is another function of the columns, and its difference from the old
    one is no record's.

    Raises
    ------
    InputError
        With the category and how many public records have it.
    """
    if before.intercept is not None or _with_constant(release):
        return
    for column in release.columns:
        for value in lost_indicators(before.design, after.design).get(column.name, ()):
            values = [str(one) for one in column.values]
            share = float(column.share[values.index(str(value))]) if str(value) in values else 0.0
            if (1 - share) ** ((n or len(release.X_public)) - 1) < _NOBODY:
                raise InputError(
                    f"only the old model has a coefficient of {value!r} in column {column.name!r}, which {share:.0%} "
                    "of the public records have: it is the new model's reference, and without an intercept nothing "
                    "stands for it, so that the two are fits of different features; write both with the same categories"
                )


def _with_constant(release: Release) -> bool:
    """Return whether the new model's features add up to the same number in all public records."""
    X = release.X_public[:, (release.W_after[0] != 0).any(axis=1)]
    ones = np.ones(len(X))
    return bool(np.abs(X @ np.linalg.lstsq(X, ones, rcond=None)[0] - ones).max() < _SAME)
