"""The picture of `sensitivity`: how far from the record, by what was changed, a panel each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from undelete.paper.drawings.written import written

_COLOURS = {"ridge": "#0b5a8a", "logistic": "#a3262a"}
_LEAST = 1e-7  # of the distance that is drawn
_COLUMNS = 3


def draw(result: dict[str, Any], stem: Path) -> tuple[Path, Path]:
    """Write the picture as .svg and .png beside `stem`, and return both."""
    panels = result["sensitivity"]
    lines = -(-len(panels) // _COLUMNS)
    figure, axes = plt.subplots(lines, _COLUMNS, figsize=(11.0, 2.9 * lines + 0.5), sharey=True, squeeze=False)
    for axis, panel in zip(axes.flat, panels, strict=False):
        _panel(axis, panel)
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    for line in axes:
        line[0].set_ylabel("1 − median cosine", fontsize=8)
    handles, names = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, names, loc="upper center", ncols=len(names), fontsize=8, frameon=False)
    figure.tight_layout(rect=(0, 0, 1, 0.97))
    return written(figure, stem)


def _panel(axis: Axes, panel: dict[str, Any]) -> None:
    for loss, colour in _COLOURS.items():
        points = [point for point in panel["points"] if point["loss"] == loss]
        words = isinstance(points[0]["x"], str)
        x = np.arange(len(points)) if words else np.array([point["x"] for point in points], dtype=float)

        def off(name: str, points: list[dict[str, Any]] = points) -> Any:
            return np.maximum(1.0 - np.array([point[name] for point in points]), _LEAST)

        axis.plot(x, off("known"), "-o", color=colour, ms=3, label=f"{loss}, n and penalty known")
        axis.fill_between(x, off("known_high"), off("known_low"), color=colour, alpha=0.15, lw=0)
        axis.plot(x, off("hrec"), "--", color=colour, lw=1, label=f"{loss}, hrec")
        axis.plot(x, off("theory"), ":", color=colour, lw=1.4, label=f"{loss}, theory (10)")
        if words:
            axis.set_xticks(x, [point["x"] for point in points], fontsize=7)
    if panel["log"]:
        axis.set_xscale("log")
    axis.set_yscale("log")
    axis.axhline(0.1, color="#b0b0b0", lw=0.7)
    axis.set_title(panel["title"], fontsize=9)
    axis.set_xlabel(panel["axis"], fontsize=7)
    axis.tick_params(labelsize=7)
    axis.spines[["top", "right"]].set_visible(False)
