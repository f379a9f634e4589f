"""A release in some of its coordinates: those whose gradient is known, where an l1 penalty has left others at zero."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.linalg import lstsq

from undelete.maths.arrays import Flags, Floats
from undelete.release.columns import Column
from undelete.release.release import Release

_EXACT = 1e-9  # of a term's size: what is left of one that is a combination of the coordinates kept


def restricted(release: Release, kept: Flags) -> Release:
    """Return a release in the coordinates kept (d,): records, parameters, penalties, and the columns' terms.

    A term of a column stays where it is a combination of these for every public record. `answer_change` stays as it
    is, for the models' answers are those of all coordinates.
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
    return replace(
        release,
        W_before=release.W_before[kept],
        X_public=X,
        l2=None if release.l2 is None else release.l2[kept],
        l1=None if release.l1 is None else release.l1[kept],
        constant=constant,
        columns=tuple(_reduced(column, release.X_public, X, kept, constant) for column in release.columns),
        **later,
    )


def _reduced(column: Column, X: Floats, own: Floats, kept: Flags, constant: Floats | None) -> Column:
    """Return a column with the terms that are combinations of the coordinates kept, `own` (m, d')."""
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
    return replace(column, projection=projection[:, whole], terms=column.terms[:, whole])
