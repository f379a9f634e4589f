"""Categories that the deleted record must have, since nobody else can have moved the model so: maths (42).

A category's own coefficient is held where it is by the few who have it. Of those who remain, the pulls moved by the sum
of t, and the penalty's by its share; the two are equal and opposite unless the deleted record was one of them. Where
the model moved the same way for everybody who might have the category, and the penalty's share is not against it, they
cannot be. No public record has to have the category: what the model makes of one who has is asked of the model.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from undelete.attacker.gradient.difference import moves, penalty_share
from undelete.attacker.gradient.unvaried import made_of
from undelete.attacker.table.further_error import resolution
from undelete.maths.arrays import Flags, Floats
from undelete.maths.objective import predict
from undelete.release.columns import Column
from undelete.release.release import Release

_RARE = 0.05  # of the public records: of what more have, the coefficient hangs on no single person
_CLEARLY = 4.0  # deviations among those who might have it that the model moved for them on average


def implied(release: Release) -> Floats:
    """Return the position among its values of each column's category that is certain (b, c), NaN elsewhere.

    Nothing is certain where the number of records, the penalty's share or the solver's tolerance is not known, or
    coefficients were rounded, noised or moved by a refit. Cost 2 r d b k flops a rare category for r made-up people, a
    thousand at most in all.
    """
    found = np.full((release.deletions, len(release.columns)), np.nan)
    share = penalty_share(release)
    hidden = (release.answer_change, release.share_error, release.noise, resolution(release.W_before))
    if release.n is None or share is None or any(one is not None for one in hidden):
        return found
    if release.reweighed or release.tolerance == np.inf:
        return found
    left = 2 * release.n * (release.tolerance or 0.0)
    rare = [(place, z, f) for place, column in enumerate(release.columns) for z, f in _indicated(release, column)]
    rare = [one for one in rare if release.W_before[one[2]].any()]
    for place, category, feature in rare:
        view = made_of(release, place, category, of=len(rare))[0]
        value = float(view.X_public[0, feature])
        pulls = moves(view, "answers")
        further = predict(view.X_public, view.W_before - view.W_after) if release.loss.separable else pulls
        must = _contradicted(pulls, further, share[:, feature] / value, left / abs(value))
        twice = must & np.isfinite(found[:, place])
        found[must, place] = category
        found[twice, place] = -1.0
    return np.where(found < 0, np.nan, found)


def _contradicted(t: Floats, moved: Floats, share: Floats, left: float) -> Flags:
    """Return for which deletions (b,) people whose pulls moved by t (r, b, k) cannot be all who have a category.

    One of the outputs is enough. What decides the signs of t, `moved` (r, b, k), has to be clearly on one side: of
    separable losses the change of the prediction, whose sign is that of t. `share` (b, k) is the penalty's in units of
    one pull, and `left` what fits left over.
    """
    way = np.sign(t.mean(axis=0))
    least = (way * t).min(axis=0)
    clear = np.abs(moved.mean(axis=0)) > _CLEARLY * moved.std(axis=0)
    return np.asarray(((least > 0) & clear & (way * share >= -left) & (least + way * share > left)).any(axis=1))


def _indicated(release: Release, column: Column) -> Iterator[tuple[int, int]]:
    """Yield the rare categories of a column, each with a feature that nobody without it has."""
    if column.kind == "continuous" or not len(column.values):
        return
    own = column.terms @ column.projection.T  # (values, d)
    for feature in np.flatnonzero((own != 0).sum(axis=0) == 1):
        category = int(np.abs(own[:, feature]).argmax())
        if column.frequency[category] <= _RARE:
            count = np.count_nonzero(release.X_public[:, feature])
            if count == round(column.frequency[category] * len(release.X_public)):
                yield category, int(feature)
