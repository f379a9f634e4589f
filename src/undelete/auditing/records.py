"""What somebody gives as records, weights and rows, checked: any table as one, an estimator fitted on them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from undelete.adapters.model import LinearModel
from undelete.adapters.targets import encode_target
from undelete.errors import InputError

_MOST_CELLS = 500_000_000  # of a sparse table: 4 GB in float64
_LOOKED_AT = 10  # records, to see whether they are text
_OF_TEXT = "`undelete words MODEL --train T.csv` (undelete.simulate_words) deletes documents and says what comes back"


def fitted_on(
    estimator: BaseEstimator, X: pd.DataFrame, y: ArrayLike, sample_weight: ArrayLike | None
) -> BaseEstimator:
    """Return the estimator, fitted on X and y if it is not yet; InputError for what cannot be fitted."""
    if not hasattr(estimator, "fit"):
        raise InputError(
            f"a {type(estimator).__name__} is read by `audit` alone, and what plays deletions retrains: give a "
            "scikit-learn estimator, or its coefficients with their penalty as .json (docs/model-files.md)"
        )
    if reads_text(estimator):
        raise InputError(f"the model reads text, and this plays records of a table: {_OF_TEXT}")
    return fit_on(estimator, X, y, sample_weight)


def fit_on(estimator: BaseEstimator, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> BaseEstimator:
    """Return an estimator, fitted on X and y if it is not yet; InputError where it cannot be."""
    if is_fitted(estimator):
        return estimator
    fresh = clone(estimator)
    last = f"{fresh.steps[-1][0]}__" if isinstance(fresh, Pipeline) else ""
    weights = {} if sample_weight is None else {f"{last}sample_weight": sample_weight}
    try:
        return fresh.fit(X, y, **weights)
    except (ValueError, TypeError) as error:
        names = [str(name) for name in getattr(X, "columns", ())]
        twice = next((name for name in names if names.count(name) > 1), None)
        first = str(error).strip().split("\n")[0]
        why = first if twice is None else f"two columns are called {twice!r}: rename one of them"
        raise InputError(f"{type(fresh).__name__} cannot be fitted on these records: {why}") from error


def is_fitted(estimator: BaseEstimator) -> bool:
    """Return whether a scikit-learn estimator is fitted."""
    try:
        check_is_fitted(estimator)
    except NotFittedError:
        return False
    return True


def reads_text(estimator: BaseEstimator) -> bool:
    """Return whether a vectoriser of text comes first."""
    while isinstance(estimator, Pipeline):
        estimator = estimator.steps[0][1]
    return hasattr(estimator, "build_analyzer")


def record_factors(sample_weight: ArrayLike, n: int) -> NDArray[np.float64]:
    """Return weights (n,) as numbers; InputError where they are not one for each record, zero or more."""
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (n,) or not (np.isfinite(weights) & (weights >= 0)).all():
        raise InputError(f"sample_weight must hold one number, zero or more, for each of the {n} records")
    return weights


def check_rows(rows: ArrayLike, n: int) -> NDArray[np.int64]:
    """Return rows as integers; InputError when one is outside the table."""
    chosen = np.asarray(rows)
    if chosen.ndim != 1 or chosen.dtype.kind not in "iu" or chosen.size == 0:
        raise InputError(f"rows must be a list of whole numbers, got {rows!r}"[:200])
    outside = chosen[(chosen < 0) | (chosen >= n)]
    if outside.size:
        raise InputError(f"row {outside[0]} is not in the table, which has rows 0 to {n - 1}: choose rows in it")
    return chosen.astype(np.int64)


def as_table(records: Any) -> pd.DataFrame:
    """Return records (n, columns) as a table: a frame with its labels as text, an array with columns x0, x1, ...

    Other libraries' tables (polars, Arrow, DuckDB) are read as the Arrow table that they hand out. Sparse columns and
    matrices are written out, for the attack is in dense arrays anyway.
    """
    if not isinstance(records, pd.DataFrame | pd.Series) and hasattr(records, "__arrow_c_stream__"):
        with suppress(pa.ArrowInvalid):  # one column alone, which is no table
            records = pd.DataFrame(pa.table(records).to_pandas(ignore_metadata=True))
    if isinstance(records, pd.DataFrame):
        held = [j for j, dtype in enumerate(records.dtypes) if hasattr(dtype, "numpy_dtype")]  # pandas' own and Arrow's
        records = records.copy(deep=False) if held else records
        for j in held:  # as NumPy has it: missing cells are NaN or None, numbers and booleans are such
            records.isetitem(j, pa.array(records.iloc[:, j]).to_pandas().to_numpy())
        records = _plain(records)
        labels = [str(label) for label in records.columns]
        table: pd.DataFrame = records if labels == list(records.columns) else records.set_axis(labels, axis=1)
        kinds = {name: dtype.subtype for name, dtype in table.dtypes.items() if isinstance(dtype, pd.SparseDtype)}
        _refuse_large(table.shape, bool(kinds))
        return table.astype(kinds) if kinds else table
    if sp.issparse(records):
        _refuse_large(records.shape, True)
        records = records.toarray()
    if hasattr(records, "collect") and not hasattr(records, "__array__"):
        raise InputError(f"a {type(records).__name__} is a plan of a table, not one: give it after .collect()")
    values = np.asarray(records)
    if values.ndim != 2:
        text = values.ndim == 1 and all(isinstance(one, str) for one in values[:_LOOKED_AT])
        raise InputError(
            f"records must be a table with rows and columns, got an array of shape {values.shape}"
            + (f"; of models of text, {_OF_TEXT}" if text else "")
        )
    return pd.DataFrame(values, columns=[f"x{j}" for j in range(values.shape[1])])


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with decimals as numbers, and bytes, as ARFF files and some databases have text, as text."""
    objects = [j for j, dtype in enumerate(table.dtypes) if pd.api.types.is_object_dtype(dtype)]
    kinds = {j: pd.api.types.infer_dtype(table.iloc[:, j], skipna=True) for j in objects}
    odd = {j: kind for j, kind in kinds.items() if kind in ("decimal", "bytes")}
    table = table.copy(deep=False) if odd else table
    for j, kind in odd.items():
        column = table.iloc[:, j]
        made = column.astype("float64") if kind == "decimal" else column.str.decode("utf-8", errors="replace")
        table.isetitem(j, made.to_numpy(dtype=np.float64 if kind == "decimal" else object))
    return table


def _refuse_large(shape: tuple[int, ...], sparse: bool) -> None:
    """Raise InputError for a sparse table that would not fit in memory once written out."""
    cells = shape[0] * shape[1]
    if sparse and cells > _MOST_CELLS:
        raise InputError(
            f"the sparse table of {shape[0]:,} rows and {shape[1]:,} columns has {cells / 1e9:.1f} thousand million "
            "cells, and the attack needs all of them in memory: give fewer rows, or fewer columns"
        )


def encoded_records(
    model: LinearModel, table: pd.DataFrame, y: ArrayLike, name: str, kind: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return records (n, d) and targets (n, k) in the model's terms; InputError where they are not one each."""
    if len(table) != len(np.asarray(y)) or not len(table):
        raise InputError(
            f"there are {len(table)} {kind} records and {len(np.asarray(y))} targets of them: give one each, and some"
        )
    return model.features(table), encode_target(model, y, name)
