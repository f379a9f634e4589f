"""Reads fitted scikit-learn linear estimators: coefficients, loss and penalty in the summed objective, maths (1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    Ridge,
    RidgeClassifier,
    RidgeClassifierCV,
    RidgeCV,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import LinearSVC, LinearSVR

from undelete.adapters.sklearn.chosen import CHOSEN
from undelete.adapters.sklearn.descent import DESCENTS
from undelete.adapters.sklearn.generalised import GLMS
from undelete.adapters.sklearn.lasso import LASSOS
from undelete.adapters.sklearn.linear import Linear, coefficients
from undelete.adapters.sklearn.refused import NOT_READ
from undelete.errors import InputError

# what the iterative solvers of a ridge compare with their tolerance
_CRITERIA: dict[str, str] = {"sparse_cg": "moment", "lsqr": "residual", "sag": "step", "saga": "step"}
_SAG_STEPS = 1000  # epochs that SAG and SAGA of a ridge take at most where max_iter is None
_COARSE = 1e-7  # tolerances above it leave an error as large as what one record of some thousands changes
_LSQR = 1e-6  # tol of LinearRegression before it could be set
_BEYOND = 0.1  # of its tolerance, what liblinear's trust region leaves at most


def read_estimator(estimator: Any, features: int) -> Linear:
    """Return a fitted linear estimator's parts.

    Raises
    ------
    InputError
        When it is of a type that is not read, or has an option under which it does not minimise maths (1).
    """
    reader = READERS.get(type(estimator))
    if reader is None:
        raise InputError(_refusal(type(estimator).__name__))
    name = type(estimator).__name__
    if getattr(estimator, "positive", False):
        raise InputError(
            f"{name} was fitted with positive=True: at a bound the gradient is not zero, so the attack's equations "
            "do not hold; fit without it"
        )
    linear = replace(reader(estimator), stopped=_stopped(estimator))
    if getattr(estimator, "class_weight", None) is not None:
        linear = _weighted(linear, estimator.class_weight)
    if linear.stopped:
        linear = replace(linear, tolerance=np.inf)  # wherever it happened to be
    if linear.coef.shape[1] != features:
        raise InputError(
            f"{name} has coefficients for {linear.coef.shape[1]} features and is given {features}: it was changed "
            "after fitting or the file is damaged; refit it"
        )
    return linear


def _refusal(name: str) -> str:
    """Say why an estimator is not read, and what to do."""
    why = NOT_READ.get(name)
    if why is not None:
        return f"{name} is not audited: {why}"
    accepted = ", ".join(kind.__name__ for kind in READERS)
    return f"{name} is not a model that undelete reads: it reads {accepted}, bare or at the end of a Pipeline"


def _weighted(linear: Linear, given: Any) -> Linear:
    """Return a classifier's parts with what its classes weigh: a word, or numbers for some of them."""
    if linear.classes is None or (isinstance(given, str) and given != "balanced"):
        raise InputError(f"{linear.kind} has class_weight={given!r}: it is balanced, or a number for each class")
    weights: tuple[float, ...] | str = "balanced"
    if not isinstance(given, str):
        weights = tuple(float(given.get(label, 1.0)) for label in linear.classes)
        if not all(0 < weight < np.inf for weight in weights):
            raise InputError(f"{linear.kind} has class_weight={given!r}: a class that weighs nothing is not fitted")
    if linear.loss == "logistic" and len(linear.classes) > 2:
        raise InputError(
            f"{linear.kind} fitted one class against the rest with class_weight, which weighs each of these models in "
            "its own way: fit it as one softmax"
        )
    # liblinear weighs a class in its own model against the rest, and there alone
    own = linear.loss == "squared_hinge" and len(linear.classes) > 2
    return replace(linear, class_weights=weights, own_class=own)


def _classes(estimator: Any) -> tuple[Any, ...]:
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


def _one_penalty(alpha: Any, name: str) -> float:
    values = np.unique(np.asarray(alpha, dtype=np.float64))
    if len(values) != 1:
        raise InputError(
            f"{name} has a penalty of its own for each output (alpha {values[0]:g} to {values[-1]:g}): undelete reads "
            "one penalty for all; fit the outputs apart"
        )
    return float(values[0])


def _least_squares(estimator: LinearRegression) -> Linear:
    # of directions that were left out the public gradient tells whether they matter
    notes = (*_precision(estimator), *_exactness(estimator))
    tolerance = None if hasattr(estimator, "rank_") else float(getattr(estimator, "tol", _LSQR))
    return Linear(
        "LinearRegression", "squared", *coefficients(estimator), l2=0.0, notes=notes, tolerance=tolerance,
        criterion="residual",
    )  # fmt: skip


def _exactness(estimator: LinearRegression) -> tuple[str, ...]:
    """Return notes on a fit that left directions of its columns out, or stopped at a tolerance."""
    notes, tol = [], float(getattr(estimator, "tol", _LSQR))
    singular = np.asarray(getattr(estimator, "singular_", ()), dtype=np.float64)
    rank = getattr(estimator, "rank_", None)
    if rank is None and tol > _COARSE:
        notes.append(
            f"LinearRegression has no rank_, so it was fitted on sparse columns by lsqr, which stopped at tol={tol:g}: "
            "what the two fits may have left over is in the error bars; dense columns leave nothing "
            "(ColumnTransformer(sparse_threshold=0) or OneHotEncoder(sparse_output=False))"
        )
    elif rank is not None and 0 < rank < singular.size:
        rounding = max(singular.size, 100) * np.finfo(np.float64).eps * singular[0]
        cut = int((singular[int(rank) :] > rounding).sum())  # what is smaller is nothing but rounding
        if cut:
            notes.append(
                f"LinearRegression left {cut} of {singular.size} directions of its columns out: its rank_ counts only "
                f"singular values above {tol:g} of the largest (its tol), and columns of large numbers beside 0 and 1 "
                "fall below. That is not the optimum, by as much as one record moves it: scale the columns "
                "(StandardScaler), and refit both models"
            )
    return tuple(notes)


def _precision(estimator: Any) -> tuple[str, ...]:
    """Return a note on coefficients in single precision."""
    if getattr(estimator.coef_, "dtype", None) != np.float32:
        return ()
    return (
        f"{type(estimator).__name__} was fitted in single precision (its coefficients are float32): seven digits, of "
        "which one record among many may change the last ones only; refit both models on float64 columns",
    )


def _ridge(estimator: Ridge | RidgeCV) -> Linear:
    name = type(estimator).__name__
    alpha = estimator.alpha_ if hasattr(estimator, "alpha_") else estimator.alpha
    return _solved(
        estimator,
        Linear(name, "squared", *coefficients(estimator), l2=_one_penalty(alpha, name), notes=_convergence(estimator)),
    )


def _ridge_classifier(estimator: RidgeClassifier | RidgeClassifierCV) -> Linear:
    name = type(estimator).__name__
    alpha = estimator.alpha_ if hasattr(estimator, "alpha_") else estimator.alpha
    linear = Linear(
        name,
        "squared",
        *coefficients(estimator),
        l2=_one_penalty(alpha, name),
        classes=_classes(estimator),
        notes=_convergence(estimator),
    )
    return _solved(estimator, linear)


def _solved(estimator: Any, linear: Linear) -> Linear:
    """Return a ridge with what its solver compares with its tolerance, where it has one."""
    criterion = _CRITERIA.get(_solver(estimator))
    return linear if criterion is None else replace(linear, tolerance=float(estimator.tol), criterion=criterion)


def _solver(estimator: Any) -> str:
    """Return the solver that was used, if it says so."""
    return str(getattr(estimator, "solver_", getattr(estimator, "solver", "")))


def _logistic(estimator: LogisticRegression | LogisticRegressionCV) -> Linear:
    name = type(estimator).__name__
    classes = _classes(estimator)
    if not getattr(estimator, "refit", True):
        raise InputError(
            f"{name} was fitted with refit=False: its coefficients are an average over folds, which minimises nothing; "
            "fit with refit=True"
        )
    multi = str(
        getattr(estimator, "multi_class", "auto")
    )  # up to scikit-learn 1.7, which called its default deprecated
    if len(classes) == 2 and multi == "multinomial":
        raise InputError(
            f"{name} was fitted with multi_class='multinomial' on two classes, which penalises each of two opposite "
            "models: fit without it"
        )
    # one model for each class against the rest: what liblinear fits, which has no other way
    apart = len(classes) == 2 or multi == "ovr" or estimator.solver == "liblinear"
    chosen = estimator.C_ if hasattr(estimator, "C_") else estimator.C
    unpenalised = getattr(estimator, "penalty", "l2") is None
    l2 = 0.0 if unpenalised else 1.0 / _one_penalty(chosen, name)  # C = inf: no penalty
    coef, intercept = coefficients(estimator)
    penalised = l2 / float(estimator.intercept_scaling) ** 2 if estimator.solver == "liblinear" else 0.0
    loss = "logistic" if apart else "softmax"
    # liblinear counts from the first gradient, and its last step goes far beyond: measured a hundredth of tol
    share = _BEYOND if estimator.solver == "liblinear" else 1.0
    notes, tolerance = _convergence(estimator), share * float(estimator.tol)
    criterion = _CRITERIA.get(estimator.solver, "gradient")
    l1 = _l1_share(estimator)
    return Linear(
        name, loss, coef, intercept, (1 - l1) * l2, 0.0 if l1 else penalised, classes, notes, tolerance, criterion,
        l1=l1 * l2,
        l1_constant=l1 * l2 / float(estimator.intercept_scaling) if estimator.solver == "liblinear" else 0.0,
    )  # fmt: skip


def _l1_share(estimator: Any) -> float:
    """Return how much of a logistic model's penalty is l1."""
    penalty = getattr(estimator, "penalty", "l2")
    if penalty in ("l2", None):  # before scikit-learn 1.8 the ratio counts for the elastic net only
        return 0.0
    if penalty == "l1":
        return 1.0
    ratio = np.ravel(np.asarray(getattr(estimator, "l1_ratio_", getattr(estimator, "l1_ratio", None)), dtype=object))
    chosen = {float(one) for one in ratio if one is not None}
    if len(chosen) > 1:
        raise InputError(
            f"{type(estimator).__name__} chose another share of the l1 penalty for each class: fit the classes apart"
        )
    return chosen.pop() if chosen else 0.0


def _svc(estimator: LinearSVC) -> Linear:
    if estimator.loss != "squared_hinge":
        raise InputError(
            f"LinearSVC was fitted with loss={estimator.loss!r}, which has no curvature: undelete reads "
            "loss='squared_hinge'"
        )
    if estimator.multi_class != "ovr":
        raise InputError(
            f"LinearSVC was fitted with multi_class={estimator.multi_class!r}: undelete reads one class against the "
            "rest ('ovr')"
        )
    coef, intercept = coefficients(estimator)
    l2 = 1.0 / float(estimator.C)
    notes, tolerance = _convergence(estimator), _BEYOND * float(estimator.tol)
    part = Linear("LinearSVC", "squared_hinge", coef, intercept, 0.0, 0.0, _classes(estimator), notes, tolerance)
    scaling = float(estimator.intercept_scaling)
    if estimator.penalty == "l1":
        return replace(part, l1=l2, l1_constant=l2 / scaling)
    return replace(part, l2=l2, l2_constant=l2 / scaling**2)


def _svr(estimator: LinearSVR) -> Linear:
    if estimator.loss != "squared_epsilon_insensitive":
        raise InputError(
            f"LinearSVR was fitted with loss={estimator.loss!r}, which has no curvature: a record pulls in full or not "
            "at all, whatever its target; undelete reads loss='squared_epsilon_insensitive'"
        )
    coef, intercept = coefficients(estimator)
    l2 = 1.0 / float(estimator.C)
    loss = f"squared_epsilon_insensitive({float(estimator.epsilon)!r})"
    notes, tolerance = _convergence(estimator), _BEYOND * float(estimator.tol)
    constant = l2 / float(estimator.intercept_scaling) ** 2
    return Linear("LinearSVR", loss, coef, intercept, l2, constant, notes=notes, tolerance=tolerance)


def _stopped(estimator: Any) -> str:
    """Return what says that a fit used up its iterations: n_iter_ equals max_iter; "" where it does not."""
    used, most = getattr(estimator, "n_iter_", None), _limit(estimator)
    if used is None or most is None or np.ravel(np.asarray(used, dtype=object))[0] is None:
        return ""
    counts, grid = np.atleast_1d(np.asarray(used)), np.ravel(getattr(estimator, "Cs_", ()))
    if counts.shape[-1] == grid.size > 0:  # of all penalties that were tried, the one that was chosen counts
        counts = counts[..., int(np.abs(grid - np.ravel(estimator.C_)[0]).argmin())]
    return f"n_iter_ = max_iter = {most}" if counts.max() >= most else ""


def _limit(estimator: Any) -> int | None:
    """Return how many iterations an estimator's solver makes at most; None where nothing says it."""
    most = getattr(estimator, "max_iter", None)
    return _SAG_STEPS if most is None and _CRITERIA.get(_solver(estimator)) == "step" else most


def _convergence(estimator: Any) -> tuple[str, ...]:
    """Return notes on a fit that used up its iterations, or stopped at a tolerance that one record is lost in."""
    name = type(estimator).__name__
    notes = list(_precision(estimator))
    if _stopped(estimator):
        notes.append(f"{name} stopped at max_iter={_limit(estimator)} without converging")
    tol = float(getattr(estimator, "tol", 0.0))
    if tol <= _COARSE:
        return tuple(notes)
    if isinstance(estimator, Ridge | RidgeClassifier):
        if _solver(estimator) in _CRITERIA:
            notes.append(
                f"{name} was fitted by the iterative solver {_solver(estimator)!r} with tol={tol:g}, coarse beside the "
                "change that one record makes: what the two fits may have left over is in the error bars; "
                'solver="cholesky" or "svd" leave nothing (sparse input chooses sparse_cg by itself: '
                "ColumnTransformer(sparse_threshold=0) or OneHotEncoder(sparse_output=False) make it dense)"
            )
    elif isinstance(estimator, LogisticRegression | LinearSVC | LinearSVR):  # each of their solvers is iterative
        notes.append(
            f"{name} was fitted with tol={tol:g}, coarse beside the change that one record makes: what the two fits "
            "may have left over is in the error bars"
        )
    return tuple(notes)


def _one_against_rest(estimator: OneVsRestClassifier) -> Linear:
    """Return the parts of one model for each class, all of one kind."""
    if getattr(estimator, "multilabel_", False):
        raise InputError(
            "OneVsRestClassifier predicts several labels a record: undelete reads one label; fit one model for each"
        )
    parts = []
    for one in estimator.estimators_:
        if type(one) not in READERS or type(one) is OneVsRestClassifier:
            raise InputError(
                f"OneVsRestClassifier holds a {type(one).__name__}, which undelete does not read: docs/models.md lists "
                "the linear models that it does"
            )
        parts.append(read_estimator(one, coefficients(one)[0].shape[1]))
    first = parts[0]
    if any(part.class_weights is not None for part in parts):
        raise InputError(
            "OneVsRestClassifier holds models with class_weight, of which each weighs its own class in its own way: "
            "fit without it"
        )
    told = {(part.kind, part.loss, part.l2, part.l2_constant, part.intercept is None) for part in parts}
    if len(told) > 1:
        raise InputError(
            "OneVsRestClassifier holds models of several kinds or penalties (a CV estimator chooses one for each "
            "class): undelete reads one penalty for all; fit the classes apart"
        )
    intercepts = [part.intercept for part in parts if part.intercept is not None]
    return replace(
        first,
        coef=np.vstack([part.coef for part in parts]),
        intercept=np.concatenate(intercepts) if intercepts else None,
        classes=tuple(c.item() if isinstance(c, np.generic) else c for c in np.asarray(estimator.classes_)),
        notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
    )


READERS: dict[type, Callable[[Any], Linear]] = {
    LinearRegression: _least_squares,
    Ridge: _ridge,
    RidgeCV: _ridge,
    RidgeClassifier: _ridge_classifier,
    RidgeClassifierCV: _ridge_classifier,
    LogisticRegression: _logistic,
    LogisticRegressionCV: _logistic,
    LinearSVC: _svc,
    LinearSVR: _svr,
    OneVsRestClassifier: _one_against_rest,
    **GLMS,
    **LASSOS,
    **CHOSEN,
    **DESCENTS,
}
