"""Public documents as two models read them, and what these make of them, words and all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from undelete.adapters.model import LinearModel
from undelete.adapters.sklearn.text import TextModel
from undelete.adapters.weights import weighted_loss
from undelete.attacker.gradient.sampled_leverage import trained_on_many
from undelete.attacker.gradient.trained import Trained
from undelete.auditing.leftover import of_first
from undelete.errors import InputError
from undelete.maths.arrays import Floats
from undelete.maths.loss import Loss


@dataclass(frozen=True, eq=False)
class Read:
    """Public documents, as two models read them.

    Parameters
    ----------
    X, X_after : sparse arrays (m, d)
        Their features, as those of training documents.
    unseen : array (m,)
        The squared length of the features that a model trained on each would have for it alone.
    """

    X: sp.csr_array
    X_after: sp.csr_array
    unseen: Floats

    @classmethod
    def of(cls, old: TextModel, new: TextModel, texts: Sequence[str]) -> Read:
        """Read them; InputError where the steps do not take them."""
        X, X_after = (one.features(texts, standing=True) for one in (old, new))
        return cls(X, X_after, old.length_unseen(texts))

    def trained(self, old: TextModel, Y: Floats, Z: Floats, n: int) -> Trained | None:
        """Return what they would be among the training documents; None where that hardly counts, or is not told."""
        summed = old.model.summed(n)
        if summed.l1 is not None or summed.l2 is None:
            return None
        d = self.X.shape[1]
        X = sp.csr_array(sp.hstack([self.X, np.ones((len(Y), 1))])) if old.model.has_constant else self.X
        alone = over_penalty(self.unseen, float(summed.l2[:d].min()))
        return trained_on_many(X, alone, summed.l2, weighted_loss(old.model, Y), Y, Z, n)


def over_penalty(square: Floats, l2: float) -> Floats:
    """Return squared lengths (m,) over a penalty: without one a record's own features predict it, if it has any."""
    return square / l2 if l2 > 0 else np.where(square > 0, np.inf, 0.0)


@dataclass(frozen=True, eq=False)
class Whole:
    """What two models make of public documents, with whatever else they read of them.

    Parameters
    ----------
    Z, Z_after : arrays (m, k)
        The predictions of both.
    left : float
        About the largest gradient per record that their solvers left over.
    trained : Trained or None
        What the documents would be among the training ones, maths (56), where that counts.
    """

    Z: Floats
    Z_after: Floats
    left: float
    trained: Trained | None = None

    @classmethod
    def of_text(cls, old: TextModel, new: TextModel, read: Read, Y: Floats, n: int) -> Whole:
        """Return it of models of text alone; InputError where how near their optima they stopped is not known."""
        Z, Z_after = (one @ w.W[: one.shape[1]] + (w.W[-1] if w.has_constant else 0.0)
                      for one, w in ((read.X, old.model), (read.X_after, new.model)))  # fmt: skip
        left = max(left_of_words(one, read.X, Y) for one in (old.model, new.model))
        return cls(Z, Z_after, left, read.trained(old, Y, Z, n))

    def moves(self, loss: Loss, later: Loss, Y: Floats) -> Floats:
        """Return by how much (m, k) they pull less on the old model, by one loss, than on the new, by another."""
        told = None if self.trained is None else self.trained.change(self.Z_after, later)
        return np.asarray(loss.residual(Y, self.Z) - later.residual(Y, self.Z_after)) if told is None else told

    def pulls(self, loss: Loss, Y: Floats) -> Floats:
        """Return minus their own residuals (m, k) at the old model."""
        return -np.asarray(loss.residual(Y, self.Z if self.trained is None else self.trained.Z))


def left_of_words(model: LinearModel, X: sp.csr_array, Y: Floats) -> float:
    """Return about the largest gradient per record that a solver left; InputError where that is not known."""
    if model.tolerance is None:
        return 0.0
    if model.criterion == "gradient" and np.isfinite(model.tolerance):
        return model.tolerance
    if model.criterion == "moment":
        return model.tolerance * float(np.linalg.norm(X.T @ Y, axis=0).max()) / len(Y)
    if model.criterion == "first" and np.isfinite(model.tolerance):
        return of_first(model, X, Y)
    raise InputError(
        f"this {model.kind} does not say how near the optimum it stopped (its solver, or its limit of iterations), and "
        "words are told from the smallest differences: fit it with another solver to a small tol, such as "
        'LogisticRegression(solver="newton-cg", tol=1e-8)'
    )
