"""What two files tell of the columns of several people, for the search for them: values, or their sums."""

from __future__ import annotations

from typing import Any

import numpy as np

from undelete.adapters.design.polynomial import Category
from undelete.adapters.design.values import MISSING, label_of
from undelete.adapters.leaks import lost_categories
from undelete.adapters.model import LinearModel
from undelete.adapters.stored.compare import together
from undelete.adapters.stored.feature import comparable
from undelete.adapters.stored.statistic import Extreme
from undelete.adapters.stored.sums import Sums, sums
from undelete.attacker.groups.told import Told
from undelete.release.columns import CONTINUOUS_TOLERANCE, Column
from undelete.release.release import Release

_COUNTS = 0.25  # largest error of a sum of indicators that says how many have the category
_SAME = 1e-9  # of two extremes, by which they differ by round-off
_ROUND = 4.0  # largest error of a whole number's sum: it is some ten times what the error ever was


def told_of(
    old: LinearModel, new: LinearModel, release: Release, left: int, joined: int
) -> tuple[dict[int, Told], list[str]]:
    """Return what the files tell of each column, by its position, and what in them contradicts so many people.

    Parameters
    ----------
    old, new : LinearModel
        The files.
    release : Release
        For the columns.
    left, joined : int
        How many.
    """
    found: dict[int, Told] = {}
    denied: list[str] = []
    held = [one for one in sums(old.stored, new.stored) if one.number == left - joined and not one.fills]
    for j, column in enumerate(release.columns):
        own = [one for one in held if one.column == column.name]
        counts = [one for one in own if one.category is not None]
        numbers = [one for one in own if one.category is None]
        told = None
        if counts:
            told = _counted(counts, left, joined)
        elif numbers and np.isfinite(numbers[0].square):
            told, contradicts = _summed(column, numbers[0], left, joined)
            denied += [f"mean and variance of {column.name}"] if contradicts else []
        if told is not None:
            found[j] = told
    some = some_of(old, new, release)
    for j, each in some.items():
        if max(map(len, each)) and (len(each[0]) > left or len(each[1]) > joined):
            denied.append(f"categories or extremes of {release.columns[j].name}")
        elif j not in found or (found[j].values is None and left + joined == 2):
            found[j] = Told(some=each)
    return found, denied


def some_of(old: LinearModel, new: LinearModel, release: Release) -> dict[int, tuple[list[Any], list[Any]]]:
    """Return, by column, values that some of those who left had, and some of those who joined.

    A category that only one file knows, a least or greatest value that one file stores and is further out than the
    other's.
    """
    sides = [_lost(*pair) for pair in ((old, new), (new, old))]
    found = {}
    for j, column in enumerate(release.columns):
        left, joined = (list(side.get(column.name, {}).values()) for side in sides)
        if left or joined:
            found[j] = left, joined
    return found


def _lost(one: LinearModel, other: LinearModel) -> dict[str, dict[str, Any]]:
    """Return by column the values that only the first file's records had."""
    found: dict[str, dict[str, Any]] = {}
    for column, gone in lost_categories(one.design, other.design).items():
        found[column] = {label_of(value, logical=False): _cell(value) for value in gone}
    for big, small in together(one.stored, other.stored):
        if not isinstance(big, Extreme) or not comparable(big.feature, small.feature) or big.feature.fills:
            continue
        if big.feature.category is not None or big.feature.codes is not None or not big.side:
            continue
        ahead = big.side * (big.value - small.value)
        if ahead > max(_SAME * max(abs(big.value), abs(small.value)), big.feature.noise, small.feature.noise):
            found.setdefault(str(big.feature.column), {})[str(big.value)] = big.value
    return found


def _cell(value: Category) -> Category:
    return MISSING if value is None else value


def _counted(counts: list[Sums], left: int, joined: int) -> Told | None:
    """Return everybody's category, where the counts of all of them say it."""
    if max(abs(one.total - round(one.total)) + one.error for one in counts) >= _COUNTS:
        return None
    net = {str(one.category): round(one.total) for one in counts}
    who = [name for name, count in net.items() for _ in range(max(count, 0))]
    came = [name for name, count in net.items() for _ in range(max(-count, 0))]
    return Told([*who, *came]) if (len(who), len(came)) == (left, joined) else None


def _summed(column: Column, one: Sums, left: int, joined: int) -> tuple[Told | None, bool]:
    """Return the values of two people, or of more the sums of whole numbers; and whether no such people can be."""
    people = left + joined
    if joined == 0 or left == 0:
        within = one.square - one.total**2 / (left - joined)
        slack = one.square_error + 2 * abs(one.total / people) * one.error
        if within * (1 if left else -1) < -slack:
            return None, True
    if people == 2:
        values = _two(one, left, joined)
        placed = None if values is None else [_placed(column, v, error) for v, error in values]
        return (None if placed is None or None in placed else Told(placed)), False
    whole = column.kind == "discrete" and bool((column.values.astype(float) % 1 == 0).all())
    if not whole or one.square_error > _ROUND or one.error > _ROUND / 4:
        return None, False
    total = round(one.total)  # and the sum of squares is as even or odd as the sum
    return Told(None, float(total), float(total % 2 + 2 * round((one.square - total % 2) / 2))), False


def _two(one: Sums, left: int, joined: int) -> list[tuple[float, float]] | None:
    """Return two people's values with their errors, those who left first."""
    if left == 1:  # a - b and a^2 - b^2: a + b is their ratio
        if abs(one.total) <= max(one.error, 1e-9 * abs(one.square) ** 0.5):
            return None
        both = one.square / one.total
        error = one.error + (one.square_error + abs(both) * one.error) / abs(one.total)
        return [((both + one.total) / 2, error), ((both - one.total) / 2, error)]
    sign = 1 if left else -1
    total, within = sign * one.total, sign * one.square - one.total**2 / 2
    slack = one.square_error + abs(one.total) * one.error
    half = float(np.sqrt(max(within, 0.0) / 2))
    error = one.error / 2 + (slack / (4 * half) if within > slack else float(np.sqrt(slack / 2)))
    return [(total / 2 - half, error), (total / 2 + half, error)]


def _placed(column: Column, value: float, error: float) -> float | None:
    """Return a value put on the column's own values; None where that is not sure."""
    if column.kind != "discrete":
        return value if column.kind == "continuous" and error <= CONTINUOUS_TOLERANCE * column.spread else None
    own = column.values.astype(float)
    whole = bool((own % 1 == 0).all())
    near = float(round(value)) if whole else float(own[np.abs(own - value).argmin()])
    step = 1.0 if whole else float(np.diff(own).min(initial=np.inf))
    return near if abs(near - value) <= max(error, 1e-6) and error < step / 4 else None
