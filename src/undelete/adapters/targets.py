"""Targets as the losses want them: numbers, or +1 and -1 for each class."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from undelete.adapters.model import LinearModel
from undelete.errors import InputError


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
    values = np.asarray(y)
    if model.classes is None:
        numbers = np.asarray(pd.DataFrame(values).apply(pd.to_numeric, errors="coerce"), dtype=np.float64)
        bad = np.flatnonzero(~np.isfinite(numbers).all(axis=1))
        if bad.size:
            seen = _shown(values.reshape(len(values), -1)[bad[0]], numbers[bad[0]])
            raise InputError(
                f"target {name!r} has {seen} in row {bad[0]}, which is no finite number, and the model predicts a "
                "number: correct or drop the row"
            )
        if numbers.shape[1] != model.W.shape[1]:
            raise InputError(
                f"target {name!r} has {numbers.shape[1]} columns but the model predicts {model.W.shape[1]}"
            )
        return numbers
    at = {_key(label): j for j, label in enumerate(model.classes)}
    position = np.array([at.get(_key(value), -1) for value in values.ravel()], dtype=np.int64)
    unknown = np.flatnonzero(position < 0)
    if unknown.size:
        known = ", ".join(repr(_plain(label)) for label in model.classes[:6])
        raise InputError(
            f"target {name!r} has {_plain(values.ravel()[unknown[0]])!r} in row {unknown[0]}, which is no class of the "
            f"model (it has {known}): correct or drop the row"
        )
    if model.W.shape[1] == 1:
        return np.where(position == 1, 1.0, -1.0)[:, None]
    other = 0.0 if model.loss == "softmax" else -1.0
    return np.where(position[:, None] == np.arange(len(model.classes)), 1.0, other)


def _shown(cells: NDArray[Any], numbers: NDArray[np.float64]) -> str:
    """Return the first of a row's cells that is no finite number, as the user wrote it."""
    return repr(_plain(cells[int(np.argmin(np.isfinite(numbers)))]))


def _plain(value: Any) -> Any:
    """Return a NumPy scalar as Python's own, which shows without its type."""
    return value.item() if isinstance(value, np.generic) else value


def _key(label: Any) -> Any:
    """Return a label so that 1, 1.0 and "1" are one."""
    label = _plain(label)
    try:
        return float(label)
    except (TypeError, ValueError):
        return str(label)
