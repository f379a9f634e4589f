"""What encoders that deal their folds anew in each fit do to the deleted gradient: noise, of a size that can be played.

The old model is the optimum on features of which each training record's own depend on the folds that it and everybody
else were dealt; the new one on those of other folds. Over the remaining records the difference of the two, sum of
x_i' r_i' less sum of x_i r_i at the old parameters, is no deletion's. A category's part in it does not depend on how
many records it has, so public records, with a record taken out and folds dealt before and after, say its covariance,
maths (20).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.covariance import ledoit_wolf

from undelete.adapters.design.probed import Probed
from undelete.maths.arrays import Floats
from undelete.maths.loss import Loss

if TYPE_CHECKING:
    from undelete.adapters.model import LinearModel

_RECORDS = 2500  # public records on which folds are dealt at a time
_DEALT = 40  # times
_DIGITS = 12  # that a target's transformation there and back leaves right
_NULL = 1e-10  # of the largest eigenvalue: directions in which no features differ


def fold_error(old: LinearModel, public: pd.DataFrame, X: Floats, Y: Floats, loss: Loss, n: int) -> Floats | None:
    """Return the covariance (k, d, d) in minus the deleted gradient of what other folds do; None where there are none.

    Parameters
    ----------
    old : LinearModel
        Before the deletion.
    public : DataFrame
        The public records, raw.
    X : array (m, d)
        These in the old model's space.
    Y : array (m, k)
        Their targets.
    loss : Loss
        The model's.
    n : int
        Private records before the deletion.

    Raises
    ------
    InputError
        When the encoders cannot be fitted on public records.
    """
    design = old.design
    if not isinstance(design, Probed) or design.training is None:
        return None
    targets = _as_in_the_table(old, Y)
    rng, few, moved = np.random.default_rng(0), min(len(public), n, _RECORDS), []
    for _ in range(_DEALT):
        rows = rng.choice(len(public), few, replace=False)
        pulls = []
        for left in (0, 1):
            own = rows[left:]
            Z = old.embed(design.trained(public.iloc[own], targets[own], rng))[1 - left :]
            pulls.append(Z.T @ loss.residual(Y[rows[1:]], Z @ old.W))
        moved.append(pulls[0] - pulls[1])
    values, vectors = np.linalg.eigh(X.T @ X / len(X))
    kept = values > _NULL * values[-1]
    white, back = vectors[:, kept] / np.sqrt(values[kept]), vectors[:, kept] * np.sqrt(values[kept])
    found = [
        ledoit_wolf(np.array([one[:, j] for one in moved]) @ white, assume_centered=True)[0] for j in range(Y.shape[1])
    ]
    return np.array([back @ one @ back.T for one in found])


def _as_in_the_table(old: LinearModel, Y: Floats) -> Any:
    """Return targets (m, k) as encoders before the model saw them (m,): classes by name, numbers not transformed."""
    if old.classes is not None:
        return np.asarray(old.classes)[Y.argmax(axis=1) if Y.shape[1] > 1 else (Y[:, 0] > 0).astype(np.int64)]
    if old.target_map is None:
        return Y[:, 0]
    return np.array([float(f"{value:.{_DIGITS}g}") for value in old.target_map.back(Y)[:, 0]])  # whole numbers again
