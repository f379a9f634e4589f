"""Values that the files give away exactly: what an attack is told of them, and what of them is shown in the end."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from typing import TypeVar

import numpy as np

from undelete.adapters.design.polynomial import Category
from undelete.adapters.leaks import between, lost_indicators
from undelete.adapters.model import LinearModel
from undelete.adapters.stored.statistic import TARGET
from undelete.auditing.cautions import stands
from undelete.auditing.grid import code_of
from undelete.auditing.thresholds import MOST
from undelete.release.networks import NetworkRelease
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release
from undelete.release.seen import Seen
from undelete.scoring.table import columns_right
from undelete.scoring.truth import Truth


def not_used(values: Mapping[str, Category], used: Collection[str]) -> list[str]:
    """Say of which columns a value that the files give is none that the column has, and why it is left out."""
    return [
        f"What the two files store gives {value} for {name!r}, which is no value of that column: something else "
        "changed there too, and it is not used."
        for name, value in values.items()
        if name not in used
    ]


def as_fitted(model: LinearModel, values: Mapping[str, Category]) -> dict[str, Category]:
    """Return the values with the target, which files have as the table does, as the model was fitted to it."""
    number = values.get(TARGET)
    if model.target_map is None or not isinstance(number, float | int):
        return dict(values)
    return {**values, TARGET: float(model.target_map.forward(np.array([[number]], dtype=np.float64))[0, 0])}


def of_nobody(release: Release, before: LinearModel, after: LinearModel) -> dict[str, Category]:
    """Return the categories that only the old model's indicators know, by column: one that no public record has."""
    lost = lost_indicators(before.design, after.design)
    found: dict[str, Category] = {}
    for column in release.columns:
        value = lost.get(column.name, ())
        code = code_of(column, value[0]) if len(value) == 1 else -1
        if code >= 0 and column.share[code] == 0:
            found[column.name] = value[0]
    return found


def of_somebody(release: Release, before: LinearModel, after: LinearModel) -> list[str]:
    """Say which indicators only the old model has of categories that public records have: of two people's it may be."""
    lost = lost_indicators(before.design, after.design)
    found = []
    for column in release.columns:
        value = lost.get(column.name, ())
        code = code_of(column, value[0]) if len(value) == 1 else -1
        if code >= 0 and column.share[code] > 0:
            found.append(
                f"Only the old model has an indicator of {value[0]!r} of column {column.name!r}: that is the new one's "
                "reference, since the deleted record was the only one of the old reference, which no file names, or "
                "the deleted record was the only one with it. This much the files give away, whatever else does not "
                "come back."
            )
    return found


_NEAR = 1e-7  # of the end of a range, beside what was scaled and turned back
_Told = TypeVar("_Told", Release, NetworkRelease)


def told(release: _Told, values: Mapping[str, Category]) -> _Told:
    """Return a release of one deletion whose attacks know some columns' values.

    A number that no public record has joins its column's values, where its terms are lines in it; other values that are
    not among them are left to `with_exact`.
    """
    if not values or release.deletions != 1 or release.public_codes is None:
        return release
    columns, codes = list(release.columns), np.array(release.public_codes)
    given = np.full((1, len(columns)), np.nan)
    for j, column in enumerate(columns):
        if column.name not in values:
            continue
        value = values[column.name]
        if column.kind == "continuous":
            given[0, j] = float(value) if isinstance(value, float | int) else np.nan
            continue
        code = code_of(column, value)
        if code < 0 and column.kind == "discrete" and isinstance(value, float | int):
            longer = column.with_value(float(value))
            if longer is not None:
                columns[j], code = longer
                codes[:, j] += codes[:, j] >= code
        given[0, j] = np.nan if code < 0 else code
    if np.isnan(given).all():
        return release
    return dataclasses.replace(release, columns=columns, public_codes=codes, given=given)


def within(release: Release, ends: Mapping[str, tuple[float, float, bool]]) -> tuple[Release, list[str]]:
    """Return a release of one deletion whose attacks know between which ends some numbers lie, and what is said of it.

    Of columns of numbers on a lattice. One that may be missing is left out where a missing cell is a value of its own,
    and is its filling elsewhere, which lies between the ends.
    """
    if release.deletions != 1 or release.embedding is not None:
        return release, []
    known, told = np.full((1, len(release.columns), 2), np.nan), []
    for j, column in enumerate(release.columns):
        if column.kind != "discrete" or column.name not in ends:
            continue
        low, high, missing = ends[column.name]
        own = column.values.astype(float)
        if missing and not np.isfinite(own).all():
            continue
        near = _NEAR * max(abs(end) for end in (low, high) if np.isfinite(end))
        left = own[(own >= low - near) & (own <= high + near)]
        if not left.size or len(left) == len(own):
            continue
        known[0, j] = low - near, high + near
        told.append(f"{column.name!r} from {left.min():g} to {left.max():g}")
    if not told:
        return release, []
    text = (
        f"Which stored quantiles or means moved, and whither, leaves of the deleted record's numbers {', '.join(told)}."
    )
    return dataclasses.replace(release, within=known), [text]


def mostly(
    old: LinearModel, new: LinearModel, release: Release, values: Mapping[str, Category], truth: Truth | None
) -> str:
    """Return the sentence that says so where the files give most of a record away by themselves, else ""."""
    if stands(old, new, truth):
        return "The old file stores this record as it stands."
    return most_columns(release, values) if between(old, new).one else ""


def most_columns(release: Seen, values: Mapping[str, Category]) -> str:
    """Return the sentence that says how many columns the files give, where they are most, else ""."""
    known, count = sum(column.name in values for column in release.columns), len(release.columns)
    if known <= MOST * count:
        return ""
    share = "all" if known == count else f"{known} of {count}"
    return f"The two files give {share} columns of this record away by themselves, exactly."


def gain(
    release: Release | NetworkRelease, with_them: Reconstruction, without: Reconstruction, truth: Truth | None
) -> list[str]:
    """Say what the values that the files give away add to the attack."""
    known = 0 if release.given is None else int(np.isfinite(release.given).all(axis=0).sum())
    if not known:
        return []
    if known == len(release.columns):
        return ["Of all columns the files give the value away by themselves."]
    told = f"Of {known} of {len(release.columns)} columns the files give the value away by themselves, and the others"
    if with_them.status[0] != "ok":
        return [f"{told} could not be decoded given these."]
    before, after = (float(np.nan_to_num(one.confidence)[0]) for one in (without, with_them))
    text = f"{told} are decoded given these: the whole record with confidence {after:.2f}, without them {before:.2f}"
    if truth is not None:
        right = [columns_right(release, truth, one) for one in (without, with_them)]
        counts = [0 if one is None else int(one[0].sum()) for one in right]
        text += f"; {counts[1]} columns are right, without them {counts[0]}"
    return [text + "."]
