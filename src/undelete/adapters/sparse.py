"""Models with an l1 penalty: of which features the gradient is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from undelete.errors import InputError
from undelete.maths.arrays import Flags
from undelete.release.release import Release

if TYPE_CHECKING:
    from undelete.adapters.model import LinearModel


def active(old: LinearModel, release: Release) -> Flags | None:
    """Return the features (d,) that are in every model with the sign they had; None for models without an l1 penalty.

    There the penalty has a gradient. Of a feature that is out of one of them only |gradient| <= l1 is known.

    Raises
    ------
    InputError
        When none is left.
    """
    if old.l1 is None:
        return None
    same = (np.sign(release.W_before) == np.sign(release.W_after)).all(axis=(0, 2)) & release.W_before.any(axis=1)
    kept = np.asarray(same | (np.asarray(old.l1) == 0))
    if not kept[: old.coef.shape[1]].any():
        raise InputError(
            f"the l1 penalty of this {old.kind} left no feature in both models: nothing is known of the deleted record "
            "but its target's pull on the intercept"
        )
    return kept


def left_out(old: LinearModel, kept: Flags) -> list[str]:
    """Say which features an l1 penalty left out."""
    names = [name for name, in_ in zip(old.feature_names, kept, strict=False) if not in_]
    if not names:
        return []
    shown = ", ".join(map(repr, names[:6])) + (", ..." if len(names) > 6 else "")
    return [
        f"The l1 penalty holds {len(names)} of {len(old.feature_names)} features at zero in one of the models or both "
        f"({shown}): what the record is there is not in the difference of the models, beyond that it pulled no harder "
        "than the penalty."
    ]
