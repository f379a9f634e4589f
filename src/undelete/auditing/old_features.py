"""The old model where answers are given in its place: as its file says, or as they imply."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from scipy.linalg import lstsq
from scipy.optimize import linear_sum_assignment
from sklearn.base import BaseEstimator

from undelete.adapters.files.files import load_model
from undelete.adapters.model import LinearModel
from undelete.adapters.offset import Offset, agreed
from undelete.adapters.sklearn.assumed import ASSUMED, assumed_model
from undelete.attacker.gradient.refit import RANK
from undelete.auditing.answers import Answers
from undelete.auditing.answers_taken import EQUAL, of_logarithms, of_percent
from undelete.auditing.inputs import as_model
from undelete.errors import InputError
from undelete.maintainer.fit import fit
from undelete.maths.arrays import Flags, Floats
from undelete.maths.loss import Loss
from undelete.maths.losses import LOSSES
from undelete.maths.objective import Objective

Features: TypeAlias = "BaseEstimator | LinearModel | str | os.PathLike[str]"
_CLEARLY = 10.0  # in logarithm, by which another order of the classes has to be likelier
_TINY = 1e-9  # penalty with which coefficients are solved for, where answers do not settle them


def features_of(
    features: Features | None, before: Answers, table: pd.DataFrame, targets: tuple[str, ...], *, trust: bool,
    offset: Offset | None,
) -> LinearModel:  # fmt: skip
    """Return the old model: as its file says, or with assumed features and coefficients that its answers imply.

    `offset` is what the user says of it.

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
        if offset is not None:
            raise InputError(
                f"an offset is named ({offset}), and of assumed features ({ASSUMED}) the loss is assumed too, which "
                "beside an offset is hardly that: give the old model's file as features (--model)"
            )
        return _implied(before, table, targets)
    if isinstance(features, str) and "," in features and not os.path.exists(features):
        raise InputError(
            f"features {features!r} are not known: {ASSUMED} is what can be assumed, or give the old model"
        )
    model = load_model(features, trust=trust) if isinstance(features, str | os.PathLike) else features
    aside = (*targets, *(() if offset is None else offset.columns))
    old = model.of_columns(table) if isinstance(model, LinearModel) else as_model(model, table, aside)
    return replace(old, offset=agreed([old.offset], offset))


def _implied(before: Answers, table: pd.DataFrame, targets: tuple[str, ...]) -> LinearModel:
    """Return the model of assumed features whose answers come nearest to those given, which must be near."""
    given = before.asked
    if before.values.shape[1] > 1:
        forms = (of_percent(before), of_logarithms(before))
        before = next((one for one in forms if one is not None and _sums_to_one(one)), before)
    values, steps, k = before.values[given], before.step[given], before.values.shape[1]
    shares = values.min() >= 0 and values.max() <= 1
    loss = "squared"
    classes: tuple[Any, ...] | None = None
    if shares and (k == 1 or _sums_to_one(before)):
        loss, classes = ("softmax", tuple(range(k))) if k > 2 else ("logistic", (0, 1))
        values = values[:, -1:] if k == 2 else values
    if classes is not None and len(targets) == 1:
        shown = np.hstack([1 - values, values]) if k < 3 else values
        classes = _in_order(table[targets[0]], given, shown, before.columns) or classes
    elif any(pd.to_numeric(table[name], errors="coerce").isna().all() for name in targets):
        raise InputError(
            "the target has classes and the answers are not their probabilities: of decision values the loss cannot be "
            "assumed; give probabilities, or the old model's file as features"
        )
    outputs = values.shape[1]
    model = assumed_model(table, targets, loss, outputs, classes)
    X = model.features(table)[given]
    if len(X) < X.shape[1]:
        raise InputError(
            f"the model before answered {len(X):,} public records, and of the assumed features there are "
            f"{X.shape[1]:,}: give its answers to more, or the old model's file as features"
        )
    W = _solved(X, values, LOSSES[loss])
    off, near = np.abs(LOSSES[loss].mean(X @ W) - values), float(np.sqrt((steps**2).mean()))
    scale = float(np.ptp(values)) or 1.0
    if float(np.sqrt((off**2).mean())) > 0.5 * near + EQUAL * scale:
        raise InputError(
            f"the answers are not those of a linear model of the assumed features ({ASSUMED}): they are off by up to "
            f"{off.max():.2g}; give the old model's file as features, which says what it reads"
        )
    return replace(model, coef=W[:-1].T, intercept=W[-1])


def _sums_to_one(one: Answers) -> bool:
    values, steps = one.values[one.asked], one.step[one.asked]
    return bool((np.abs(values.sum(axis=1) - 1) <= steps.sum(axis=1) + EQUAL).all())


def _in_order(targets: pd.Series, given: Flags, shares: Floats, columns: tuple[str, ...]) -> tuple[Any, ...] | None:
    """Return the classes in the order of their probabilities (p, k), None where public targets (m,) have others.

    As the columns are called, or sorted, unless the public targets clearly say another order.
    """
    seen = targets.dropna().unique().tolist()
    try:
        classes = sorted(seen)
    except TypeError:  # text beside numbers
        classes = sorted(seen, key=str)
    if len(classes) != shares.shape[1]:
        return None
    called = [
        [j for j, name in enumerate(columns) if re.search(rf"(^|[^0-9A-Za-z]){re.escape(str(one))}$", name)]
        for one in classes
    ]
    if len(columns) == len(classes) and sorted(called) == [[j] for j in range(len(classes))]:
        return tuple(classes[called.index([j])] for j in range(len(classes)))
    logs, cells = np.log(np.clip(shares, _TINY, 1.0)), targets.to_numpy()[given]
    fit = np.array([logs[cells == one].sum(axis=0) for one in classes])  # (classes, columns)
    rows, places = linear_sum_assignment(-fit)
    if fit[rows, places].sum() > fit.trace() + _CLEARLY:
        classes = [classes[i] for i in np.argsort(places)]
    return tuple(classes)


def _solved(X: Floats, values: Floats, loss: Loss) -> Floats:
    """Return the parameters (d, k) whose answers for X are nearest to the values given (m, k)."""
    if loss.quadratic:
        return np.asarray(lstsq(X, values, cond=RANK)[0])
    shares = np.hstack([1 - values, values]) if loss.separable else values
    objective = Objective(X, shares, LOSSES["softmax"], np.full(X.shape[1], _TINY))
    W = np.asarray(fit(objective, tol=1e-12).W)
    return W[:, 1:] - W[:, :1] if loss.separable else W


def assumed(features: Features | None, old: LinearModel) -> list[str]:
    """Say that the features were assumed, and the order of the classes, where they were."""
    if not isinstance(features, str) or features.replace(" ", "") != ASSUMED:
        return []
    classes = (
        []
        if old.classes is None
        else [
            f"Their probabilities are taken as those of the classes in the order {', '.join(map(repr, old.classes))}."
        ]
    )
    return [
        "What the models read is assumed: numbers as they are, an indicator for each category. The answers before "
        "agree with a linear model of these; what the penalty was is not known.",
        *classes,
    ]
