"""Who is exposed: the deletions in order, and whether the attack's confidence can be believed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from undelete.report import figures, formatting
from undelete.report.distribution import colour_of
from undelete.report.facts import Audit, Row, columns_right, event, events, has_truth, headline, ranking, sampled

ROWS = 400
FIRST = 200
RELIABLE_FROM = 20  # deletions with a confidence and a truth


@dataclass(frozen=True)
class Cell:
    """One cell of the sortable table: what is read, and what is sorted by."""

    text: str
    key: str
    mark: bool | None = None


@dataclass(frozen=True)
class Exposed:
    """The table of deletions and how their recovered columns are distributed."""

    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str
    spread: tuple[tuple[str, str, float, str], ...]


def exposed(audit: Audit) -> Exposed | None:
    """Return the table; None when there is only one deletion or no score at all."""
    ranked = ranking(audit)
    if len(ranked) < 2:
        return None
    shown = sampled(ranked, ROWS, FIRST)
    places = {int(row["deletion"]): i + 1 for i, row in enumerate(ranked)}
    known = {int(r["deletion"]): r["row"] for r in audit["records"] if r.get("row") is not None}
    headings, cells = _columns(audit, shown, places, known)
    note = ""
    if len(shown) < len(ranked):
        note = (
            f"Shown are the {FIRST} most exposed and {ROWS - FIRST} more, evenly spaced over the other "
            f"{len(ranked) - FIRST:,}, so that this page stays small. All {len(ranked):,} are in audit.json."
        )
    return Exposed(headings, tuple(zip(*cells, strict=True)), note, _spread(audit, ranked))


def _columns(
    audit: Audit, shown: Sequence[Row], places: dict[int, int], known: dict[int, int]
) -> tuple[tuple[str, ...], list[list[Cell]]]:
    """Return the headings and, column by column, the cells; a column with nothing in it is left out."""
    count, target = len(audit["columns"]), audit.get("target")
    table: list[tuple[str, list[Cell]]] = [
        ("Rank", [_plain(places[int(row["deletion"])]) for row in shown]),
        (event(audit).capitalize(), [_plain(int(row["deletion"]) + 1) for row in shown]),
    ]
    if any("row" in row for row in shown) or all(int(row["deletion"]) in known for row in shown):
        origins = [row.get("row", known.get(int(row["deletion"]))) for row in shown]
        table.append(("Row", [Cell(formatting.MISSING if o is None else str(o), _key(o)) for o in origins]))

    def add(heading: str, key: str, show: Callable[[float | None], str]) -> None:
        if any(row.get(key) is not None for row in shown):
            table.append((heading, [Cell(show(row.get(key)), _key(row.get(key))) for row in shown]))

    add("Columns right", "exact_columns", lambda s: columns_right(s, count))
    if any(row.get("exact_record") is not None for row in shown):
        table.append(("Whole record", [_mark(row.get("exact_record")) for row in shown]))
    add("Sure of it", "confidence", formatting.percent)
    add("Target error", "target_error", lambda e: formatting.target_error(e, target))
    if any(row.get("label") is not None for row in shown):
        table.append(("Label", [_mark(row.get("label")) for row in shown]))
    add("Centred cosine", "centred_cosine", formatting.similarity)
    add("Cosine", "cosine", formatting.similarity)
    if any(row["status"] != "ok" for row in shown):
        words = {
            "ok": "recovered",
            "given": "the files say it",
            "unchanged": "model unchanged",
            "direction": "direction only",
        }
        states = [str(row["status"]) for row in shown]
        table.append(("What happened", [Cell(words.get(state, state), state) for state in states]))
    return tuple(heading for heading, _ in table), [cells for _, cells in table]


def _plain(x: int | None) -> Cell:
    """Return a whole number."""
    return Cell(formatting.MISSING if x is None else f"{x:,}", _key(x))


def _key(x: float | None) -> str:
    """Return what a column is sorted by; empty sorts last."""
    return "" if x is None else f"{x:.6g}"


def _mark(x: float | None) -> Cell:
    """Return a tick or a cross."""
    return Cell(formatting.MISSING if x is None else "", _key(x), None if x is None else bool(x))


def _spread(audit: Audit, ranked: Sequence[Row]) -> tuple[tuple[str, str, float, str], ...]:
    """Return (how many columns came back, deletions in words, their share, the same in per cent)."""
    count = len(audit["columns"])
    if not has_truth(audit) or count == 0:
        return ()
    got = [round(row["exact_columns"] * count) for row in ranked if row["exact_columns"] is not None]
    if not got:
        return ()  # redacted
    bands = _bands(count)
    lines = []
    for low, high in bands:
        n = sum(low <= g <= high for g in got)
        words = f"{low}" if low == high else f"{low} to {high}"
        words = f"all {count}" if low == count else "none" if high == 0 else words
        lines.append((words, f"{n:,}", n / len(ranked), formatting.percent(n / len(ranked))))
    missing = len(ranked) - len(got)
    if missing:
        share = missing / len(ranked)
        lines.append(("nothing to recover", f"{missing:,}", share, formatting.percent(share)))
    return tuple(lines)


def _bands(count: int) -> list[tuple[int, int]]:
    """Return the bands of recovered columns: each number on its own up to 6 columns, else thirds."""
    if count <= 6:
        return [(k, k) for k in range(count, -1, -1)]
    inner = [(round(count * k / 3), round(count * (k + 1) / 3) - 1) for k in (2, 1, 0)]
    return [(count, count), (inner[0][0], count - 1), inner[1], (1, inner[2][1]), (0, 0)]


def reliability(audit: Audit) -> str:
    """Return the figure of confidence beside truth; empty when fewer than 20 deletions have both."""
    name = headline(audit)
    both = [
        (float(row["confidence"]), float(row["exact_record"]))
        for row in audit["scores"]
        if row["attack"] == name and row.get("confidence") is not None and row.get("exact_record") is not None
    ]
    if len(both) < RELIABLE_FROM:
        return ""
    sure, right = zip(*both, strict=True)
    return figures.reliability(sure, right, colour=colour_of(name or ""), name="reliability")


def calibration(audit: Audit) -> str:
    """Return how far confidence and truth lie apart, in a sentence; empty where the summary does not say."""
    rows = {row["attack"]: row for row in audit["summary"]}
    row = rows.get(headline(audit), {})
    error, best = row.get("calibration_error"), row.get("exact_record_surest_tenth")
    if error is None or best is None:
        return ""
    return (
        f"Over ten such groups the two lie {100 * error:.0f} percentage points apart on average (expected calibration "
        f"error; luck alone makes some). Of the tenth of the {events(audit)} it was surest of, "
        f"{formatting.percent(best)} came back whole."
    )
