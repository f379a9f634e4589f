"""Exposure against the loss of utility under each defence: a row a model, a column a state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from undelete.report import frontier, svg

_WIDE, _HIGH, _BESIDE = 230.0, 214.0, 230.0


def draw(result: dict[str, Any], stem: Path) -> tuple[Path, Path]:
    """Draw it to ``stem.svg`` and ``stem.png``."""
    cases = result["defences"]
    across, down = len(cases[0]["states"]), len(cases)
    names = list(dict.fromkeys(row["defence"] for case in cases for one in case["states"] for row in one["rows"]))
    with svg.drawing():
        figure = svg.blank(across * _WIDE + _BESIDE, down * _HIGH + 42)
        panels = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False)
        told: dict[str, Any] = {}
        for case, line in zip(cases, panels, strict=True):
            for one, axes in zip(case["states"], line, strict=True):
                frontier.panel(axes, one["rows"], result["limits"], _chosen(one), names)
                axes.set_title(f"{one['state']}, {case['key']}\n{one['measure']} {one['utility']:.3f}")
                told |= {label: handle for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}
            line[0].set_ylabel("exposure")
        for axes in panels[-1]:
            axes.set_xlabel("loss on public records")
        width, height = figure.bbox.width, figure.bbox.height
        figure.subplots_adjust(
            left=46 / width, right=1 - (_BESIDE + 12) / width, top=1 - 40 / height, bottom=42 / height, wspace=0.08,
            hspace=0.34,
        )  # fmt: skip
        figure.legend(list(told.values()), list(told), loc="upper right", frameon=False)
        words = "Defences with proofs leave hardly any exposure at a small loss; a stronger penalty leaves all of it."
        return svg.write(figure, stem, result["title"], words)


def _chosen(state: dict[str, Any]) -> dict[str, Any] | None:
    """Return the row that was recommended on most splits."""
    told = [key for key in state["chosen"] if key is not None]
    if not told:
        return None
    key = max(sorted(set(told)), key=told.count)
    return next((row for row in state["rows"] if row["key"] == key), None)
