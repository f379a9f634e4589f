"""Values that the files give away exactly: what an attack is told of them, and what of them is shown in the end."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from typing import TypeVar

import numpy as np

from undelete.adapters.design.polynomial import Category
from undelete.adapters.design.values import MISSING
from undelete.adapters.leaks import between, lost_indicators
from undelete.adapters.model import LinearModel
from undelete.adapters.stored.statistic import TARGET
from undelete.attacker.table.given import on_a_line
from undelete.auditing.cautions import stands
from undelete.auditing.thresholds import MOST
from undelete.auditing.written import written
from undelete.maths.arrays import Floats, Indices
from undelete.release.columns import Column
from undelete.release.networks import NetworkRelease
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release
from undelete.release.seen import Seen
from undelete.scoring.table import columns_right
from undelete.scoring.truth import Truth

_LINE = 1e-9  # of a term, up to which it is a line in its column's value
_NEAR = 1e-3  # of the step to the next value, or of a continuous column's deviation: round-off is far below


def on_grid(release: Seen, values: Mapping[str, Category], proved: Collection[str]) -> dict[str, Category]:
    """Return the values, those of columns of whole numbers, or of so many decimals, as such, where they are near one.

    What two files say of a sum over thousands of records has the round-off of that sum, so that -1244 may come as
    -1243.99999994, which no cell of the column is; and as -1243.7 where nothing exact is left, unless the column is
    `proved` to be that of one record (`Change.proven`), which then has a value that no public record has.
    """
    found = dict(values)
    for column in release.columns:
        value = found.get(column.name)
        if column.kind != "discrete" or value is None or isinstance(value, str):
            continue
        own = column.values.astype(float)
        digits = written(own).digits
        if digits is None:
            continue
        whole = round(float(value), digits)
        if abs(value - whole) <= _NEAR * 10.0**-digits:
            found[column.name] = whole
        elif column.name not in proved:
            del found[column.name]
    return found


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
        code = _code(column, value[0]) if len(value) == 1 else -1
        if code >= 0 and column.frequency[code] == 0:
            found[column.name] = value[0]
    return found


def of_somebody(release: Release, before: LinearModel, after: LinearModel) -> list[str]:
    """Say which indicators only the old model has of categories that public records have: of two people's it may be."""
    lost = lost_indicators(before.design, after.design)
    found = []
    for column in release.columns:
        value = lost.get(column.name, ())
        code = _code(column, value[0]) if len(value) == 1 else -1
        if code >= 0 and column.frequency[code] > 0:
            found.append(
                f"Only the old model has an indicator of {value[0]!r} of column {column.name!r}: that is the new one's "
                "reference, since the deleted record was the only one of the old reference, which no file names, or "
                "the deleted record was the only one with it. This much the files give away, whatever else does not "
                "come back."
            )
    return found


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
        code = _code(column, value)
        if code < 0 and column.kind == "discrete" and isinstance(value, float | int):
            longer = column.with_value(float(value))
            if longer is not None:
                columns[j], code = longer
                codes[:, j] += codes[:, j] >= code
        given[0, j] = np.nan if code < 0 else code
    if np.isnan(given).all():
        return release
    return dataclasses.replace(release, columns=columns, public_codes=codes, given=given)


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


def with_exact(release: Seen, found: Reconstruction, values: Mapping[str, Category]) -> Reconstruction:
    """Return the reconstruction of one deletion with some columns' values known, each with probability 1.

    The other columns stay as the attack has them; where the models are the same that is nothing. The record in the
    model's space moves by as little as gives the known columns their terms; what was known up to a factor only, where
    all columns are.
    """
    places = {j: values[c.name] for j, c in enumerate(release.columns) if c.name in values}
    if not places or found.codes is None or found.values is None:
        return found
    codes, numbers = np.array(found.codes), np.array(found.values)
    probability = np.full(codes.shape, np.nan) if found.probability is None else np.array(found.probability)
    error = np.full(codes.shape, np.nan) if found.error is None else np.array(found.error)
    agreed = True
    for j, value in places.items():
        code = _code(release.columns[j], value)
        agreed = agreed and code == codes[0, j] >= 0
        codes[0, j], probability[0, j] = code, 1.0
        if isinstance(value, float | int):
            numbers[0, j], error[0, j] = value, 0.0
        elif value is None:
            numbers[0, j], error[0, j] = np.nan, np.nan
    whole = found.record_probability
    if whole is not None and not agreed:  # that record is none any more: take its other columns by themselves
        whole = np.array([probability[0].prod()])  # not a number where nothing is said of a column
    candidates = chances = None
    if found.candidates is not None and found.candidate_probability is not None:
        candidates, chances = np.array(found.candidates), np.array(found.candidate_probability)
        for j in places:
            candidates[0, j], chances[0, j] = -1, np.nan
            candidates[0, j, 0], chances[0, j, 0] = codes[0, j], 1.0
    lost = found.status[0] != "ok" and found.target is not None  # it would rest on a scale that nobody knows
    target = np.full_like(found.target, np.nan) if lost else found.target
    X, status = found.X, ("given",) if found.status[0] == "unchanged" else found.status
    if release.embedding is None and (status[0] == "ok" or len(places) == len(release.columns)):
        start = X[0] if np.isfinite(X[0]).all() else release.X_public.mean(axis=0)
        moved, all_known = _moved(release, start, places, codes[0])
        X, status = moved[None], ("ok",) if all_known else status
    return dataclasses.replace(
        found,
        X=X,
        status=status,
        target=target,
        codes=codes,
        values=numbers,
        probability=probability,
        error=error,
        low=_known(found.low, places),
        high=_known(found.high, places),
        record_probability=whole,
        candidates=candidates,
        candidate_probability=chances,
    )


def with_target(found: Reconstruction, target: Floats | None) -> Reconstruction:
    """Return the reconstruction of one deletion with its target (k,) known; as it is where none is, or another kind."""
    if target is None or found.target is None or found.target.shape != (1, len(target)):
        return found
    error = None if found.target_error is None else np.zeros_like(found.target_error)
    return dataclasses.replace(
        found, target=target[None], target_error=error, target_probability=np.ones(1), target_low=None, target_high=None
    )


def _moved(release: Seen, record: Floats, values: Mapping[int, Category], codes: Indices) -> tuple[Floats, bool]:
    """Return the record (d,) nearest to one whose known columns have their terms, and whether all columns have."""
    projection, wanted = [], []
    for j, value in values.items():
        column = release.columns[j]
        if on_a_line(column) and value is not None and not isinstance(value, str):
            term = np.array([(value - column.offset) / column.slope])
        elif codes[j] >= 0:
            term = column.terms[codes[j]]
        else:
            continue
        projection.append(column.projection)
        wanted.append(term)
    every = len(wanted) == len(release.columns)
    if not wanted:
        return record, False
    if release.constant is not None:
        projection.append(release.constant[:, None])
        wanted.append(np.ones(1))
    P = np.hstack(projection)
    off = np.concatenate(wanted) - record @ P
    return record + np.linalg.lstsq(P.T, off, rcond=None)[0], every


def _known(ends: Floats | None, places: Iterable[int]) -> Floats | None:
    """Return the ends of ranges (b, c) without those of known columns, whose errors of zero say them."""
    if ends is None:
        return None
    kept = np.array(ends)
    kept[:, list(places)] = np.nan
    return kept


def _code(column: Column, value: Category) -> int:
    """Return the position of a value, None for a missing cell, among a column's; -1 where it is none of them."""
    if column.kind == "continuous" or not len(column.values):
        return -1
    if column.kind == "categorical" or isinstance(value, str) or value is None:
        same = np.flatnonzero(column.values.astype(str) == (MISSING if value is None else str(value)))
        return int(same[0]) if same.size else -1
    own = column.values.astype(float)  # a missing cell, which is a value too, is not near any number
    distance = np.where(np.isfinite(own), np.abs(own - value), np.inf)
    steps = np.diff(np.unique(own[np.isfinite(own)]))
    near = _NEAR * float(steps.min()) if steps.size else _LINE * max(float(np.abs(own[np.isfinite(own)]).max()), 1.0)
    return int(distance.argmin()) if distance.min() <= near else -1
