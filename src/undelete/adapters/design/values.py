"""The values of a raw column: in one order, as an array, and as they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from undelete.adapters.design.polynomial import Category

if TYPE_CHECKING:
    pass
MISSING = "nan"  # how a missing cell of a text column is listed among its values


def key_of(value: Category) -> Category:
    """Return a value so that a missing one equals a missing one."""
    return MISSING if value is None or value != value else value


def written_as(cell: Category, text: bool) -> Category:
    """Return a cell of any table as a column of text, or of numbers, has it among its values."""
    if cell is None or isinstance(cell, str) == text:
        return cell
    return str(cell) if text else next(iter(as_numbers(cell)), cell)


def as_numbers(cell: Category) -> list[Category]:
    """Return a category of a number column, written as text in plain model files; nothing where it is none."""
    try:
        return [float(cell) if isinstance(cell, str) else cell]
    except ValueError:
        return []


def sort_key(cell: Category) -> tuple[int, float, str]:
    """Return by what values are ordered: numbers, then text, and a missing one last."""
    if cell is None:
        return 2, 0.0, ""
    return (1, 0.0, cell) if isinstance(cell, str) else (0, cell, "")


def label_of(value: Category, logical: bool) -> str:
    """Return a value as it is shown."""
    if value is None:
        return MISSING
    return str(bool(value)) if logical and isinstance(value, float) else str(value)


def listed(values: list[Category], text: bool, logical: bool = False) -> NDArray[Any]:
    """Return values as `Column.values` holds them: text, or numbers."""
    if text:
        return np.array([label_of(v, logical) for v in values], dtype=str)
    return np.array([np.nan if v is None else float(v) for v in values])
