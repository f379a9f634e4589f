"""What one stored statistic of two files says of who came between: each pair is an equation for the person's value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from undelete.adapters.stored.change import ROUND, Change
from undelete.adapters.stored.encodings import encoded
from undelete.adapters.stored.feature import comparable
from undelete.adapters.stored.given import Given, certain, or_missing
from undelete.adapters.stored.means import class_moved, moments_of
from undelete.adapters.stored.ranks import extremes, quantiles
from undelete.adapters.stored.statistic import (
    TARGET,
    ClassMeans,
    Count,
    Encoded,
    Extreme,
    Frequencies,
    Gram,
    Known,
    Moments,
    Quantiles,
    Total,
)
from undelete.adapters.stored.subtle import gram, words


def rows_of(
    big: Any, small: Any, numbers: tuple[float | None, float | None], change: Change, others: Sequence[Any]
) -> list[Given]:
    """Return what one pair of statistics says; of a cell that an imputer may have filled, that it may be missing."""
    rows = _rows_of(big, small, numbers, change, others)
    feature = getattr(big, "feature", None)
    fills = big.fills if isinstance(big, Known | Encoded) else () if feature is None else feature.fills
    if feature is not None and feature.codes is not None:
        rows = [row for row in rows if row.kind != "range"]  # of codes, which are no values
    return [or_missing(row, fills) for row in rows] if fills else rows


def _rows_of(
    big: Any, small: Any, numbers: tuple[float | None, float | None], change: Change, others: Sequence[Any]
) -> list[Given]:
    if isinstance(big, Count):
        return _count(big, small, change)
    if isinstance(big, Moments):
        return moments_of(big, small, numbers, change)
    if isinstance(big, ClassMeans):
        return class_moved(big, small)
    if isinstance(big, Total):
        return _total(big, small, change, others)
    if isinstance(big, Extreme):
        return extremes(big, small, change)
    if isinstance(big, Quantiles):
        return quantiles(big, small, numbers, change)
    if isinstance(big, Known):
        return _known(big, small, change)
    if isinstance(big, Frequencies):
        return words(big, small, change)
    if isinstance(big, Encoded):
        return encoded(big, small, change)
    return gram(big, small, change) if isinstance(big, Gram) else []


def _count(big: Count, small: Count, change: Change) -> list[Given]:
    """Return the class of the person, or that its cell of a column is missing."""
    if big.column == TARGET and big.n != small.n:
        if change.number == 1 and big.n - small.n != 1:
            change.deny(f"{big.source} of class {big.group} does not differ by one record")
        return [certain(TARGET, big.group, "class", big.source)] if big.n - small.n == 1 else []
    if big.column not in ("", TARGET, "share") and change.number == 1 and big.n == small.n:
        return [certain(big.column, None, "missing", big.source)]
    return []


def _total(big: Total, small: Total, change: Change, others: Sequence[Any]) -> list[Given]:
    if not comparable(big.feature, small.feature):
        return []
    number = next(
        (a.n - b.n for a, b in others if isinstance(a, Count) and a.group == big.group and a.column == TARGET
         and a.source.rpartition(".")[0] == big.source.rpartition(".")[0]), None,
    ) if big.group else change.number  # fmt: skip
    feature, moved = big.feature, big.value - small.value
    noise = ROUND * max(abs(big.value), 1e-3)
    if number == 0 and abs(moved) > noise:
        change.deny(f"{big.source} of class {big.group}: as many records, other sums")
    if number == 1 and abs(moved) <= noise and feature.other is not None:
        return [certain(str(feature.column), feature.other, "category", big.source)]
    if number != 1 or (abs(moved) <= noise and (feature.word or feature.category is not None)):
        return []
    if feature.category is not None:
        return [certain(str(feature.column), feature.category, "category", big.source)]
    if feature.word:
        return [certain("(words)", feature.column, "word", big.source)]
    return [certain(str(feature.column), moved if abs(moved) > noise else 0.0, "value", big.source)]


def _known(big: Known, small: Known, change: Change) -> list[Given]:
    held, others = set(map(str, big.values)), set(map(str, small.values))
    gone = [value for value in big.values if str(value) not in others]
    if [value for value in small.values if str(value) not in held] and change.number == 1 and big.sure:
        change.deny(f"{big.source} of {big.column}: the file of fewer records knows more")
    if len(gone) > 1 and not big.word and change.number == 1:
        change.deny(f"{big.source} of {big.column}: {len(gone)} values are gone, and one record has one")
    kind = "word" if big.word else "category"
    sure = big.sure and list(map(str, big.fills)) == list(map(str, small.fills))  # else filled cells changed too
    return [replace(certain(big.column, value, kind, big.source), exact=sure) for value in gone]
