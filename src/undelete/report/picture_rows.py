"""A grid of pictures as in the paper's figures: a column for each deleted image, a row for each attack."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from undelete.report import formatting, svg

_PICTURE, _GAP = 46.0, 8.0  # points
_LEFT, _TOP, _HEAD, _UNDER, _BETWEEN = 78.0, 44.0, 16.0, 12.0, 8.0
_SMALL, _CLASS, _LINE, _LEAD = 8.0, 7.0, 10.5, 18.0


@dataclass(frozen=True, eq=False)
class PictureRow:
    """One row of a grid.

    Parameters
    ----------
    name : str
        Left of the row: "deleted", "HRec", "MaxDiff".
    pictures : sequence of uint8 arrays (h, w) or (h, w, 3), or None
        One a column; None where nothing came back.
    cosines : array (columns,) or None
        Under each picture its similarity to the deleted one; None: nothing is written.
    above : str
        Small print over the row, where another data set or model begins.
    heads : sequence of str
        What each column is of from this row on.
    """

    name: str
    pictures: Sequence[NDArray[np.uint8] | None]
    cosines: ArrayLike | None = None
    above: str = ""
    heads: Sequence[str] = ()


def draw(
    title: str, heads: Sequence[str], rows: Sequence[PictureRow], stem: Path, notes: Sequence[str] = ()
) -> tuple[Path, Path]:
    """Write a grid of pictures to ``stem.svg`` and ``stem.png``, and return both paths.

    Parameters
    ----------
    title : str
        Above the grid.
    heads : sequence of str
        What each column is of: the true label.
    rows : sequence of PictureRow
        From top to bottom, the deleted images first.
    stem : Path
        Where to write, without a suffix; its folder is made.
    notes : sequence of str
        Small print below, a paragraph each.
    """
    known = [None if row.cosines is None else np.asarray(row.cosines, dtype=np.float64) for row in rows]
    heights = [_PICTURE + (_BETWEEN if cosines is None else _UNDER + _BETWEEN) for cosines in known]
    leads = [(_LEAD if row.above else 0.0) + (_HEAD if row.heads else 0.0) for row in rows]
    columns = max(len(row.pictures) for row in rows)
    width = max(_LEFT + columns * (_PICTURE + _GAP) + 4, 300.0)
    small = [line for note in notes for line in textwrap.wrap(svg.plain(note), int(width / 4.4))]
    first = _TOP if any(heads) else _TOP - _HEAD
    height = first + sum(heights) + sum(leads) + 10 + _LINE * len(small)
    with svg.drawing():
        figure = svg.blank(width, height)
        figure.text(10 / width, 1 - 17 / height, svg.plain(title), fontweight="bold", fontsize=11.5)
        _heads(figure, heads, height - first + 5, (width, height))
        top = height - first
        for row, cosines, tall, lead in zip(rows, known, heights, leads, strict=True):
            if row.above:
                figure.text(10 / width, (top - _LEAD + 6) / height, svg.plain(row.above), fontsize=9)
            top -= lead
            _heads(figure, row.heads, top + 5, (width, height))
            bottom = top - _PICTURE
            name = svg.plain(row.name)
            figure.text(10 / width, (bottom + _PICTURE / 2) / height, name, va="center", fontweight="bold", fontsize=9)
            for j, picture in enumerate(row.pictures):
                left = _LEFT + j * (_PICTURE + _GAP)
                axes = figure.add_axes((left / width, bottom / height, _PICTURE / width, _PICTURE / height))
                _picture(axes, picture, None if cosines is None else float(cosines[j]))
            top -= tall
        for k, line in enumerate(reversed(small)):
            figure.text(10 / width, (8 + _LINE * k) / height, line, fontsize=_SMALL, color=svg.PALETTE["soft"])
        return svg.write(figure, stem, title, _spoken(heads, rows, known))


def _heads(figure: Figure, heads: Sequence[str], bottom: float, size: tuple[float, float]) -> None:
    """Write what each column is of."""
    for j, head in enumerate(heads):
        middle = (_LEFT + j * (_PICTURE + _GAP) + _PICTURE / 2) / size[0]
        text = formatting.shorten(svg.plain(head), 12)
        figure.text(middle, bottom / size[1], text, ha="center", fontsize=_CLASS)


def _picture(axes: Axes, picture: NDArray[np.uint8] | None, cosine: float | None) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)  # a frame of one line, not of four
    axes.patch.set(edgecolor=svg.PALETTE["rule"], linewidth=1.2, visible=True)
    if picture is None:
        axes.text(0.5, 0.5, "nothing", ha="center", va="center", fontsize=_SMALL, color=svg.PALETTE["soft"])
    else:
        colours = picture if picture.ndim == 3 else np.repeat(picture[:, :, None], 3, axis=2)
        # "none" keeps the pixels as they are: the viewer enlarges them without smoothing
        axes.imshow(colours, interpolation="none")
    if cosine is not None and not np.isnan(cosine):
        text = formatting.similarity(cosine).replace("\u00a0", "")
        axes.set_xlabel(text, fontsize=_SMALL, labelpad=2, color=svg.PALETTE["ink"])


def _spoken(heads: Sequence[str], rows: Sequence[PictureRow], known: Sequence[NDArray[np.float64] | None]) -> str:
    """Return each row's similarities as a sentence, for those who hear the figure."""
    said = [f"A column for each of {len(heads)} deleted images: {', '.join(heads)}."] if any(heads) else []
    for row, cosines in zip(rows, known, strict=True):
        if row.above or row.heads:
            said.append(f"{row.above}: {', '.join(row.heads)}.")
        if cosines is None:
            said.append(f"{row.name}.")
        else:
            each = ", ".join(formatting.similarity(None if np.isnan(c) else float(c)) for c in cosines)
            said.append(f"{row.name}, cosine {each}.")
    return " ".join(said)
