"""Exposure against what it costs: a curve for each defence, the recommended point marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from undelete.report import formatting, svg

_WIDTH, _HEIGHT = 700.0, 430.0
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_COLOURS = ("attack", "attack-strong", "attack-other", "bound", "baseline", "ink", "soft")
_TITLE = "Exposure against the loss of utility"
_LEAST = 1e-5  # of a loss, where the logarithmic axis begins


def write(document: Mapping[str, Any], stem: Path) -> tuple[Path, Path]:
    """Write ``stem.svg`` and ``stem.png`` from what protection.json holds, and return both paths."""
    with svg.drawing():
        return svg.write(_figure(document), stem, _TITLE, _words(document))


def inline(document: Mapping[str, Any] | None) -> str:
    """Return the same as SVG for a page; empty without a document."""
    if document is None:
        return ""
    with svg.drawing():
        return svg.inline(_figure(document), "frontier", _TITLE, _words(document))


def _figure(document: Mapping[str, Any]) -> Figure:
    rows: Sequence[Mapping[str, Any]] = document["table"]
    figure = svg.blank(_WIDTH, _HEIGHT)
    axes = figure.add_axes((0.08, 0.12, 0.52, 0.8))
    panel(axes, rows, document["limits"], document["recommended"])
    axes.set_xlabel(f"loss of {rows[0]['measure']} on public records")
    axes.set_ylabel("exposure")
    axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1.02), frameon=False)
    axes.set_title("What each defence leaves, and costs")
    return figure


def panel(
    axes: Axes,
    rows: Sequence[Mapping[str, Any]],
    limits: Mapping[str, Any],
    chosen: Mapping[str, Any] | None,
    names: Sequence[str] = (),
) -> None:
    """Draw a curve a defence, the limits, and a ring around the row that is recommended.

    Parameters
    ----------
    axes : Axes
        Where.
    rows, limits, chosen
        As protection.json holds them.
    names : sequence of str
        All defences of several panels, so that each has the same colour and sign in all; these rows' own by default.
    """
    axes.set_xscale("log")
    axes.grid(visible=True)
    axes.set_axisbelow(True)
    for i, name in enumerate(names or dict.fromkeys(str(row["defence"]) for row in rows)):
        own = [row for row in rows if row["defence"] == name]
        if own:
            _curve(axes, own, _COLOURS[i % len(_COLOURS)], _MARKERS[i % len(_MARKERS)])
    _limits(axes, limits)
    if chosen is not None:
        axes.plot(
            [_shown(chosen["utility_loss"])], [chosen["exposure"]], marker="o", markersize=15, fillstyle="none",
            color=svg.PALETTE["attack-strong"], linestyle="none", label="recommended",
        )  # fmt: skip
    axes.set_ylim(-0.03, 1.03)
    axes.set_xlim(_LEAST / 1.5, 1.2)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))


def _curve(axes: Axes, rows: Sequence[Mapping[str, Any]], colour: str, marker: str) -> None:
    x = [_shown(row["utility_loss"]) for row in rows]
    y = [row["exposure"] for row in rows]
    below = [max(0.0, row["exposure"] - row["exposure_low"]) for row in rows]
    above = [max(0.0, row["exposure_high"] - row["exposure"]) for row in rows]
    proved = rows[0]["proof"] == "proved"
    axes.errorbar(
        x, y, yerr=[below, above], color=svg.PALETTE[colour], marker=marker,
        markersize=5, linewidth=1.6 if proved else 1.1, linestyle="solid" if proved else (0, (4, 2)), elinewidth=0.7,
        label=svg.plain(str(rows[0]["label"])) + (" (proved)" if proved else ""),
    )  # fmt: skip


def _limits(axes: Axes, limits: Mapping[str, float]) -> None:
    line: dict[str, Any] = {"color": svg.PALETTE["baseline"], "linewidth": 1.0, "linestyle": (0, (1.5, 1.5))}
    axes.axhline(limits["max_exposure"], **line)
    axes.axvline(_shown(limits["max_loss"]), **line)


def _shown(loss: float) -> float:
    """Return a loss where the axis has a place for it: none, or a gain, at its beginning."""
    return max(float(loss), _LEAST)


def _words(document: Mapping[str, Any]) -> str:
    chosen = document["recommended"]
    if chosen is None:
        return "No defence is within the limits."
    return (
        f"Recommended: {chosen['label']}, {formatting.strength(chosen)}: exposure {chosen['exposure']:.2f}, "
        f"loss {chosen['utility_loss']:.4f}."
    )
