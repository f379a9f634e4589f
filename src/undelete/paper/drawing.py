"""The panels of a figure: a row for each model, a column for each sample, all on the same axes."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from undelete.report import distribution, formatting, svg

_NAMES = {"hrec": "HRec", "maxdiff": "MaxDiff", "avg": "Avg"}
_WIDTH, _HEIGHT = 206.0, 128.0  # points, of a panel's axes
_LEFT, _GAP, _HEAD, _FOOT, _TOP = 50.0, 26.0, 68.0, 34.0, 44.0
_SMALL, _LINE = 8.0, 10.5
_COLUMNS = 47  # characters of small print over a panel
_READING = "Share of deletions whose reconstruction is at most this similar to the deleted record. Lower is a better attack."


def draw(result: dict[str, Any], stem: Path) -> tuple[Path, Path]:
    """Write a figure to ``stem.svg`` and ``stem.png`` from what its JSON holds, and return both paths.

    Parameters
    ----------
    result : dict
        Of `undelete.paper.tabular.reproduce`.
    stem : Path
        Where to write, without a suffix.
    """
    rows = [row["panels"] for row in result["rows"]]
    across = max(len(row) for row in rows)
    notes = _notes(result, int((_LEFT + across * (_WIDTH + _GAP)) / 4.5))
    width = _LEFT + across * (_WIDTH + _GAP)
    foot = 14 + _LINE * len(notes)
    height = _TOP + len(rows) * (_HEAD + _HEIGHT + _FOOT) + foot
    with svg.drawing():
        figure = svg.blank(width, height)
        figure.text(10 / width, 1 - 18 / height, svg.plain(_title(result)), fontweight="bold", fontsize=12)
        figure.text(10 / width, 1 - 33 / height, _READING, fontsize=9, color=svg.PALETTE["soft"])
        for i, row in enumerate(rows):
            top = height - _TOP - i * (_HEAD + _HEIGHT + _FOOT) - _HEAD
            for j, panel in enumerate(row):
                box = (_LEFT + j * (_WIDTH + _GAP)) / width, (top - _HEIGHT) / height, _WIDTH / width, _HEIGHT / height
                axes = figure.add_axes(box)
                _panel(axes, panel, last=i == len(rows) - 1, first=j == 0)
        for k, line in enumerate(reversed(notes)):
            figure.text(10 / width, (8 + _LINE * k) / height, line, fontsize=_SMALL, color=svg.PALETTE["soft"])
        return svg.write(figure, stem, _title(result), f"{_READING} {_spoken(rows)}")


def _title(result: dict[str, Any]) -> str:
    return f"{result['title']} ({result['shows']})"


def _panel(axes: Any, panel: dict[str, Any], *, last: bool, first: bool) -> None:
    """Draw one panel: curves with their names and medians on them, and what they are of above."""
    curves, labels = {}, {}
    for name, attack in panel["attacks"].items():
        if attack["curve_cosine"]:
            curves[name] = attack["curve_cosine"]
            labels[name] = f"{_NAMES.get(name, name)} {formatting.similarity(attack['median_cosine'])}"
    looks = distribution.styles(list(curves), {}, labels)
    distribution.draw(axes, curves, looks, -1.0, "cosine similarity" if last else "")
    axes.set_xticks([-1, -0.5, 0, 0.5, 1])
    axes.tick_params(labelleft=first)
    if first:
        axes.set_ylabel("share of deletions")
    if not curves:
        axes.text(0, 0.5, "no deletion changed the model", ha="center", color=svg.PALETTE["soft"])
    text = _over(panel)
    for k, line in enumerate(reversed(text)):
        axes.annotate(
            svg.plain(line), (0, 1), (0, 6 + _LINE * k), xycoords="axes fraction", textcoords="offset points",
            fontsize=_SMALL, color=svg.PALETTE["soft"],
        )  # fmt: skip
    axes.annotate(
        svg.plain(f"{panel['sample']}, {panel['model']}"), (0, 1), (0, 7 + _LINE * len(text)),
        xycoords="axes fraction", textcoords="offset points", fontweight="bold",
    )  # fmt: skip


def _over(panel: dict[str, Any]) -> list[str]:
    """Return the small print over a panel."""
    penalty = f"penalty {formatting.number(panel['penalty'])}" if panel["penalty"] else "no penalty"
    text = [*textwrap.wrap(panel["source"], _COLUMNS), panel["target"]]
    text.append(f"n = {panel['n']:,}, {penalty}")
    if panel["changed"] < panel["deletions"]:
        share = f"{100 * panel['share_changed']:.1f} %"
        text.append(f"curves: the {share} of deletions that change the model")
    return text


def _notes(result: dict[str, Any], columns: int) -> list[str]:
    """Return the small print below the panels."""
    panels = [panel for row in result["rows"] for panel in row["panels"]]
    played = sorted({panel["deletions"] for panel in panels})
    count = " to ".join(f"{b:,}" for b in (played[0], played[-1])[: len(played)])
    text = (
        f"Beside each name: the median. {count} deletions a panel, exact retraining; {result['split']} "
        f"{result['seed']}. Columns standardised with the public half: Avg is the origin, which has no direction, and "
        f"counts as 0. {result['notes'][0]}"
    )
    return textwrap.wrap(svg.plain(text), columns) + [svg.plain(result["command"])]


def _spoken(rows: list[list[dict[str, Any]]]) -> str:
    """Return every panel's medians as a sentence, for those who hear the figure."""
    said = []
    for panel in (panel for row in rows for panel in row):
        medians = ", ".join(
            f"{_NAMES.get(name, name)} {formatting.similarity(attack['median_cosine'])}"
            for name, attack in panel["attacks"].items()
        )
        said.append(f"{panel['sample']}, {panel['model']}: median {medians}.")
    return " ".join(said)
