"""The panels of a figure: a row for each model, a column for each sample, all on the same axes."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from undelete.attacker.baselines import AVG, MAXDIFF
from undelete.attacker.hrec import HREC
from undelete.attacker.hrec_plus import HREC_PLUS
from undelete.report import distribution, formatting, svg

NAMES = {
    **{one.name: one.short for one in (HREC_PLUS, HREC, MAXDIFF, AVG)}, "updates_leak_step": "Updates-Leak, one step",
    "updates_leak_retraining": "Updates-Leak, retrained",
    "updates_leak_step_published": "Updates-Leak as published, one step",
    "updates_leak_retraining_published": "Updates-Leak as published, retrained",
}  # fmt: skip
"""Attacks as a figure of the paper's names them."""
_WIDTH, _HEIGHT = 206.0, 128.0  # points, of a panel's axes
_LEFT, _GAP, _FOOT, _TOP = 60.0, 26.0, 36.0, 46.0
_SMALL, _LINE = 8.0, 10.5
_TITLE = 32  # characters of a panel's title in full size
_COLUMNS = 46  # characters of small print over a panel
_READING = "Share of deletions whose reconstruction is at most this similar to the deleted record; lower is better."


@dataclass(frozen=True)
class Sheet:
    """Panels on one sheet: what stands over, in and under them.

    Parameters
    ----------
    title, reading : str
        The sheet's name, and how to read a panel.
    notes : callable
        From the width in characters to the lines of small print below.
    over : callable
        From a panel and the first row to the lines of small print over it.
    paint : callable
        Draws a panel on its axes: ``paint(axes, panel, first=..., last=...)``, first of its row, in the last row.
    spoken : str
        What there is to see, for those who hear the figure.
    height, width : float
        Points, of a panel's axes.
    """

    title: str
    reading: str
    notes: Callable[[int], list[str]]
    over: Callable[[dict[str, Any], list[dict[str, Any]]], list[str]]
    paint: Callable[..., None]
    spoken: str
    height: float = _HEIGHT
    width: float = _WIDTH

    def write(self, rows: list[list[dict[str, Any]]], stem: Path) -> tuple[Path, Path]:
        """Write ``stem.svg`` and ``stem.png`` and return both paths.

        Parameters
        ----------
        rows : list of lists of dict
            The panels; each has `sample` and `model`, which make its headline.
        stem : Path
            Where to write, without a suffix.
        """
        prints = [[self.over(panel, rows[0] if i else []) for panel in row] for i, row in enumerate(rows)]
        heads = [26 + _LINE * max(len(text) for text in row) for row in prints]
        width = _LEFT + max(len(row) for row in rows) * (self.width + _GAP)
        notes = self.notes(int(width / 4.5))
        height = _TOP + sum(head + self.height + _FOOT for head in heads) + 16 + _LINE * len(notes)
        top = height - _TOP
        with svg.drawing():
            figure = svg.blank(width, height)
            figure.text(10 / width, 1 - 18 / height, svg.plain(self.title), fontweight="bold", fontsize=12)
            figure.text(10 / width, 1 - 33 / height, self.reading, fontsize=9, color=svg.PALETTE["soft"])
            for i, row in enumerate(rows):
                bottom = top - heads[i] - self.height
                for j, panel in enumerate(row):
                    left = _LEFT + j * (self.width + _GAP)
                    box = left / width, bottom / height, self.width / width, self.height / height
                    axes = figure.add_axes(box)
                    self.paint(axes, panel, first=j == 0, last=i == len(rows) - 1)
                    _head(axes, panel, prints[i][j])
                top = bottom - _FOOT
            for k, line in enumerate(reversed(notes)):
                figure.text(10 / width, (8 + _LINE * k) / height, line, fontsize=_SMALL, color=svg.PALETTE["soft"])
            paths = svg.write(figure, stem, self.title, f"{self.reading} {self.spoken}")
        # indentation and digits of outlined letters that no eye can see are a third of the file
        text = re.sub(r"\n\s+", "\n", paths[0].read_text(encoding="utf-8"))
        text = re.sub(r"translate\((\d+)\.\d+ 0\)", r"translate(\1 0)", text).replace("DejaVuSans", "g")
        paths[0].write_text(text, encoding="utf-8")
        return paths


def draw(result: dict[str, Any], stem: Path) -> tuple[Path, Path]:
    """Write a figure of similarities to ``stem.svg`` and ``stem.png`` from its JSON, and return both paths.

    Parameters
    ----------
    result : dict
        Of `undelete.paper.figure.reproduce`.
    stem : Path
        Where to write, without a suffix.
    """
    rows = [row["panels"] for row in result["rows"]]
    paint = partial(_panel, lower=_lower(rows))
    sheet = Sheet(title(result), _READING, lambda columns: _notes(result, columns), _over, paint, _spoken(rows))
    return sheet.write(rows, stem)


def shorten(file: Path) -> None:
    """Take out of an SVG what no eye can see: indentation and digits of outlined letters, a third of the file."""
    text = re.sub(r"\n\s+", "\n", file.read_text(encoding="utf-8"))
    text = re.sub(r"translate\((\d+)\.\d+ 0\)", r"translate(\1 0)", text).replace("DejaVuSans", "g")
    file.write_text(text, encoding="utf-8")


def title(result: dict[str, Any]) -> str:
    """Return a figure's title, with what it is after."""
    return f"{result['title']} ({result['shows']})"


def _lower(rows: list[list[dict[str, Any]]]) -> float:
    """Return where the axes start: at -1 if more than a hundredth of a curve is negative, else at 0."""
    curves = [attack["curve_cosine"] for row in rows for panel in row for attack in panel["attacks"].values()]
    return -1.0 if any(curve[len(curve) // 100] < 0 for curve in curves if curve) else 0.0


def _panel(axes: Axes, panel: dict[str, Any], *, lower: float, first: bool, last: bool) -> None:
    """Draw one panel: curves with their names on them."""
    curves = {name: attack["curve_cosine"] for name, attack in panel["attacks"].items() if panel["changed"]}
    distribution.draw(
        axes, curves, distribution.styles(list(curves), {}, NAMES), lower, "cosine similarity" if last else ""
    )
    ticks = [-1, -0.5, 0, 0.5, 1] if lower < 0 else [0, 0.25, 0.5, 0.75, 1]
    axes.set_xticks(ticks, [f"{tick:g}".replace("-", "−") for tick in ticks])
    axes.tick_params(labelleft=first)
    if first:
        axes.set_ylabel("share of deletions")
    if not curves:
        axes.text((lower + 1) / 2, 0.5, "no deletion changed the model", ha="center", color=svg.PALETTE["soft"])


def _head(axes: Axes, panel: dict[str, Any], small: list[str]) -> None:
    """Write over a panel what it is of."""
    for k, line in enumerate(reversed(small)):
        axes.annotate(
            svg.plain(line), (0, 1), (0, 7 + _LINE * k), xycoords="axes fraction", textcoords="offset points",
            fontsize=_SMALL, color=svg.PALETTE["soft"],
        )  # fmt: skip
    title = svg.plain(f"{panel['sample']}, {panel['model']}")
    axes.annotate(
        title, (0, 1), (0, 8 + _LINE * len(small)), xycoords="axes fraction", textcoords="offset points",
        fontweight="bold", fontsize=svg.FONT_SIZE if len(title) <= _TITLE else svg.FONT_SIZE - 1,
    )  # fmt: skip


def _over(panel: dict[str, Any], above: list[dict[str, Any]]) -> list[str]:
    """Return the small print over a panel; the sample is described once, in the first row."""
    known = any((panel["source"], panel["target"]) == (other["source"], other["target"]) for other in above)
    text = [] if known else [*textwrap.wrap(panel["source"], _COLUMNS), panel["target"]]
    penalty = f"penalty {formatting.number(panel['penalty'])}" if panel["penalty"] else "no penalty"
    if "in place of none" in panel["penalty_chosen"]:
        penalty += " for none"
    text.append(f"n = {panel['n']:,}, m = {panel['m']:,}, {penalty}")
    if panel["changed"] < panel["deletions"]:
        text.append(f"only the {100 * panel['share_changed']:.1f} % of deletions that change the model")
    if "accuracy" in panel:
        text.append(f"accuracy {100 * panel['accuracy']:.1f} %, deleted label right {_labels(panel)}")
    return [*text, *textwrap.wrap(f"median {_medians(panel, unbroken=True)}", _COLUMNS)]


def _labels(panel: dict[str, Any]) -> str:
    share = panel["attacks"].get(HREC.name, {}).get("label")
    return "–" if share is None else formatting.percent(share)


def _medians(panel: dict[str, Any], *, unbroken: bool = False) -> str:
    """Return each attack's median; `unbroken`: no line ends between a name and its number."""
    space = "\N{NO-BREAK SPACE}" if unbroken else " "
    return ", ".join(
        f"{NAMES.get(name, name)}{space}{formatting.similarity(attack['median_cosine'])}"
        for name, attack in panel["attacks"].items()
    )


def _notes(result: dict[str, Any], columns: int) -> list[str]:
    """Return the small print below the panels."""
    panels = [panel for row in result["rows"] for panel in row["panels"]]
    played = sorted({panel["deletions"] for panel in panels})
    count = " to ".join(f"{b:,}" for b in (played[0], played[-1])[: len(played)])
    if any("accuracy" in panel for panel in panels):
        how = "Pixels in [-1, 1]; RFF: random Fourier features. Accuracy on the test images."
    else:
        how = (
            "Columns standardised with the public half: Avg is the origin there, has no direction and counts as 0. "
            "RFF: random Fourier features."
        )
    text = f"{count} deletions a panel, exact retraining; {result['split']} {result['seed']}. {how}"
    return [*textwrap.wrap(svg.plain(text), columns), svg.plain(result["command"])]


def _spoken(rows: list[list[dict[str, Any]]]) -> str:
    """Return every panel's medians as a sentence, for those who hear the figure."""
    return " ".join(f"{p['sample']}, {p['model']}: median {_medians(p)}." for row in rows for p in row)
