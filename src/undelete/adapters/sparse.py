"""Models that hold features at zero, by an l1 penalty or another rule: of which the gradient is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from undelete.errors import InputError
from undelete.maths.arrays import Flags
from undelete.release.release import Release

if TYPE_CHECKING:
    from undelete.adapters.model import LinearModel


NO_PICTURE = (
    "the model holds pixels at zero (an l1 penalty, or another rule), of which nothing is known, so that no picture is "
    "put together: leave out the image, and the pixels that are known are told as columns"
)


def active(old: LinearModel, release: Release, new: LinearModel | None = None) -> Flags | None:
    """Return the features (d,) that are in every model with the sign they had; None for models that leave none out.

    There the penalty has a gradient. `new` says itself what it holds at zero, where that was written in old features.
    Of a feature that is out of one of them only |gradient| <= l1 is known. That of a category which the new model no
    longer has is known too: nobody else had it, so that its gradient is the old penalty's.

    Raises
    ------
    InputError
        When none is left.
    """
    if old.l1 is None and not old.chosen:
        return None
    same = np.asarray(release.W_before.any(axis=1) & release.W_after.any(axis=2).all(axis=0))
    if new is not None and new.W.shape == old.W.shape:
        same &= new.W.any(axis=1)
    if old.l1 is not None:
        same &= (np.sign(release.W_before) == np.sign(release.W_after)).all(axis=(0, 2))
    if new is not None and new.W.shape != old.W.shape:
        there = set(new.design.keys)
        same |= release.W_before.any(axis=1) & np.array([key not in there for key in old.design.keys])
    free = np.zeros(len(same), dtype=np.bool_)
    free[old.coef.shape[1] :] = True  # the constant's
    kept = np.asarray(same | (free if old.chosen or old.l1 is None else np.asarray(old.l1) == 0))
    if not kept[: old.coef.shape[1]].any():
        raise InputError(
            f"this {old.kind} left no feature in both models: nothing is known of the deleted record but its target's "
            "pull on the intercept"
        )
    return kept


def left_out(old: LinearModel, kept: Flags) -> list[str]:
    """Say which features are held at zero."""
    names = [name for name, in_ in zip(old.feature_names, kept, strict=False) if not in_]
    if not names:
        return []
    shown = ", ".join(map(repr, names[:6])) + (", ..." if len(names) > 6 else "")
    what = f"{old.kind} leaves {len(names)} of {len(old.feature_names)} features out of"
    # least angles drop features that nearly are sums of others, too, however hard they pull
    stepped = old.chosen or old.kind.startswith("LassoLars")
    if not stepped:
        what = f"The l1 penalty holds {len(names)} of {len(old.feature_names)} features at zero in"
    beyond = "" if stepped else ", beyond that it pulled no harder than the penalty"
    return [
        f"{what} one of the models or both ({shown}): what the record is there is not in the difference of the "
        f"models{beyond}."
    ]
