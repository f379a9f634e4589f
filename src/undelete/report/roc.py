"""ROC curves on logarithmic axes: what an attack finds where it is not allowed to err.

The diagonal of guessing is drawn in the baselines' grey.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from numpy.typing import ArrayLike

from undelete.report import svg

LOWEST = 1e-4  # left and lower end of the axes
LEVELS = np.unique(np.concatenate([np.logspace(-4, 0, 81), np.linspace(0.1, 1, 46)]).round(8))
"""False-positive rates at which a curve is kept."""

_COLOURS = {"global": "attack", "record": "attack-other", "two_models": "attack-strong"}
_DASHES: dict[str, Any] = {"record": (0, (4, 1.6))}
_TICKS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
_TEXT = ("0.01", "0.1", "1", "10", "100")


def colour(name: str) -> str:
    """Return the colour of a curve."""
    return svg.PALETTE[_COLOURS.get(name, "attack")]


def draw(axes: Axes, curves: Mapping[str, ArrayLike], *, first: bool = True, last: bool = True) -> None:
    """Draw the true-positive rates at `LEVELS` of some curves, and the diagonal.

    Parameters
    ----------
    axes : Axes
        Where to.
    curves : mapping of str to array
        "global" and "record" are LiRA's, by its variance; "two_models" is the likelihood from two models.
    first, last : bool
        Whether the panel is at the left, and at the bottom: these have the axes' words.
    """
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(LOWEST, 1.0)
    axes.set_ylim(LOWEST, 1.12)
    axes.grid(visible=True)
    axes.set_axisbelow(True)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(FixedLocator(_TICKS))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda _, at: _TEXT[at] if at is not None else ""))
    axes.plot([LOWEST, 1], [LOWEST, 1], color=svg.PALETTE["baseline"], linestyle=(0, (1.5, 1.5)), linewidth=1.5)
    for name, rates in curves.items():
        shown = np.asarray(rates, dtype=np.float64)
        # a rate of zero has no place on a logarithmic axis: the curve comes up from below
        axes.plot(
            LEVELS, np.maximum(shown, LOWEST / 10), color=colour(name),
            linestyle=_DASHES.get(name, "solid"), linewidth=2.0,
        )  # fmt: skip
    axes.tick_params(length=3, labelleft=first)
    if first:
        axes.set_ylabel("true-positive rate, %")
    if last:
        axes.set_xlabel("false-positive rate, %")


def figure(curves: Mapping[str, ArrayLike], title: str) -> Figure:
    """Return one panel as a figure of its own, for a notebook."""
    with svg.drawing():
        drawn = svg.blank(330, 330)
        axes = drawn.add_axes((0.19, 0.15, 0.76, 0.74))
        draw(axes, curves)
        axes.set_title(svg.plain(title))
    return drawn
