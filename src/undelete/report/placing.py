"""Labels written on the curves themselves, where they cover nothing.

A reader matches a name to a curve faster than through a legend, and a print in black and white keeps it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from undelete.maths.arrays import Floats

Box = tuple[float, float, float, float]  # x0, y0, x1, y1 in points
Side = Literal["left", "right"]
_GAPS = (5.0, 20.0, 35.0, 50.0, 70.0, 90.0, 115.0, 140.0)  # from the curve, in points; beyond the first by a line
_PAD = 1.5  # between a name and its line
_LEVELS = np.linspace(0.06, 0.94, 45)


def label_curves(axes: Axes, curves: Sequence[tuple[Floats, Floats, str, str]], weight: str = "bold") -> None:
    """Write each curve's name beside it.

    A search over places left and right of each curve: the cheapest is the one that overlaps no name placed
    before, covers the least of any curve, and is nearest the curve and its middle. From a place further away a thin
    line leads to the curve.

    Parameters
    ----------
    axes : Axes
        Already drawn upon, with its limits set; its figure has a canvas that can measure text.
    curves : sequence of (x (n,), y (n,), name, colour)
        As drawn, y rising.
    """
    drawn = [axes.transData.transform(np.column_stack([x, y])) for x, y, _, _ in curves]
    dense = [_along(points) for points in drawn]
    taken: list[Box] = []
    for points, (_, _, name, colour) in zip(drawn, curves, strict=True):
        text = axes.text(0, 0, name, color=colour, fontweight=weight, va="center", gid="label")
        best = _best_place(axes, text, points, dense, taken)
        if best is None:
            text.remove()
            continue
        x, y, side, box = best
        text.set_horizontalalignment(side)
        place = axes.transData.inverted()
        text.set_position(tuple(place.transform((x, y))))
        taken.append(box)
        edge, reached = x + _PAD if side == "right" else x - _PAD, _crossing(points, y)
        if reached is not None and abs(reached - x) > _GAPS[0] + 1:
            axes.plot(*place.transform([(edge, y), (reached, y)]).T, color=colour, linewidth=0.6, zorder=1.5)


def _best_place(
    axes: Axes, text: Text, points: Floats, dense: Sequence[Floats], taken: Sequence[Box]
) -> tuple[float, float, Side, Box] | None:
    """Return (x, y, alignment, box) of the cheapest place; None when the name fits nowhere."""
    canvas = axes.figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    extent = text.get_window_extent(canvas.get_renderer())  # type: ignore[no-untyped-call]
    frame = axes.bbox
    best: tuple[float, float, Side, Box] | None = None
    cheapest = np.inf
    for level in _LEVELS:
        y = frame.y0 + level * frame.height
        crossing = _crossing(points, y)
        if crossing is None:
            continue
        places: list[tuple[Side, float, float]] = [
            *(("right", crossing - gap, gap) for gap in _GAPS), ("left", crossing + _GAPS[0], _GAPS[0])
        ]  # fmt: skip
        for side, x, gap in places:
            x0 = x - extent.width if side == "right" else x
            box = (x0, y - extent.height / 2, x0 + extent.width, y + extent.height / 2)
            if box[0] < frame.x0 + 2 or box[2] > frame.x1 + 1:
                continue
            cost = abs(level - 0.5) + gap / 50 + 1e3 * sum(_overlap(box, other) for other in taken)
            cost += sum(_covered(box, curve) for curve in dense)
            if cost < cheapest:
                cheapest, best = cost, (x, y, side, box)
    return best


def _crossing(points: Floats, y: float) -> float | None:
    """Return where a curve reaches the height y, in points; None when it does not."""
    if not points[0, 1] <= y <= points[-1, 1]:
        return None
    return float(np.interp(y, points[:, 1], points[:, 0]))


def _along(points: Floats, step: float = 3.0) -> Floats:
    """Return places every few points along a curve, so that a long straight piece counts too."""
    length = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    at = np.arange(0.0, length[-1] + step, step)
    return np.column_stack([np.interp(at, length, points[:, 0]), np.interp(at, length, points[:, 1])])


def _covered(box: Box, curve: Floats, margin: float = 2.0) -> float:
    """Return how many places of a curve a box covers."""
    inside = (curve[:, 0] > box[0] - margin) & (curve[:, 0] < box[2] + margin)
    inside &= (curve[:, 1] > box[1] - margin) & (curve[:, 1] < box[3] + margin)
    return float(inside.sum())


def _overlap(a: Box, b: Box) -> bool:
    """Return whether two boxes meet."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
