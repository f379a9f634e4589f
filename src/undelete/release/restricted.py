"""A release in some of its coordinates: those whose gradient is known, where an l1 penalty has left others at zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.linalg import lstsq

from undelete.maths.arrays import Flags, Floats
from undelete.release.columns import Column
from undelete.release.release import Release

_SLIGHT = 0.01  # of the predictions' deviation, by which coordinates that are left out may differ between records
_EXACT = 1e-9  # of a term's size: what is left of one that is a combination of the coordinates kept


def restricted(release: Release, kept: Flags) -> Release:
    """Return a release in the coordinates kept (d,): records, parameters, penalties, and the columns' terms.

    A term of a column stays where it is a combination of these for every public record. `answer_change` stays as it
    is, for the models' answers are those of all coordinates. What the others add to a prediction of the old model is an
    offset of each record's own, which of the deleted one is not known, maths (47).
    """
    X, constant = release.X_public[:, kept], None
    if release.constant is not None and not release.constant[~kept].any():
        constant = release.constant[kept]
    later = {
        name: array[:, kept]
        for name in ("W_after", "penalty_share", "penalty_change", "remaining_gradient")
        if (array := getattr(release, name)) is not None
    }
    if release.share_error is not None:
        later["share_error"] = release.share_error[:, :, kept][..., kept]
    if release.noise is not None:
        later["noise"] = release.noise[:, :, kept][..., kept]
    left = release.X_public[:, ~kept] @ release.W_before[~kept]
    if left.shape[1] == 1 and np.ptp(left) > _SLIGHT * release.predictions(release.W_before).std():
        later["offset_public"] = left[:, 0] + (0.0 if release.offset_public is None else release.offset_public)
    return replace(
        release,
        W_before=release.W_before[kept],
        X_public=X,
        l2=None if release.l2 is None else release.l2[kept],
        l1=None if release.l1 is None else release.l1[kept],
        constant=constant,
        columns=_apart(
            [_reduced(column, release.X_public, X, kept, constant) for column in release.columns], X, constant
        ),
        **later,
    )


def _apart(found: Sequence[tuple[Column, Flags]], own: Floats, constant: Floats | None) -> tuple[Column, ...]:
    """Return the columns without those terms that were recovered and are combinations of other columns' terms.

    As of an age that l1 left out beside the years of school and of work which it is the sum of: the coordinates kept
    say these, and not the age as if it were one more thing.
    """
    if not found:
        return ()
    scale = np.sqrt((own**2).mean(axis=0))[:, None]
    basis = np.hstack([column.projection[:, ~recovered] for column, recovered in found]) * scale
    if constant is not None:
        basis = np.hstack([constant[:, None] * scale, basis])
    U, size, _ = np.linalg.svd(basis, full_matrices=False)
    span = U[:, size > _EXACT * size.max(initial=0.0)]
    columns = []
    for column, recovered in found:
        stays = np.ones(len(recovered), dtype=np.bool_)
        for term in np.flatnonzero(recovered):
            wanted = column.projection[:, term] * scale[:, 0]
            left = wanted - span @ (span.T @ wanted)
            left -= span @ (span.T @ left)
            stays[term] = np.linalg.norm(left) > _EXACT * np.linalg.norm(wanted)
            if stays[term]:
                span = np.c_[span, left / np.linalg.norm(left)]
        if column.kind == "continuous" and not stays.all():
            stays[:] = False
        columns.append(replace(column, projection=column.projection[:, stays], terms=column.terms[:, stays]))
    return tuple(columns)


def _reduced(column: Column, X: Floats, own: Floats, kept: Flags, constant: Floats | None) -> tuple[Column, Flags]:
    """Return a column with the terms that are combinations of the coordinates kept, `own` (m, d'), and which were lost.

    Those have been recovered as combinations of other coordinates.
    """
    projection = column.projection[kept].copy()
    whole = np.array(~column.projection[~kept].any(axis=0))
    lost = np.flatnonzero(~whole)
    if lost.size and len(X) > own.shape[1]:
        wanted = X @ column.projection[:, lost]
        projection[:, lost] = lstsq(own, wanted, cond=_EXACT, lapack_driver="gelsy")[0]
        size = np.abs(wanted).max(axis=0)
        whole[lost] = (np.abs(wanted - own @ projection[:, lost]).max(axis=0) <= _EXACT * size) & (size > 0)
        made = own @ projection
        for term in lost[whole[lost]]:  # one that the constant and others say already says nothing more
            others = np.flatnonzero(whole & (np.arange(len(whole)) != term))
            known = made[:, others] if constant is None else np.c_[own @ constant, made[:, others]]
            left = made[:, term] - known @ lstsq(known, made[:, term], lapack_driver="gelsy")[0]
            whole[term] = np.abs(left).max() > _EXACT * np.abs(made[:, term]).max()
    if column.kind == "continuous" and not whole.all():
        whole[:] = False  # its value is read off all of them
    recovered = np.isin(np.flatnonzero(whole), lost)
    return replace(column, projection=projection[:, whole], terms=column.terms[:, whole]), recovered
