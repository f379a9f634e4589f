"""How large a gradient a solver may have left over, from its tolerance and the public records: maths (13).

LogisticRegression's own criterion is a gradient per record. The solvers of a ridge, and lsqr, compare theirs with the
data: conjugate gradients with |X'y|, lsqr with |X| times the residuals, SAG and SAGA the step of an epoch with the
largest coefficient. What these are on the training data, they nearly are on the public records.
"""

from __future__ import annotations

import numpy as np

from undelete.adapters.model import LinearModel
from undelete.maths.arrays import Floats
from undelete.maths.losses import loss_of
from undelete.maths.objective import predict

_EPOCH = 80.0  # times what SAG would stop at if its steps were plain gradient ones: measured, up to 43


def left_over(model: LinearModel, X: Floats, Y: Floats | None, n: int | None) -> float | None:
    """Return the largest |gradient|_inf per record that a fit may have left; infinite where that is not known.

    Parameters
    ----------
    model : LinearModel
        With its solver's tolerance and criterion; without one, None is returned.
    X : array (m, d)
        Public records in its space.
    Y : array (m, k) or None
        Their targets.
    n : int or None
        Training records; m stands in for it.
    """
    if model.tolerance is None or model.criterion == "gradient" or not np.isfinite(model.tolerance):
        return model.tolerance
    centred = X - X.mean(axis=0) if model.constant() is not None else X
    if model.criterion == "step":
        curvature = 1.0 if loss_of(model.loss).quadratic else 0.25
        largest = float(np.abs(model.W).max()) * float((centred**2).sum(axis=1).max())
        return _EPOCH * curvature * model.tolerance * largest / (n or len(X))
    if Y is None:
        return float("inf")
    if model.criterion == "moment":
        moment = centred.T @ (Y - Y.mean(axis=0)) / len(X)
        return model.tolerance * float(np.linalg.norm(moment, axis=0).max())
    residual = Y - predict(X, model.W)
    return model.tolerance * float(np.sqrt((centred**2).sum(axis=1).mean() * (residual**2).mean(axis=0).max()))
