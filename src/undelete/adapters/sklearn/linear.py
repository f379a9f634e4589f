"""A linear estimator's parts, whatever its preprocessing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from undelete.errors import InputError
from undelete.maths.arrays import Floats


@dataclass(frozen=True)
class Linear:
    """A linear estimator without its preprocessing.

    Parameters
    ----------
    kind : str
        Its class name.
    loss : str
        As in `LinearModel`.
    coef : array (k, d0)
        Coefficients.
    intercept : array (k,) or None
        None: fitted without.
    l2 : float or array (d0,)
        Penalty of each coefficient in the summed objective.
    l2_constant : float
        Penalty of the intercept; liblinear has one.
    l1, l1_constant : float
        An l1 penalty, l1 |w|, of each coefficient and of the intercept.
    class_weights, own_class, each_class, chosen
        As in `LinearModel`.
    averaged : bool
        Whether the penalty was that of the mean loss: in the sum it is as many times larger as there are records.
    classes : tuple or None
        A classifier's classes.
    notes : tuple of str
        What a reader should know.
    tolerance : float or None
        What its solver leaves, relative to its criterion; infinite where that has no bound; None where it is exact, or
        nothing is known.
    criterion : str
        As in `LinearModel`.
    stopped : str
        As in `LinearModel`.
    """

    kind: str
    loss: str
    coef: Floats
    intercept: Floats | None
    l2: float | Floats
    l2_constant: float = 0.0
    classes: tuple[Any, ...] | None = None
    notes: tuple[str, ...] = ()
    tolerance: float | None = None
    criterion: str = "gradient"
    stopped: str = ""
    averaged: bool = False
    l1: float = 0.0
    l1_constant: float = 0.0
    class_weights: tuple[float, ...] | str | None = None
    own_class: bool = False
    each_class: bool = False
    chosen: bool = False

    def parts(self, features: int) -> dict[str, Any]:
        """Return the fields of a `LinearModel` of some features that are the estimator's own."""
        constant = self.intercept is not None
        return {
            "coef": self.coef,
            "intercept": self.intercept,
            "loss": self.loss,
            "classes": self.classes,
            "l2": np.append(np.broadcast_to(self.l2, (features,)), [self.l2_constant] * constant),
            "l1": np.append(np.full(features, self.l1), [self.l1_constant] * constant),
            "averaged": self.averaged,
            "class_weights": self.class_weights,
            "own_class": self.own_class,
            "each_class": self.each_class,
            "chosen": self.chosen,
            "kind": self.kind,
            "tolerance": self.tolerance,
            "criterion": self.criterion,
            "notes": self.notes,
            "stopped": self.stopped,
        }


def coefficients(estimator: Any) -> tuple[Floats, Floats | None]:
    """Return coef (k, d0) and intercept (k,), None when fitted without."""
    coef = estimator.coef_.toarray() if sp.issparse(estimator.coef_) else estimator.coef_
    coef = np.atleast_2d(np.asarray(coef, dtype=np.float64))
    if not estimator.fit_intercept:
        return coef, None
    return coef, np.broadcast_to(np.asarray(estimator.intercept_, dtype=np.float64), coef.shape[:1])


def classes_of(estimator: Any) -> tuple[Any, ...]:
    """Return a classifier's classes; InputError where it predicts several labels a record."""
    classes = np.asarray(estimator.classes_)
    rows = 1 if classes.size == 2 else classes.size
    # three labels a record have the shape of three classes; only the label binarizer knows
    coded = str(getattr(getattr(estimator, "_label_binarizer", None), "y_type_", ""))
    if classes.ndim != 1 or coefficients(estimator)[0].shape[0] != rows or coded.startswith("multilabel"):
        raise InputError(
            f"{type(estimator).__name__} predicts several labels a record: undelete reads one label; fit one model "
            "for each"
        )
    return tuple(c.item() if isinstance(c, np.generic) else c for c in classes)


def one_penalty(alpha: Any, name: str) -> float:
    """Return the penalty that all outputs share; InputError where each has its own."""
    values = np.unique(np.asarray(alpha, dtype=np.float64))
    if len(values) != 1:
        raise InputError(
            f"{name} has a penalty of its own for each output (alpha {values[0]:g} to {values[-1]:g}): undelete reads "
            "one penalty for all; fit the outputs apart"
        )
    return float(values[0])
