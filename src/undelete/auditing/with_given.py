"""A reconstruction with the values that the files give away, which are known."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np

from undelete.adapters.design.polynomial import Category
from undelete.attacker.table.given import on_a_line
from undelete.auditing.grid import code_of
from undelete.maths.arrays import Floats, Indices
from undelete.release.reconstruction import Reconstruction
from undelete.release.seen import Seen


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
        code = code_of(release.columns[j], value)
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
