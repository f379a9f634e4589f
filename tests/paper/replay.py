"""Small replays of the experiments beside what they gave before, each number within a stated tolerance.

The replays are on made-up people and images (conftest.py), so their numbers say nothing of the paper; they say that
the code still gives what it gave. To write them anew, after a change that is meant to move them:

    UNDELETE_KEY_NUMBERS=write pytest tests/paper

A number is stored as the range that processors of several kinds gave it, since sums are added up in another order on
each, and a search that stands between two optima falls to the other. To widen the ranges by another kind:

    OPENBLAS_CORETYPE=Haswell ATEN_CPU_CAPABILITY=avx2 UNDELETE_KEY_NUMBERS=widen pytest tests/paper
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

STORED = Path(__file__).with_name("key_numbers.json")
TOLERANCES = {
    "median_cosine": 0.02, "median_centred": 0.02, "median_centred_cosine": 0.02, "centred": 0.02,
    "share_changed": 0.001, "accuracy": 0.02, "auc": 0.01, "exact_record": 0.05, "exact_columns": 0.05, "value": 0.02,
    "exposed": 0.5, "median_image": 0.02, "median_features": 0.02,
    "known": 0.02, "hrec": 0.02, "theory": 0.02,
}  # fmt: skip
"""How far a number may move, by its name."""
TRAINED = {"fig8": 0.1, "fig9": 0.1, "answers_images": 0.1, "heads": 0.05, "mlp": 0.05, "conditions": 0.05}
"""The least tolerance where networks are trained, which add up in an order of their own elsewhere."""
_NAMES = ("case", "sample", "model", "title", "key", "name", "attack")
_TIMES = ("seconds", "milliseconds")


def key_numbers(result: dict[str, Any]) -> dict[str, float]:
    """Return the numbers of a result that have a tolerance, by where they stand."""
    return {place: round(value, 4) for place, value in _walk(result, "") if math.isfinite(value)}


def _walk(part: Any, place: str) -> Iterator[tuple[str, float]]:
    if isinstance(part, dict) and part.get("measure") not in _TIMES:  # how long it took decides nothing
        for name, inner in part.items():
            if name in TOLERANCES and isinstance(inner, int | float) and not any(word in place for word in _TIMES):
                yield f"{place}/{name}", float(inner)
            elif isinstance(inner, dict | list):
                yield from _walk(inner, f"{place}/{name}")
    elif isinstance(part, list):
        for i, inner in enumerate(part):
            if isinstance(inner, dict):
                words = [str(inner[name]) for name in _NAMES if isinstance(inner.get(name), str)]
                yield from _walk(inner, f"{place}[{i} {', '.join(words)}]")


def agrees(result: dict[str, Any]) -> None:
    """Fail where a replay's key numbers are not what they were; or write or widen them, when that is asked for."""
    name, found = result["name"], key_numbers(result)
    assert found, f"{name} has no key number"
    stored = json.loads(STORED.read_text()) if STORED.exists() else {}
    asked = os.environ.get("UNDELETE_KEY_NUMBERS")
    if asked in ("write", "widen"):
        known = stored.get(name, {}) if asked == "widen" else {}
        ranges = {place: _widened(known.get(place), value) for place, value in found.items()}
        text = json.dumps(dict(sorted((stored | {name: ranges}).items())), indent=1, ensure_ascii=False)
        STORED.write_text(re.sub(r"\[\s+(\S+)\s+(\S+)\s+\]", r"[\1 \2]", text) + "\n")
        return
    assert found.keys() == stored[name].keys(), f"{name} has other numbers than before: see tests/paper/replay.py"
    moved = {
        place: (stored[name][place], value)
        for place, value in found.items()
        if _beyond(stored[name][place], value) > max(TOLERANCES[place.rsplit("/", 1)[1]], TRAINED.get(name, 0.0))
    }
    assert not moved, f"{name}: (before, now) by place: {moved}"


def _widened(known: float | list[float] | None, value: float) -> float | list[float]:
    """Return the range that holds a value beside what is known: one number where both are the same."""
    low, high = _ends(value if known is None else known)
    low, high = min(low, value), max(high, value)
    return low if low == high else [low, high]


def _beyond(known: float | list[float], value: float) -> float:
    """Return how far a value lies outside what is known."""
    low, high = _ends(known)
    return max(low - value, value - high, 0.0)


def _ends(known: float | list[float]) -> tuple[float, float]:
    return (known[0], known[1]) if isinstance(known, list) else (known, known)
