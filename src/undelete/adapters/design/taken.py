"""Which public records a model's steps take: nobody whom they refuse was among those that the model was trained on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from undelete.adapters.design.conform import outside
from undelete.adapters.design.design import Design
from undelete.adapters.design.probed import Probed
from undelete.errors import InputError
from undelete.maths.arrays import Flags, Indices

MOST = 0.2  # of the records: if more are refused, they were written otherwise than the training records
_TRIED = 50  # records, to find one that is taken


def taken(design: Design | Probed, table: pd.DataFrame) -> tuple[Flags | None, list[str]]:
    """Return which public records (m,) a model's steps take, and what is said of the others.

    The encoder of a training without a category refuses it, a spline of a formula ends at the training records'
    extremes, and without an imputer nobody had a missing cell. The training records are then people of the population
    who are not so, and so should the public ones be.

    Parameters
    ----------
    design : Design or Probed
        Of the model.
    table : DataFrame (m, columns)
        The public records, raw.

    Returns
    -------
    flags : array (m,) of bool or None
        None where all are taken, or so many are not that something else must be wrong: what refuses them says it.
    said : list of str
        One line, where some are left out.
    """
    kept: Flags = np.ones(len(table), dtype=bool)
    why = _refusal(design, table, kept)
    if why is None or not _without(design, table, kept) or kept.mean() < 1 - MOST:
        return None, []
    return kept, [
        f"{int((~kept).sum()):,} of {len(table):,} public records are left out, which the model's steps refuse: it was "
        f"trained on nobody like them. Of the first: {why}."
    ]


def _refusal(design: Design | Probed, table: pd.DataFrame, rows: Flags | Indices) -> str | None:
    """Return why a model's steps refuse some records, None where they take them all."""
    try:
        design.transform(table[rows] if rows.dtype == bool else table.iloc[rows])
    except InputError as error:
        return str(error).split(": ")[0]
    return None


def _without(design: Design | Probed, table: pd.DataFrame, kept: Flags) -> bool:
    """Take out of `kept` the records that a model's steps refuse; return whether they were found."""
    raw = [name for name in design.raw if name in table]
    odd: list[Callable[[], Flags]] = [
        lambda: outside(design.conformed(table), design.uses),
        lambda: table[raw].isna().any(axis=1).to_numpy(),
        lambda: _beyond(design, table[raw], np.flatnonzero(kept)),
    ]
    for which in odd:
        kept &= ~which()
        if kept.any() and _refusal(design, table, kept) is None:
            return True
    return False


def _beyond(design: Design | Probed, table: pd.DataFrame, rows: Indices) -> Flags:
    """Return which records (m,) have a number below or above those that the steps take in an ordinary record."""
    odd: Flags = np.zeros(len(table), dtype=bool)
    ordinary = next((row for row in rows[:_TRIED] if _refusal(design, table, np.array([row])) is None), None)
    if ordinary is None:
        return odd
    for name in table.columns:
        if not pd.api.types.is_numeric_dtype(table[name]) or table[name].dtype == bool:
            continue
        values = np.unique(table[name].to_numpy()[rows])
        if not np.isfinite(values).all():
            continue
        one = table.iloc[[ordinary]].reset_index(drop=True)
        at = int(np.searchsorted(values, table[name].iloc[ordinary]))

        def refused(place: int, one: pd.DataFrame = one, name: str = name, values: NDArray[Any] = values) -> bool:
            one[name] = values[place : place + 1]
            return _refusal(design, one, np.array([0])) is not None

        low = _first(lambda place: not refused(place), 0, at)
        high = _first(refused, at, len(values))
        odd |= (table[name] < values[low]).to_numpy() | (table[name] > values[high - 1]).to_numpy()
    return odd


def _first(is_so: Callable[[int], bool], low: int, high: int) -> int:
    """Return the first place from `low` on that is so, all after it being so too; `high` where none before it is."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if is_so(middle) else (middle + 1, high)
    return low


__all__ = ["MOST", "taken"]
