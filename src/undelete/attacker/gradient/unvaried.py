"""Features that are the same in all public records: of these the public records say nothing, maths (10), (42).

A category that the model knows and no public record has is one. The sum behind G runs over private records that have
it, and no public one stands for them: their part is missing, though G's entry there has a sampling error of zero. It
would say surely that the deleted record does not have the category or, where the penalty's share is not zero, that it
does. How many these people are nobody knows, nor what else they are; how far the model moved for them it says itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from undelete.maths.arrays import Flags, Floats, Indices
from undelete.release.release import Release

_LOOKED_AT = 1000  # public records, before all are looked at
_ZERO = 1e-9  # of a coefficient: what is left of one that nobody needs any more
_AT_LEAST = 50  # public records of which people with a category are made up


@dataclass(frozen=True, eq=False)
class Unseen:
    """People who have a category that no public record has, made up of public records.

    Parameters
    ----------
    view : Release
        Its public records are these people, r of them, each otherwise as a public record is; raw columns left out.
    own : Release
        Its public records are the ones that they are made of.
    expected : array (b,)
        How many private records have the category after each deletion: one at least, or the model would not know it,
        and n / m more, the mean where none of m public ones has it and every share is alike beforehand. None where the
        coefficient went back to zero, as only one that nobody needs does.
    """

    view: Release
    own: Release
    expected: Floats


def unvaried(release: Release, projection: Floats) -> Floats | None:
    """Return by what such features widen the covariance of a gradient's functionals (b, q, q), a unit of n^2 mean(t^2).

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
    array (b, q, q) or None
        None where every feature varies.
    """
    found = _same(release)
    if not found.size:
        return None
    mean = release.X_public.mean(axis=0)
    along = np.stack([_step(release, int(feature), mean) for feature in found]) @ projection
    weight = np.where(_nobody(release, found), 0.0, 1 + release.X_public[0, found] ** 2)
    return np.asarray(np.einsum("bf,fp,fq->bpq", weight, along, along, optimize=True))


def unseen(release: Release) -> list[Unseen]:
    """Return who has the categories that no public record has, a category each."""
    found = {int(f): pair for f in _same(release) if (pair := _category(release, int(f))) is not None}
    if not found:
        return []
    m = len(release.X_public)
    expected = np.where(_nobody(release, np.array([*found])), 0.0, 1 + (release.n or m) / m)
    made = (_made_of(release, *pair, of=len(found)) for pair in found.values())
    return [Unseen(*pair, count) for pair, count in zip(made, expected.T, strict=True)]


def unseen_features(release: Release) -> dict[int, int]:
    """Return the features that are indicators of categories that no public record has, each with its column's place."""
    found = {int(feature): _category(release, int(feature)) for feature in _same(release)}
    return {feature: pair[0] for feature, pair in found.items() if pair is not None}


def moved(people: Unseen, pulls: Callable[[Release], Floats]) -> Floats:
    """Return by how much people pull less on the old model than on the new one, as `pulls` says of public records.

    Where only the change of the answers to public records is known, the change of the parameters adds the category.
    """
    if people.view.answer_change is None:
        return pulls(people.view)
    made, own = (pulls(replace(one, answer_change=None)) for one in (people.view, people.own))
    return np.asarray(pulls(people.own) + made - own)


def _nobody(release: Release, features: Indices) -> Flags:
    """Return (b, features) where the last who had a feature left: its coefficients were not zero, and are now."""
    before, after = (np.abs(W[..., features, :]).max(axis=-1) for W in (release.W_before, release.W_after))
    return np.asarray((before > 0) & (after <= _ZERO * before) & (release.answer_change is None))


def _made_of(release: Release, place: int, category: int, of: int = 1) -> tuple[Release, Release]:
    """Return people of public records with another value of one column, and those as they are, as public records.

    They are a thousand in all where `of` categories are asked for, and fifty at least of each.
    """
    rows = np.arange(min(len(release.X_public), max(_AT_LEAST, _LOOKED_AT // max(1, of))))
    own, column = _only(release, rows, release.X_public[rows]), release.columns[place]
    assert release.public_codes is not None
    step = (column.terms[category] - column.terms[release.public_codes[rows, place]]) @ _back(release, place)
    return _only(release, rows, own.X_public + step), own


def _only(release: Release, rows: Indices, X: Floats) -> Release:
    """Return the release with public records X (r, d), made of these rows, and no raw columns."""
    change = release.answer_change
    return replace(
        release.without_columns(), X_public=X, Y_public=None if release.Y_public is None else release.Y_public[rows],
        answer_change=None if change is None else change[:, rows],
        offset_public=None if release.offset_public is None else release.offset_public[rows],
    )  # fmt: skip


def _same(release: Release) -> Indices:
    """Return the features that are the same in all public records, but for the constant's."""
    if not release.columns or release.constant is None:
        return np.array([], dtype=np.int64)
    X, constant = release.X_public, release.constant
    value, few = X[0], X[:_LOOKED_AT]  # most features vary in the first records already
    found = np.flatnonzero((few.max(axis=0) == few.min(axis=0)) & ((constant == 0) | (value == 0)))
    return np.asarray(found[(X[:, found] == value[found]).all(axis=0)])


def _category(release: Release, feature: int) -> tuple[int, int] | None:
    """Return the column whose category a feature is, and the category; None where it is none that is unseen."""
    for place, column in enumerate(release.columns):
        if column.kind == "continuous" or not column.projection[feature].any():
            continue
        category = int((column.terms @ column.projection[feature]).argmax())
        return (place, category) if column.frequency[category] == 0 else None
    return None


def _back(release: Release, place: int) -> Floats:
    """Return the features (q, d) of a column's terms, the constant left as it is."""
    assert release.constant is not None
    T = np.c_[release.constant, release.columns[place].projection]
    return np.asarray(np.linalg.pinv(T)[1:])


def _step(release: Release, feature: int, mean: Floats) -> Floats:
    """Return the way (d,) from the average public record to one whose feature is larger by one."""
    assert release.constant is not None
    step: Floats = np.eye(len(mean))[feature] - release.constant[feature] * mean
    for place, column in enumerate(release.columns):
        if column.kind == "continuous" or not column.projection[feature].any():
            continue
        terms = column.terms @ column.projection[feature]
        back = (column.terms[terms.argmax()] - column.frequency @ column.terms) @ _back(release, place)
        return np.asarray(back / back[feature]) if back[feature] > 0 else step
    return step
