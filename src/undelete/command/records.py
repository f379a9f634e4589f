"""Recovered records in a terminal: one, a column a line, or some of many side by side."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from undelete.auditing.document_records import record as cells_of
from undelete.auditing.document_records import target_note
from undelete.auditing.result import Audit
from undelete.command.layout import SIDE_BY_SIDE, WIDTH, wrap
from undelete.plain_text import escaped
from undelete.report.lines import SURE
from undelete.report.records import UNDECIDED

COLUMNS_SHOWN = 4
_MIDDLE = 0.01  # of the error, by which a value may lie off the middle of its range
_HUGE = 700.0  # logarithm, up to which a number can be written
_RECOVERED = 30  # columns of the terminal, beside the true record
_LONG = 1e9  # from which on a number has more digits than its place


def _shown(audit: Audit, name: str, value: Any) -> str:
    """Return a value as a reader should see it."""
    target = audit.setting.target
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return "?"
    if target is None or name != target.name:
        return escaped(audit.setting.schema[name].text(value))
    if target.transform == "exp":
        value = float(np.exp(value))
    if isinstance(value, float):
        whole = 100 <= abs(value) < _LONG or (abs(value) < 100 and value.is_integer())
        value = f"{value:,.0f}" if whole else f"{value:.3g}"
    return escaped(f"{value} {target.unit}".strip())


def people(audit: Audit) -> list[str]:
    """Return five records side by side, recovered and true, or how sure where nobody gave the true ones."""
    table = audit.records
    keep = list(table.columns[:COLUMNS_SHOWN])
    if audit.setting.target is not None and audit.setting.target.name in table:
        keep = list(dict.fromkeys([*keep[: COLUMNS_SHOWN - 1], audit.setting.target.name]))
    width = (WIDTH - 22) // len(keep)
    title = {audit.setting.target.name: audit.setting.target.label} if audit.setting.target is not None else {}
    names = [escaped(title.get(name, audit.setting.schema[name].label))[: width - 1] for name in keep]
    order = audit.order()
    count = min(SIDE_BY_SIDE, len(order))
    # a demonstration shows good and bad alike; a simulation names those most at risk
    spread = audit.setting.kind == "demo"
    chosen: NDArray[np.int64] = order[np.linspace(0, len(order) - 1, count).astype(int)] if spread else order[:count]
    first = f"{count} of them" if spread else "Most exposed"
    rows = None if audit.truth is None else audit.truth.rows
    text = [f"{first:<22}" + "".join(f"{name:<{width}}" for name in names).rstrip()]
    known = len(audit.true_records) > 0
    for number, i in enumerate(map(int, chosen), 1):
        found = {name: _shown(audit, name, table.iloc[i].get(name)) for name in keep}
        below = {name: _shown(audit, name, audit.true_records.iloc[i].get(name)) for name in keep} if known else {}
        what = "true" if known else "sure"
        if rows is not None and known and not spread:
            what += f" row {rows[i]}"
        who = "recovered"
        if 0 < audit.setting.came < audit.setting.people:
            who = "who left" if i % audit.setting.people < audit.setting.left else "who joined"
        for lead, of, shown in ((f"{number:>3}", who, found), ("", what, below or _sure(audit, i))):
            cells = "".join(f"{shown.get(name, '')[: width - 1]:<{width}}" for name in keep)
            text.append(f"{lead:<3}  {of:<17}{cells}".rstrip())
    return text


def _sure(audit: Audit, i: int) -> dict[str, str]:
    """Return how sure each column of record i is."""
    probability = audit.found[audit.main].probability
    if probability is None:
        return {}
    columns = audit.records.columns[: len(audit.release.columns)]
    return {name: f"{p:.0%}" for name, p in zip(columns, probability[i], strict=True) if np.isfinite(p)}


def _with_range(value: str, cell: Mapping[str, Any], exp: bool, width: int) -> str:
    """Return a value with its 95 % range, as the report has it: as a deviation where the value is its middle.

    A range that is longer than `width` has fewer digits, or is left to the report: half of one would mislead.
    """
    ends = [cell["low"], cell["high"], cell["recovered"]]
    if not all(isinstance(end, int | float) and np.isfinite(end) for end in ends):
        return value
    low, high, middle = (float(np.exp(min(end, _HUGE))) if exp else float(end) for end in ends)
    error = (high - low) / 2
    if abs((low + high) / 2 - middle) > _MIDDLE * error:
        ranges = [f"{value} ({low:,.{digits}g} to {high:,.{digits}g})" for digits in (3, 2)]
        return next((text for text in ranges if len(text) <= width), value)
    return f"{value[:14]} +- {error:,.0f}" if 10 <= error < _LONG else f"{value[:16]} +- {error:.2g}"


def _words(told: Mapping[str, Any]) -> list[str]:
    """Return a column of text: its words that are told, those that are likelier than not, and how many are right."""
    words = told["words"]
    sure = [escaped(entry["word"]) for entry in words if entry["probability"] >= SURE]
    unsure = [f"{escaped(entry['word'])} {entry['probability']:.0%}" for entry in words if entry["probability"] < SURE]
    said = f"{len(sure)} words at 90% or more: {' '.join(sure)}" if sure else "no word at 90% or more"
    if unsure:
        said += f"; perhaps {', '.join(unsure)}"
    if told["missed"] is not None:
        right = sum(entry["right"] for entry in words if entry["probability"] >= SURE)
        own = sum(entry["right"] for entry in words) + len(told["missed"])
        said += f" ({right} of the {len(sure)} are right; it has {own})"
    lines = textwrap.wrap(said, WIDTH - 22)
    return [f"  {escaped(told['name'])[:19]:<20}{lines[0]}", *(f"{'':<22}{line}" for line in lines[1:])]


def record(audit: Audit) -> list[str]:
    """Return one record, a column a line: recovered, true where known, and how sure."""
    found, truth = audit.records.iloc[0], audit.true_records
    best, cells = audit.found[audit.main], cells_of(audit, 0)
    wide, other = (_RECOVERED, 52 - _RECOVERED) if len(truth) else (52, 0)
    text = [f"{'The record':<22}{'recovered':<{wide}}{'true' if len(truth) else '':<{other}}{'sure':>6}"]
    for j, name in enumerate(audit.records.columns):
        target = audit.setting.target
        label = target.label if target is not None and name == target.name else name
        sure, value = "", _shown(audit, name, found[name])
        if j < len(audit.release.columns):
            label = audit.setting.schema[name].label
            if best.probability is not None and np.isfinite(best.probability[0, j]):
                sure = f"{best.probability[0, j]:.0%}"
            elif best.status[0] != "ok":
                value = "?"
        cell = cells["columns"][j] if j < len(audit.release.columns) else cells["target"]
        if cell is not None and sure != "100%" and value != "?":
            exp = j >= len(audit.release.columns) and target is not None and target.transform == "exp"
            value = _with_range(value, cell, exp, wide - 1)
        true = _shown(audit, name, truth.iloc[0].get(name)) if len(truth) else ""
        # two in: no column's name can stand where a line of ours begins
        shown = f"{value[: wide - 1]:<{wide}}{true[: max(other - 1, 0)]:<{other}}{sure:>6}"
        text.append(f"  {escaped(label)[:19]:<20}{shown}".rstrip())
    for told in cells["texts"]:
        text += _words(told)
    if audit.verdict.word == "NOT DECIDABLE" and not len(truth) and any(line.endswith("%") for line in text):
        text += wrap("", UNDECIDED)
    note = target_note(audit)
    return text + ([] if note is None else wrap("", note))
