"""Empirical distributions of a similarity over deletions, one curve an attack: the paper's kind of figure.

A baseline is always the same grey, told from the others by its dashes and its name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter
from numpy.typing import ArrayLike

from undelete.attacker.attacks import ATTACKS
from undelete.attacker.hrec import HREC
from undelete.attacker.hrec_plus import HREC_PLUS
from undelete.maths.arrays import Floats
from undelete.report import formatting, svg
from undelete.report.placing import label_curves

POINTS = 400  # vertices a curve keeps at most
_COLOURS = {HREC.name: "attack", HREC_PLUS.name: "attack-strong"}
DASHES: tuple[Any, ...] = ((0, (5, 2)), (0, (1.5, 1.5)), (0, (7, 2, 1.5, 2)), (0, (10, 3)))


@dataclass(frozen=True)
class Style:
    """How one attack's curve is drawn: its name beside it, colour of `svg.PALETTE`, dashes and width."""

    label: str
    colour: str
    dashes: Any
    width: float


def colour_of(attack: str) -> str:
    """Return the name in `svg.PALETTE` of an attack's colour: the same in every drawing."""
    return _COLOURS.get(attack, "attack-other")


def styles(names: Sequence[str], roles: Mapping[str, str], labels: Mapping[str, str]) -> dict[str, Style]:
    """Return each attack's style: attacks solid and coloured, bounds dotted green, baselines dashed grey.

    Parameters
    ----------
    names : sequence of str
        The attacks in one drawing, in order.
    roles : mapping
        "attack", "baseline" or "bound" of each name; when it lacks one, what the project's own names are.
    labels : mapping
        The name to write; when it lacks one, the attack's own.
    """
    chosen: dict[str, Style] = {}
    greys, others = 0, 0
    for name in names:
        role = roles.get(name) or (ATTACKS[name].role if name in ATTACKS else "attack")
        label = svg.plain(formatting.shorten(labels.get(name, name), 24))
        if role == "baseline":
            chosen[name] = Style(label, svg.PALETTE["baseline"], DASHES[greys % len(DASHES)], 1.5)
            greys += 1
        elif role == "bound":
            chosen[name] = Style(label, svg.PALETTE["bound"], (0, (1, 1.2)), 1.8)
        else:
            colour = svg.PALETTE[colour_of(name)]
            dashes: Any = "solid"
            if name not in _COLOURS:  # attacks without a colour of their own share one
                dashes, others = DASHES[(others - 1) % len(DASHES)] if others else dashes, others + 1
            chosen[name] = Style(label, colour, dashes, 2.2)
    return chosen


def steps(scores: ArrayLike, lower: float) -> tuple[Floats, Floats] | None:
    """Return the empirical distribution's curve, at most `POINTS` vertices.

    A score that is not a number (nothing was recovered) counts as below every number: the curve starts at
    the share of such deletions. None when no score is a number.

    Parameters
    ----------
    scores : array (b,)
        One score a deletion.
    lower : float
        Left end of the axis.

    Examples
    --------
    >>> x, y = steps([0.5, float("nan")], lower=0.0)
    >>> x.tolist(), y.tolist()
    ([0.0, 0.5, 0.5, 1.0], [0.5, 0.5, 1.0, 1.0])
    """
    given = np.asarray(scores, dtype=np.float64)
    known = np.sort(given[~np.isnan(given)])
    if known.size == 0:
        return None
    height = (given.size - known.size + np.arange(1, known.size + 1)) / given.size
    below = (given.size - known.size) / given.size
    inner = POINTS - 3  # two vertices to the left and one to the right are added below
    if 2 * known.size <= inner:
        x = np.repeat(known, 2)[1:]
        y = np.repeat(height, 2)[:-1]
    else:
        keep = np.unique(np.linspace(0, known.size - 1, inner).round().astype(int))
        x, y = known[keep], height[keep]
    x = np.concatenate([[min(lower, x[0]), x[0]], x, [max(1.0, float(x[-1]))]])
    y = np.concatenate([[below, below], y, [1.0]])
    return x, y


def lower_end(curves: Sequence[ArrayLike]) -> float:
    """Return where a similarity axis starts: below 99 % of every curve's scores, on a round number."""
    lows = [np.nanquantile(c, 0.01) for c in map(np.asarray, curves) if np.isfinite(c).any()]
    low = float(min(lows, default=0.0))
    for step in (0.001, 0.01, 0.05, 0.1, 0.25):
        if 1 - low <= 10 * step:
            return float(max(-1.0, 1 - step * np.ceil(max(1 - low, 2 * step) / step - 1e-9)))
    return -1.0


def draw(
    axes: Axes,
    curves: Mapping[str, ArrayLike],
    looks: Mapping[str, Style],
    lower: float,
    x_label: str,
    *,
    legend: bool = False,
) -> None:
    """Draw one panel: the share of deletions at or below each similarity.

    With a legend, for curves that cross, else each curve has its name beside it.
    """
    axes.set_xlim(lower, 1.0 + 0.004 * (1 - lower))
    axes.set_ylim(0.0, 1.005)
    axes.grid(axis="y")
    axes.set_axisbelow(True)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    axes.locator_params(axis="x", nbins=5)
    axes.tick_params(length=3)
    axes.set_xlabel(x_label)
    drawn = []
    for name, scores in curves.items():
        found = steps(scores, lower)
        if found is not None:
            look = looks[name]
            axes.plot(*found, color=look.colour, linestyle=look.dashes, linewidth=look.width, label=look.label)
            drawn.append((*found, look.label, look.colour))
    if legend:
        axes.legend(loc="upper left", frameon=False, handlelength=2.6, fontsize="x-small", labelspacing=0.3)
    else:
        label_curves(axes, drawn)
