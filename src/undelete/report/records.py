"""The records section: each deleted record, recovered beside true, one row a column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from undelete.report import formatting
from undelete.report.facts import Audit, case, event, headline, spoken
from undelete.report.lines import Line, column_line, guess_right, target_line, text_line

ROWS_A_RECORD = 60
ROWS_IN_ALL = 500
OPEN = 3  # records shown unfolded

UNDECIDED = (
    "How sure a value is holds only if the check behind the verdict is wrong: if the change is that of one record of "
    "this population, and nothing else."
)
STATUS = {
    "given": "This deletion did not change the model; what is shown the files give away by themselves.",
    "unchanged": "This deletion did not change the model, so there is nothing to recover from it.",
    "direction": "The model has no usable intercept: the record is known only up to a factor, so its values "
    "are not identified.",
}


@dataclass(frozen=True)
class RecordView:
    """One deleted record as a table; `trouble` says why there is none, `note` what its target holds under."""

    title: str
    summary: str
    trouble: str
    lines: tuple[Line, ...]
    left_out: int
    note: str = ""


@dataclass(frozen=True)
class Records:
    """All records that the page shows, and which of the table's columns have anything in them."""

    views: tuple[RecordView, ...]
    open: int
    has_true: bool
    has_sure: bool
    has_guess: bool
    note: str


def records(audit: Audit) -> Records:
    """Return the records of the headline attack, most exposed first, as many as keep the page small.

    None of records that are images: `undelete.report.gallery` shows those.
    """
    name = headline(audit)
    kept = [record for record in audit["records"] if record["attack"] == name] or list(audit["records"])
    if audit.get("pictures"):
        kept = []
    views: list[RecordView] = []
    rows = 0
    for record in kept:
        view = _view(audit, record)
        rows += len(view.lines)
        if views and rows > ROWS_IN_ALL:
            break
        views.append(view)
    lines = [line for view in views for line in view.lines]
    texts = [text for record in kept for text in record.get("texts") or ()]
    cells = [cell for record in kept for cell in _cells(record)]
    return Records(
        views=tuple(views),
        open=len(views) if len(views) <= OPEN + 1 else OPEN,
        has_true=any(c.get("true") is not None or c.get("right") is not None for c in cells)
        or any(text["missed"] is not None for text in texts),
        has_sure=any(line.sure for line in lines),
        has_guess=bool(audit["redacted"]) or any(c.get("guess") is not None for c in cells),
        note=spoken(_note(len(views), int(audit["question"]["deletions"])), event(audit)),
    )


def _note(shown: int, deletions: int) -> str:
    """Return which of the records are shown."""
    if shown >= deletions:
        return ""
    return f"The {shown} most exposed of {formatting.count(deletions, 'deletion')} are shown."


def _cells(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the record's columns and its target."""
    return [*record["columns"], *([record["target"]] if record.get("target") else [])]


def _view(audit: Audit, record: Mapping[str, Any]) -> RecordView:
    """Return one record."""
    described = {column["name"]: column for column in audit["columns"]}
    columns = record["columns"]
    lines = [column_line(cell, described.get(cell["name"], {})) for cell in columns[:ROWS_A_RECORD]]
    lines += [text_line(text) for text in record.get("texts") or ()]
    target = audit.get("target")
    if record.get("target") and target:
        lines.append(target_line(record["target"], target))
    # an unchanged model says nothing, whatever the cells hold
    if record["status"] == "unchanged" or not lines:
        lines = []
    row = "" if record.get("row") is None else f" (row {record['row']})"
    return RecordView(
        title=f"{case(audit, int(record['deletion']))}{row}",
        summary=_summary(record),
        trouble=spoken(STATUS.get(record["status"], ""), event(audit)),
        lines=tuple(lines),
        note=" ".join(_holds(audit, record, lines)),
        left_out=max(0, len(columns) - ROWS_A_RECORD) if lines else 0,
    )


def _holds(audit: Audit, record: Mapping[str, Any], lines: Sequence[Line]) -> list[str]:
    """Return under what conditions what is shown of a record holds."""
    open_case = audit["verdict"]["word"] == "NOT DECIDABLE" and all(c.get("true") is None for c in _cells(record))
    notes = [UNDECIDED] if open_case and any(line.sure for line in lines) else []
    target = str((record.get("target") or {}).get("note") or "") if lines else ""
    return [*notes, target] if target else notes


def _summary(record: Mapping[str, Any]) -> str:
    """Return how much of the record is right, beside the plain guess, and how sure the attack is."""
    marks = [cell.get("right") for cell in record["columns"]]
    known = [mark for mark in marks if mark is not None]
    parts = []
    if known:
        parts.append(f"{sum(known)} of {formatting.count(len(known), 'column')} right")
        guesses = [guess_right(cell) for cell in record["columns"] if cell.get("right") is not None]
        if any(mark is not None for mark in guesses):
            parts[-1] += f" (the guess: {sum(mark is True for mark in guesses)})"
    if record.get("confidence") is not None:
        parts.append(f"{formatting.percent(record['confidence'])} sure of the whole record")
    return ", ".join(parts)
