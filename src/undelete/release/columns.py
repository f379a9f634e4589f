"""A raw column of the public table, and how the model's features carry it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from undelete.maths.arrays import Floats, Indices

Kind = Literal["categorical", "discrete", "continuous"]

_RANGE = 3  # whole numbers, from which there may be more beyond them
_LINE = 1e-9  # of a term, up to which it is a line in its column's number
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
        ages and the like the whole numbers between and somewhat beyond. A missing cell comes several times where what
        fills it depends on the rest of the record: once for each of what public records get there. When continuous
        empty, or the grid on which `terms` are given where they are no line in the value.
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

    def with_value(self, value: float) -> tuple[Column, int] | None:
        """Return the column with one more number, and its position; None where its terms are no lines in the number.

        No public record has it. Two numbers are on a line anyhow: they say nothing where there are several terms.
        """
        own, term = self.values.astype(float), self.terms
        numbers = np.isfinite(own)  # the missing cell comes last
        if not term.shape[1] or numbers.sum() < (2 if term.shape[1] == 1 else 3):
            return None
        slope, offset = np.polyfit(own[numbers], term[numbers], 1)  # of each term; a mark of missing cells is flat
        off = np.abs(np.outer(own[numbers], slope) + offset - term[numbers]).max()
        if off > _LINE * np.abs(term[numbers]).max():
            return None
        place = int(np.searchsorted(own[numbers], value))
        longer = replace(
            self,
            values=np.insert(own, place, value),
            terms=np.insert(term, place, slope * value + offset, axis=0),
            frequency=np.insert(self.frequency, place, 0.0),
        )
        return longer, place

    @cached_property
    def alike(self) -> Indices:
        """The position (c,) of the last of the values that are the same as each: itself, but for missing cells."""
        place = np.unique(self.values, return_inverse=True)[1]
        last = np.zeros(len(self.values), dtype=np.int64)
        np.maximum.at(last, place, np.arange(len(place)))
        return last[place]

    @cached_property
    def share(self) -> Floats:
        """The share (c,) of public records with each value, however a missing cell was filled."""
        alike = self.alike
        together = np.zeros(len(alike))
        np.add.at(together, alike, self.frequency)
        return together[alike]

    @property
    def counted(self) -> Floats:
        """The whole numbers that the column may have, in rising order, but for what stands for a missing cell.

        Nothing where others are among them, where they are two names, or too few to be a range.
        """
        if self.kind != "discrete" or self.logical:
            return np.zeros(0)
        own = self.values.astype(float)
        own = own[np.isfinite(own) & (own != (self.filled if isinstance(self.filled, float | int) else np.nan))]
        return own if len(own) >= _RANGE and (own == np.round(own)).all() else np.zeros(0)
