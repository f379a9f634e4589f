"""Answers in place of models: two scored tables, and the features that the models see."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.linalg import lstsq
from sklearn.base import BaseEstimator

from undelete.adapters.files.files import load_model
from undelete.adapters.model import LinearModel
from undelete.adapters.sklearn.assumed import ASSUMED, assumed_model
from undelete.adapters.sklearn.pipeline import from_sklearn
from undelete.attacker.gradient.difference import answer_change
from undelete.attacker.gradient.queries import queries
from undelete.attacker.gradient.refit import RANK
from undelete.data.table import read_table
from undelete.errors import InputError
from undelete.maintainer.fit import fit
from undelete.maths.arrays import Floats
from undelete.maths.loss import Loss
from undelete.maths.losses import LOSSES, loss_of
from undelete.maths.objective import Objective
from undelete.release.release import Release

Features: TypeAlias = "BaseEstimator | LinearModel | str | os.PathLike[str]"

_MOST_DIGITS = 12  # decimals beyond which an answer counts as written in full
_EQUAL = 1e-6  # relative, by which a model's own answer may differ from the one given
_FEW = 1e-12  # a probability as near to 0 or 1 as this says no more than that
_TINY = 1e-9  # penalty with which coefficients are solved for, where answers do not settle them


@dataclass(frozen=True, eq=False)
class Answers:
    """A model's answers to the public records, row by row.

    Parameters
    ----------
    values : array (m,) or (m, k)
        The probability of the second class or of each class, the decision value, or the predicted number.
    digits : int, optional
        Decimals to which they were rounded; by default as many as they have.

    Examples
    --------
    >>> Answers([0.25, 0.5, 0.13]).digits
    2
    """

    values: Floats
    digits: int | None = None
    step: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        values = _numbers(self.values)
        digits = _decimals(values) if self.digits is None else self.digits
        if digits is not None and not (isinstance(digits, int | np.integer) and 0 <= digits <= 300):
            raise InputError(f"digits is {digits!r}: it is the number of decimals of the answers, zero or more")
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "digits", digits)
        object.__setattr__(self, "step", 0.0 if digits is None else 10.0**-digits)


def _numbers(given: ArrayLike) -> Floats:
    try:
        values = np.array(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            "the answers are not numbers: labels do not change with one deletion; give probabilities, decision values "
            "or predicted numbers"
        ) from error
    values = values[:, None] if values.ndim == 1 else values
    if values.ndim != 2 or not values.size:
        raise InputError(f"the answers have shape {values.shape}: give one row a public record, one column an output")
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])
        raise InputError(f"the answer in row {row} is missing or infinite: give one for each public record")
    values.setflags(write=False)
    return values


def _decimals(values: Floats) -> int | None:
    """Return how many decimals answers have, None where they are written in full."""
    size = float(np.abs(values).max())
    for digits in range(_MOST_DIGITS):
        if np.abs(values - np.round(values, digits)).max() <= 1e-15 * max(size, 1.0):
            return digits
    return None


def read_answers(path: str | os.PathLike[str], digits: int | None = None) -> Answers:
    """Read a table of answers (.csv or .parquet with a header), one row a public record, one column an output.

    Raises
    ------
    InputError
        When the file cannot be read or holds other than numbers.
    """
    table = read_table(path)
    words = [str(name) for name in table.columns if not pd.api.types.is_numeric_dtype(table[name])]
    if words:
        raise InputError(
            f"{path} has column {words[0]!r}, which holds no numbers: give the answers alone, one column an output, "
            "with a header"
        )
    return Answers(table.to_numpy(dtype=np.float64), digits=digits)


def features_of(
    features: Features | None, before: Answers, table: pd.DataFrame, targets: tuple[str, ...], *, trust: bool
) -> LinearModel:
    """Return the old model: as its file says, or with assumed features and coefficients that its answers imply.

    Raises
    ------
    InputError
        When no features are named, or the answers are not those of a linear model of the assumed ones.
    """
    if features is None:
        raise InputError(
            f'answers alone do not say what the model reads: give the old model (a file or estimator) or "{ASSUMED}" '
            "as features (--model, --features)"
        )
    if isinstance(features, str) and features.replace(" ", "") == ASSUMED:
        return _implied(before, table, targets)
    if isinstance(features, str) and "," in features and not os.path.exists(features):
        raise InputError(
            f"features {features!r} are not known: {ASSUMED} is what can be assumed, or give the old model"
        )
    model = load_model(features, trust=trust) if isinstance(features, str | os.PathLike) else features
    return model if isinstance(model, LinearModel) else from_sklearn(model, table, targets)


def _implied(before: Answers, table: pd.DataFrame, targets: tuple[str, ...]) -> LinearModel:
    """Return the model of assumed features whose answers come nearest to those given, which must be near."""
    values, k = before.values, before.values.shape[1]
    shares = values.min() >= 0 and values.max() <= 1
    loss = "squared"
    classes: tuple[Any, ...] | None = None
    if shares and (k == 1 or np.allclose(values.sum(axis=1), 1, atol=k * before.step + _EQUAL)):
        loss, classes = ("softmax", tuple(range(k))) if k > 2 else ("logistic", (0, 1))
        values = values[:, -1:] if k == 2 else values
    if classes is not None and len(targets) == 1:
        seen = tuple(sorted(table[targets[0]].dropna().unique().tolist(), key=str))
        classes = seen if len(seen) == len(classes) else classes
    outputs = values.shape[1]
    model = assumed_model(table, targets, loss, outputs, classes)
    X = model.features(table)
    W = _solved(X, values, LOSSES[loss])
    off, near = np.abs(LOSSES[loss].mean(X @ W) - values), before.step
    scale = float(np.ptp(values)) or 1.0
    if float(np.sqrt((off**2).mean())) > 0.5 * near + _EQUAL * scale:
        raise InputError(
            f"the answers are not those of a linear model of the assumed features ({ASSUMED}): they are off by up to "
            f"{off.max():.2g}; give the old model's file as features, which says what it reads"
        )
    return replace(model, coef=W[:-1].T, intercept=W[-1])


def _solved(X: Floats, values: Floats, loss: Loss) -> Floats:
    """Return the parameters (d, k) whose answers for X are nearest to the values given (m, k)."""
    if loss.quadratic:
        return np.asarray(lstsq(X, values, cond=RANK)[0])
    shares = np.hstack([1 - values, values]) if loss.separable else values
    objective = Objective(X, shares, LOSSES["softmax"], np.full(X.shape[1], _TINY))
    W = np.asarray(fit(objective, tol=1e-12).W)
    return W[:, 1:] - W[:, :1] if loss.separable else W


def answered(old: LinearModel, before: Answers, after: Answers, X: Floats, Y: Floats | None) -> dict[str, Any]:
    """Return the fields of `Release` that two models' answers say: `answer_change` and the nearest `W_after`.

    Raises
    ------
    InputError
        When there is not one answer a public record, or those before are not the old model's.
    """
    for name, one in (("before", before), ("after", after)):
        if len(one.values) != len(X):
            raise InputError(
                f"there are {len(one.values):,} answers {name} and {len(X):,} public records: give one each, in the "
                "same order"
            )
    if before.values.shape != after.values.shape:
        raise InputError("the answers before and after have different numbers of columns: give the same of both")
    loss, Z = loss_of(old.loss), X @ old.W
    kind = _kind(loss, before, Z)
    values = [one.values[:, 1:] if kind == "pair" else one.values for one in (before, after)]
    if kind != "decision" and not loss.canonical:
        kind, values = "decision", [np.asarray(loss.link(one)) for one in values]
        if not all(np.isfinite(one).all() for one in values):
            raise InputError("an answer is at the end of what the model can say (0, or 1): give more decimals")
    if kind == "decision":
        change = answer_change(loss, Y, values[0], values[1])
        return {"answer_change": change[None], "W_after": (old.W - lstsq(X, values[0] - values[1], cond=RANK)[0])[None]}
    change = values[0] - values[1]
    return {"answer_change": change[None], "W_after": _nearest(loss, old.W, X, values[0], values[1])[None]}


def _kind(loss: Loss, before: Answers, Z: Floats) -> str:
    """Return what the answers are, as the old model itself gives them: "decision", "answer" or a "pair" of these."""
    own, answer = {"decision": Z}, np.asarray(loss.mean(Z))
    own["answer"] = answer
    if "number" not in loss.targets and answer.shape[1] == 1:
        own["pair"] = np.hstack([1 - answer, answer])
    off = {
        kind: float((np.abs(one - before.values) / (1 + np.abs(one))).max())
        for kind, one in own.items()
        if one.shape == before.values.shape
    }
    best = min(off, key=lambda kind: off[kind], default=None)
    if best is None:
        raise InputError(
            f"the answers have {before.values.shape[1]} columns and the old model {Z.shape[1]} output(s): give the "
            "probability of the second class or of each, the decision values, or the predictions"
        )
    if off[best] > 0.51 * before.step + _EQUAL:
        raise InputError(
            f"the answers before are not the old model's own for these public records (off by {off[best]:.2g}): they "
            "are of another model, of rows in another order, or rounded further than they say (digits)"
        )
    return best


def _nearest(loss: Loss, W: Floats, X: Floats, before: Floats, after: Floats) -> Floats:
    """Return the parameters (d, k) whose answers change as those given do, nearly."""
    if not loss.separable:
        moved = loss.link(np.maximum(before, _FEW)) - loss.link(np.maximum(after, _FEW))
        return np.asarray(W - lstsq(X, moved, cond=RANK)[0])
    found, wanted = np.array(W), loss.mean(X @ W) - (before - after)
    for _ in range(2):
        Z = X @ found
        slope, off = loss.curvature(None, Z), loss.mean(Z) - wanted
        for j in range(W.shape[1]):
            found[:, j] -= lstsq(X * slope[:, [j]], off[:, j], cond=RANK)[0]
    return found


def precision(release: Release, before: Answers, after: Answers) -> list[str]:
    """Say what the rounding of the answers costs, and how many would do."""
    digits = [one.digits for one in (before, after)]
    parameters = release.W_before.size
    if None in digits:
        return [
            f"The answers are written in full: any {parameters:,} of them would do as well as all "
            f"{len(release.X_public):,}, for they give the change of the parameters away."
        ]
    found = queries(release, max(before.step, after.step))
    coarsest = min(d for d in digits if d is not None)
    return [
        f"The answers are rounded to {coarsest} decimals, which makes {100 * found.share:.0f} % of the error's "
        f"variance here; {found.enough:,} of them would be within a tenth of what exact ones give."
    ]


def assumed(features: Features | None) -> list[str]:
    """Say that the features were assumed, where they were."""
    if not isinstance(features, str) or features.replace(" ", "") != ASSUMED:
        return []
    return [
        "What the models read is assumed: numbers as they are, an indicator for each category. The answers before "
        "agree with a linear model of these; what the penalty was is not known."
    ]


__all__ = ["Answers", "Features", "answered", "assumed", "features_of", "precision", "read_answers"]
