"""The models of the paper's experiments."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from undelete.lab.population import Kind
from undelete.lab.steps import TRIAL
from undelete.maths.loss import Loss
from undelete.maths.losses import Logistic, Squared, SquaredHinge
from undelete.maths.softmax import Softmax

PENALTIES = tuple(float(value) for value in np.logspace(-2, 5, 29))  # four to a decade
FEW = tuple(float(value) for value in np.logspace(-3, 4, 15))  # two to a decade
FOLDS = 5
IMAGE_FEATURES = 4096  # the paper's
TRIED_FEATURES = 2048  # of a trial
TABLE_FEATURES = 512  # the paper does not say: its Table 1 is met with these
_HELD_OUT = 5_000
_SLOW = 8_000  # private records that the candidates of a model without a closed form are fitted to


@dataclass(frozen=True)
class Model:
    """What is fitted.

    Parameters
    ----------
    key, label : str
        Short, for files; in words.
    loss : Loss
        Per record.
    kind : {"number", "class"}
        What it predicts.
    features : int
        Random Fourier features under the linear model; 0: none, the records themselves.
    penalties : tuple of float
        Candidates; none: no penalty.
    folds : int
        Folds of the private half that choose among them; 0: one part of it is held out.
    stand_in : float
        Without candidates: the penalty that takes the place of none where the classes are separable, or where the
        Hessian is too large to form, so that what bends the loss least could not be reached.
    """

    key: str
    label: str
    loss: Loss
    kind: Kind = "class"
    features: int = 0
    penalties: tuple[float, ...] = ()
    folds: int = 0
    stand_in: float = 0.0

    @property
    def chosen(self) -> str:
        """How the penalty is chosen, in words."""
        if not self.penalties:
            return "none"
        values = (
            f"among {len(self.penalties)} values from {min(self.penalties):g} to {max(self.penalties):g}, evenly "
            "spaced in the logarithm"
        )
        if self.folds:
            return f"least held-out loss of {self.folds} folds of the private half, {values}"
        fitted = "all others" if self.loss.quadratic else f"{_SLOW:,} others at most"
        return (
            f"least loss of up to {_HELD_OUT:,} private records held out, the candidates fitted to {fitted} "
            f"of the private half, {values}, from strong to weak until the loss has risen twice"
        )


RIDGE = Model("ridge", "ridge regression", Squared(), "number", penalties=PENALTIES, folds=FOLDS)
LEAST_SQUARES = Model("least_squares", "ordinary least squares", Squared(), "number")
LOGISTIC = Model("logistic", "logistic regression", Logistic(), penalties=PENALTIES, folds=FOLDS)
SVM = Model("svm", "SVM, squared hinge", SquaredHinge(), penalties=PENALTIES, folds=FOLDS)

_ON_TABLE = f"on {TABLE_FEATURES:,} RFF"
RIDGE_RFF = Model("ridge_rff", f"ridge {_ON_TABLE}", Squared(), "number", TABLE_FEATURES, FEW)
LEAST_SQUARES_RFF = Model("least_squares_rff", f"least squares {_ON_TABLE}", Squared(), "number", TABLE_FEATURES)
LOGISTIC_RFF = Model("logistic_rff", f"logistic {_ON_TABLE}", Logistic(), "class", TABLE_FEATURES, FEW)
SVM_RFF = Model("svm_rff", f"SVM {_ON_TABLE}", SquaredHinge(), "class", TABLE_FEATURES, FEW)

_ON_IMAGES = f"on {IMAGE_FEATURES:,} RFF"
PIXELS = Model("softmax", "softmax on pixels", Softmax(), penalties=FEW)
IMAGE_RIDGE = Model("image_ridge", f"ridge {_ON_IMAGES}", Squared(), "class", IMAGE_FEATURES, FEW)
IMAGE_SOFTMAX = Model("image_softmax", f"softmax {_ON_IMAGES}", Softmax(), "class", IMAGE_FEATURES, FEW)
IMAGE_FREE = Model("image_free", f"softmax {_ON_IMAGES}", Softmax(), "class", IMAGE_FEATURES, stand_in=1e-3)


def tried(model: Model, deletions: int | None) -> Model:
    """Return what so few deletions are played on: a trial's models have 2,048 random features at most, and say so."""
    if deletions is None or deletions >= TRIAL or model.features <= TRIED_FEATURES:
        return model
    fewer = model.label.replace(f"{model.features:,}", f"{TRIED_FEATURES:,}")
    return replace(model, features=TRIED_FEATURES, label=fewer)
