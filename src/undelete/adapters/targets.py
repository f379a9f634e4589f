"""Targets as the losses want them: numbers, or +1 and -1 for each class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from undelete.adapters.design.cells import place
from undelete.adapters.model import LinearModel
from undelete.errors import InputError
from undelete.maths.arrays import Flags
from undelete.maths.losses import loss_of


def target_names(y: ArrayLike) -> tuple[str, ...]:
    """Return what targets are called: a series' or a frame's own names, else `target`."""
    columns = getattr(y, "columns", None)
    if columns is not None:
        return tuple(str(label) for label in columns)
    name = getattr(y, "name", None)
    return ("target" if name is None else str(name),)


def encode_target(model: LinearModel, y: ArrayLike, name: str) -> NDArray[np.float64]:
    """Return Y (n, k): the numbers of a regression, +1 and -1 of a classifier, one-hot rows for softmax.

    Parameters
    ----------
    model : LinearModel
        Its classes decide; of two, the second is +1.
    y : array (n,) or (n, k)
        Targets as in the table.
    name : str
        The column's name, for messages.

    Raises
    ------
    InputError
        For a missing or infinite target, a word where a number belongs, or a class the model does not know.
    """
    values = _array(y)
    if model.output is not None and values.ndim == 2 and values.shape[1] > 1:
        y = _column(y, model.output, name)
        values = _array(y)
    if model.classes is None:
        numbers = np.asarray(pd.DataFrame(values).apply(pd.to_numeric, errors="coerce"), dtype=np.float64)
        bad = np.flatnonzero(~np.isfinite(numbers).all(axis=1))
        if bad.size:
            seen = _shown(values.reshape(len(values), -1)[bad[0]], numbers[bad[0]])
            where = _place(y, values, int(bad[0]))
            raise InputError(
                f"target {name!r} has {seen} in {where}, which is no finite number, and the model predicts a "
                "number: correct or drop the row"
            )
        if model.target_map is not None:
            numbers = model.target_map.forward(numbers)
        _check_domain(model, numbers, name)
        if numbers.shape[1] != model.W.shape[1]:
            raise InputError(
                f"target {name!r} has {numbers.shape[1]} column{'s' * (numbers.shape[1] > 1)} and the model predicts "
                f"{model.W.shape[1]}: give as many target columns as the model has outputs, in its order"
            )
        return numbers
    if values.ndim > 1 and values.shape[1] != 1:
        raise InputError(
            f"target {name!r} has {values.shape[1]} columns and the model tells classes apart, of which a record has "
            "one: give one column of labels"
        )
    position = _positions(model.classes, values)
    unknown = np.flatnonzero(position < 0)
    if unknown.size:
        known = ", ".join(repr(_plain(label)) for label in model.classes[:6])
        where = _place(y, values, int(unknown[0]))
        raise InputError(
            f"target {name!r} has {_plain(values.ravel()[unknown[0]])!r} in {where}, which is no class of the model "
            f"(it has {known}): correct or drop the row, or say which class it is (--label CELL=CLASS)"
        )
    if model.W.shape[1] == 1:
        return np.where(position == 1, 1.0, -1.0)[:, None]
    return np.where(position[:, None] == np.arange(len(model.classes)), 1.0, loss_of(model.loss).low)


def of_no_class(model: LinearModel, y: ArrayLike) -> Flags:
    """Return which targets (n,) are a class that the model does not know; a missing one is none."""
    values = _array(y)
    if model.classes is None or values.size != len(values):
        return np.zeros(len(values), dtype=bool)
    return np.asarray((_positions(model.classes, values) < 0) & ~np.asarray(pd.isna(values.ravel())))


def _positions(classes: Sequence[Any], values: NDArray[Any]) -> NDArray[np.int64]:
    """Return which class each target is, -1 for none."""
    at = {_key(label): j for j, label in enumerate(classes)}
    return np.array([at.get(_key(value), -1) for value in values.ravel()], dtype=np.int64)


def _column(y: Any, output: int, name: str) -> Any:
    """Return one of several target columns."""
    if output >= np.shape(y)[1]:
        raise InputError(f"target {name!r} has {np.shape(y)[1]} columns and the model predicts number {output + 1}")
    return y.iloc[:, [output]] if isinstance(y, pd.DataFrame) else np.asarray(y)[:, output]


def _check_domain(model: LinearModel, numbers: NDArray[np.float64], name: str) -> None:
    """Refuse numbers that the model's loss is not defined for."""
    loss = loss_of(model.loss)
    outside = numbers < loss.least if loss.least_itself else numbers <= loss.least
    if outside.any():
        over = "at least" if loss.least_itself else "above"
        raise InputError(
            f"target {name!r} has {numbers[outside][0]:g} in row {int(np.argwhere(outside)[0, 0])}, and a model of "
            f"{loss.name} loss is of numbers {over} {loss.least:g}: correct or drop the row"
        )


def _array(y: ArrayLike) -> NDArray[Any]:
    """Return targets (n,) or (n, k) as an array."""
    values = np.asarray(y)
    if values.ndim not in (1, 2):
        raise InputError(f"targets must be a column or a table of them, got an array of shape {values.shape}")
    return values


def _place(y: Any, values: NDArray[Any], row: int) -> str:
    """Return where a target is, in words."""
    if isinstance(y, pd.DataFrame) and y.shape[1] == 1:
        return place(y.iloc[:, 0], str(y.columns[0]), row, y.attrs.get("lines"))
    return f"row {row}"


def _shown(cells: NDArray[Any], numbers: NDArray[np.float64]) -> str:
    """Return the first of a row's cells that is no finite number, as the user wrote it."""
    return repr(_plain(cells[int(np.argmin(np.isfinite(numbers)))]))


def _plain(value: Any) -> Any:
    """Return a NumPy scalar as Python's own, which shows without its type, and bytes as text."""
    value = value.item() if isinstance(value, np.generic) else value
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _key(label: Any) -> Any:
    """Return a label so that 1, 1.0 and "1" are one."""
    label = _plain(label)
    try:
        return float(label)
    except (TypeError, ValueError):
        return str(label).strip()
