"""A raw column of the public table, and how the model's features carry it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from undelete.maths.arrays import Floats

Kind = Literal["categorical", "discrete", "continuous"]

CONTINUOUS_TOLERANCE = 0.01  # of the public standard deviation: what counts as the same continuous value


def frozen(array: Any, dtype: Any = np.float64) -> Any:
    """Return a read-only copy that owns its memory: a slice carries the whole private table in `.base`."""
    if isinstance(array, np.ndarray) and array.base is None and not array.flags.writeable and array.dtype == dtype:
        return array  # frozen already
    copy = np.array(array, dtype=dtype, order="C", copy=True)
    copy.setflags(write=False)
    return copy


@dataclass(frozen=True, eq=False)
class Column:
    """One raw column of the public table, and how the model's features carry it.

    For a record x (d,) in the model's space, or of an embedding x (d0,) in its input space, ``x @ projection`` are
    the q terms that depend on this column alone: indicators of its categories, or the value and its powers.

    Parameters
    ----------
    name : str
        The column's name in the public table.
    kind : {"categorical", "discrete", "continuous"}
        "discrete" is a number on a lattice (integers, codes); "continuous" has no list of values.
    projection : array (d, q)
        From the model's space to the column's terms.
    values : array (c,)
        The values it may take, sorted: those of the public records, the categories that the old model knows, and for
        ages and the like the whole numbers between and somewhat beyond. When continuous empty, or the grid on which
        `terms` are given where they are no line in the value.
    terms : array (c, q)
        The terms of each of `values`.
    frequency : array (c,)
        Share of the public records with each value; sums to one.
    offset, slope : float
        Continuous only: value = offset + slope * (x @ projection)[0], in the column's units.
    spread : float
        Continuous only: standard deviation among the public records, in the column's units.
    least, greatest : float
        Continuous only: what the column can hold. No less than 0 where no public value is, and likewise for values of
        no more than 0 and for shares, from 0 to 1.
    filled : str, float or None
        The value that a missing cell gets before the model reads it, where public cells are missing and nothing tells
        the two apart; None otherwise.
    filled_as : str
        What such a value is called: "missing, or 35".
    logical : bool
        Whether the numbers 0 and 1 stand for False and True.
    """

    name: str
    kind: Kind
    projection: Floats
    values: NDArray[Any]
    terms: Floats
    frequency: Floats
    offset: float = 0.0
    slope: float = 1.0
    spread: float = float("nan")
    least: float = -math.inf
    greatest: float = math.inf
    filled: str | float | None = None
    filled_as: str = ""
    logical: bool = False

    def __post_init__(self) -> None:
        for field in ("projection", "terms", "frequency"):
            object.__setattr__(self, field, frozen(getattr(self, field)))
        # no dtype=object: an object array can only be stored as a pickle
        values = np.asarray(self.values)
        if values.dtype == object:
            values = values.astype(str)
        object.__setattr__(self, "values", frozen(values, values.dtype))
