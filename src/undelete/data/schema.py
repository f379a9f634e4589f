"""What the columns of known tables mean: plain words, units and the names of codes, for the report.

Nothing is computed from it. An attack sees numbers; a reader should see "education, 12 years".
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
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
        >>> ACS_SCHEMA["MAR"].text(5)
        '5 never married'
        >>> WAGES_SCHEMA["educ"].text(12)
        '12 years'
        """
        if isinstance(value, str):
            return value
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


def schema_of(names: Iterable[str]) -> Schema:
    """Return the known schema that a table's column names point to, or an empty one.

    One shared name is no evidence (a stranger's `educ` may count anything): at least three names must be
    known, and be half of the table's at least.
    """
    given = set(names)
    for schema in (WAGES_SCHEMA, ACS_SCHEMA):
        shared = given.intersection(schema.names)
        if len(shared) >= 3 and 2 * len(shared) >= len(given):
            return schema
    return Schema()


WAGES_SCHEMA = Schema(
    (
        ColumnInfo("educ", "education", "years", "discrete"),
        ColumnInfo("exper", "experience", "years", "discrete"),
        ColumnInfo("state", "state", "", "categorical"),
        ColumnInfo("lweekinc", "log weekly income", "log dollars", "continuous"),
    )
)
"""The columns of `sources.census_wages`."""

_YES_NO = {1: "yes", 2: "no"}

# Code names: the Census Bureau's 2018 PUMS data dictionary, shortened. Where folktables fills what does
# not apply with 0, that code is named too. OCCP (529 occupations) and POBP (222 places) keep their numbers.
ACS_SCHEMA = Schema(
    (
        ColumnInfo("AGEP", "age", "years", "discrete"),
        ColumnInfo(
            "COW",
            "class of worker",
            kind="categorical",
            codes={
                0: "not applicable",
                1: "private company employee",
                2: "private non-profit employee",
                3: "local government employee",
                4: "state government employee",
                5: "federal government employee",
                6: "self-employed, not incorporated",
                7: "self-employed, incorporated",
                8: "unpaid in family business",
                9: "unemployed, no recent work",
            },
        ),
        ColumnInfo(
            "SCHL",
            "schooling",
            kind="categorical",
            codes={
                1: "none",
                2: "nursery school",
                3: "kindergarten",
                **{code: f"grade {code - 3}" for code in range(4, 15)},
                15: "grade 12, no diploma",
                16: "high school diploma",
                17: "GED or alternative",
                18: "some college, under 1 year",
                19: "college, no degree",
                20: "associate's degree",
                21: "bachelor's degree",
                22: "master's degree",
                23: "professional degree",
                24: "doctorate",
            },
        ),
        ColumnInfo(
            "MAR",
            "marital status",
            kind="categorical",
            codes={1: "married", 2: "widowed", 3: "divorced", 4: "separated", 5: "never married"},
        ),
        ColumnInfo("OCCP", "occupation code", kind="categorical"),
        ColumnInfo("POBP", "place of birth code", kind="categorical"),
        ColumnInfo(
            "RELP",
            "relation to householder",
            kind="categorical",
            codes=dict(
                enumerate(
                    (
                        "householder",
                        "spouse",
                        "biological child",
                        "adopted child",
                        "stepchild",
                        "brother or sister",
                        "parent",
                        "grandchild",
                        "parent-in-law",
                        "child-in-law",
                        "other relative",
                        "roomer or boarder",
                        "housemate",
                        "unmarried partner",
                        "foster child",
                        "other nonrelative",
                        "in an institution",
                        "in other group quarters",
                    )
                )
            ),
        ),
        ColumnInfo("WKHP", "hours worked", "hours a week", "discrete"),
        ColumnInfo("SEX", "sex", kind="categorical", codes={1: "male", 2: "female"}),
        ColumnInfo(
            "RAC1P",
            "race",
            kind="categorical",
            codes={
                1: "White",
                2: "Black or African American",
                3: "American Indian",
                4: "Alaska Native",
                5: "American Indian or Alaska Native, other",
                6: "Asian",
                7: "Native Hawaiian or Pacific Islander",
                8: "some other race",
                9: "two or more races",
            },
        ),
        ColumnInfo("PINCP", "income", "dollars a year", "continuous"),
        ColumnInfo("PINCP_gt50k", "income over 50,000 dollars", kind="categorical", codes={0: "no", 1: "yes"}),
        ColumnInfo("DIS", "disability", kind="categorical", codes=_YES_NO),
        ColumnInfo(
            "CIT",
            "citizenship",
            kind="categorical",
            codes={
                1: "born in the US",
                2: "born in a US territory",
                3: "born abroad to American parents",
                4: "naturalised",
                5: "not a citizen",
            },
        ),
        ColumnInfo(
            "MIL",
            "military service",
            kind="categorical",
            codes={
                0: "not applicable",
                1: "on active duty",
                2: "on active duty in the past",
                3: "training only",
                4: "never",
            },
        ),
        ColumnInfo(
            "ANC",
            "ancestry",
            kind="categorical",
            codes={1: "single", 2: "multiple", 3: "unclassified", 4: "not reported", 8: "suppressed"},
        ),
        ColumnInfo("NATIVITY", "nativity", kind="categorical", codes={1: "native", 2: "foreign born"}),
        ColumnInfo("DEAR", "hearing difficulty", kind="categorical", codes=_YES_NO),
        ColumnInfo("DEYE", "vision difficulty", kind="categorical", codes=_YES_NO),
        ColumnInfo("DREM", "cognitive difficulty", kind="categorical", codes=_YES_NO),
        ColumnInfo(
            "GCL",
            "lives with a grandchild",
            kind="categorical",
            codes={0: "not applicable", **_YES_NO},
        ),
        ColumnInfo(
            "ESR",
            "employment status",
            kind="categorical",
            codes={
                0: "not applicable",
                1: "employed, at work",
                2: "employed, not at work",
                3: "unemployed",
                4: "armed forces, at work",
                5: "armed forces, not at work",
                6: "not in the labour force",
            },
        ),
        ColumnInfo("JWMNP", "journey to work", "minutes", "discrete"),
    )
)
"""The columns of `sources.acs_income` and `sources.acs_mobility`, as the 2018 survey codes them."""
