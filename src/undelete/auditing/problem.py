"""A user's estimator and table as the objective that it minimises, before a deletion and after."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from undelete.adapters.model import LinearModel
from undelete.adapters.offset import Offset
from undelete.adapters.refitted import penalty_change
from undelete.adapters.sparse import active
from undelete.adapters.targets import encode_target, target_names
from undelete.adapters.weights import BALANCED, weighted_loss
from undelete.attacker.fits import log_fits
from undelete.attacker.gradient.as_trained import changed
from undelete.attacker.gradient.difference import answer_change, answering
from undelete.attacker.gradient.rescaled import rescaled
from undelete.attacker.gradient.reweighed import balanced
from undelete.auditing.as_training import trained_by
from undelete.auditing.in_words import ByWords
from undelete.auditing.own_weights import afterwards_each, weighed_each
from undelete.auditing.records import record_factors
from undelete.auditing.retrainable import retrainable, weights_in_fit
from undelete.errors import InputError
from undelete.maintainer.changed import After, joined, lighter, rebalanced, retrain_changed, shifted
from undelete.maintainer.fit import gradient_norm, unconverged
from undelete.maintainer.game import released, remaining_gradient
from undelete.maintainer.joint_scale import fit_joint, retrain_joint
from undelete.maintainer.leave_one_out import Deletions, Progress, retrain_without
from undelete.maintainer.output_weights import OutputWeighted, fit_each, retrain_each
from undelete.maintainer.sparse import fit_sparse, refuse_dependent, retrain_sparse
from undelete.maths.arrays import Flags
from undelete.maths.losses import loss_of
from undelete.maths.objective import Objective
from undelete.maths.robust import Huber
from undelete.release.public import Public
from undelete.release.release import Release
from undelete.release.restricted import restricted

FIT_TOL = 1e-10


@dataclass(frozen=True, eq=False)
class Problem:
    """A model with the records it was trained on, refitted to convergence.

    Parameters
    ----------
    model : LinearModel
        As the user gave it.
    objective : Objective
        What it minimises, on all n records.
    W, given_gradient : array (d, k), float
        The minimiser, |gradient|_inf / n <= 1e-10 in the objective's units, and the same of the user's own parameters.
    total : float or None
        The sum of the records' weights, where the penalty is beside their mean loss and they have some.
    """

    model: LinearModel
    objective: Objective
    W: NDArray[np.float64]
    given_gradient: float
    total: float | None = None

    @classmethod
    def of(
        cls,
        estimator: BaseEstimator | LinearModel,
        X: pd.DataFrame,
        y: ArrayLike,
        *,
        public: pd.DataFrame | None = None,
        sample_weight: ArrayLike | None = None,
        offset: Offset | None = None,
    ) -> Problem:
        """Read the estimator, encode the records, and refit.

        Parameters
        ----------
        estimator : estimator, Pipeline or LinearModel
            Fitted or not.
        X : DataFrame (n, columns)
            The training records.
        y : array (n,)
            Their targets.
        public : DataFrame, optional
            Public records, whose centres and scales the encoding then uses inside instead of the private ones.
        sample_weight : array (n,), optional
            Factor of each record's loss.
        offset : Offset, optional
            What the user says of the model's.

        Raises
        ------
        InputError
            When the estimator cannot be read, its penalty is not known, or the fit does not converge.
        """
        if len(np.asarray(y)) != len(X):
            raise InputError(f"there are {len(X)} records but {len(np.asarray(y))} targets: give one each")
        given = None if sample_weight is None else record_factors(sample_weight, len(X))
        model = retrainable(estimator, X, y, public, given, offset)
        if model.texts:
            raise InputError(
                "the model reads text beside other columns: simulate, leave_one_out and membership take it as a fitted "
                "Pipeline of a ColumnTransformer and a linear model, and defences are not played of it"
            )
        Y = encode_target(model, y, ", ".join(target_names(y)))
        total = None if given is None or not model.averaged else float(given.sum())
        weights = weights_in_fit(model, Y, given)
        l2 = np.asarray(model.summed(len(X)).l2 if total is None else total * np.asarray(model.l2), dtype=float)
        objective = Objective(model.features(X), Y, loss_of(model.loss), l2, weights, model.offsets(X))
        objective = weighed_each(model, objective)
        if model.l1 is not None:
            return cls._sparse(model, objective)
        if isinstance(objective.loss, Huber):
            return cls._joint(model, objective)
        fitted = fit_each(objective, tol=FIT_TOL, start=model.W, has_constant=model.has_constant)
        if not fitted.converged:
            raise unconverged(fitted.gradient_norm, fitted.iterations, objective)
        return cls(model, objective, np.asarray(fitted.W), gradient_norm(objective, np.asarray(model.W)), total)

    @classmethod
    def _joint(cls, model: LinearModel, objective: Objective) -> Problem:
        assert isinstance(objective.loss, Huber)
        found = fit_joint(objective, np.asarray(model.W), objective.loss.scale, tol=FIT_TOL)
        if not found.gradient_norm <= FIT_TOL:
            raise unconverged(found.gradient_norm, found.iterations, objective)
        loss = Huber(objective.loss.epsilon, found.scale)
        given = gradient_norm(objective, np.asarray(model.W))
        return cls(replace(model, loss=loss.name), replace(objective, loss=loss), found.W, given)

    @classmethod
    def _sparse(cls, model: LinearModel, objective: Objective) -> Problem:
        if model.kind.startswith("LassoLars"):
            refuse_dependent(objective, model.kind)
        l1 = np.asarray(model.summed(objective.n).l1)
        found = fit_sparse(objective, l1, np.asarray(model.W), tol=FIT_TOL)
        if not found.gradient_norm <= FIT_TOL:
            raise unconverged(found.gradient_norm, found.iterations, objective)
        given = fit_sparse(objective, l1, np.asarray(model.W), tol=np.inf).gradient_norm
        return cls(model, objective, found.W, given)

    def retrain(
        self,
        rows: NDArray[np.int64],
        *,
        tol: float,
        certify: bool = True,
        checkpoint: Path | None = None,
        progress: Progress | None = None,
    ) -> Deletions:
        """Return the models after deletions; parameters and errors as of `retrain_without`."""
        has_constant, n = self.model.has_constant, self.objective.n
        settings: dict[str, Any] = {
            "tol": tol, "certify": certify, "has_constant": has_constant, "checkpoint": checkpoint, "progress": progress
        }  # fmt: skip
        if self.model.l1 is not None:
            return self._retrain_sparse(rows, tol, progress)
        if isinstance(self.objective, OutputWeighted):
            return retrain_each(afterwards_each(self.model, self.objective, rows), self.W, rows, **settings)
        if isinstance(self.objective.loss, Huber):
            return retrain_joint(self.objective, self.W, rows, tol=tol, has_constant=has_constant, progress=progress)
        if not self.model.averaged and self.model.class_weights != BALANCED:
            return retrain_without(self.objective, self.W, rows, **settings)
        l2 = np.asarray(self.model.summed(n - 1).l2)
        afterwards = replace(self.objective, l2=l2)
        parts = [After(np.arange(len(rows)), afterwards)]
        if self.model.class_weights == BALANCED:
            parts = list(rebalanced(afterwards, rows))
        elif self.total is not None:
            parts = list(lighter(self.objective, np.asarray(self.model.l2), self.total, rows))
        return retrain_changed(parts, self.W, rows, **settings)

    def _retrain_sparse(self, rows: NDArray[np.int64], tol: float, progress: Progress | None) -> Deletions:
        later, told = self.model.summed(self.objective.n - 1), 0
        afterwards = replace(self.objective, l2=np.asarray(later.l2))
        balances = self.model.class_weights == BALANCED
        parts = list(rebalanced(afterwards, rows)) if balances else [After(np.arange(len(rows)), afterwards)]
        found = []
        for part in parts:
            found.append(
                retrain_sparse(
                    part.objective, np.asarray(later.l1), self.W, rows[part.positions], tol=tol,
                    has_constant=self.model.has_constant, progress=shifted(progress, told, len(rows)),
                )
            )  # fmt: skip
            told += len(part.positions)
        return joined(parts, found, rows)

    def release(
        self, retrained: Deletions, public: Public, beside: ByWords | None = None
    ) -> tuple[Release, Flags | None]:
        """Return what anyone sees of retrained models, and the features in which that is: None for all.

        `public` are the fields of `Release` that the attacker has anyhow, `beside` what text beside the columns says.
        """
        W_after = np.asarray(retrained.W)
        changes = [penalty_change(self.model, self.model, self.objective.n, W).get("penalty_change") for W in W_after]
        loss = weighted_loss(self.model, public["Y_public"])
        release = replace(released(self.objective, self.W, W_after, public), loss=loss)
        if any(change is not None for change in changes):
            moved = np.concatenate([change for change in changes if change is not None])
            release = replace(release, penalty_change=moved)
        trained = trained_by(self.model, release, None) if beside is None else beside.trained
        Z_after = None if beside is None else beside.Z_after
        if Z_after is not None:
            before, Y = release.predictions(self.W), release.Y_public
            release = replace(release, answer_change=np.stack([answer_change(loss, Y, before, Z) for Z in Z_after]))
            release = release if trained is None else changed(release, Z_after, trained)
        if self.model.class_weights == BALANCED:
            gone = () if beside is None else beside.gone
            release = balanced(release, Z_after, fits=log_fits, trained=trained, gone=gone)
        if retrained.scale is not None:
            assert isinstance(loss, Huber)
            after = [replace(loss, scale=float(scale)) for scale in retrained.scale]
            return rescaled(release, after, Z_after), None
        kept = active(self.model, release)
        if kept is None:
            return release, None
        return restricted(answering(replace(release, l1=self.model.summed(self.objective.n).l1)), kept), kept

    def remaining_gradient(self, rows: NDArray[np.int64], kept: Flags | None) -> NDArray[np.float64]:
        """Return the gradients over the records that remain, penalty included, at the full model: maths (9)."""
        gradient = remaining_gradient(self.objective, self.W, rows)
        if kept is None:
            return gradient
        l1 = np.asarray(self.model.summed(self.objective.n).l1)
        return np.asarray((gradient + l1[:, None] * np.sign(self.W))[:, kept])

    def refuse_last_of_class(self, rows: NDArray[np.int64]) -> None:
        """Raise InputError when a row is the only member of its class: without it the class is gone."""
        if self.model.classes is None:
            return
        member = self.objective.Y > 0
        if member.shape[1] == 1:
            member = np.hstack([~member, member])
        alone = member[rows] & (member.sum(axis=0) == 1)
        if alone.any():
            i, j = np.argwhere(alone)[0]
            raise InputError(
                f"record {rows[i]} is the only one of class {self.model.classes[j]!r}: without it the class is gone "
                "and the model has another shape, so the two cannot be compared; leave this record out"
            )
