"""What the user brings: tables, counts, targets, the true record; read, checked, and put in the model's terms."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from undelete.adapters.design.readout import Readout
from undelete.adapters.model import LinearModel
from undelete.adapters.onnx import from_onnx, is_onnx
from undelete.adapters.parts import LARGEST_PENALTY
from undelete.adapters.sklearn.pipeline import from_sklearn
from undelete.adapters.sklearn.stored import stored_in
from undelete.adapters.statsmodels import from_statsmodels, is_result
from undelete.adapters.stored.statistic import Stored
from undelete.adapters.targets import encode_target
from undelete.adapters.weights import weighted_loss
from undelete.auditing.records import as_table, check_rows
from undelete.data.schema import ImageInfo
from undelete.data.table import alike, read_table
from undelete.errors import InputError
from undelete.release.public import Public

_RECORDS_A_LEVEL = 10  # public records, so that indicators which add up to one in all of them do so in any
_ONE = 1e-9  # within which they do


class ArrowTable(Protocol):
    """A table of any library that hands it out as Arrow: polars, pyarrow, DuckDB."""

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any: ...


Table: TypeAlias = pd.DataFrame | ArrowTable | NDArray[Any] | str | os.PathLike[str]


def as_records(records: Table, named: Collection[str] = ()) -> pd.DataFrame:
    """Return records as a table: a frame, its labels as text; an array with columns x0, x1, ...; a file read.

    Columns are called as some are `named`, whatever blanks are around them.
    """
    table = read_table(records) if isinstance(records, str | os.PathLike) else as_table(records)
    return table.rename(columns=alike([str(name) for name in table.columns], named)) if named else table


def target_columns(public: pd.DataFrame, target: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return the names of the target's columns in the public table, () without any.

    Several outputs have one each: a list of names, or one text with commas, unless a column is called that.
    """
    if target is None:
        return ()
    have = set(public.columns)
    if isinstance(target, str) and target not in have and "," in target:
        target = [part.strip() for part in target.split(",")]
    names = (str(target),) if str(target) in have else tuple(asked_names(target))
    missing = [name for name in names if name not in have]
    if missing:
        shown = ", ".join(map(str, public.columns[:12]))
        raise InputError(f"the public table has no target column {missing[0]!r}; it has {shown}: name one of them")
    return names


def asked_names(target: Any) -> list[str]:
    """Return the names in what a target was asked by: a text or a number is one, a sequence has several."""
    if target is None:
        return []
    several = isinstance(target, Iterable) and not isinstance(target, str)
    return [str(name) for name in target] if several else [str(target)]


def public_target(
    model: LinearModel, public: pd.DataFrame, target: str | Sequence[str] | None
) -> NDArray[np.float64] | None:
    """Return the public targets Y (m, k) from the named columns, None without a name."""
    names = target_columns(public, target)
    return encode_target(model, public[list(names)], ", ".join(names)) if names else None


def public_view(model: LinearModel, public: pd.DataFrame, Y: NDArray[np.float64] | None, *, raw: bool = True) -> Public:
    """Return the fields of `Release` that come from the public data and the old model's preprocessing.

    With `raw` false its raw columns are left out: those of an image are pixels, not one of them a finding.
    """
    if len(public) == 0:
        raise InputError("the public table has no rows: the attack estimates the Hessian from public records")
    loss = weighted_loss(model, Y)
    if Y is None and not loss.canonical:
        weighted = model.class_weights is not None
        why = (
            "is curved only where a public record is inside the margin, which its target decides"
            if loss.margin
            else "has a gradient that changes with a record's target"
        )
        raise InputError(
            f"the {model.loss.replace('_', ' ')} loss{' with class weights' * weighted} {why}: name the target "
            "column of the public table (--target, or y_public)"
        )
    if Y is not None and len(Y) != len(public):
        raise InputError(f"there are {len(public)} public records but {len(Y)} public targets: give one each")
    inputs = model.inputs(public)  # first: what it refuses it names by its row
    columns, codes, values = model.design.columns(public) if raw else ((), None, None)
    X = model.embed(inputs)
    for array in (inputs, X):
        array.setflags(write=False)  # nobody else has it, so that the release need not copy it
    return {
        "X_public": X,
        "inputs_public": None if model.embedding is None else inputs,
        "embedding": model.embedding,
        "Y_public": Y,
        "constant": _constant(model, X),
        "columns": columns,
        "public_codes": codes,
        "public_values": values,
        "target_kind": "number" if model.classes is None else "class",
        "offset_public": model.offsets(public, standing=True),
    }


def _constant(model: LinearModel, X: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return the v (d,) with x @ v = 1 for every record.

    It is the model's own, or a column that is the same in all of X, or the sum of indicators that is.
    """
    own = model.constant()
    if own is not None or model.embedding is not None:
        return own
    v: NDArray[np.float64] = np.zeros(X.shape[1])
    same = np.flatnonzero((X[0] == X).all(axis=0) & (X[0] != 0))
    if same.size:
        chosen = same[np.argmin(np.abs(np.log(np.abs(X[0, same]))))]  # ones, where there are any
        v[chosen] = 1 / X[0, chosen]
        return v
    levels = np.flatnonzero(((X == 0) | (X == 1)).all(axis=0))
    if not levels.size or len(X) < _RECORDS_A_LEVEL * levels.size:
        return None
    v[levels] = np.linalg.lstsq(X[:, levels], np.ones(len(X)), rcond=None)[0]
    return v if np.abs(X @ v - 1).max() < _ONE else None


def count(n: int | None, old: LinearModel, *, kept: bool = False) -> int | None:
    """Return the number of training records, as given or as the old model's file says.

    `kept`: the preprocessing that says it was not fitted with the models, so that a number that is given counts more.
    """
    if n is not None and not (isinstance(n, int | np.integer) and 2 <= n <= 10**12):
        raise InputError(f"n is {n!r}: it is the number of training records before the deletion, at least 2")
    if n is not None and old.n is not None and n != old.n and not kept:
        raise InputError(
            f"n is given as {n:,}, but the old model says that it was fitted on {old.n:,} records: leave n out, or "
            "give the model that it belongs to"
        )
    return n or old.n


def no_intercept(old: LinearModel, new: LinearModel) -> bool:
    """Return whether both models have an intercept of exactly zero: they were fitted without one."""
    return bool(old.has_constant and not old.W[-1].any() and not new.W[-1].any())


def pixels(model: LinearModel, public: pd.DataFrame, image: ImageInfo | None) -> Readout | None:
    """Return how the pixels of records that are images are read off the model's space; None without an image."""
    if image is None:
        return None
    readout = Readout.of(model.design, public)
    if len(readout.names) != image.size:
        shape = "x".join(map(str, image.shape))
        raise InputError(
            f"an image of {shape} has {image.size:,} pixels but the model reads {len(readout.names):,} columns: give "
            "the shape that the columns have"
        )
    return readout


def refuse_other_map(old: LinearModel, new: LinearModel, Y: NDArray[np.float64] | None) -> None:
    """Refuse models that are fitted to other transformations of the target, as far as public targets Y (m, k) show."""
    first, second = old.target_map, new.target_map
    if (first is None) == (second is None) and (
        first is None or second is None or Y is None or first.same(second, Y)
    ):  # fmt: skip
        return
    raise InputError(
        "the models are fitted to other transformations of the target (one was fitted anew, or is another): what "
        "is before and after then is not one number; keep the target's transformation as it was"
    )


def penalised(old: LinearModel, l2: float) -> LinearModel:
    """Return a model with a penalty that is given: of the sum, for each feature but the constant."""
    if not 0 <= l2 <= LARGEST_PENALTY:
        raise InputError(f"l2 is {l2}: a penalty is zero or more, and at most {LARGEST_PENALTY:g}")
    penalty = np.full(old.W.shape[0], float(l2))
    if old.has_constant:
        penalty[-1] = 0.0
    return replace(old, l2=penalty, averaged=False)


def rows(deletions: int | ArrayLike, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the rows to delete: drawn, or as given."""
    if not isinstance(deletions, int | np.integer):
        return check_rows(deletions, n)
    if deletions < 1:
        raise InputError(f"deletions is {deletions}: at least one has to be played")
    return np.sort(rng.choice(n, size=min(int(deletions), n), replace=False)).astype(np.int64)


def as_model(model: BaseEstimator, table: pd.DataFrame, names: Sequence[str]) -> LinearModel:
    """Return an estimator as a model; of one that is not attacked say what its file stores all the same."""
    if is_result(model):
        return from_statsmodels(model, table, names)
    if is_onnx(model):
        return from_onnx(model, table, names)
    try:
        return from_sklearn(model, table, names)
    except InputError as error:
        try:
            held = [one for one in stored_in(model) if isinstance(one, Stored)]
        except InputError:
            raise error from None
        if not held:
            raise
        count = sum(len(one.rows) for one in held)
        raise InputError(
            f"{error}. No attack is needed: {held[0].source} stores {count:,} records as they stand, and undelete scan "
            "lists them"
        ) from error
