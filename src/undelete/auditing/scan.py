"""What a fitted file gives away by itself, and what two of them say of who came between: no attack on the model."""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from undelete.adapters.files.files import load_parts
from undelete.adapters.files.networks import is_network_file
from undelete.adapters.model import LinearModel
from undelete.adapters.onnx import is_onnx
from undelete.adapters.sklearn.stored import stored_in
from undelete.adapters.stored.change import Change
from undelete.adapters.stored.compare import compare
from undelete.adapters.stored.given import Given, alone
from undelete.adapters.stored.raw_table import raw_table
from undelete.adapters.stored.statistic import Count, Statistic, Stored
from undelete.errors import InputError
from undelete.files import write_together

COLUMNS = ("column", "value", "low", "high", "exact", "kind", "source")
_PERSONAL = ("count",)  # kinds of rows that say nothing of one person


@dataclass(frozen=True, eq=False)
class Scan:
    """What one file, or two, give away of training records by themselves.

    Attributes
    ----------
    table : DataFrame
        A row a value: column, value (NaN where only a range is known), low and high (what holds a number), exact,
        kind, source (the field that says it). Of two files the values are of who left or joined between them.
    records : DataFrame
        Training records that are stored as they stand, in the raw columns as far as the steps can be undone, with
        `source`; of two files also `held`: "before", "after" or "both".
    change : Change or None
        Of two files who came between: how many, whether one person, what speaks against it.
    """

    table: pd.DataFrame
    records: pd.DataFrame
    change: Change | None = None

    def __repr__(self) -> str:
        exact = int(self.table.exact.sum())
        return (
            f"<Scan: {len(self.table):,} values of {self.who}, {exact:,} exact; {len(self.records):,} stored records>"
        )

    @property
    def who(self) -> str:
        """Whose values the table holds, in words."""
        if self.change is None:
            return "training records"
        number = self.change.number
        verb = "joined" if self.change.joined else "left"
        if self.change.one is not False and number in (1, None):
            return f"the record that {verb}"
        return f"those who {verb}" if number else "those who left and joined"

    @property
    def exposed(self) -> bool:
        """Whether any file stores records as they stand, or a value of one person exactly."""
        return bool(len(self.records)) or bool((self.table.exact & ~self.table.kind.isin(_PERSONAL)).any())

    def document(self) -> dict[str, Any]:
        """Return the result as the dictionary that scan.json holds, schema "undelete.scan/1"."""
        change = self.change
        return {
            "schema": "undelete.scan/1",
            "who": self.who,
            "change": None if change is None else {
                "before": change.before, "after": change.after, "number": change.number, "joined": change.joined,
                "one": change.one, "notes": list(change.notes),
            },
            "table": [{str(k): _plain(v) for k, v in row.items()} for row in self.table.to_dict("records")],
            "records": len(self.records),
            "record_sources": dict(Counter(self.records["source"])) if len(self.records) else {},
        }  # fmt: skip

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write scan.json, scan.csv and, where records are stored, records.csv, for their owner's eyes only."""
        place = Path(folder)
        files: dict[Any, Any] = {
            place / "scan.json": as_text(self.document()),
            place / "scan.csv": self.table.to_csv(index=False),
        }
        if len(self.records):
            files[place / "records.csv"] = self.records.to_csv(index=False)
        write_together(files)


def as_text(document: dict[str, Any]) -> str:
    """Return a document as the text of its file."""
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def scan(model: Any, later: Any = None, *, trust: bool = False) -> Scan:
    """Return what a fitted file stores of its training records by itself, or what two of them say of who came between.

    No model is attacked: this is in the files for whoever opens them.

    Parameters
    ----------
    model : estimator, LinearModel, result of statsmodels, or path
        Fitted: a search, pipeline or single estimator. Of a .skops file nothing is built or called; a pickle is read
        only with `trust`.
    later : the same, optional
        The file that was released next.
    trust : bool
        Whether files may be unpickled, which runs code they contain.

    Returns
    -------
    Scan
        `.table` and `.records`.

    Raises
    ------
    InputError
        When a file cannot be used, or the two are not two fits of one thing.

    Notes
    -----
    Exact to the rounding of float64 arithmetic, which is in the error bars. Source: maths (30) to (32).

    Examples
    --------
    >>> from sklearn.preprocessing import StandardScaler
    >>> rows = np.array([[20.0], [30.0], [41.0], [64.0]])
    >>> scan(StandardScaler().fit(rows), StandardScaler().fit(rows[1:])).table.value.tolist()
    [-1.0, 20.0]
    """
    first = _statistics(model, trust)
    if later is None:
        return Scan(_table(alone(first)), _records(first))
    second = _statistics(later, trust)
    if first and second and not {_kind(s) for s in first} & {_kind(s) for s in second}:
        raise InputError(
            f"the two files store different things ({first[0].source} and {second[0].source}): give two fits of the "
            "same estimator"
        )
    change = compare(first, second)
    return Scan(_table(change.rows), _held(_records(first), _records(second)), change)


def _kind(one: Statistic) -> tuple[type, str]:
    return type(one), one.source


def _statistics(model: Any, trust: bool) -> Sequence[Statistic]:
    name = model
    if is_network_file(model):
        raise InputError(
            f"{model} is a network's file, which holds its parameters and nothing that scan lists: undelete audit "
            "takes two of them; scan the preprocessing's own file"
        )
    if isinstance(model, str | os.PathLike):
        model = load_parts(model, trust=trust)
    if isinstance(model, LinearModel):
        return () if model.n is None else (Count("n", float(model.n)),)
    if is_onnx(model):
        raise InputError(
            "of an ONNX graph undelete scan does not list what it stores: scan the model's .skops file (or look at its "
            "scalers' offsets and encoders' categories yourself)"
        )
    found = stored_in(model)
    if not found and not isinstance(name, str | os.PathLike) and not hasattr(model, "__dict__"):
        raise InputError(f"a {type(model).__name__} is no fitted model: give an estimator or a model file")
    return found


def _table(rows: Sequence[Given]) -> pd.DataFrame:
    return pd.DataFrame([dataclasses.astuple(row) for row in rows], columns=list(COLUMNS)).astype({"exact": bool})


def _records(statistics: Sequence[Statistic]) -> pd.DataFrame:
    """Return the records that one file stores, with the field that holds them."""
    tables = []
    for one in statistics:
        if isinstance(one, Stored):
            table = raw_table(one.features, one.rows, one.target)
            table.insert(0, "source", one.source)
            tables.append(table)
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _held(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Return the records of two files, and which of them hold each; equal ones as often as they are there."""
    if before.empty and after.empty:
        return pd.DataFrame()
    left = Counter(_digest(before))
    right = Counter(_digest(after))
    both = left & right
    parts = []
    for table, word in ((before, "before"), (after, "after")):
        used: Counter[Any] = Counter()
        words = []
        for key in _digest(table):
            used[key] += 1
            words.append("both" if used[key] <= both[key] else word)
        part = table.assign(held=words)
        parts.append(part if word == "before" else part[part.held == "after"])
    return pd.concat(parts, ignore_index=True)


def _digest(table: pd.DataFrame) -> list[tuple[Any, ...]]:
    """Return each row to eight digits: a scaler in front may have been refitted."""
    columns = [table[name].tolist() for name in table.columns]
    return list(zip(*([_short(cell) for cell in column] for column in columns), strict=True))


def _short(cell: Any) -> Any:
    if isinstance(cell, float):
        return cell if not math.isfinite(cell) or cell == 0 else float(f"{cell:.8g}")
    return cell if isinstance(cell, int | str | bool) or cell is None else str(cell)


def _plain(cell: Any) -> Any:
    """Return a cell as JSON has it: no NaN, no NumPy."""
    if isinstance(cell, np.generic):
        cell = cell.item()
    if isinstance(cell, float) and not math.isfinite(cell):
        return None
    return cell if isinstance(cell, int | float | str | bool) or cell is None else str(cell)
