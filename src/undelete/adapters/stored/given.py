"""One value that files give away, and those that one file gives away by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from undelete.adapters.stored.shortest import plain
from undelete.adapters.stored.statistic import (
    TARGET,
    Count,
    Encoded,
    Extreme,
    Frequencies,
    Moments,
    Own,
    Quantiles,
    Statistic,
    Total,
)

_OF_A_CELL = ("value", "extreme", "category", "one of two", "range", "magnitude")
OR_MISSING = " or missing"  # what a row's kind says besides
RECORDS = "(records)"
WORDS = "(words)"
_WHOLE = 1e-6  # of a number that should be whole, relative to it
_MOST = 1000  # values of one person that are listed of one field
_TINY = 1e-9  # within which two encodings are the same
_GROUP = 8  # records up to which an encoding is tried


@dataclass(frozen=True)
class Given:
    """One value that files give away.

    Parameters
    ----------
    column : str
        Raw column, or "(target)", "(records)", "(words)".
    value : anything
        NaN where only a range is known.
    low, high : float
        Ends of the range that holds a number; NaN for what is none.
    exact : bool
        Whether the value is right but for the last digits.
    kind : str
        In a word or two: count, value, extreme, range, category, word, missing, ...
    source : str
        The field that says it.
    """

    column: str
    value: Any
    low: float
    high: float
    exact: bool
    kind: str
    source: str


def certain(column: str, value: Any, kind: str, source: str, error: float = 0.0) -> Given:
    """Return a value that is exact, but for the last digits where it was scaled and turned back."""
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    own = plain(float(value), error) if number else value
    ends = float(own) if number else float("nan")
    return Given(column, own, ends, ends, True, kind, source)


def within(column: str, low: float, high: float, source: str, kind: str = "range") -> Given:
    """Return a range that holds the value."""
    return Given(column, float("nan"), low, high, False, kind, source)


def or_missing(row: Given, fills: Sequence[Any]) -> Given:
    """Return a row, not exact where the value is one that an imputer puts in place of a missing cell."""
    if row.kind not in _OF_A_CELL:
        return row
    if not np.isnan([row.low, row.high]).any():
        numbers = [fill for fill in fills if not isinstance(fill, str)]
        own = any(row.low - _TINY * abs(fill) <= fill <= row.high + _TINY * abs(fill) for fill in numbers)
    else:
        own = any(str(fill) == str(row.value) for fill in fills)
    return replace(row, kind=row.kind + OR_MISSING, exact=False) if own else row


def alone(statistics: Sequence[Statistic]) -> list[Given]:
    """Return what one file's statistics give away of single records, and how many there were."""
    found: list[Given] = []
    for one in statistics:
        reader = _ALONE.get(type(one))
        found += [] if reader is None else list(reader(one, statistics))
    return found


def _count(one: Count, every: Sequence[Statistic]) -> Iterator[Given]:
    if one.column in ("", TARGET):
        name = TARGET + f"={one.group}" if one.group else RECORDS
        kind = "class of one" if one.group and one.n == 1 else "count"
        yield certain(name, one.n, kind, one.source)


def _extreme(one: Extreme, every: Sequence[Statistic]) -> Iterator[Given]:
    if one.feature.column is not None and one.feature.category is None:
        yield or_missing(extreme(one), one.feature.fills)


def extreme(one: Extreme) -> Given:
    """Return an extreme as some record's value; of the largest magnitude the sign is not known."""
    name = str(one.feature.column)
    if one.side:
        error = one.feature.noise and one.feature.noise + 1e-13 * abs(one.value)
        return certain(name, one.value, "extreme", one.source, error)
    return Given(name, one.value, -one.value, one.value, False, "magnitude", one.source)


def _quantiles(one: Quantiles, every: Sequence[Statistic]) -> Iterator[Given]:
    if one.feature.column is None or one.feature.category is not None or not len(one.values):
        return
    if number_of(every) == len(one.values) and len(one.values) > 1:
        yield certain(one.feature.column, len(one.values), "all values, sorted", one.source)
    for side in extremes_of(one):
        yield or_missing(extreme(side), one.feature.fills)


def extremes_of(one: Quantiles) -> Iterator[Extreme]:
    """Yield the least and greatest value where the levels 0 and 1 are among the quantiles."""
    for place, level in ((0, 0.0), (-1, 1.0)):
        if abs(one.levels[place] - level) < _TINY:
            yield Extreme(one.source, one.feature, float(one.values[place]), 1 if place else -1)


def _moments(one: Moments, every: Sequence[Statistic]) -> Iterator[Given]:
    if one.n == 1 and one.feature.column is not None and one.feature.category is None:
        yield certain(one.feature.column, one.mean, "class of one", one.source, 1e-12 * abs(one.mean))


def _total(one: Total, every: Sequence[Statistic]) -> Iterator[Given]:
    feature = one.feature
    if one.value == 1 and feature.category is not None:
        yield certain(str(feature.column), feature.category, "category of one", one.source)
    elif one.value == 1 and feature.word:
        yield certain(WORDS, feature.column, "word of one", one.source)


def _frequencies(one: Frequencies, every: Sequence[Statistic]) -> Iterator[Given]:
    counts = document_frequencies(one, number_of(every))
    for word, count in zip(one.words, [] if counts is None else counts, strict=False):
        if count == 1:
            yield certain(WORDS, word, "word of one", one.source)


def document_frequencies(one: Frequencies, n: float | None = None) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    """Return in how many documents each word is; None where that does not come out in whole numbers.

    Without the number of documents the rarest word is taken to be in one, which is so if all others come out whole.
    """
    extra = 1.0 if one.smooth else 0.0
    ratio = np.exp(one.idf - 1)  # (n + s) / (df + s)
    number = n if n is not None else (1 + extra) * float(ratio.max()) - extra
    counts = (number + extra) / ratio - extra
    whole = np.rint(counts)
    far = np.abs(counts - whole) > _WHOLE * np.maximum(1.0, np.abs(counts))
    return None if far.any() or (whole < 0).any() else whole


def _encoded(one: Encoded, every: Sequence[Statistic]) -> Iterator[Given]:
    """Find, for a target of 0 and 1, encodings that only a category of one record can have."""
    if one.smooth is None or not 0 < one.mean < 1:
        return
    tried = [(n, s) for n in range(1, _GROUP + 1) for s in range(n + 1)]
    made = np.array([(s + one.smooth * one.mean) / (n + one.smooth) for n, s in tried])
    for value, encoding in zip(one.values, one.encodings, strict=False):
        fits = [pair for pair, own in zip(tried, made, strict=True) if abs(own - encoding) < _TINY]
        if len(fits) == 1 and fits[0][0] == 1:
            yield certain(one.column, value, "category of one", one.source)
            yield certain(f"{TARGET} of {one.column}={value}", fits[0][1], "encoding of one", one.source)


def _own(one: Own, every: Sequence[Statistic]) -> Iterator[Given]:
    yield certain(one.column, one.value, one.kind, one.source)


def number_of(statistics: Sequence[Statistic]) -> float | None:
    """Return the number of records that a file's estimators agree on; None where they do not say, or disagree."""
    said = {one.n for one in statistics if isinstance(one, Count) and not one.column and not one.group}
    return said.pop() if len(said) == 1 else None


_ALONE: dict[type, Callable[[Any, Sequence[Statistic]], Iterator[Given]]] = {
    Count: _count, Extreme: _extreme, Quantiles: _quantiles, Moments: _moments, Total: _total,
    Frequencies: _frequencies, Encoded: _encoded, Own: _own,
}  # fmt: skip
