"""The deleted record as the auditor has it, in the terms of the columns that are attacked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from undelete.adapters.design.design import Design
from undelete.adapters.design.probed import Probed
from undelete.adapters.design.values import MISSING
from undelete.adapters.model import LinearModel
from undelete.adapters.targets import encode_target
from undelete.auditing.inputs import Table, as_records
from undelete.errors import InputError
from undelete.release.columns import Column
from undelete.release.seen import Seen
from undelete.scoring.truth import Truth


def true_record(truth: Table | Mapping[str, Any], old: LinearModel, release: Seen, target: Sequence[str] = ()) -> Truth:
    """Return the deleted record for the scores; one row."""
    table = one_record(truth, (*old.design.raw, *target))
    there = bool(target) and all(name in table for name in target)
    Y = encode_target(old, table[list(target)], ", ".join(target)) if there else None
    return Truth(X=old.features(table), Y=Y, **own_columns(old, release, table))


def one_record(truth: Table | Mapping[str, Any], named: Sequence[str] = ()) -> pd.DataFrame:
    """Return the deleted record as a table of one row."""
    if isinstance(truth, pd.Series):
        table = as_records(truth.to_frame().T)
    else:
        table = pd.DataFrame([dict(truth)]) if isinstance(truth, Mapping) else as_records(truth, named)
    if len(table) != 1:
        raise InputError(
            f"the truth has {len(table)} records: two models are audited for the deletion of one; give the one "
            "that was deleted between them"
        )
    return table


def own_columns(model: LinearModel, release: Seen, table: pd.DataFrame) -> dict[str, Any]:
    """Return the fields of `Truth` that say what true records have before an embedding and in the raw columns."""
    own = {} if model.embedding is None else {"inputs": model.inputs(table)}
    if not release.columns:
        return own
    codes, values = encode(model, release, table)
    return own | {"codes": codes, "values": values, "raw": raw(release, model.design.conformed(table))}


def raw(release: Seen, table: pd.DataFrame) -> tuple[dict[str, Any], ...]:
    """Return the records' own cells, for display."""
    names = [column.name for column in release.columns]
    cells = [["missing" if pd.isna(v) else _plain(v) for v in table[name].astype(object)] for name in names]
    return tuple(dict(zip(names, row, strict=True)) for row in zip(*cells, strict=True))


def _plain(cell: Any) -> Any:
    return cell.item() if isinstance(cell, np.generic) else cell


def encode(model: LinearModel, release: Seen, table: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return true records as codes, and their numbers in every numeric column.

    A missing cell is right only where it is a value of its own, told from what an imputer puts in, or where that
    value comes back as one that may be missing.
    """
    return encode_design(model.design, tuple(release.columns), table)


def encode_design(
    design: Design | Probed, columns: tuple[Column, ...], table: pd.DataFrame
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return `encode` of records that a design reads."""
    table = design.conformed(table)
    coded, values = design.encode(table, columns)
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
        elif column.kind != "continuous":
            codes[missing, j] = column.alike[-1]
    return codes, numbers
