"""What the pages of docs/results have in common: tables, headings, shares with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from undelete.report import formatting

_VERSIONS = ("python", "numpy", "scipy", "scikit-learn", "pandas")


def heading(result: dict[str, Any], notes: Sequence[str]) -> list[str]:
    """Return what a result's section starts with: title, seed, split, versions, command, notes."""
    versions = ", ".join(f"{name} {result['environment'][name]}" for name in _VERSIONS)
    return [
        f"## {result['name']}: {result['title']}\n",
        f"{sentence(result['shows'])}. Seed {result['seed']}; {result['split']}; undelete {result['undelete']}, "
        f"{versions}.\n",
        f"```\n{result['command']}\n```\n",
        *(f"{note}\n" for note in notes),
    ]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a table's lines, and an empty one after it."""
    return [f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *rows)] + [""]


def panel_name(panel: dict[str, Any]) -> str:
    """Return a panel's sample and model."""
    return f"{panel['sample']}, {panel['model']}"


def predicts(panel: dict[str, Any]) -> str:
    """Return what a panel's model predicts."""
    return str(panel["target"]).removeprefix("target").lstrip(" :")


def similarity(value: float | None) -> str:
    """Return a similarity or an area, four decimals where it is nearly one."""
    return formatting.similarity(value).replace("\u00a0", " ")


def share(row: dict[str, Any], name: str) -> str:
    """Return a share with its interval."""
    if row[name] is None:
        return formatting.MISSING
    interval = formatting.percent_range(row[f"{name}_low"], row[f"{name}_high"])
    return f"{formatting.percent(row[name])} ({interval})".replace("\u00a0", " ")


def sentence(text: str) -> str:
    """Return text with a capital first."""
    return text[:1].upper() + text[1:]


def chosen(models: Sequence[dict[str, Any]]) -> str:
    """Return how the models' penalties were chosen, as they say it."""
    return "; ".join(dict.fromkeys(model["penalty_chosen"] for model in models))
