"""What the user brings: tables, counts, targets, the true record; read, checked, and put in the model's terms."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from pandas.api.types import is_numeric_dtype

from undelete.adapters.design.columns import MISSING
from undelete.adapters.design.readout import Readout
from undelete.adapters.leaks import among, sentences, stored_records
from undelete.adapters.model import LARGEST_PENALTY, LinearModel
from undelete.adapters.targets import encode_target
from undelete.auditing.problem import as_table, check_rows
from undelete.data.schema import ImageInfo
from undelete.data.table import read_table
from undelete.errors import InputError
from undelete.release.release import Release
from undelete.scoring.truth import Truth

Table: TypeAlias = pd.DataFrame | NDArray[Any] | str | os.PathLike[str]


def as_records(records: Table) -> pd.DataFrame:
    """Return records as a table: a frame, its labels as text; an array with columns x0, x1, ...; a file read."""
    if isinstance(records, str | os.PathLike):
        return read_table(records)
    return as_table(records)


def target_columns(public: pd.DataFrame, target: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return the names of the target's columns in the public table, () without any.

    Several outputs have one each: a list of names, or one text with commas, unless a column is called that.
    """
    if target is None:
        return ()
    have = set(public.columns)
    if isinstance(target, str) and target not in have and "," in target:
        target = [part.strip() for part in target.split(",")]
    names = (target,) if isinstance(target, str | int) else tuple(target)
    missing = [str(name) for name in names if str(name) not in have]
    if missing:
        shown = ", ".join(map(str, public.columns[:12]))
        raise InputError(f"the public table has no target column {missing[0]!r}; it has {shown}: name one of them")
    return tuple(str(name) for name in names)


def public_target(
    model: LinearModel, public: pd.DataFrame, target: str | Sequence[str] | None
) -> NDArray[np.float64] | None:
    """Return the public targets Y (m, k) from the named columns, None without a name."""
    names = target_columns(public, target)
    return encode_target(model, public[list(names)], ", ".join(names)) if names else None


def public_view(
    model: LinearModel, public: pd.DataFrame, Y: NDArray[np.float64] | None, *, raw: bool = True
) -> dict[str, Any]:
    """Return the fields of `Release` that come from the public data and the old model's preprocessing.

    With `raw` false its raw columns are left out: those of an image are pixels, not one of them a finding.
    """
    if len(public) == 0:
        raise InputError("the public table has no rows: the attack estimates the Hessian from public records")
    if Y is None and model.loss == "squared_hinge":
        raise InputError(
            "the squared hinge loss is curved only where a public record is inside the margin, which its target "
            "decides: name the target column of the public table (--target, or y_public)"
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
    }


def _constant(model: LinearModel, X: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return the v (d,) with x @ v = 1 for every record: the model's own, or a column that is the same in all of X."""
    own = model.constant()
    if own is not None or model.embedding is not None:
        return own
    same = np.flatnonzero((X[0] == X).all(axis=0) & (X[0] != 0))
    if not same.size:
        return None
    chosen = same[np.argmin(np.abs(np.log(np.abs(X[0, same]))))]  # ones, where there are any
    v: NDArray[np.float64] = np.zeros(X.shape[1])
    v[chosen] = 1 / X[0, chosen]
    return v


def taken_constant(model: LinearModel, release: Release) -> list[str]:
    """Say which column was taken for the constant of a model without an intercept."""
    if release.constant is None or model.embedding is not None or model.constant() is not None:
        return []
    name = model.design.feature_names[int(np.flatnonzero(release.constant)[0])]
    return [
        f"The model was fitted without an intercept, and column {name!r} is the same in every public record: it is "
        "taken as the constant."
    ]


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


def overlap(train: pd.DataFrame, y: ArrayLike, public: pd.DataFrame, y_public: ArrayLike | None) -> list[str]:
    """Say when far more public records equal a training record than training records equal each other."""
    own, seen = _with_targets(train, y), public if y_public is None else _with_targets(public, y_public)
    shared = [column for column in own.columns if column in seen]

    numbers = [column for column in shared if all(is_numeric_dtype(table[column]) for table in (own, seen))]

    def digest(table: pd.DataFrame) -> pd.Series[int]:
        words = table[shared].drop(columns=numbers).astype(object).astype(str)
        cells = pd.concat([table[numbers].astype("float64") + 0.0, words], axis=1)
        return pd.util.hash_pandas_object(cells, index=False)

    if not shared:
        return []
    private = digest(own)
    share, natural = float(digest(seen).isin(private).mean()), float(private.duplicated(keep=False).mean())
    if share < natural + 0.25:
        return []
    return [
        f"{100 * share:.0f} % of the public records equal a training record in every column: if they are the same "
        "people, the attacker is given the private data and this result means nothing."
    ]


def _with_targets(table: pd.DataFrame, y: ArrayLike) -> pd.DataFrame:
    """Return a table with its targets, under names that no column has."""
    Y = pd.DataFrame(np.asarray(y).reshape(len(table), -1), index=table.index)
    taken = max(map(len, table.columns), default=0)
    return pd.concat([table, Y.set_axis([f"{'target':_>{taken + 7}}{j}" for j in Y.columns], axis=1)], axis=1)


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


def penalty(old: LinearModel, l2: float | None) -> NDArray[np.float64] | None:
    """Return the penalty of each feature (d,), as given or as the old model's file says."""
    if l2 is None:
        return None if old.l2 is None else np.asarray(old.l2, dtype=np.float64)
    if not 0 <= l2 <= LARGEST_PENALTY:
        raise InputError(f"l2 is {l2}: a penalty is zero or more, and at most {LARGEST_PENALTY:g}")
    penalty = np.full(old.W.shape[0], float(l2))
    if old.has_constant:
        penalty[-1] = 0.0
    return penalty


def leaks(old: LinearModel, new: LinearModel, truth: Truth | None) -> list[str]:
    """Say what the preprocessing gives away by itself."""
    told, stored = sentences(old, new), stored_records(old)
    if stored is not None and truth is not None and truth.inputs is not None:
        kept = int(among(truth.inputs, stored).sum())
        if kept:
            which = "the deleted record" if len(truth.inputs) == 1 else f"{kept:,} of the deleted records"
            told.append(
                f"The Nystroem transformer stores {which} as it was fitted: unless the transformer goes too, the new "
                "model still holds what was to be deleted."
            )
    return told


def stored(model: LinearModel, release: Release) -> list[str]:
    """Say how many records a Nystroem transformer publishes, public ones apart."""
    basis = stored_records(model)
    if basis is None or release.inputs_public is None:
        return []
    count = int((~among(basis, release.inputs_public)).sum())
    if not count:
        return []
    return [
        f"The Nystroem transformer stores {count:,} records as they are, none of them among the public ones: if it was "
        "fitted on the training data, the model file gives these people away whole, whether or not anyone is deleted. "
        "Fit it on public records."
    ]


def refilled(columns: Sequence[str]) -> list[str]:
    """Say which imputers changed without meaning."""
    if not columns:
        return []
    return [
        f"The imputers of {', '.join(map(repr, columns))} fill another value after the deletion. No public record has "
        "a missing cell there, so this is left out; it matters only if the deleted one had."
    ]


def true_record(
    truth: Table | Mapping[str, Any], old: LinearModel, release: Release, target: Sequence[str] = ()
) -> Truth:
    """Return the deleted record for the scores; one row."""
    if isinstance(truth, pd.Series):
        table = as_records(truth.to_frame().T)
    else:
        table = pd.DataFrame([dict(truth)]) if isinstance(truth, Mapping) else as_records(truth)
    if len(table) != 1:
        raise InputError(
            f"the truth has {len(table)} records: two models are audited for the deletion of one; give the one "
            "that was deleted between them"
        )
    there = bool(target) and all(name in table for name in target)
    Y = encode_target(old, table[list(target)], ", ".join(target)) if there else None
    return Truth(X=old.features(table), Y=Y, **own_columns(old, release, table))


def own_columns(model: LinearModel, release: Release, table: pd.DataFrame) -> dict[str, Any]:
    """Return the fields of `Truth` that say what true records have before an embedding and in the raw columns."""
    own = {} if model.embedding is None else {"inputs": model.inputs(table)}
    if not release.columns:
        return own
    codes, values = encode(model, release, table)
    return own | {"codes": codes, "values": values, "raw": raw(release, model.design.conformed(table))}


def raw(release: Release, table: pd.DataFrame) -> tuple[dict[str, Any], ...]:
    """Return the records' own cells, for display."""
    names = [column.name for column in release.columns]
    cells = [["missing" if pd.isna(v) else _plain(v) for v in table[name].astype(object)] for name in names]
    return tuple(dict(zip(names, row, strict=True)) for row in zip(*cells, strict=True))


def _plain(cell: Any) -> Any:
    return cell.item() if isinstance(cell, np.generic) else cell


def encode(model: LinearModel, release: Release, table: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return true records as codes, and their numbers in every numeric column.

    A missing cell is right only where it is a value of its own, told from what an imputer puts in, or where that
    value comes back as one that may be missing.
    """
    columns, table = tuple(release.columns), model.design.conformed(table)
    coded, values = model.design.encode(table, columns)
    codes, numbers = np.array(coded), np.array(values)
    for j, column in enumerate(columns):
        if column.kind == "discrete":
            numbers[:, j] = pd.to_numeric(table[column.name], errors="coerce")
        if column.filled is not None:
            continue  # what comes back of a missing cell is "missing, or" that value, which is right
        missing = table[column.name].isna().to_numpy()
        numbers[missing, j] = np.nan
        if not (pd.isna(column.values) | (column.values == MISSING)).any():
            codes[missing, j] = -1
    return codes, numbers


def rows(deletions: int | ArrayLike, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the rows to delete: drawn, or as given."""
    if not isinstance(deletions, int | np.integer):
        return check_rows(deletions, n)
    if deletions < 1:
        raise InputError(f"deletions is {deletions}: at least one has to be played")
    return np.sort(rng.choice(n, size=min(int(deletions), n), replace=False)).astype(np.int64)
