"""How large a gradient a solver may have left over, from its tolerance and the public records: maths (13).

LogisticRegression's own criterion is a gradient per record. The solvers of a ridge, and lsqr, compare theirs with the
data: conjugate gradients with |X'y|, lsqr with |X| times the residuals, SAG and SAGA the step of an epoch with the
largest coefficient; L-BFGS-B the decrease of the value with the value; liblinear with the gradient at zero, which of
dollars beside indicators is larger than anything that one record does. What these are on the training data, they nearly
are on the public records.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.sparse import csr_array

from undelete.adapters.model import LinearModel
from undelete.attacker.gradient.difference import Difference
from undelete.errors import InputError
from undelete.maths.arrays import Floats
from undelete.maths.losses import loss_of
from undelete.maths.objective import predict
from undelete.release.public import Public
from undelete.release.release import Release

_BEYOND = 2.0  # times the hardest pull of a public record, from which a change is not one record's
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
    if model.criterion == "passes":
        return float("inf")
    if model.criterion == "step":
        curvature = 1.0 if loss_of(model.loss).quadratic else 0.25
        largest = float(np.abs(model.W).max()) * float((centred**2).sum(axis=1).max())
        return _EPOCH * curvature * model.tolerance * largest / (n or len(X))
    if model.criterion == "first":
        return of_first(model, X, Y)
    if Y is None:
        return float("inf")
    if model.criterion == "moment":
        moment = centred.T @ (Y - Y.mean(axis=0)) / len(X)
        return model.tolerance * float(np.linalg.norm(moment, axis=0).max())
    if model.criterion == "value":
        return _of_value(model, X, Y)
    residual = Y - predict(X, model.W)
    return model.tolerance * float(np.sqrt((centred**2).sum(axis=1).mean() * (residual**2).mean(axis=0).max()))


def of_first(model: LinearModel, X: Floats | csr_array, Y: Floats | None) -> float:
    """Return liblinear's tolerance times the gradient at zero (Euclidean), times the rarer class's share.

    Without targets each record pulls as if it had the class that adds to the others' pull. Source: Fan et al.,
    LIBLINEAR (2008), its stopping condition. Of 90 fits, half of them scaled, the largest left was .78 of it.
    """
    loss = loss_of(model.loss)
    if Y is None:
        one = np.ones((1, model.W.shape[1]))
        at_zero, share = abs(X).mean(axis=0)[:, None] * loss.residual(one, 0 * one), np.array([0.5])
    else:
        at_zero = X.T @ np.asarray(loss.residual(Y, np.zeros_like(Y))) / len(Y)
        rarer = np.minimum((Y > 0).mean(axis=0), (Y <= 0).mean(axis=0))
        share = np.maximum(rarer, 1 / len(Y)) if model.classes is not None else np.ones(Y.shape[1])
    return (model.tolerance or 0.0) * float((np.linalg.norm(at_zero, axis=0) * share).max())


def _of_value(model: LinearModel, X: Floats, Y: Floats) -> float:
    """Return the gradient of a quadratic from whose least value one is off by a share of it, a tenth of it left.

    Of 24 fits of Huber's regression the largest left was a fifteenth.
    """
    loss, Z = loss_of(model.loss), predict(X, model.W)
    value = float(np.mean(loss.value(Y, Z))) + float(getattr(loss, "scale", 0.0))
    bend = (loss.curvature(Y, Z).sum(axis=1, keepdims=True) * X**2).mean(axis=0)
    return 0.1 * float(np.sqrt(2 * (model.tolerance or 0.0) * value * bend.max()))


def refuse_far(model: LinearModel, release: Release) -> None:
    """Refuse fits by passes over the records that differ by more than the hardest pull of any public record.

    Raises
    ------
    InputError
        With the measured gradient; or where n or the public targets, which it takes, are not known.
    """
    if model.criterion != "passes":
        return
    if release.n is None or release.Y_public is None:
        raise InputError(
            f"{model.kind} stops after some passes over the records, and whether it had come near enough to the "
            "optimum is measured with the number of training records and public targets: give n (--n) and the target "
            "(--target)"
        )
    X = release.X_public
    unit = np.sqrt((X**2).mean(axis=0))
    unit = np.where(unit > 0, unit, 1.0)
    pulls = np.abs(release.loss.residual(release.Y_public, release.predictions(release.W_before))).max(axis=1)
    hardest = float((pulls * np.sqrt(((X / unit) ** 2).sum(axis=1))).max())
    change = Difference.by(release, "answers").gradient[0] / unit[:, None]
    times = float(np.sqrt((change**2).sum())) / hardest
    if not times <= _BEYOND:
        raise InputError(
            f"{model.kind} had not converged: the gradients of the two models differ by {times:,.0f} times the "
            "hardest pull of any public record, so what lies between them is the solver's, not a record's; fit the "
            "same model with LogisticRegression, LinearSVC, Ridge or ElasticNet"
        )


def larger_left_over(old: LinearModel, new: LinearModel, view: Public, n: int | None) -> float | None:
    """Return the larger of the gradients that the two fits may have left, None where neither stopped early.

    Of the new one by its own tolerance at the old one's parameters: its features may be others, its residuals are not.
    """
    fits = old, replace(old, tolerance=new.tolerance, criterion=new.criterion)
    return max(left_over(fit, view["X_public"], view["Y_public"], n) or 0.0 for fit in fits) or None
