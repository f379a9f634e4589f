"""One column of one record in words: a value, a text's words, or the target; recovered beside true."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from undelete.report import formatting

SURE = 0.9  # probability from which a word is told


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


def guess_right(cell: Mapping[str, Any]) -> bool | None:
    """Return whether the guess is the true value; None when there is no telling."""
    guess, true = cell.get("guess"), cell.get("true")
    if guess is None or true is None or cell.get("right") is None:
        return None
    return bool(guess == true)


def column_line(cell: Mapping[str, Any], column: Mapping[str, Any]) -> Line:
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
        guess_right=guess_right(cell),
    )


def text_line(text: Mapping[str, Any]) -> Line:
    """Return the line of a column of text: the words that are told, the unsure ones, and the true ones."""
    words = text["words"]
    sure = [entry for entry in words if entry["probability"] >= SURE]
    unsure = [entry for entry in words if entry["probability"] < SURE]
    right = [entry["word"] for entry in words if entry["right"]]
    wrong = [entry["word"] for entry in sure if entry["right"] is False]
    true = "" if text["missed"] is None else " ".join(sorted([*right, *text["missed"]]))
    mean = sum(entry["probability"] for entry in sure) / len(sure) if sure else None
    return Line(
        label=formatting.shorten(str(text["name"])),
        name=formatting.shorten(str(text["name"])),
        recovered=" ".join(entry["word"] for entry in sure) or "no word is told surely",
        right=None,
        off=f"wrong: {' '.join(wrong)}" if wrong else "",
        true=true,
        spread=", ".join(f"{entry['word']}\u00a0{formatting.percent(entry['probability'])}" for entry in unsure),
        sure="" if mean is None else formatting.percent(mean),
        guess="",
        guess_right=None,
    )


def words_line(row: Mapping[str, Any]) -> str:
    """Say how many words came back of a column of text, over all deletions."""
    told = f"{row['told']:.1f} words a record are told at 90% or more"
    if row["precision"] is not None:
        told += f", {row['precision']:.1%} of them right"
    if row["recovered"] is not None:
        told += f"; of its own words {row['recovered']:.0%} come back (median)"
    return f"Of {formatting.shorten(str(row['column']))} {told}."


def _named(value: Any, unit: str | None, column: Mapping[str, Any]) -> str:
    """Return a value in its unit, a code with its name: ``5 never married``."""
    text = formatting.value(value, unit)
    codes = column.get("codes") or {}
    whole = isinstance(value, int | float) and not isinstance(value, bool) and value == int(value)
    name = codes.get(str(int(value))) if whole else None
    return text if name is None else formatting.shorten(f"{text} {name}")


def target_line(cell: Mapping[str, Any], target: Mapping[str, Any]) -> Line:
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
        guess_right=guess_right(cell),
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
