"""What is read of the user's files: the columns that the model reads, a sample of many public records, what fits."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from undelete.adapters.design.taken import MOST as MOST_REFUSED
from undelete.adapters.design.taken import taken
from undelete.adapters.model import LinearModel
from undelete.adapters.targets import of_no_class
from undelete.auditing.inputs import Table, as_records, target_columns
from undelete.data.table import column_names, count_rows, read_table
from undelete.data.thinning import MOST, kept_rows, thinned
from undelete.errors import InputError
from undelete.limits import HOW, allowed
from undelete.maths.arrays import Flags, Indices

COPIES = 5  # times its own size that a table takes while it is attacked: measured by benchmarks/scale.py


def columns_read(models: Sequence[Any]) -> set[str] | None:
    """Return the raw columns that loaded models read; None where one does not name them."""
    wanted: set[str] = set()
    for model in models:
        names = getattr(model, "feature_names_in_", None)
        if isinstance(model, LinearModel):  # a column may be called log(age)
            names = [*model.design.raw, *(atom.written for atom in model.design.atoms)]
            names += [] if model.offset is None else model.offset.columns
        if names is None:
            return None
        wanted |= {str(name) for name in names}
    return wanted


def public_records(
    public: Table, models: Sequence[Any], target: str | Sequence[str] | None, beside: str | None = None
) -> tuple[pd.DataFrame, list[str]]:
    """Return the public records that are used, and what to say where they are a sample.

    Of a file only the columns that the models read are read, the target's, and one `beside`. Of more than a million
    records a random sample is used, by the rule of `undelete.data.thinning`.

    Raises
    ------
    InputError
        When the records cannot be read, or have no such target.
    """
    most, written = int(allowed(MOST)), []
    if isinstance(public, str | os.PathLike):
        wanted = _wanted(public, models, target)
        wanted = wanted if wanted is None or beside is None else wanted | {beside}
        table = read_table(public, wanted, most=most)
        rows = int(table.attrs["rows"])
        written = [said for said in [str(table.attrs.get("read_as", ""))] if said]
    else:
        table = as_records(public)
        rows = len(table)
        table = thinned(table, most)
    return table, [*written, *sampled(rows, len(table))]


def thinned_with(public: pd.DataFrame, y: Any) -> tuple[pd.DataFrame, Any, list[str]]:
    """Return public records and their targets likewise, where both are there already."""
    kept = kept_rows(len(public), int(allowed(MOST)))
    return *part(public, y, kept), [] if kept is None else sampled(len(public), len(kept))


def part(table: pd.DataFrame, y: Any, rows: NDArray[np.int64] | None) -> tuple[pd.DataFrame, Any]:
    """Return some rows of a table, and of its targets where there are any; all where `rows` is None."""
    if rows is None:
        return table, y
    if y is not None:
        y = y.iloc[rows] if isinstance(y, pd.Series | pd.DataFrame) else np.asarray(y)[rows]
    return table.iloc[rows], y


def accepted(model: LinearModel, table: pd.DataFrame, y: Any = None) -> tuple[pd.DataFrame, Any, Indices, list[str]]:
    """Return the public records that a model takes: of its classes, and such as its steps read.

    With them their targets, their rows, and what is said of the others.
    """
    places, told = np.arange(len(table)), []
    if y is not None and len(y) == len(table):
        empty = pd.isna(pd.DataFrame(np.asarray(y))).any(axis=1).to_numpy()
        if 0 < empty.sum() < len(table):
            told.append(f"{int(empty.sum()):,} of {len(table):,} public records are left out, whose target is empty.")
            table, y, places = _without(empty, table, y, places)
        strange = of_no_class(model, y)
        if 0 < strange.sum() <= MOST_REFUSED * len(table):
            first = np.asarray(y).ravel()[strange][0]
            told.append(
                f"{int(strange.sum()):,} of {len(table):,} public records are left out, whose target is no class of "
                f"the model: it was trained on nobody like them. The first is {str(first)!r}."
            )
            table, y, places = _without(strange, table, y, places)
    rows, said = taken(model.design, table)
    if rows is None:
        return table, y, places, [*told, *said]
    table, y = part(table, y, np.flatnonzero(rows))
    return table.reset_index(drop=True), y, places[rows], [*told, *said]


def _without(out: Flags, table: pd.DataFrame, y: Any, places: Indices) -> tuple[pd.DataFrame, Any, Indices]:
    """Return records, targets and rows without those that `out` (m,) marks."""
    kept = np.flatnonzero(~out)
    table, y = part(table, y, kept)
    table = table.reset_index(drop=True)
    table.attrs.pop("lines", None)  # they are those of the whole file
    return table, y, places[kept]


def sampled(rows: int, kept: int) -> list[str]:
    """Say that the public records are a sample, where they are."""
    if rows == kept:
        return []
    return [
        f"Of {rows:,} public records a random sample of {kept:,} is used: an attacker who takes them all knows the "
        f"Hessian better, which matters where the training data are as many ({HOW})."
    ]


def all_columns(records: Table, table: pd.DataFrame) -> list[str]:
    """Return the names of all columns, also of those that were not read of a file."""
    return column_names(records) if isinstance(records, str | os.PathLike) else list(table.columns)


def training_records(train: str | os.PathLike[str], model: Any, target: str | Sequence[str]) -> pd.DataFrame:
    """Return a file's training records, in the columns that the model reads and the target's.

    Raises
    ------
    InputError
        When they cannot be read, have no such target, or will not fit in memory: before they are read.
    """
    wanted = _wanted(train, [model], target)
    rows = count_rows(train)
    if rows is not None:
        columns = len(column_names(train)) if wanted is None else len(wanted)
        features = model.W.shape[0] if isinstance(model, LinearModel) else int(getattr(model, "n_features_in_", 1))
        check_memory(Path(train), rows, max(columns, features))
    return read_table(train, wanted)


def weights_of(train: str | os.PathLike[str], column: str) -> NDArray[np.float64]:
    """Return a column of a file's training records as their weights; InputError where it is no column of numbers."""
    if column not in column_names(train):
        raise InputError(f"{train} has no column {column!r}, which was to say the records' weights (--sample-weight)")
    weights = pd.to_numeric(read_table(train, {column})[column], errors="coerce").to_numpy(dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(weights))
    if bad.size:
        raise InputError(f"{train}: column {column!r} is no number in row {bad[0]}, and a weight is one: correct it")
    return weights


def _wanted(file: str | os.PathLike[str], models: Sequence[Any], target: str | Sequence[str] | None) -> set[str] | None:
    names = column_names(file)
    names += [name.strip() for name in names if name.strip() not in names]  # as `read_table` finds them
    try:
        targets = target_columns(pd.DataFrame(columns=names), target)
    except InputError as error:
        raise InputError(f"{file}: {str(error).replace('the public table', 'the table', 1)}") from error
    wanted = columns_read(models)
    return None if wanted is None else wanted | set(targets)


def check_memory(file: Path, rows: int, columns: int) -> None:
    """Raise InputError, before any work, where a table needs more memory than is free."""
    needed, free = COPIES * 8 * rows * columns, free_memory()
    if free is not None and needed > free:
        raise InputError(
            f"{file} has {rows:,} records of {columns:,} numbers, for which about {needed / 1e9:,.1f} GB of memory are "
            f"needed and {free / 1e9:,.1f} GB are free: give fewer records, or more memory"
        )


def free_memory() -> int | None:
    """Return how many bytes of memory this process may still take; None where nothing says."""
    found = []
    for place in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        used = place.replace("memory.max", "memory.current").replace("limit_in", "usage_in")
        limit, taken = _number(place), _number(used)
        if limit is not None and taken is not None:
            found.append(limit - taken)
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        found += [1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")]
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        import resource  # not on Windows, and nor is what comes before

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        found += [limit - taken] if limit != resource.RLIM_INFINITY else []
    except (OSError, ValueError, IndexError, ImportError):
        pass
    return max(0, min(found)) if found else None


def _number(place: str) -> int | None:
    try:
        return int(Path(place).read_text())
    except (OSError, ValueError):
        return None
