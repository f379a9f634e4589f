"""Reads fitted results of statsmodels: OLS, WLS, GLM, Logit, Probit, Poisson and MNLogit, by formula or from arrays.

A formula's terms are read from their names where these say it (columns, powers, levels, products), and else asked.

Nothing of statsmodels is imported: a result that was unpickled, or given, says what it is made of by its fields.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd

from undelete.adapters.design.encoding import Encoding
from undelete.adapters.design.probed import Probed
from undelete.adapters.formula import Formula, formula_of
from undelete.adapters.model import LinearModel
from undelete.adapters.sklearn.stored import stored_in
from undelete.adapters.statsmodels_fit import ended_at_optimum, offset_of, records_of, weights_of
from undelete.adapters.statsmodels_target import target_map, two_classes
from undelete.adapters.statsmodels_terms import CONSTANTS, columns, feature
from undelete.adapters.stored.statistic import Statistic
from undelete.errors import InputError

_COMPARED = 500  # public records, on which what the terms' names say is compared with what the formula makes
_LOSSES = {
    ("Gaussian", "Identity"): "squared", ("Binomial", "Logit"): "logistic", ("Binomial", "Probit"): "probit",
    ("Poisson", "Log"): "poisson", ("Gamma", "Log"): "gamma", ("Tweedie", "Log"): "tweedie",
    ("NegativeBinomial", "Log"): "negative_binomial",
}  # fmt: skip
_MODELS = {
    "OLS": "squared",
    "WLS": "squared",
    "Logit": "logistic",
    "Probit": "probit",
    "Poisson": "poisson",
    "MNLogit": "softmax",
    "NegativeBinomial": "negative_binomial",
}
_NOT_READ = {
    "QuantReg": "its loss has no curvature, so a record pulls in full or not at all",
    "RLM": "it estimates the scale of its residuals apart, so its coefficients minimise nothing; scikit-learn's "
    "HuberRegressor is read",
    **dict.fromkeys(("GLS", "GLSAR"), "its records lean on one another, so that a deletion moves the others' weights"),
    **dict.fromkeys(("MixedLM", "GEE"), "its records lean on the others of their group"),
    **dict.fromkeys(("PHReg", "OrderedModel"), "its likelihood is not one of one linear prediction for each record"),
}
_QUASI_NEWTON = 1e-5  # of the mean loss's gradient, at which statsmodels stops BFGS


def is_result(model: Any) -> bool:
    """Return whether something is a fitted result of statsmodels."""
    return type(model).__module__.startswith("statsmodels.") and hasattr(model, "params") and hasattr(model, "model")


def from_statsmodels(result: Any, public: pd.DataFrame | None, targets: Collection[str]) -> LinearModel:
    """Return a fitted result as a model.

    Parameters
    ----------
    result : results of OLS, WLS, GLM, Logit, Probit, Poisson, NegativeBinomial or MNLogit
        Fitted without a penalty.
    public : DataFrame or None
        Where the result was fitted on an array, its columns besides the targets are the array's.
    targets : collection of str
        The public table's target columns, and others that are no features: of an array's all the rest are.

    Raises
    ------
    InputError
        When it is another model, or was fitted with what is not known of a deleted record.
    """
    model, kind = result.model, type(result.model).__name__
    loss = _loss(result, kind)
    if "Regularized" in type(result).__name__ or type(result).__name__.startswith("L1"):
        raise InputError(f"the {kind} was fitted with fit_regularized, whose penalty it does not say: fit it without")
    weights, n = weights_of(model, kind, records_of(result))
    params = np.asarray(result.params, dtype=np.float64)
    classes: tuple[Any, ...] | None = two_classes(model) if loss in ("logistic", "probit") else None
    if kind == "MNLogit":  # the first class is the reference, whose parameters are zero
        params, classes = np.c_[np.zeros(len(params)), params], _classes(model)
    elif params.ndim != 1:
        raise InputError(f"the {kind} has several outputs: fit one model for each")
    if kind == "NegativeBinomial":  # its dispersion is the last
        params = params[:-1]
    names = columns([str(name) for name in model.exog_names[: len(params)]], public, targets)
    where = [j for j, name in enumerate(names) if name in CONSTANTS]
    features = [j for j in range(len(names)) if j not in where]
    stored: tuple[Statistic, ...] = ()
    with contextlib.suppress(InputError):
        stored = stored_in(result)
    converged = ended_at_optimum(result)
    as_names = partial(
        LinearModel,
        coef=params[features].T,
        intercept=params[where[0]] if where else None,
        loss=loss,
        classes=classes,
        l2=np.array(0.0),
        n=n,
        weights=weights,
        kind=kind,
        stored=stored,
        stopped="" if converged else "converged is False",
        tolerance=(_QUASI_NEWTON if kind == "NegativeBinomial" else None) if converged else np.inf,
        notes=() if converged else (f"{kind} stopped before it had converged",),
        offset=offset_of(model),
        target_map=target_map(model, targets),
    )
    formula, terms = formula_of(model, public), [names[j] for j in features]
    try:
        read = as_names(feature_names=[feature(term) for term in terms])
    except InputError:
        if formula is None:
            raise
        read = None
    if read is not None and formula is None:
        return read
    assert formula is not None
    if read is not None and _same(read, formula, features, public):
        return replace(read, design=replace(read.design, encodings=tuple(_levels(read, formula))))
    return as_names(feature_names=terms, design=_asked(formula, terms, features, bool(where)))


def _levels(read: LinearModel, formula: Formula) -> Iterator[Encoding]:
    """Yield the levels that a formula knows of each column, those without an indicator of their own among them."""
    for known in formula.encodings:
        groups = [a for a in read.design.atoms if a.column == known.column and a.categories is not None]
        named = {cell for atom in groups for cell in atom.categories or ()}
        dropped = tuple(cell for cell in known.known if cell not in named)
        if groups and named <= set(known.known):
            yield replace(known, ordinal=False, dropped=dropped, groups=tuple(groups))


def _same(read: LinearModel, formula: Formula, features: list[int], public: pd.DataFrame | None) -> bool:
    """Return whether the terms' names say what the formula makes of some public records that it takes."""
    if public is None:
        return True
    known = read.design.conformed(public.iloc[:_COMPARED])
    for some in chain([known], (known.iloc[[row]] for row in range(len(known)))):
        try:
            own = formula.matrix(some)[:, features]
        except InputError:  # a level that it does not know, a missing cell: then record by record
            continue
        try:
            same = np.allclose(read.features(some)[:, : len(features)], own, rtol=1e-9, atol=1e-12)
        except InputError:
            return False
        if some is known or not same:
            return same
    return True


def _asked(formula: Formula, terms: list[str], features: list[int], constant: bool) -> Probed:
    """Return the formula as a preprocessing of which only what it makes of records is known."""
    return Probed(
        raw=formula.raw,
        feature_names=(*terms, *(("1",) if constant else ())),
        has_constant=constant,
        apply=lambda table: formula.matrix(table)[:, features],
        encodings=formula.encodings,
    )


def _loss(result: Any, kind: str) -> str:
    model = result.model
    if kind == "NegativeBinomial":
        if model.loglike_method != "nb2":
            raise InputError(
                f"the NegativeBinomial was fitted as {model.loglike_method}, and undelete reads nb2, whose variance "
                "grows with the square of the mean"
            )
        return f"negative_binomial({float(np.asarray(result.params)[-1])!r})"
    if kind in _MODELS:
        return _MODELS[kind]
    if kind != "GLM":
        why = f": {_NOT_READ[kind]}. Read are" if kind in _NOT_READ else ": read are"
        raise InputError(
            f"statsmodels' {kind} is not read{why} OLS, WLS, GLM, Logit, Probit, Poisson, NegativeBinomial and MNLogit"
        )
    family, link = model.family, type(model.family.link).__name__
    loss = _LOSSES.get((type(family).__name__, link[:1].upper() + link[1:]))
    if loss is None:
        raise InputError(
            f"the GLM is of family {type(family).__name__} with link {link}: undelete reads Gaussian (identity), "
            "Binomial (logit, probit), Poisson, Gamma, Tweedie and NegativeBinomial (log)"
        )
    if loss == "negative_binomial":
        return f"{loss}({float(family.alpha)!r})"
    return f"tweedie({float(family.var_power):g})" if loss == "tweedie" else loss


def _classes(model: Any) -> tuple[Any, ...]:
    """Return the classes of an MNLogit, which knows them as words."""
    words = [str(model._ynames_map[j]) for j in range(int(model.J))]
    with contextlib.suppress(ValueError):
        numbers = [float(word) for word in words]
        return tuple(int(number) if number.is_integer() else number for number in numbers)
    return tuple(words)
