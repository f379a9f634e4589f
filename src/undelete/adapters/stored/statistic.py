"""The kinds of statistics that fitted estimators store of their training records, in the raw columns' units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from undelete.adapters.stored.feature import Feature
from undelete.maths.arrays import Floats

TARGET = "(target)"  # what the table calls the column that a model predicts
TRANSFORMED = "(target, transformed)"  # and its logarithm, for one, that a model is fitted to


@dataclass(frozen=True, eq=False)
class Count:
    """How many records there were: of all, in a column without its missing cells, or of a class."""

    source: str
    n: float
    column: str = ""
    group: str = ""


@dataclass(frozen=True, eq=False)
class Moments:
    """The mean of a column, and its variance (the mean square distance from the mean).

    Parameters
    ----------
    source, group : str
        Where it is stored; the class over which it is taken, "" for all.
    feature : Feature
        The column.
    n : float or None
        Number of records; None where the estimator does not say.
    mean, variance : float
        In the raw column's units; the variance NaN where it is not stored.
    unit, variance_unit : float
        By how much the stored numbers may have been rounded.
    """

    source: str
    feature: Feature
    n: float | None
    mean: float
    variance: float = float("nan")
    unit: float = 0.0
    variance_unit: float = 0.0
    group: str = ""


@dataclass(frozen=True, eq=False)
class ClassMeans:
    """The means of each class, where nothing says of how many records they are.

    Parameters
    ----------
    features : sequence of Feature
        The columns.
    groups : sequence of str
        The classes.
    means : array (classes, columns)
        In the raw columns' units.
    """

    source: str
    features: Sequence[Feature]
    groups: Sequence[str]
    means: Floats


@dataclass(frozen=True, eq=False)
class Total:
    """A sum over records."""

    source: str
    feature: Feature
    value: float
    group: str = ""


@dataclass(frozen=True, eq=False)
class Extreme:
    """The least (side -1), the greatest (1) or the largest absolute (0) value of a column: some record's own."""

    source: str
    feature: Feature
    value: float
    side: int


@dataclass(frozen=True, eq=False)
class Quantiles:
    """Some quantiles of a column, between whose records they are interpolated.

    Parameters
    ----------
    levels, values : arrays (q,)
        Rising.
    most : float
        Number of records up to which all were used; of more a random part was.
    whole : bool
        Whether every record has a cell there: none is missing and left out.
    method : str
        Between which records they lie, in NumPy's words.
    """

    source: str
    feature: Feature
    levels: Floats
    values: Floats
    most: float = float("inf")
    whole: bool = False
    method: str = "linear"


@dataclass(frozen=True, eq=False)
class Known:
    """The different values of a column.

    Parameters
    ----------
    values : sequence
        All of them.
    counts : array or None
        How many records have each, where that is stored.
    sure : bool
        Whether each value is known from one record on.
    word : bool
        Whether they are words of documents.
    fills : tuple
        What imputers put in place of a missing cell.
    """

    source: str
    column: str
    values: Sequence[Any]
    counts: Floats | None = None
    sure: bool = True
    word: bool = False
    fills: tuple[Any, ...] = ()


@dataclass(frozen=True, eq=False)
class Frequencies:
    """Inverse document frequencies: log((n + s) / (df + s)) + 1, with s 1 or 0."""

    source: str
    words: Sequence[str]
    idf: Floats
    smooth: bool


@dataclass(frozen=True, eq=False)
class Encoded:
    """Target encodings: (sum of a category's targets + smooth mean) / (its number + smooth).

    Without a number for `smooth` a category's is its mean, drawn to that of all as its own variance says. `binary`:
    the targets are 0 and 1, those of a class. `fills`: what imputers put in place of a missing cell.
    """

    source: str
    column: str
    values: Sequence[Any]
    encodings: Floats
    mean: float
    smooth: float | None
    group: str = ""
    binary: bool = False
    fills: tuple[Any, ...] = ()


@dataclass(frozen=True, eq=False)
class Gram:
    """The sum of x x' over records."""

    source: str
    names: Sequence[str]
    matrix: Floats
    unit: Floats
    constant: int | None = None


@dataclass(frozen=True, eq=False)
class Own:
    """A value of one person that is stored as it is."""

    source: str
    column: str
    value: Any
    kind: str


@dataclass(frozen=True, eq=False)
class Stored:
    """Records that are stored as they stand.

    Parameters
    ----------
    features : sequence of Feature
        What the columns of `rows` are.
    rows : array (r, columns)
        As the estimator was given them.
    target : array (r,) or None
        Their targets, where these are stored too.
    whole : bool
        Whether these are all training records, so that two files differ by who came between.
    """

    source: str
    features: Sequence[Feature]
    rows: Floats
    target: Any = None
    whole: bool = True
    names: Sequence[str] = field(default_factory=tuple)


Statistic: TypeAlias = (
    Count | Moments | ClassMeans | Total | Extreme | Quantiles | Known | Frequencies | Encoded | Gram | Own | Stored
)
