"""Two people left, or joined, at once: what refitted scalers and the change of the parameters say of both."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from undelete.adapters.leaks import between
from undelete.adapters.model import LinearModel
from undelete.adapters.stored.given import Given
from undelete.adapters.targets import encode_target
from undelete.attacker.groups.pair import PAIR, deal
from undelete.auditing import truths
from undelete.auditing.diagnostics import Diagnostic
from undelete.auditing.examine import judged
from undelete.auditing.inputs import Table, as_records
from undelete.auditing.result import Audit
from undelete.auditing.setting import Setting
from undelete.errors import InputError
from undelete.release.columns import CONTINUOUS_TOLERANCE, Column
from undelete.release.release import Release
from undelete.scoring.truth import Truth

UNLIKELY = 1e-3  # probability of a misfit under which the change is not that of two records


def two_values(old: LinearModel, new: LinearModel, release: Release) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    """Return each raw column's two values (2, c) as the files give them; None where they do not give all."""
    change = between(old, new)
    if change.number != 2 or change.notes:
        return None
    columns = {column.name: column for column in release.columns}
    found: dict[str, list[float]] = {name: [] for name in columns}
    for row in change.rows:
        if row.kind == "one of two" and row.column in columns and not isinstance(row.value, str):
            own = _placed(columns[row.column], row)
            if own is not None and len(found[row.column]) < 2:
                found[row.column].append(own)
    if not columns or any(len(values) < 2 for values in found.values()):
        return None
    return np.array(list(found.values())).T


def _placed(column: Column, row: Given) -> float | None:
    """Return a value that the files give, put on the column's own values; None where that is not sure."""
    error = (row.high - row.low) / 2
    if column.kind != "discrete":
        return float(row.value) if row.exact or error <= CONTINUOUS_TOLERANCE * column.spread else None
    own = column.values.astype(float)
    whole = bool((own % 1 == 0).all())
    near = float(round(row.value)) if whole else float(own[np.abs(own - row.value).argmin()])
    step = 1.0 if whole else float(np.diff(own).min(initial=np.inf))
    return near if abs(near - row.value) <= max(error, 1e-6) and error < step / 4 else None


def audit_two(
    old: LinearModel,
    new: LinearModel,
    release: Release,
    setting: Setting,
    truth: Table | Mapping[str, Any] | None,
    names: tuple[str, ...],
    seeds: np.random.SeedSequence,
) -> Audit | None:
    """Return the audit of two records that left or joined together; None where nothing of the kind can be said.

    Parameters
    ----------
    old, new : LinearModel
        With the two records, and without.
    release : Release
        Of both as if of one deletion.
    setting : Setting
        For the report.
    truth : table or None
        The two records, for the scores.
    names : tuple of str
        The target columns.
    seeds : numpy.random.SeedSequence
        Of the intervals.
    """
    values = two_values(old, new, release)
    if values is None:
        return None
    try:
        dealt = deal(release, values)
    except InputError:
        return None
    twice: dict[str, Any] = {
        name: np.repeat(held, 2, axis=0) for name in _PER_DELETION if (held := getattr(release, name)) is not None
    }
    both = dataclasses.replace(release, **twice)
    fits = dealt.p_value >= UNLIKELY
    checks = [
        Diagnostic("Number of records", f"{old.n:,} and {new.n:,}", True, "The two models differ by two records."),
        Diagnostic("Means of the scalers", f"{len(release.columns)} columns", True,
                   "Mean and variance of each column differ as by two records, whose values they give."),
        Diagnostic("Fits two records", f"a worse misfit has probability {dealt.p_value:.2g}", fits,
                   "The change of the model is what these two records make together, within the error bars." if fits
                   else "The change of the model is not that of two records with these values: other data changed too, "
                   "or the fits stopped early.", blocking=not fits),
    ]  # fmt: skip
    told = [
        "The files give both values of every column, exactly, and not which of them belong together: that is told by "
        f"the change of the parameters, with confidence {float(dealt.found.confidence[0]):.2f}."
    ]
    first, second = seeds.spawn(2)
    record = None if truth is None else _matched(truth, old, both, names, dealt.found.values)
    return judged(both, [PAIR], {PAIR.name: dealt.found}, record, setting, checks, (first, second),
                  warnings=told)  # fmt: skip


_PER_DELETION = ("W_after", "answer_change", "penalty_share", "share_error", "penalty_change")


def _matched(
    truth: Table | Mapping[str, Any], old: LinearModel, release: Release, names: tuple[str, ...], shown: Any
) -> Truth:
    """Return the two true records in the order in which more of the shown values are right: they have none."""
    table: pd.DataFrame = pd.DataFrame(truth) if isinstance(truth, Mapping) else as_records(truth)
    if len(table) != 2:
        raise InputError(f"the truth has {len(table)} records, and two left between the two models: give both")
    columns = [column.name for column in release.columns]
    right = [
        float(np.isclose(table[columns].to_numpy(dtype=float)[list(order)], shown).sum()) for order in ((0, 1), (1, 0))
    ]
    table = table.iloc[[0, 1] if right[0] >= right[1] else [1, 0]].reset_index(drop=True)
    there = bool(names) and all(name in table for name in names)
    Y = encode_target(old, table[list(names)], ", ".join(names)) if there else None
    return Truth(X=old.features(table), Y=Y, **truths.own_columns(old, release, table))
