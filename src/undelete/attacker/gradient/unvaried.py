"""Features that are the same in all public records: of these the public records say nothing, maths (10).

A category that the model knows and no public record has is one. The sum behind G runs over private records that have
it, and no public one stands for them: their part is missing, though G's entry there has a sampling error of zero. It
would say surely that the deleted record does not have the category or, where the penalty's share is not zero, that it
does. How many these people are, and how far the model moved for them, nobody knows.
"""

from __future__ import annotations

import numpy as np

from undelete.maths.arrays import Floats
from undelete.release.release import Release

_LOOKED_AT = 1000  # public records, before all are looked at


def unvaried(release: Release, projection: Floats) -> Floats | None:
    """Return by what such features widen the covariance of a gradient's functionals (q, q), a unit of n^2 mean(t^2).

    With t as in maths (10), that is as if anybody might differ from the public records there, by one or by as much as
    all of them have. Who has a category has none of the column's others, and the constant stays what it is.

    Parameters
    ----------
    release : Release
        With raw columns and a constant; otherwise nothing is returned.
    projection : array (d, q)
        The functionals.

    Returns
    -------
    array (q, q) or None
        None where every feature varies.
    """
    if not release.columns or release.constant is None:
        return None
    X, constant = release.X_public, release.constant
    value, few = X[0], X[:_LOOKED_AT]  # most features vary in the first records already
    found = np.flatnonzero((few.max(axis=0) == few.min(axis=0)) & ((constant == 0) | (value == 0)))
    found = found[(X[:, found] == value[found]).all(axis=0)]
    if not found.size:
        return None
    mean = X.mean(axis=0)
    along = np.stack([_step(release, int(feature), mean) for feature in found]) @ projection
    return np.asarray(along.T @ ((1 + value[found] ** 2)[:, None] * along))


def _step(release: Release, feature: int, mean: Floats) -> Floats:
    """Return the way (d,) from the average public record to one whose feature is larger by one."""
    assert release.constant is not None
    step: Floats = np.eye(len(mean))[feature] - release.constant[feature] * mean
    for column in release.columns:
        if column.kind == "continuous" or not column.projection[feature].any():
            continue
        terms = column.terms @ column.projection[feature]
        of_it = column.terms[terms.argmax()] - column.frequency @ column.terms
        T = np.c_[release.constant, column.projection]
        back: Floats = np.linalg.lstsq(T.T, np.r_[0.0, of_it], rcond=None)[0]
        return back / back[feature] if back[feature] > 0 else step
    return step
