"""Which columns come back: the attack beside the best control for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from undelete.report import figures, formatting
from undelete.report.distribution import colour_of
from undelete.report.facts import Audit, controls, headline, label_of, role_of
from undelete.report.lines import words_line

BARS = figures.BARS
COLUMN_ROWS = 100
Bar = tuple[str, float, float | None]


@dataclass(frozen=True)
class Columns:
    """The section on single columns."""

    figure: str
    attacks: tuple[tuple[str, str], ...]
    lines: tuple[tuple[str, tuple[str, ...]], ...]
    note: str


def bars_of(audit: Audit) -> list[Bar]:
    """Return each column's share, of the attack and of the best control; none without a truth, or of one deletion."""
    name = headline(audit)
    if int(audit["question"]["deletions"]) == 1:
        return []
    guesses = controls(audit)
    words = {c["name"]: str(c.get("label") or c["name"]) for c in audit["columns"]}

    def control(row: Mapping[str, Any]) -> float | None:
        return max((float(row[c]) for c in guesses if row.get(c) is not None), default=None)

    found = [
        (words.get(row["column"], str(row["column"])), float(row[str(name)]), control(row))
        for row in audit["per_column"]
        if name is not None and row.get(name) is not None
    ]
    return sorted(found, key=lambda bar: -(bar[1] - (bar[2] or 0.0)))[:BARS] if len(found) > BARS else found


def columns(audit: Audit) -> Columns | None:
    """Return how often each column came back, attack beside the best baseline; None without a truth."""
    name, bars = headline(audit), bars_of(audit)
    if not bars:
        return None
    rows = [row for row in audit["per_column"] if row.get(name) is not None]
    words = {c["name"]: str(c.get("label") or c["name"]) for c in audit["columns"]}
    shown = [str(e["name"]) for e in audit["attacks"] if any(row.get(e["name"]) is not None for row in rows)]
    titles = [words.get(row["column"], str(row["column"])) for row in rows]
    notes = []
    if len(rows) > BARS:
        notes.append(f"Drawn are the {BARS} of {len(rows):,} columns that gain most over the best guess.")
    if len(rows) > COLUMN_ROWS:
        notes.append(f"The table has the first {COLUMN_ROWS}; audit.json has all.")
    notes += [words_line(row) for row in audit.get("words") or ()]
    return Columns(
        figure=figures.per_column(
            bars,
            attack=label_of(audit, str(name)),
            baseline="best guess without the attack",
            colour=colour_of(str(name)),
            name="columns",
        ),
        attacks=tuple((attack, role_of(audit, attack)) for attack in shown),
        lines=tuple(
            (formatting.shorten(title), tuple(formatting.percent(row.get(attack)) for attack in shown))
            for title, row in zip(titles[:COLUMN_ROWS], rows, strict=False)
        ),
        note=" ".join(notes),
    )
