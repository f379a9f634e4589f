"""Estimators that keep training records as they stand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp

from undelete.adapters.stored.feature import Feature
from undelete.adapters.stored.inert import Part, part_of
from undelete.adapters.stored.statistic import Gram, Statistic, Stored
from undelete.adapters.stored.walk import Visit

_CONSTANTS = ("const", "intercept", "(intercept)")
_CELLS = 50_000_000  # of a sparse matrix, up to which it is written out

# the field that holds the records, that of their targets, and whether these are all records
_STORES: dict[str, tuple[str, str, bool]] = {
    **{name: ("support_vectors_", "", False) for name in ("SVC", "NuSVC", "SVR", "NuSVR", "OneClassSVM")},
    **{
        name: ("_fit_X", "_y", True)
        for name in (
            "KNeighborsClassifier", "KNeighborsRegressor", "RadiusNeighborsClassifier", "RadiusNeighborsRegressor",
            "NearestNeighbors", "LocalOutlierFactor", "KNeighborsTransformer", "RadiusNeighborsTransformer",
        )
    },
    "GaussianProcessRegressor": ("X_train_", "y_train_", True),
    "_BinaryGaussianProcessClassifierLaplace": ("X_train_", "y_train_", True),
    "KernelRidge": ("X_fit_", "", True),
    "KernelPCA": ("X_fit_", "", True),
    "KNNImputer": ("_fit_X", "", True),
    "LabelPropagation": ("X_", "transduction_", True),
    "LabelSpreading": ("X_", "transduction_", True),
    "Nystroem": ("components_", "", False),
    "DBSCAN": ("components_", "", False),
    "AffinityPropagation": ("cluster_centers_", "", False),
}  # fmt: skip


def records_of(visit: Visit) -> Iterator[Statistic]:
    """Yield the records that a fitted estimator stores as they are, and what statsmodels keeps of its design."""
    part = visit.part
    if part.kind in _STORES:
        field, target, whole = _STORES[part.kind]
        rows = _dense(part[field])
        if rows is not None and rows.ndim == 2 and len(rows):
            yield Stored(f"{visit.source}.{field}", visit.features, rows, _targets(visit, target, len(rows)), whole)
    elif part.kind == "KernelDensity" and part["tree_"] is not None:
        state = part_of(part["tree_"])["content"]
        if isinstance(state, list | tuple) and len(state):
            yield Stored(f"{visit.source}.tree_", visit.features, np.array(state[0], dtype=float))
    elif part["model"] is not None and part["normalized_cov_params"] is not None:
        yield from _design(visit)


def _dense(field: Any) -> Any:
    if sp.issparse(field):
        return field.toarray() if field.shape[0] * field.shape[1] <= _CELLS else None
    try:
        return None if field is None else np.array(field, dtype=float)
    except (TypeError, ValueError):
        return None


def _targets(visit: Visit, field: str, rows: int) -> Any:
    part = visit.part
    labels = part["classes_"]
    if field:
        own = part[field]
        if own is None or len(own) != rows:
            return None
        coded = part.kind in ("KNeighborsClassifier", "RadiusNeighborsClassifier") and np.ndim(own) == 1
        if part.kind == "_BinaryGaussianProcessClassifierLaplace" or coded:
            return np.asarray(labels)[np.asarray(own, dtype=int)]
        if part.kind == "GaussianProcessRegressor":  # standardised where the estimator was asked to
            mean, scale = part.array("_y_train_mean"), part.array("_y_train_std")
            return np.asarray(own) * (1 if scale is None else scale) + (0 if mean is None else mean)
        return own
    counts = part["_n_support"]
    if part.kind in ("SVC", "NuSVC") and counts is not None and labels is not None and int(np.sum(counts)) == rows:
        return np.repeat(np.asarray(labels), np.asarray(counts, dtype=int))
    return None


def _design(visit: Visit) -> Iterator[Statistic]:
    """Yield what a result of statsmodels keeps: its records, or the inverse of their second moments."""
    model = part_of(visit.part["model"])
    names = _names(model)
    rows = _dense(model["exog"])
    if rows is not None and rows.ndim == 2 and len(rows):
        own = names or [f"x{j}" for j in range(rows.shape[1])]
        features = [Feature(name, name) for name in own]
        yield Stored(f"{visit.source}.model.exog", features, rows, model["endog"])
    inverse = visit.part.array("normalized_cov_params")
    if model.kind == "OLS" and inverse is not None and inverse.ndim == 2:
        own = names or [f"x{j}" for j in range(len(inverse))]
        size = np.sqrt(np.diag(inverse))  # so that columns of dollars and of shares are inverted alike
        own_scale = inverse / np.outer(size, size)
        matrix = np.linalg.pinv(own_scale, hermitian=True) / np.outer(size, size)
        unit = float(np.linalg.cond(own_scale)) * 2e-16 * np.sqrt(np.outer(np.diag(matrix), np.diag(matrix)))
        yield Gram(f"{visit.source}.normalized_cov_params", own, matrix, unit, _constant(model, own))


def _constant(model: Part, names: list[str]) -> int | None:
    """Return which column is the constant."""
    place = None if model["data"] is None else part_of(model["data"])["const_idx"]
    if isinstance(place, int | np.integer):
        return int(place)
    return next((j for j, name in enumerate(names) if name.lower() in _CONSTANTS), None)


def _names(model: Part) -> list[str]:
    data = model["data"]
    for holder, field in ((model, "exog_names"), (None if data is None else part_of(data), "xnames")):
        if holder is not None and holder[field] is not None:
            return [str(name) for name in holder[field]]
    if data is not None:
        frame = part_of(data)["orig_exog"]
        columns = getattr(frame, "columns", None)
        if columns is not None:
            return [str(name) for name in columns]
    return []
