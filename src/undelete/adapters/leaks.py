"""What a refitted preprocessing gives away of the deleted record by itself, without any attack on the model.

A scaler stores means and extremes of its training records, an encoder their categories, and Nystroem's features whole
records. Whoever has the old and the new one can compare.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from undelete.adapters.design.design import Design, Encoding
from undelete.adapters.design.polynomial import Category
from undelete.adapters.design.probed import Probed
from undelete.maths.arrays import Floats
from undelete.maths.embeddings import Nystroem

if TYPE_CHECKING:
    from undelete.adapters.model import LinearModel


_DIGITS = 1e8 / np.pi  # rows equal to eight digits are one record; no round fraction falls on a half here


def sentences(before: LinearModel, after: LinearModel) -> list[str]:
    """Say what two models' preprocessing gives away, for a reader."""
    found = []
    columns = scaler_leak(before, after)
    if columns:
        found.append(
            "The two pipelines' scalers give values of the deleted record away exactly, without any attack: n times "
            f"the old mean less n - 1 times the new one, for {_listed(columns)}."
        )
    extremes = extreme_leak(before, after)
    if extremes:
        found.append(
            f"The least or greatest value a scaler stores for {_listed(extremes)} changed: the old one "
            "is the deleted record's own, exactly."
        )
    for column in lost_categories(before.design, after.design):
        found.append(
            f"The new encoder of column {column!r} lacks a category that the old one knew: the deleted record was the "
            "only one that had it."
        )
    if basis_leak(before, after) is not None:
        found.append(
            "The old Nystroem transformer stores one record that the new one lacks: it is the deleted record as it "
            "stands."
        )
    return found


def scaler_leak(before: LinearModel, after: LinearModel) -> dict[str, float] | None:
    """Return the deleted record's values that two StandardScalers give away by themselves.

    A StandardScaler stores its training records' number and means, so n mean - (n - 1) mean' is the deleted
    value, exact to round-off (about n times 1e-16 of the mean).

    Parameters
    ----------
    before, after : LinearModel
        Fitted before and after the deletion.

    Returns
    -------
    dict of str to float, or None
        For each column that a StandardScaler reads raw, the deleted record's value. None when there is none,
        or the second was not fitted on exactly one record less.
    """
    leaked = {}
    for column, (n, mean) in before.means.items():
        later, mean_later = after.means.get(column, (0, 0.0))
        if later == n - 1:
            leaked[column] = n * mean - later * mean_later
    return leaked or None


def extreme_leak(before: LinearModel, after: LinearModel) -> tuple[str, ...]:
    """Return the columns of which a MinMaxScaler or MaxAbsScaler gives the deleted record's value away by itself.

    Such a scaler stores the least and the greatest value (or the largest magnitude) of its training records. One
    that is less extreme after the deletion was the deleted record's: the old one is its value, exactly (up to the
    sign for MaxAbsScaler).

    Parameters
    ----------
    before, after : LinearModel
        Fitted before and after the deletion.

    Returns
    -------
    tuple of str
        Raw columns, sorted; empty when no extreme moved.
    """
    moved = set()
    for (column, attribute), value in before.extremes.items():
        later = after.extremes.get((column, attribute), value)
        if later > value if attribute == "data_min_" else later < value:
            moved.add(column)
    return tuple(sorted(moved))


def exact_values(before: LinearModel, after: LinearModel) -> dict[str, Category]:
    """Return the deleted record's values that the two preprocessings give away exactly, by raw column.

    What a StandardScaler's means say, the least or greatest value of a MinMaxScaler that moved, and a category that
    only the old encoder knows.
    """
    lost = lost_categories(before.design, after.design)
    values: dict[str, Category] = {column: gone[0] for column, gone in lost.items() if len(gone) == 1}
    moved = extreme_leak(before, after)
    for (column, attribute), value in before.extremes.items():
        if column in moved and attribute != "max_abs_" and value != after.extremes.get((column, attribute), value):
            values[column] = value
    return values | (scaler_leak(before, after) or {})


def lost_categories(before: Design | Probed, after: Design | Probed) -> dict[str, tuple[Category, ...]]:
    """Return, for each raw column, the categories that only the old encoders know.

    Each is a value that no record but the deleted one had.
    """
    later = {place(encoding): set(encoding.known) for encoding in after.encodings}
    lost: dict[str, tuple[Category, ...]] = {}
    for encoding in before.encodings:
        gone = [c for c in encoding.known if c not in later.get(place(encoding), set(encoding.known))]
        if gone:
            lost[encoding.column] = tuple(gone)
    return lost


def place(encoding: Encoding) -> tuple[str, bool, object]:
    """Return what tells an encoder from the others of a pipeline: its column, kind and imputation."""
    return encoding.column, encoding.ordinal, encoding.fills


def basis_leak(before: LinearModel, after: LinearModel) -> Floats | None:
    """Return the record (d0,) that only the old Nystroem transformer stores, as the preprocessing makes it.

    None unless all others are in both: a transformer that was fitted anew draws other records. That it is the
    deleted record holds where the basis was drawn from the training records, and kept but for it.
    """
    old, new = before.embedding, after.embedding
    if not isinstance(old, Nystroem) or not isinstance(new, Nystroem) or old.inputs != new.inputs:
        return None
    gone = np.flatnonzero(~among(old.basis, new.basis))
    came = np.flatnonzero(~among(new.basis, old.basis))
    return np.array(old.basis[gone[0]]) if len(gone) == 1 and len(came) <= 1 else None


def stored_records(model: LinearModel) -> Floats | None:
    """Return the records (B, d0) that a Nystroem transformer stores as they are; None for another embedding."""
    return model.embedding.basis if isinstance(model.embedding, Nystroem) else None


def among(rows: Floats, others: Floats) -> NDArray[np.bool_]:
    """Return which rows (n, d0) are, to eight digits, rows of others (m, d0)."""
    keys = {row.tobytes() for row in np.round(others * _DIGITS) + 0.0}  # no negative zeros
    return np.array([row.tobytes() in keys for row in np.round(rows * _DIGITS) + 0.0], dtype=bool)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))
