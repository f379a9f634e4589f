"""The drawings: curves of similarity, bars of the columns, and whether the confidence can be believed.

`cdf`, `per_column` and `reliability` return SVG for the page; `grid` writes the panels of the paper's figures
to files. A baseline is always the same grey.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import ArrayLike

from undelete.report import distribution, formatting, svg

BARS = 24  # columns in one drawing, at most
_WIDTH = 350.0  # points; about the width of a phone, so that the text stays readable there


def cdf(
    curves: Mapping[str, ArrayLike],
    *,
    name: str,
    title: str,
    x_label: str,
    roles: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    lower: float | None = None,
) -> str:
    """Return the distribution of a similarity over deletions, a curve for each attack, as SVG for a page.

    Parameters
    ----------
    curves : mapping of attack to array (b,)
        One score a deletion; NaN where nothing was recovered, see `distribution.steps`.
    name : str
        A word that is unique on the page.
    title, x_label : str
        What is drawn, and the axis.
    roles, labels : mappings
        See `distribution.styles`.
    lower : float, optional
        Left end of the axis; default `distribution.lower_end`.
    """
    description = "Share of deletions at or below each similarity; further right is closer to the truth. "
    medians = [f"{(labels or {}).get(attack, attack)}: median {shown}" for attack, shown in _medians(curves).items()]
    with svg.drawing():
        figure = curve_figure(curves, x_label=x_label, roles=roles, labels=labels, lower=lower)
        return svg.inline(figure, name, title, description + "; ".join(medians) + ".")


def _medians(curves: Mapping[str, ArrayLike]) -> dict[str, str]:
    known = {attack: np.asarray(scores, dtype=np.float64) for attack, scores in curves.items()}
    return {a: formatting.similarity(float(np.nanmedian(s))) for a, s in known.items() if np.isfinite(s).any()}


def curve_figure(
    curves: Mapping[str, ArrayLike],
    *,
    x_label: str,
    roles: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    lower: float | None = None,
) -> Figure:
    """Return what `cdf` draws as a figure; call it within `svg.drawing`."""
    figure = svg.blank(_WIDTH, 250)
    axes = figure.add_axes((50 / _WIDTH, 0.17, 1 - 62 / _WIDTH, 0.79))
    low = distribution.lower_end(list(curves.values())) if lower is None else lower
    looks = distribution.styles(list(curves), roles or {}, labels or {})
    distribution.draw(axes, curves, looks, low, x_label)
    return figure


def grid(
    panels: Sequence[Sequence[tuple[str, Mapping[str, ArrayLike]]]],
    stem: Path,
    *,
    title: str,
    x_label: str = "cosine similarity",
    note: str = "",
    roles: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    lower: float | None = None,
) -> tuple[Path, Path]:
    """Write panels of distributions, as in the paper's figures, to ``stem.svg`` and ``stem.png``.

    Parameters
    ----------
    panels : rows of (title, curves)
        Each panel's curves as for `cdf`; rows may differ in length.
    stem : Path
        Where to write, without a suffix; its folder is made.
    title, note : str
        A line above the panels, and small print below: what the target is, n, the seed.
    x_label, roles, labels, lower
        As for `cdf`; the axis is shared by all panels.

    Returns
    -------
    (Path, Path)
        The SVG and the PNG.
    """
    rows, across = len(panels), max(len(row) for row in panels)
    everything = [scores for row in panels for _, curves in row for scores in curves.values()]
    low = distribution.lower_end(everything) if lower is None else lower
    attacks = list(dict.fromkeys(name for row in panels for _, curves in row for name in curves))
    looks = distribution.styles(attacks, roles or {}, labels or {})
    notes = [svg.plain(line) for line in note.splitlines()]
    foot = 44 + 12 * len(notes)
    width, height = 52 + 240 * across, 200 * rows + foot
    with svg.drawing():
        figure = svg.blank(width, height)
        figure.text(58 / width, 1 - 16 / height, svg.plain(title), fontweight="bold", fontsize=11.5)
        for i, row in enumerate(panels):
            for j, (panel, curves) in enumerate(row):
                bottom = foot + 200 * (rows - 1 - i)
                box = ((58 + 240 * j) / width, bottom / height, 205 / width, 140 / height)
                axes = figure.add_axes(box)
                distribution.draw(axes, curves, looks, low, x_label if i == rows - 1 else "")
                axes.set_title(svg.plain(panel))
                axes.tick_params(labelleft=j == 0)
                if j == 0:
                    axes.set_ylabel("share of deletions")
        for k, line in enumerate(reversed(notes)):
            figure.text(10 / width, (7 + 12 * k) / height, line, fontsize=8, color=svg.PALETTE["soft"])
        description = "Cumulative distribution of the similarity of reconstructed to deleted records. " + note
        return svg.write(figure, stem, title, description)


def per_column(
    bars: Sequence[tuple[str, float, float | None]], *, attack: str, baseline: str, colour: str, name: str
) -> str:
    """Return bars of the share of deletions whose column came back exactly, attack above baseline, as SVG.

    Parameters
    ----------
    bars : sequence of (column, attack's share, best baseline's share or None)
        From top to bottom.
    attack, baseline : str
        What the two are called.
    colour : str
        The attack's, a name in `svg.PALETTE`.
    name : str
        A word that is unique on the page.
    """
    described = "; ".join(
        f"{column}: {formatting.percent(ours)}, {baseline} {formatting.percent(control)}"
        for column, ours, control in bars
    )
    with svg.drawing():
        figure = bar_figure(bars, attack=attack, baseline=baseline, colour=colour)
        return svg.inline(figure, name, "Columns recovered exactly", f"{attack}. {described}.")


def bar_figure(bars: Sequence[tuple[str, float, float | None]], *, attack: str, baseline: str, colour: str) -> Figure:
    """Return what `per_column` draws as a figure; call it within `svg.drawing`."""
    pitch, head = 30.0, 42.0
    height = head + pitch * len(bars) + 26
    columns = [svg.plain(formatting.shorten(column, 20)) for column, _, _ in bars]
    figure = svg.blank(_WIDTH, height)
    left = 16 + 6.6 * max(len(column) for column in columns)
    inside = (1 - (left + 58) / _WIDTH, pitch * len(bars) / height)
    axes = figure.add_axes((left / _WIDTH, 24 / height, *inside))
    axes.set_xlim(0, 1)
    axes.set_ylim(len(bars) - 0.5, -0.5)
    axes.grid(axis="x")
    axes.set_axisbelow(True)
    axes.set_xticks([0, 0.5, 1])
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    axes.set_yticks(range(len(bars)), columns)
    axes.tick_params(length=0)
    axes.tick_params(axis="y", labelcolor=svg.PALETTE["ink"], labelsize=svg.FONT_SIZE)
    for i, (_, ours, control) in enumerate(bars):
        for share, y_bar, shade in ((ours, i - 0.17, colour), (control, i + 0.17, "baseline")):
            if share is not None:
                axes.barh(y_bar, share, 0.28, color=svg.PALETTE[shade])
                axes.annotate(
                    formatting.percent(share), (share, y_bar), (4, -0.5), textcoords="offset points",
                    va="center", color=svg.PALETTE[shade], fontsize=svg.FONT_SIZE - 1,
                )  # fmt: skip
    for line, (words, shade) in enumerate(((attack, colour), (baseline, "baseline"))):
        key = figure.text(0, 1 - (14 + 15 * line) / height, svg.plain(formatting.shorten(words, 44)))
        key.set(color=svg.PALETTE[shade], fontweight="bold")
        key.set_x(max(4.0, min(left, _WIDTH - 4 - key.get_window_extent().width)) / _WIDTH)
    return figure


def reliability(confidence: ArrayLike, right: ArrayLike, *, colour: str, name: str) -> str:
    """Return how often a record was right beside how sure the attack was of it, as SVG for a page.

    Five bins of confidence; a bar is the 95 % Wilson interval (Wilson 1927) of the share that was right.

    Parameters
    ----------
    confidence : array (b,)
        The attack's probability that the whole record is right.
    right : array (b,)
        1 where it was, else 0.
    colour : str
        The attack's, a name in `svg.PALETTE`.
    name : str
        A word that is unique on the page.
    """
    sure, hit = np.asarray(confidence, dtype=np.float64), np.asarray(right, dtype=np.float64)
    bins = np.minimum((sure * 5).astype(int), 4)
    said = []
    with svg.drawing():
        figure = svg.blank(_WIDTH, 270)
        axes = figure.add_axes((58 / _WIDTH, 0.17, 1 - 76 / _WIDTH, 0.79))
        axes.set_xlim(-0.02, 1.04)
        axes.set_ylim(-0.02, 1.04)
        grey = svg.PALETTE["baseline"]
        axes.plot([0, 1], [0, 1], color=grey, linestyle=distribution.DASHES[0], linewidth=1.2)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
        axes.tick_params(length=3)
        axes.set_xlabel("how sure the attack was")
        axes.set_ylabel("records that were right")
        for b in np.unique(bins):
            inside = bins == b
            n, x, y = int(inside.sum()), float(sure[inside].mean()), float(hit[inside].mean())
            low, high = _wilson(y, n)
            axes.plot([x, x], [low, high], color=svg.PALETTE[colour], linewidth=1.6)
            axes.plot(x, y, "o", color=svg.PALETTE[colour], markersize=6)
            below = low > 0.12  # room under the bar
            axes.annotate(
                f"n = {n:,}", (x, low if below else high), (0, -4 if below else 4),
                textcoords="offset points", ha="center", va="top" if below else "bottom",
                fontsize=svg.FONT_SIZE - 1, gid="label",
            )  # fmt: skip
            said.append(f"{formatting.percent(x)} sure: {formatting.percent(y)} of {n:,} right")
        return svg.inline(figure, name, "Confidence beside the truth", "; ".join(said) + ".")


def _wilson(share: float, n: int, z: float = 1.959964) -> tuple[float, float]:
    """Return the Wilson interval of a share of n."""
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * float(np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)))
    return max(0.0, centre - half), min(1.0, centre + half)
