"""How the exposure is distributed over deletions under each defence: a panel a defence, a curve a strength."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from undelete.report import svg

_COLUMNS, _WIDE, _HIGH = 4, 205.0, 165.0
_ALONE = ("none", "refitting")  # rows without a ladder: they are in every panel


_TITLE = "How exposed each deletion is under each defence"
_WORDS = "A panel a defence; darker curves are stronger settings, the dotted one no defence."


def write(document: Mapping[str, Any], stem: Path) -> tuple[Path, Path]:
    """Write ``stem.svg`` and ``stem.png`` from what protection.json holds, and return both paths."""
    with svg.drawing():
        return svg.write(_figure(document), stem, _TITLE, _WORDS)


def inline(document: Mapping[str, Any] | None) -> str:
    """Return the same as SVG for a page; empty without a document, and of one without the distributions."""
    if document is None or not all(row.get("quantiles") for row in document["table"]):
        return ""
    with svg.drawing():
        return svg.inline(_figure(document), "ladders", _TITLE, _WORDS)


def _figure(document: Mapping[str, Any]) -> Figure:
    rows: Sequence[Mapping[str, Any]] = document["table"]
    names = [name for name in dict.fromkeys(str(row["defence"]) for row in rows) if name not in _ALONE]
    high = -(-max(1, len(names)) // _COLUMNS)
    figure = svg.blank(_COLUMNS * _WIDE, high * _HIGH + 24)
    panels = figure.subplots(high, _COLUMNS, sharex=True, sharey=True, squeeze=False).ravel()
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    for axes, name in zip(panels, names, strict=False):
        _panel(axes, [row for row in rows if row["defence"] == name], rows[0])
    for axes in panels[max(0, len(names) - _COLUMNS) : len(names)]:
        axes.tick_params(labelbottom=True)
    figure.supxlabel("exposure of a deletion", fontsize=svg.FONT_SIZE)
    for axes in panels[::_COLUMNS]:
        axes.set_ylabel("deletions up to it")
    figure.tight_layout(pad=0.8)
    return figure


def _panel(axes: Axes, rows: Sequence[Mapping[str, Any]], plain: Mapping[str, Any]) -> None:
    axes.grid(visible=True)
    axes.set_axisbelow(True)
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.plot(*_curve(plain), color=svg.PALETTE["baseline"], linestyle=(0, (1.5, 1.5)), linewidth=1.2)
    pale, dark = (np.array(to_rgb(svg.PALETTE[name])) for name in ("rule", "attack"))
    for i, row in enumerate(rows):
        share = (i + 1) / len(rows)
        axes.plot(
            *_curve(row), color=tuple((1 - share) * pale + share * dark), linewidth=1.3, label=f"{row['strength']:g}"
        )
    axes.legend(loc="lower right", fontsize=7.5, handlelength=1.0, labelspacing=0.15, edgecolor="none")
    axes.set_title(svg.plain(str(rows[0]["label"])), fontsize=svg.FONT_SIZE - 1)


def _curve(row: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return exposures and the shares of deletions that have no more."""
    values = row["quantiles"]
    return values, np.linspace(0, 1, len(values))
