"""The models of the paper's tabular experiments, and how the maintainer fits them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from undelete.errors import InputError
from undelete.maintainer.fit import choose_penalty, fit
from undelete.maths.losses import Logistic, Loss, Squared, SquaredHinge
from undelete.maths.objective import Objective
from undelete.paper.samples import Floats, Halves, Kind, Sample

_TOLERANCE = 1e-9  # of the gradient per record, for targets of size one


@dataclass(frozen=True, eq=False)
class Tuning:
    """Penalties to choose from, evenly spaced in the logarithm, and the folds of the choice."""

    penalties: Floats
    folds: int


FINE = Tuning(np.logspace(-2, 5, 29), 5)  # four to a decade
COARSE = Tuning(np.logspace(-2, 2, 5), 2)  # for hundreds of features of size one, where each fit is dear


@dataclass(frozen=True)
class Model:
    """A loss, its name, and whether its penalty is tuned or zero."""

    key: str
    label: str
    loss: Loss
    tuned: bool = True

    @property
    def kind(self) -> Kind:
        """What it predicts."""
        return "number" if isinstance(self.loss, Squared) else "class"


RIDGE = Model("ridge", "ridge regression", Squared())
LEAST_SQUARES = Model("least_squares", "ordinary least squares", Squared(), tuned=False)
LOGISTIC = Model("logistic", "logistic regression", Logistic())
SVM = Model("svm", "SVM, squared hinge", SquaredHinge())


@dataclass(frozen=True, eq=False)
class Fitted:
    """A model fitted on a private half.

    Parameters
    ----------
    objective : Objective
        What was minimised, the penalty included.
    W : array (d, 1)
        The parameters.
    tolerance : float
        Largest gradient per record that counts as a minimum, here and in the retraining.
    account : dict
        For the JSON: penalty, how it was chosen, and the gradient at W.
    """

    objective: Objective
    W: Floats
    tolerance: float
    account: dict[str, Any]


def fit_private(model: Model, sample: Sample, dealt: Halves, seed: int, tuning: Tuning = FINE) -> Fitted:
    """Choose the penalty by cross-validation on the private half, and fit on all of it.

    The penalty is that of the summed objective, maths (1); the constant is not penalised. It is chosen
    before any deletion and kept, as in the paper.

    Parameters
    ----------
    model : Model
        What is fitted.
    sample : Sample
        For its random streams, and its name in messages.
    dealt : Halves
        Its private records.
    seed : int
        Draws the folds.
    tuning : Tuning
        How the penalty is chosen.

    Raises
    ------
    InputError
        When the fit does not converge.
    """
    l2 = np.ones(dealt.X.shape[1])
    l2[-1] = 0.0
    # gradients are in the target's unit: dollars need a wider tolerance than labels
    tolerance = _TOLERANCE * max(1.0, float(dealt.Y.std()))
    penalty, how = 0.0, "none"
    if model.tuned:
        folds = np.random.default_rng(sample.streams(seed)[1])
        private = Objective(dealt.X, dealt.Y, model.loss, l2)
        penalties = tuning.penalties
        penalty = choose_penalty(private, penalties.tolist(), folds, folds=tuning.folds)
        how = (
            f"least held-out loss of {tuning.folds} folds of the private half, among {len(penalties)} values from "
            f"{penalties[0]:g} to {penalties[-1]:g}, evenly spaced in the logarithm"
        )
    objective = Objective(dealt.X, dealt.Y, model.loss, penalty * l2)
    found = fit(objective, tol=0.1 * tolerance)
    if not found.converged:
        raise InputError(
            f"{sample.dataset.source}: the {model.label} did not converge (gradient {found.gradient_norm:.1e} per "
            "record), so the models before and after a deletion could not be compared; use more records"
        )
    account = {"penalty": penalty, "penalty_chosen": how, "gradient_norm_fit": found.gradient_norm}
    return Fitted(objective, found.W, tolerance, account)
