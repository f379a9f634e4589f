"""What the columns of known tables mean: plain words, units and the names of codes, for the report.

Nothing is computed from it. An attack sees numbers; a reader should see "education, 12 years".
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from undelete.errors import InputError
from undelete.release.columns import Kind


@dataclass(frozen=True)
class ColumnInfo:
    """One column in a reader's words.

    Parameters
    ----------
    name : str
        As in the table.
    label : str
        In plain words, lower case.
    unit : str
        "years", "dollars"; empty when the column has none.
    kind : {"categorical", "discrete", "continuous"} or None
        What the column measures (a code for marital status is categorical however a model encodes it);
        None when not known.
    codes : mapping of int to str
        The names of a code's values; empty when it has none or too many to list.
    """

    name: str
    label: str
    unit: str = ""
    kind: Kind | None = None
    codes: Mapping[int, str] = field(default_factory=dict)

    def text(self, value: Any) -> str:
        """Return a value as a reader should see it: a code with its name, a number with its unit.

        Examples
        --------
        >>> from undelete.data.census import ACS_SCHEMA, WAGES_SCHEMA
        >>> ACS_SCHEMA["MAR"].text(5)
        '5 never married'
        >>> WAGES_SCHEMA["educ"].text(12)
        '12 years'
        """
        if isinstance(value, str | bool):
            return str(value)
        number = float(value)
        if not number.is_integer():
            return f"{number:.6g} {self.unit}".rstrip()
        whole = int(number)
        return f"{whole} {self.codes.get(whole, self.unit)}".rstrip()


@dataclass(frozen=True)
class ImageInfo:
    """How to see a record that is an image: its columns are pixels, row by row from the top left.

    Parameters
    ----------
    shape : tuple of int
        (h, w), grey, or (h, w, 3), red, green and blue.
    low, high : float
        The values of black and of white.
    planes : bool
        A colour image's columns are the red plane, then the green, then the blue (as in CIFAR-10's files),
        and not three columns a pixel.
    guessed : bool
        Whether `low` and `high` were not given but guessed from the public data.

    Raises
    ------
    InputError
        For another shape, or a range without a width.
    """

    shape: tuple[int, ...]
    low: float = 0.0
    high: float = 255.0
    planes: bool = False
    guessed: bool = False

    def __post_init__(self) -> None:
        if len(self.shape) not in (2, 3) or min(self.shape) < 1 or (len(self.shape) == 3 and self.shape[2] != 3):
            raise InputError(
                f"an image of shape {self.shape} cannot be drawn: give (height, width), or (height, width, 3)"
            )
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise InputError(f"the values from {self.low:g} to {self.high:g} are no range: give black's, then white's")

    @property
    def size(self) -> int:
        """How many columns an image has."""
        return math.prod(self.shape)

    def pixels(self, records: ArrayLike) -> NDArray[np.uint8]:
        """Return records (n, size) as images (n, h, w) or (n, h, w, 3) of 0 (black) to 255.

        The nearest of the 256 levels; what lies outside the range is black or white.

        Raises
        ------
        InputError
            When a record has another number of columns, or a value is not a number: that is no image.

        Examples
        --------
        >>> ImageInfo((1, 3), low=-1, high=1).pixels([[-1, 0, 1.5]]).tolist()
        [[[0, 128, 255]]]
        """
        values = np.asarray(records, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != self.size:
            raise InputError(f"records of shape {values.shape} are no images of {self.size} columns {self.shape}")
        if np.isnan(values).any():
            raise InputError("a value is not a number, so its record is no image: leave it out")
        levels = np.rint(np.clip((values - self.low) / (self.high - self.low), 0, 1) * 255).astype(np.uint8)
        if self.planes and len(self.shape) == 3:
            return np.ascontiguousarray(np.moveaxis(levels.reshape(-1, 3, *self.shape[:2]), 1, -1))
        return levels.reshape(-1, *self.shape)


@dataclass(frozen=True)
class Schema:
    """Descriptions of a table's columns; a column without one is described by its own name.

    Parameters
    ----------
    columns : sequence of ColumnInfo
        The columns that are described.
    image : ImageInfo or None
        How to see a record whose columns are the pixels of an image.

    Examples
    --------
    >>> from undelete.data.census import WAGES_SCHEMA
    >>> WAGES_SCHEMA["exper"].label, WAGES_SCHEMA["shoe_size"].label
    ('experience', 'shoe_size')
    """

    columns: tuple[ColumnInfo, ...] = ()
    image: ImageInfo | None = None

    def __getitem__(self, name: str) -> ColumnInfo:
        for column in self.columns:
            if column.name == name:
                return column
        return ColumnInfo(name, label=name)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the described columns."""
        return tuple(column.name for column in self.columns)
