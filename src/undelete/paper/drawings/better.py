"""The decoders' comparison in pictures: for each case distributions, reliability, and exact records by confidence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from undelete.attacker.hrec import HREC
from undelete.attacker.hrec_plus import HREC_PLUS
from undelete.paper.drawings.sheet import shorten
from undelete.report import distribution, formatting, svg

NAMES = {HREC.name: f"{HREC.name}, the paper's", HREC_PLUS.name: HREC_PLUS.name}
_WIDTH, _HEIGHT = 220.0, 150.0  # points, of a panel's axes
_LEFT, _GAP, _HEAD, _FOOT, _TOP = 62.0, 74.0, 38.0, 44.0, 34.0
_X = {
    "exact_columns": "share of the columns exactly right",
    "cosine": "cosine similarity",
    "centred_cosine": "centred cosine similarity",
}


def draw(result: dict[str, Any], stem: Path) -> tuple[Path, Path]:
    """Write the figure to ``stem.svg`` and ``stem.png`` from what the JSON holds, and return both paths.

    Parameters
    ----------
    result : dict
        Of `undelete.paper.better.run`.
    stem : Path
        Where to write, without a suffix.
    """
    bands = _bands(result["cases"])
    width = _LEFT + 3 * (_WIDTH + _GAP) - _GAP + 20
    height = _TOP + len(bands) * (_HEAD + _HEIGHT + _FOOT) + 14
    top = height - _TOP
    with svg.drawing():
        figure = svg.blank(width, height)
        figure.text(10 / width, 1 - 20 / height, svg.plain(result["title"]), fontweight="bold", fontsize=12)
        for band in bands:
            bottom = top - _HEAD - _HEIGHT
            boxes = [(_LEFT + j * (_WIDTH + _GAP), bottom, _WIDTH, _HEIGHT) for j in range(3)]
            shown = boxes if _sure(band[0]) else boxes[: len(band)]
            panels = [figure.add_axes((x / width, y / height, w / width, h / height)) for x, y, w, h in shown]
            for case, (x, *_) in zip(band, boxes, strict=False):
                title, below = _heading(case)
                left = (x - _LEFT + 10) / width
                figure.text(left, (top - 12) / height, svg.plain(title), fontsize=10, fontweight="bold")
                figure.text(left, (top - 24) / height, svg.plain(below), fontsize=8, color=svg.PALETTE["soft"])
            for case, axes in zip(band, panels, strict=False):
                _distribution(axes, case)
            if _sure(band[0]):
                _reliability(panels[1], band[0])
                _by_confidence(panels[2], band[0], result["levels"])
            top = bottom - _FOOT
        figure.text(10 / width, 8 / height, svg.plain(result["command"]), fontsize=8, color=svg.PALETTE["soft"])
        spoken = " ".join(_spoken(case) for case in result["cases"])
        paths = svg.write(figure, stem, result["title"], spoken)
    shorten(paths[0])
    return paths


def _bands(cases: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Return what stands in each row: a case whose decoders say how sure they are, or three that have one panel."""
    bands: list[list[dict[str, Any]]] = []
    for case in cases:
        if bands and not _sure(case) and not _sure(bands[-1][0]) and len(bands[-1]) < 3:
            bands[-1].append(case)
        else:
            bands.append([case])
    return bands


def _sure(case: dict[str, Any]) -> bool:
    """Return whether the decoders say how sure they are of a record."""
    return bool(case["decoders"][HREC_PLUS.name]["reliability"])


def _heading(case: dict[str, Any]) -> tuple[str, str]:
    splits = f"{len(case['seeds'])} split{'s' if len(case['seeds']) > 1 else ''}"
    return case["title"], f"{case['deletions']:,} deletions on {splits}, n = {case['n']:,}, m = {case['m']:,}"


def _distribution(axes: Axes, case: dict[str, Any]) -> None:
    curves = {name: decoder["curve"] for name, decoder in case["decoders"].items()}
    lower = distribution.lower_end(list(curves.values()))
    looks = distribution.styles(list(curves), {}, NAMES)
    distribution.draw(axes, curves, looks, lower, _X.get(case["curve_of"], case["curve_of"]))
    axes.set_ylabel("share of deletions")


def _reliability(axes: Axes, case: dict[str, Any]) -> None:
    """Draw how often each decoder was right beside how sure it was, with Wilson's 95 % intervals."""
    _square(axes, "how sure the decoder was", "records that were right")
    axes.plot([0, 1], [0, 1], color=svg.PALETTE["baseline"], linestyle=distribution.DASHES[0], linewidth=1.2)
    for name, decoder in case["decoders"].items():
        colour = svg.PALETTE[distribution.colour_of(name)]
        for one in decoder["reliability"]:
            axes.plot([one["confidence"]] * 2, [one["low"], one["high"]], color=colour, linewidth=1.4)
        points = [(one["confidence"], one["right"]) for one in decoder["reliability"]]
        axes.plot(*np.array(points).T, "o", color=colour, markersize=4.5)


def _by_confidence(axes: Axes, case: dict[str, Any], levels: list[float]) -> None:
    """Draw the share right among the surest deletions, from few to all."""
    _square(axes, "deletions, the surest first", "of these exactly right")
    curves = {name: d["by_confidence"] for name, d in case["decoders"].items() if d["by_confidence"]}
    start = next(i for i, level in enumerate(levels) if level >= 0.02)  # of fewer, luck is all one sees
    for rank, name in enumerate(sorted(curves, key=lambda name: -curves[name][-1])):
        colour, shares = svg.PALETTE[distribution.colour_of(name)], curves[name]
        axes.plot(levels[start:], shares[start - 1 :], color=colour, linewidth=2.0)
        above = rank == 0 or shares[-1] < 0.15  # room under the curve
        last = shares[3 * len(shares) // 4 :]
        end = max(last) if above else min(last)
        axes.annotate(
            NAMES.get(name, name), (levels[-1], end), (0, 4 if above else -4), textcoords="offset points",
            ha="right", va="bottom" if above else "top", fontsize=svg.FONT_SIZE - 1, color=colour,
        )  # fmt: skip


def _square(axes: Axes, x_label: str, y_label: str) -> None:
    axes.set_xlim(-0.02, 1.03)
    axes.set_ylim(-0.02, 1.03)
    axes.grid(axis="y")
    axes.set_axisbelow(True)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    axes.tick_params(length=3)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)


def _spoken(case: dict[str, Any]) -> str:
    """Return a case's main number as a sentence, for those who hear the figure."""
    said = []
    for name, decoder in case["decoders"].items():
        measure = "exact_record" if decoder["measures"]["exact_record"]["value"] is not None else "median_cosine"
        value = decoder["measures"][measure]["value"]
        shown = formatting.percent(value) if measure == "exact_record" else formatting.similarity(value)
        said.append(f"{NAMES.get(name, name)}: {measure.replace('_', ' ')} {shown}")
    return f"{case['title']}: {'; '.join(said)}."
