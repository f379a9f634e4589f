"""What training records weighed, where models' files hold it, and what two such files say of the one between them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from undelete.adapters.model import LinearModel
from undelete.maths.arrays import Floats

_SAME = 1e-9  # relative, within which two weights are one
NO_WEIGHT = 1e-12  # relative to the mean, under which a record is not there


@dataclass(frozen=True, eq=False)
class Counted:
    """Two models as of records that count alike.

    Parameters
    ----------
    old, new : LinearModel
        With their penalties in the unit of `weights`.
    n : int or None
        As how many records the old model's count together.
    weights : array (n,) or None
        What they weigh in that unit; None where they weigh the same.
    told : bool
        Whether the unit is the deleted record's own weight; else it is their mean.
    records : int or None
        How many the old model was fitted on.
    """

    old: LinearModel
    new: LinearModel
    n: int | None
    weights: Floats | None = None
    told: bool = True
    records: int | None = None


def counted_alike(old: LinearModel, new: LinearModel, n: int | None, like: Floats | None = None) -> Counted:
    """Return two models in a unit in which the deleted record weighs one, or where they do not say it, the mean one.

    An objective that is divided by a number has the same optimum. So a record that weighs w of a total S is one of
    S / w that count alike, whatever the others weigh, and the penalty is divided with them.

    Parameters
    ----------
    old, new : LinearModel
        Before and after.
    n : int or None
        Number of the training records.
    like : array (m,), optional
        Weights like theirs, where the models do not say any.
    """
    if old.weights is None or new.weights is None:
        if like is None or not uneven(like):
            return Counted(old, new, n, records=n)
        unit = float(like.mean())
        return Counted(_divided(old, unit), _divided(new, unit), n, like / unit, told=False, records=n)
    own = _between(*(np.sort(weights[weights > 0]) for weights in (old.weights, new.weights)))
    unit, factor = (float(old.weights.mean()), 1.0) if own is None else own
    weights = old.weights / unit
    old, new = _divided(old, unit), _divided(new, unit / factor)
    return Counted(old, new, max(2, round(float(weights.sum()))), weights, own is not None, n)


def uneven(weights: Floats) -> bool:
    """Return whether records weigh differently."""
    return bool(np.ptp(weights) > NO_WEIGHT * float(weights.mean()))


def _divided(model: LinearModel, unit: float) -> LinearModel:
    """Return a model with the penalty of the sum that a unit of weight goes into; beside the mean it stays."""
    if model.averaged:
        return model
    return replace(
        model, **{name: getattr(model, name) / unit for name in ("l2", "l1") if getattr(model, name) is not None}
    )


def _between(before: Floats, after: Floats) -> tuple[float, float] | None:
    """Return the one weight that is missing after, of sorted weights, and by what those after are multiplied for it.

    Weights are often divided by their mean anew in each fit: the least or the largest is somebody else's in both.
    None where they differ by more than one record's.
    """
    if len(before) != len(after) + 1 or not len(after):
        return None
    for factor in (1.0, before[0] / after[0], before[-1] / after[-1]):
        ours = after * factor
        differ = np.flatnonzero(~np.isclose(before[:-1], ours, rtol=_SAME, atol=0))
        gone = int(differ[0]) if differ.size else len(ours)
        if np.allclose(np.delete(before, gone), ours, rtol=_SAME, atol=0):
            return float(before[gone]), float(factor)
    return None
