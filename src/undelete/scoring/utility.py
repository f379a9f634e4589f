"""How well a model predicts, and what a change of it costs, record by record."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from undelete.maths.arrays import Flags, Floats
from undelete.maths.loss import Loss

_GROUPS = 10  # of probabilities


@dataclass(frozen=True)
class Utility:
    """Of one model on records that it was not trained on.

    Parameters
    ----------
    name : {"R2", "accuracy"}
        What `value` is.
    value : float
        The larger the better.
    parts : array (m,)
        Each record's share: `value` is their mean, or for R2 one less it.
    loss : float
        The mean of the model's own loss.
    auc : float
        Area under the ROC curve of two classes; NaN of others.
    calibration : float
        Of two classes whose model gives probabilities the mean distance of these from what came true, over ten groups
        of equal size; NaN of others.
    """

    name: str
    value: float
    parts: Floats
    loss: float
    auc: float
    calibration: float = float("nan")


def utility(loss: Loss, Y: Floats, Z: Floats, *, classes: bool) -> Utility:
    """Return how well linear predictions Z (m, k), of counts their logarithms, meet targets Y (m, k)."""
    mean = float(np.asarray(loss.value(Y, Z)).mean())
    if not classes:
        spread = ((Y - Y.mean(axis=0)) ** 2).sum(axis=1).mean()
        off = ((Y - np.asarray(loss.mean(Z))) ** 2).sum(axis=1) / (spread if spread > 0 else 1.0)
        return Utility("R2", float(1 - off.mean()), off, mean, float("nan"))
    if Y.shape[1] > 1:
        right = (Y.argmax(axis=1) == Z.argmax(axis=1)).astype(float)
        return Utility("accuracy", float(right.mean()), right, mean, float("nan"))
    right = ((Z[:, 0] > 0) == (Y[:, 0] > 0)).astype(float)
    positive = Y[:, 0] > 0
    p, q = int(positive.sum()), int((~positive).sum())
    area = (rankdata(Z[:, 0])[positive].sum() - p * (p + 1) / 2) / (p * q) if p and q else float("nan")
    return Utility("accuracy", float(right.mean()), right, mean, float(area), _calibration(loss, positive, Z))


def _calibration(loss: Loss, positive: Flags, Z: Floats) -> float:
    if not loss.canonical:
        return float("nan")
    said = np.asarray(loss.mean(Z))[:, 0]
    groups = [part for part in np.array_split(np.argsort(said, kind="stable"), _GROUPS) if len(part)]
    off = [abs(said[part].mean() - positive[part].mean()) * len(part) for part in groups]
    return float(sum(off) / len(said))


def cost(before: Utility, after: Utility) -> tuple[float, float, float]:
    """Return what is lost from one model to another on the same records, with its 95 % interval."""
    paired = after.parts - before.parts if before.name == "R2" else before.parts - after.parts
    middle, error = float(paired.mean()), 1.96 * float(paired.std()) / np.sqrt(len(paired))
    return middle, middle - float(error), middle + float(error)
