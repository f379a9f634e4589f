"""The records section: each deleted record, recovered beside true, one row a column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from undelete.report import formatting
from undelete.report.facts import Audit, case, event, headline, spoken

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
class Line:
    """One column of one record, in words; `right` and `guess_right` are None when nobody can say."""

    label: str
    name: str
    recovered: str
    right: bool | None
    off: str
    true: str
    spread: str
    sure: str
    guess: str
    guess_right: bool | None
    is_target: bool = False


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
    cells = [cell for record in kept for cell in _cells(record)]
    return Records(
        views=tuple(views),
        open=len(views) if len(views) <= OPEN + 1 else OPEN,
        has_true=any(c.get("true") is not None or c.get("right") is not None for c in cells),
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
    lines = [_line(cell, described.get(cell["name"], {})) for cell in columns[:ROWS_A_RECORD]]
    target = audit.get("target")
    if record.get("target") and target:
        lines.append(_target_line(record["target"], target))
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
        guesses = [_guess_right(cell) for cell in record["columns"] if cell.get("right") is not None]
        if any(mark is not None for mark in guesses):
            parts[-1] += f" (the guess: {sum(mark is True for mark in guesses)})"
    if record.get("confidence") is not None:
        parts.append(f"{formatting.percent(record['confidence'])} sure of the whole record")
    return ", ".join(parts)


def _guess_right(cell: Mapping[str, Any]) -> bool | None:
    """Return whether the guess is the true value; None when there is no telling."""
    guess, true = cell.get("guess"), cell.get("true")
    if guess is None or true is None or cell.get("right") is None:
        return None
    return bool(guess == true)


def _line(cell: Mapping[str, Any], column: Mapping[str, Any]) -> Line:
    """Return one column's line."""
    unit = None if column.get("kind") == "categorical" else column.get("unit")
    spread = formatting.value_range(cell.get("low"), cell.get("high"), unit)
    if cell.get("candidates"):
        best = cell["candidates"][:3]
        spread = ", ".join(f"{formatting.value(v)}\u00a0{formatting.percent(p)}" for v, p in best)
    sure = cell.get("probability")
    return Line(
        label=formatting.shorten(str(column.get("label") or cell["name"])),
        name=formatting.shorten(str(cell["name"])),
        recovered=_named(cell.get("recovered"), unit, column),
        right=cell.get("right"),
        off="",
        true=_named(cell.get("true"), unit, column),
        spread=spread,
        sure="" if sure is None else formatting.percent(sure),
        guess=_named(cell.get("guess"), unit, column),
        guess_right=_guess_right(cell),
    )


def _named(value: Any, unit: str | None, column: Mapping[str, Any]) -> str:
    """Return a value in its unit, a code with its name: ``5 never married``."""
    text = formatting.value(value, unit)
    codes = column.get("codes") or {}
    whole = isinstance(value, int | float) and not isinstance(value, bool) and value == int(value)
    name = codes.get(str(int(value))) if whole else None
    return text if name is None else formatting.shorten(f"{text} {name}")


def _target_line(cell: Mapping[str, Any], target: Mapping[str, Any]) -> Line:
    """Return the target's line, with exp undone where the model predicts a logarithm."""
    unit = None if target["kind"] == "class" else target.get("unit")
    keys = ("recovered", "low", "high", "true", "guess")
    shown = {key: formatting.target_value(cell.get(key), target) for key in keys}
    off = _off(shown["recovered"], shown["true"], target) if cell.get("right") is None else ""
    return Line(
        label=formatting.shorten(target_label(target)),
        name=formatting.shorten(str(target["name"])),
        recovered=formatting.value(shown["recovered"], unit),
        right=cell.get("right"),
        off=off,
        true=formatting.value(shown["true"], unit),
        spread=formatting.value_range(shown["low"], shown["high"], unit),
        sure="",
        guess=formatting.value(shown["guess"], unit),
        guess_right=_guess_right(cell),
        is_target=True,
    )


def _off(recovered: Any, true: Any, target: Mapping[str, Any]) -> str:
    """Return how far off a recovered number is: in per cent where zero means nothing, else in its unit."""
    if not isinstance(recovered, int | float) or not isinstance(true, int | float):
        return ""
    unit = str(target.get("unit") or "")
    if true != 0 and (target.get("transform") == "exp" or unit.startswith("dollar")):
        error = 100 * abs(recovered / true - 1)
        return f"{formatting.number(float(f'{error:.2g}'))}\u00a0% off"
    return f"{formatting.value(float(f'{abs(recovered - true):.2g}'), unit)} off"


def target_label(target: Mapping[str, Any]) -> str:
    """Return what the target is once a logarithm is undone: ``log weekly income`` is weekly income."""
    label = str(target.get("label") or target["name"])
    if target.get("transform") == "exp":
        for prefix in ("log of ", "log "):
            label = label.removeprefix(prefix)
    return label
