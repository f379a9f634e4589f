"""One record of a result as the document has it: each column's value, its alternatives, its range and the target."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from undelete.adapters.design.values import MISSING
from undelete.attacker.baselines import AVG
from undelete.release.columns import CONTINUOUS_TOLERANCE, Column
from undelete.release.reconstruction import Reconstruction
from undelete.scoring.truth import Truth

if TYPE_CHECKING:
    from undelete.auditing.documents import Document
    from undelete.auditing.result import Audit


TARGET_NOTE = (
    "The target holds for a record of weight one, and for the two files in this order: with sample_weight in the fit "
    "it is off by as much as the person's weight differs from the others'."
)


def value_of(audit: Audit, found: Reconstruction | Truth, i: int, j: int) -> Any:
    """Return deletion i's value in column j: of its code, or its number where that is all there is."""
    column = audit.release.columns[j]
    if isinstance(found, Truth) and found.raw is not None:
        return found.raw[i][column.name]
    if found.codes is None or found.values is None:
        return None
    code, number = int(found.codes[i, j]), float(found.values[i, j])
    if code >= 0:
        return _shown(column, column.values[code].item())
    if math.isnan(number):  # a missing cell that the files give away, or nothing at all
        sure = isinstance(found, Reconstruction) and found.probability is not None and found.probability[i, j] == 1
        return "missing" if sure else None
    return _shown(column, number)  # continuous, or a value that no public record has


def _shown(column: Column, held: Any) -> Any:
    """Return a recovered value as a reader sees it: a missing cell, and what such a cell gets, which may be one."""
    if held == MISSING or held != held:
        return "missing"
    value, filled = bool(held) if column.logical else held, column.filled
    if filled is None:
        return value
    if column.kind == "continuous":
        same = isinstance(filled, float) and abs(held - filled) <= CONTINUOUS_TOLERANCE * column.spread
    else:
        same = held == filled
    return column.filled_as if same else value


def target_of(audit: Audit, y: NDArray[np.float64]) -> Any:
    """Return one target as the table has it: a number, or the class."""
    target = audit.setting.target
    if target is None or np.isnan(y).any():
        return None
    if target.kind == "number" or target.classes is None:
        y = y if audit.setting.back is None else audit.setting.back(y[None])[0]
        return float(y[0]) if y.size == 1 else [float(v) for v in y]
    return target.classes[int(y[0] > 0) if y.size == 1 else int(y.argmax())]


def record(audit: Audit, i: int) -> dict[str, Any]:
    """Return deletion i of the main attack, column by column."""
    found = audit.found[audit.main]
    row = None if audit.truth is None or audit.truth.rows is None else int(audit.truth.rows[i])
    return {
        "deletion": i,
        "row": row,
        "attack": audit.main,
        "status": found.status[i],
        "confidence": found.confidence[i],
        "direction": _direction(audit, i),
        "columns": [_cell(audit, i, j, found) for j in range(len(audit.release.columns))],
        "texts": [_text(name, one) for name, one in audit.documents[i].items()] if audit.documents else [],
        "target": target_cell(audit, i, found),
    }


def _direction(audit: Audit, i: int) -> NDArray[np.float64] | None:
    """Return a record known up to a factor, where its numbers mean something to a reader."""
    found = audit.found[audit.main]
    readable = audit.pictured is None and audit.release.embedding is None
    return found.X[i] if readable and found.status[i] == "direction" else None


def _cell(audit: Audit, i: int, j: int, found: Reconstruction) -> dict[str, Any]:
    column, guess, right = audit.release.columns[j], audit.found.get(AVG.name), audit.right.get(audit.main)
    ranges, code = found.ranges, int(-1 if found.codes is None else found.codes[i, j])
    low, high = (np.nan, np.nan) if ranges is None else _range(column, code, *(float(end[i, j]) for end in ranges))
    cell = {
        "recovered": value_of(audit, found, i, j),
        "low": low,
        "high": high,
        "candidates": _candidates(audit, found, i, j),
        "true": None if audit.truth is None else value_of(audit, audit.truth, i, j),
        "guess": None if guess is None else value_of(audit, guess, i, j),
    }
    probability = None if found.probability is None else found.probability[i, j]
    return {
        "name": column.name,
        **cell,
        "probability": probability,
        "right": None if right is None else right[i, j],
    }


def _text(name: str, one: Document) -> dict[str, Any]:
    """Return a column of text: its words that are likelier than not, and where the true ones are known the others."""
    own = None if one.true is None else set(one.true)
    words = [
        {"word": str(word), "probability": float(p), "exact": bool(exact), "common": float(common),
         "right": None if own is None else word in own}
        for word, p, exact, common in one.table.itertuples(index=False)
    ]  # fmt: skip
    missed = None if own is None else sorted(own - {entry["word"] for entry in words})
    return {"name": name, "words": words, "expected": one.expected, "missed": missed}


def _candidates(audit: Audit, found: Reconstruction, i: int, j: int) -> list[tuple[Any, float]] | None:
    """Return the likeliest values of a column with their probabilities, unless one is all but certain."""
    if found.candidates is None or found.candidate_probability is None or found.candidate_probability[i, j, 0] > 0.99:
        return None
    column = audit.release.columns[j]
    pairs = zip(found.candidates[i, j], found.candidate_probability[i, j], strict=True)
    return [(_shown(column, column.values[code].item()), float(p)) for code, p in pairs if code >= 0] or None


def _range(column: Column, code: int, low: float, high: float) -> tuple[float, float]:
    """Return the 95 % range of a number: within what the column can hold, no narrower than half a step to each side."""
    if column.logical or not np.isfinite(low + high):
        return np.nan, np.nan
    if column.kind == "continuous":
        return max(low, column.least), min(high, column.greatest)
    if column.kind == "discrete" and code >= 0 and len(column.values) > 1:
        values = column.values.astype(float)
        steps = np.diff(values[np.isfinite(values)][max(code - 1, 0) : code + 2]) / 2
        if steps.size and np.isfinite(values[code]):
            low, high = min(low, float(values[code] - steps[0])), max(high, float(values[code] + steps[-1]))
        if np.nanmin(values) >= 0:  # of a count, an age, an amount
            low = max(low, 0.0)
    return low, high


def target_cell(audit: Audit, i: int, found: Reconstruction) -> dict[str, Any] | None:
    """Return the target of deletion i as a cell of its record; None where none came back."""
    target, guess = audit.setting.target, audit.found.get(AVG.name)
    if target is None or found.target is None:
        return None
    true = None if audit.truth is None or audit.truth.Y is None else target_of(audit, audit.truth.Y[i])
    value = target_of(audit, found.target[i])
    number = target.kind == "number" and isinstance(value, float)
    ends = [target_of(audit, end[i]) for end in found.target_range] if number else []
    low, high = (min(ends), max(ends)) if number and None not in ends else (None, None)
    cell = {
        "recovered": value,
        "low": low,
        "high": high,
        "true": true,
        "guess": None if guess is None or guess.target is None else target_of(audit, guess.target[i]),
    }
    right = None if true is None or target.kind == "number" else value == true
    return {**cell, "right": right, "note": target_note(audit)}


def target_note(audit: Audit) -> str | None:
    """Return under what condition a recovered number is the target; None for a class, and where the fits are known."""
    target = audit.setting.target
    numeric = target is not None and target.kind == "number" and audit.release.n is not None
    found = audit.found[audit.main].target
    told = found is None or bool(np.isfinite(found).any())
    return TARGET_NOTE if numeric and told and audit.setting.kind == "audit" else None
