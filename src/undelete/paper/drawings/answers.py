"""The picture of what answers give away: by their number, a line for each number of digits; and images beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from undelete.paper.drawings.sheet import NAMES
from undelete.report import svg

_COLOURS = ("#c2571a", "#b98a1d", "#4f8a4f", "#2a7f9e", "#0b3d6b")  # from few digits to all
_SHOWN = (("centred", "centred cosine, median"), ("whole", "whole records right"))


def draw(result: dict[str, Any], stem: Path) -> tuple[Path, Path]:
    """Write the picture of tables as .svg and .png beside `stem`, and return both."""
    tables = result["asked"]
    with svg.drawing():
        figure, axes = plt.subplots(2, len(tables), figsize=(3.6 * len(tables), 5.6), squeeze=False)
        for column, table in enumerate(tables):
            for axis, (key, label) in zip(axes[:, column], _SHOWN, strict=True):
                _lines(axis, table, key)
                axis.set_ylabel(label if column == 0 else "", fontsize=8)
                axis.tick_params(labelsize=7)
            axes[0, column].set_title(f"{table['sample']}, {table['model']}\nn = {table['n']:,}", fontsize=8)
            axes[1, column].set_xlabel("answers", fontsize=8)
        axes[0, 0].legend(fontsize=6, frameon=False, loc="lower right")
        spoken = " ".join(
            f"{one['sample']}, {cell['queries']:,} answers, {digits_in_words(cell['digits'])}: {cell['centred']:.3f}."
            for one in tables
            for cell in one["cells"]
        )
        return _written(figure, result, stem, spoken)


def draw_images(result: dict[str, Any], stem: Path) -> tuple[Path, Path]:
    """Write the picture of images as .svg and .png beside `stem`, and return both."""
    images = result["asked_images"]
    with svg.drawing():
        figure, axis = plt.subplots(figsize=(4.6, 0.4 * len(images["rows"]) + 1.2))
        _bars(axis, images)
        spoken = " ".join(f"{attack_in_words(row)}: {row['centred']:.3f}." for row in images["rows"])
        return _written(figure, result, stem, spoken)


def _written(figure: Figure, result: dict[str, Any], stem: Path, spoken: str) -> tuple[Path, Path]:
    figure.tight_layout()
    reading = "What comes back of a deleted record when only both models' answers are seen; higher is worse."
    paths = svg.write(figure, stem, f"{result['title']} ({result['shows']})", f"{reading} {spoken}")
    plt.close(figure)
    return paths


def digits_in_words(digits: int | None) -> str:
    """Return to how many decimals answers are given."""
    return "in full" if digits is None else f"{digits} decimals"


def attack_in_words(row: dict[str, Any]) -> str:
    """Return which attack on images it is, and on what."""
    name = NAMES.get(row["attack"], row["attack"])
    asked = f", {row['queries']:,} answers" if row["sees"] == "answers" else ""
    return f"{name}{asked}" + (f", {digits_in_words(row['digits'])}" if asked else f", {row['sees']}")


def _lines(axis: Axes, table: dict[str, Any], key: str) -> None:
    """Draw one measure by the number of answers."""
    digits = list(dict.fromkeys(cell["digits"] for cell in table["cells"]))
    for colour, given in zip(_COLOURS[-len(digits) :], digits, strict=True):
        cells = [cell for cell in table["cells"] if cell["digits"] == given]
        axis.plot(
            [cell["queries"] for cell in cells], [cell[key] for cell in cells], "o-", color=colour, ms=3, lw=1.4,
            label=digits_in_words(given),
        )  # fmt: skip
    for name, line in (("hrec+", "--"), ("maxdiff", ":")):
        axis.axhline(table["beside"][name][key], color="#6b6b6b", ls=line, lw=1,
                     label="the models themselves" if name == "hrec+" else "MaxDiff")  # fmt: skip
    axis.set_xscale("log")
    places = [10**power for power in range(1, 6) if 10**power <= 1.2 * max(cell["queries"] for cell in table["cells"])]
    axis.set_xticks(places, [f"{place:,}" for place in places])
    axis.minorticks_off()
    axis.set_ylim(-0.02, 1.03 if key == "centred" else None)


def _bars(axis: Axes, images: dict[str, Any]) -> None:
    """Draw how near each attack comes to the pictures, with the interval of the median."""
    rows = images["rows"][::-1]
    places = np.arange(len(rows))
    middle = np.array([row["centred"] for row in rows])
    ends = np.array([[row["centred"] - row["low"], row["high"] - row["centred"]] for row in rows]).T
    colours = [_COLOURS[-1] if row["sees"] == "answers" and row["attack"] == "hrec+" else "#9a9a9a" for row in rows]
    axis.barh(places, middle, xerr=np.maximum(ends, 0), color=colours, height=0.6, error_kw={"lw": 0.8})
    for place, row in zip(places, rows, strict=True):
        axis.text(0.01, place + 0.36, attack_in_words(row), fontsize=5.5, va="bottom")
    axis.set_yticks([])
    axis.set_xlim(0, 1.03)
    axis.set_ylim(-0.6, len(rows))
    axis.set_title(f"{images['sample']}, {images['model']}\nn = {images['n']:,}", fontsize=8)
    axis.set_xlabel("centred cosine, median", fontsize=8)
    axis.tick_params(labelsize=7)
