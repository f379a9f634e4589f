"""The arrays of a `Release`, and how they must fit together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from undelete.errors import InputError

if TYPE_CHECKING:
    from undelete.release.release import Release

LATER = (
    "answer_change",
    "penalty_share",
    "share_error",
    "penalty_change",
)  # of each deletion, where coefficients do not say it all
ARRAYS = (
    "W_before", "W_after", "X_public", "Y_public", "l2", "l1", "constant", "public_values", "remaining_gradient",
    "inputs_public", "given", "within", "noise", "rest", "offset_public", "own_offsets", *LATER,
)  # fmt: skip


def check(release: Release) -> None:
    """Raise InputError where the parts of a release do not fit together."""
    d, k = release.W_before.shape
    if release.W_after.ndim != 3 or release.W_after.shape[1:] != (d, k):
        raise InputError(
            f"W_after has shape {release.W_after.shape}, W_before {(d, k)}: each model after a deletion "
            f"must have the old model's shape; give W_after as (deletions, {d}, {k})"
        )
    if release.X_public.ndim != 2 or release.X_public.shape[1] != d:
        raise InputError(
            f"X_public has shape {release.X_public.shape} but the model has {d} features: encode the public "
            "records as the model's own"
        )
    m = release.X_public.shape[0]
    if m == 0:
        raise InputError("there are no public records: the attack estimates the Hessian from them")
    if release.Y_public is not None and release.Y_public.shape != (m, k):
        raise InputError(f"Y_public has shape {release.Y_public.shape}, expected {(m, k)}")
    if release.offset_public is not None and release.offset_public.shape not in ((m,), (m, k)):
        raise InputError(f"offset_public has shape {release.offset_public.shape}, expected {(m,)} or {(m, k)}")
    b = len(release.W_after)
    own = release.own_offsets
    if own is not None and (own.ndim not in (2, 3) or len(own) != b or own.shape[2:] not in ((), (k,))):
        raise InputError(f"own_offsets has shape {own.shape}, expected {b} times some offsets, or {k} numbers for each")
    shapes = {name: (b, d, k) for name in LATER} | {"answer_change": (b, m, k), "share_error": (b, k, d, d)}
    for name, shape in shapes.items():
        array = getattr(release, name)
        if array is not None and array.shape != shape:
            raise InputError(f"{name} has shape {array.shape}, expected {shape}")
    for field in ("W_before", "W_after", "X_public", "Y_public", "inputs_public", "offset_public", *LATER):
        array = getattr(release, field)
        if array is not None and not np.isfinite(array).all():
            raise InputError(f"{field} has values that are not finite: the attack cannot use them")
    _check_embedding(release)
    if release.rest is not None and release.rest.shape != (d, k):
        raise InputError(f"rest has shape {release.rest.shape}, expected {(d, k)}")
    if release.noise is not None and release.noise.shape != (2, k, d, d):
        raise InputError(f"noise has shape {release.noise.shape}, expected {(2, k, d, d)}")
    if release.given is not None and release.given.shape != (b, len(release.columns)):
        raise InputError(f"given has shape {release.given.shape}, expected {(b, len(release.columns))}")
    if release.within is not None and release.within.shape != (b, len(release.columns), 2):
        raise InputError(f"within has shape {release.within.shape}, expected {(b, len(release.columns), 2)}")
    if release.columns:
        for name, codes in (("public_codes", release.public_codes), ("public_values", release.public_values)):
            if codes is None or codes.shape != (m, len(release.columns)):
                raise InputError(f"{name} must have shape {(m, len(release.columns))}, one column each")


def _check_embedding(release: Release) -> None:
    phi, inputs = release.embedding, release.inputs_public
    if (phi is None) != (inputs is None):
        raise InputError("an embedding and inputs_public go together: give both, or neither")
    if phi is None or inputs is None:
        return
    m, d = release.X_public.shape
    if inputs.shape != (m, phi.inputs):
        raise InputError(f"inputs_public has shape {inputs.shape}, expected {(m, phi.inputs)}: one row a record")
    if d - phi.features not in (0, 1):
        raise InputError(
            f"the embedding has {phi.features} features and the model {d}: the model sees the embedding, and a "
            "constant after it if it has an intercept, nothing else"
        )
