"""The picture of `stopped`: how near each attack comes by the number of steps, a row an optimiser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

from undelete.paper.drawings.written import written

_STYLES = {
    "known": ("optimiser undone", "#0b5a8a", "-"), "hrec": ("HRec", "#a3262a", "-"),
    "maxdiff": ("MaxDiff", "#7a7f87", "--"), "avg": ("Avg", "#b9bec6", ":"),
}  # fmt: skip


def draw(result: dict[str, Any], stem: Path) -> tuple[Path, Path]:
    """Write the picture as .svg and .png beside `stem`, and return both."""
    panels = result["stopped"]
    labels = dict.fromkeys((row["optimiser"], row["label"]) for row in panels[0]["rows"])
    figure, axes = plt.subplots(
        len(labels), len(panels), figsize=(2.9 * len(panels), 1.55 * len(labels) + 0.7), sharex=True, sharey=True,
        squeeze=False,
    )  # fmt: skip
    for line, (key, label) in zip(axes, labels, strict=True):
        for axis, panel in zip(line, panels, strict=True):
            rows = [row for row in panel["rows"] if row["optimiser"] == key]
            for name, (title, colour, style) in _STYLES.items():
                there = [row for row in rows if name in row["attacks"]]
                x = [row["steps"] for row in there]
                own = [row["attacks"][name] for row in there]
                axis.plot(x, [one["median_image"] for one in own], style, color=colour, label=title, marker=".")
                low, high = ([one[f"median_image_{end}"] for one in own] for end in ("low", "high"))
                axis.fill_between(x, low, high, color=colour, alpha=0.12, lw=0)
            axis.set_xscale("log")
            axis.set_ylim(min(0.0, axis.get_ylim()[0]), 1.02)
            axis.tick_params(labelsize=7)
            axis.spines[["top", "right"]].set_visible(False)
            if key == next(iter(labels))[0]:
                axis.set_title(panel["sample"], fontsize=9)
        line[0].set_ylabel(label, fontsize=6.5)
    for axis in axes[-1]:
        axis.set_xlabel("steps", fontsize=8)
    handles, names = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, names, loc="upper center", ncols=len(names), fontsize=8, frameon=False)
    figure.tight_layout(rect=(0, 0, 1, 0.97))
    return written(figure, stem)
