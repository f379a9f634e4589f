"""The sheet of ROC curves of Figures 1 and 7, on logarithmic axes."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from undelete.paper.drawings.sheet import Sheet, title
from undelete.report import formatting, roc, svg

_HEIGHT = 190.0
_COLUMNS = 46
_READING = (
    "Share of the members found, for a share of the non-members falsely accused; the dotted diagonal is guessing."
)
_KEY = (
    ("global", "LiRA, one variance"),
    ("record", "LiRA, a variance each"),
    ("two_models", "who was deleted, from two models"),
)


def draw(result: dict[str, Any], stem: Path) -> tuple[Path, Path]:
    """Write a figure to ``stem.svg`` and ``stem.png`` from what its JSON holds, and return both paths.

    Parameters
    ----------
    result : dict
        Of `undelete.paper.membership.reproduce`.
    stem : Path
        Where to write, without a suffix.
    """
    rows = [row["panels"] for row in result["rows"]]
    spoken = " ".join(f"{p['sample']}, {row['model']}: {_areas(p)}." for row in result["rows"] for p in row["panels"])
    sheet = Sheet(title(result), _READING, lambda columns: _notes(result, columns), _over, _panel, spoken, _HEIGHT)
    return sheet.write(rows, stem)


def _panel(axes: Axes, panel: dict[str, Any], *, first: bool, last: bool) -> None:
    curves = {name: rates["curve"] for name, rates in panel["lira"].items()}
    deleted = panel["who"]["attacks"]["two_models"]["curve"]
    roc.draw(axes, curves | ({} if deleted is None else {"two_models": deleted}), first=first, last=last)
    if first:
        for k, (name, text) in enumerate(_KEY):
            # in the corner below the diagonal, which no attack worth drawing reaches
            axes.annotate(
                text, (1, 0), (-4, 30 - 12 * k), xycoords="axes fraction", textcoords="offset points", ha="right",
                fontsize=8, color=roc.colour(name), fontweight="bold",
            )  # fmt: skip


def _over(panel: dict[str, Any], above: list[dict[str, Any]]) -> list[str]:
    """Return the small print over a panel; the sample is described once, in the first row."""
    known = any((panel["source"], panel["target"]) == (other["source"], other["target"]) for other in above)
    text = [] if known else [*textwrap.wrap(panel["source"], _COLUMNS), panel["target"]]
    if panel["embedding"]["name"] == "fourier":
        text.append(f"{panel['embedding']['features']:,} random Fourier features")
    text.append(f"{panel['n']:,} private, {panel['m']:,} public, {panel['held_out']:,} held out")
    return [*text, *textwrap.wrap(_areas(panel), _COLUMNS)]


def _areas(panel: dict[str, Any]) -> str:
    """Return a panel's areas in words."""
    lira, who = panel["lira"], panel["who"]["attacks"]["two_models"]
    text = f"AUC: LiRA {lira['global']['auc']:.3f}, {lira['record']['auc']:.3f}"
    return text if who["auc"] is None else f"{text}; deleted {formatting.similarity(who['auc'])}"


def _notes(result: dict[str, Any], columns: int) -> list[str]:
    """Return the small print below the panels."""
    panels = [panel for row in result["rows"] for panel in row["panels"]]
    played = sorted({panel["who"]["deletions"] for panel in panels})
    count = " to ".join(f"{b:,}" for b in (played[0], played[-1])[: len(played)])
    text = (
        f"{panels[0]['shadows']} shadow models on bootstraps of the public part; {result['split']} {result['seed']}. "
        f"Who was deleted: the likelihood of each candidate, over {count} deletions a panel."
    )
    return [*textwrap.wrap(svg.plain(text), columns), svg.plain(result["command"])]
