"""Figures 8 and 9 as they are drawn: the paper's curves and the centred ones, and the pictures."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from undelete.attacker.hrec import HREC
from undelete.attacker.hrec_plus import HREC_PLUS
from undelete.data.schema import ImageInfo
from undelete.maths.arrays import Floats
from undelete.paper.drawings.sheet import NAMES, Sheet, title
from undelete.report import distribution, formatting, svg
from undelete.report import picture_rows as pictures

_PANELS = {"cosine": "cosine, as in the paper", "centred": "centred cosine: less the public mean"}
_READING = "Share of deletions whose reconstruction is at most this similar to the deleted image; lower is better."
_NOT_DRAWN = ("updates_leak_retraining_published",)  # its medians are written above
_SHORT = {"updates_leak_step_published": "one step, as published"}
_ROWS = {
    "deleted": ("deleted", ""),
    "updates_leak_step": ("one step", "Updates-Leak, from what the models before and after answer"),
    "updates_leak_retraining": ("retraining", ""),
    HREC.name: (HREC.short, "From the parameters of the models before and after, retraining"),
    HREC_PLUS.name: (HREC_PLUS.short, ""),
}


def draw_curves(result: dict[str, Any], stem: Path) -> tuple[Path, Path]:
    """Write Figure 8 to ``stem.svg`` and ``stem.png`` from its JSON, and return both paths."""
    panel = result["rows"][0]["panels"][0]
    panels = [panel | {"sample": panel["sample"], "model": what, "of": of} for of, what in _PANELS.items()]
    sheet = Sheet(
        title(result), _READING, lambda columns: _notes(result, columns), _over, _paint,
        " ".join(f"{one['model']}: median {_medians(one)}." for one in panels), height=210.0, width=300.0,
    )  # fmt: skip
    return sheet.write([panels], stem)


def draw_pictures(
    result: dict[str, Any], info: ImageInfo, shown: dict[str, dict[str, Floats]], stem: Path
) -> tuple[Path, Path]:
    """Write Figure 9 to ``stem.svg`` and ``stem.png``, and return both paths.

    Parameters
    ----------
    result : dict
        The JSON.
    info : ImageInfo
        How to see a record.
    shown : dict
        By row "pictures" (columns, d0) and "cosines" (columns,).
    stem : Path
        Where to write, without a suffix.
    """
    grid = result["grids"][0]
    above = f"{grid['sample']}, {grid['model']}, n = {grid['n']:,}, penalty {grid['penalty']:.4g}"
    rows = []
    for name, (label, over) in _ROWS.items():
        drawn = [None if (one != one).any() else info.pixels(one[None])[0] for one in shown[name]["pictures"]]
        heads = grid["labels"] if name == "deleted" else ()
        rows.append(pictures.PictureRow(label, drawn, shown[name].get("cosines"), over or above, heads))
        above = ""
    notes = [
        "Under each picture its cosine similarity to the deleted one, in pixels of [-1, 1]. One deletion of each "
        f"label, drawn at random by the seed before any attack ran; {result['split']} {result['seed']}.",
        *result["notes"],
        result["command"],
    ]
    return pictures.draw(title(result), [], rows, stem, notes)


def _paint(axes: Axes, panel: dict[str, Any], *, first: bool, last: bool) -> None:
    curves = {
        name: attack[f"curve_{panel['of']}"] for name, attack in panel["attacks"].items() if name not in _NOT_DRAWN
    }
    lower = distribution.lower_end(list(curves.values()))
    looks = distribution.styles(list(curves), {}, NAMES | _SHORT)
    distribution.draw(
        axes, curves, looks, min(lower, 0.0), f"{panel['of']} similarity".replace("centred", "centred cosine"),
        legend=True,
    )  # fmt: skip
    axes.tick_params(labelleft=first)
    if first:
        axes.set_ylabel("share of deletions")


def _over(panel: dict[str, Any], above: list[dict[str, Any]]) -> list[str]:
    if panel["of"] == "centred":
        return textwrap.wrap(f"median {_medians(panel)}", 66)
    return [
        f"softmax on {panel['features']:,} random Fourier features, n = {panel['n']:,}, m = {panel['m']:,}",
        f"penalty {formatting.number(panel['penalty'])}, accuracy {100 * panel['accuracy']:.1f} %",
        *textwrap.wrap(f"median {_medians(panel)}", 66),
    ]


def _medians(panel: dict[str, Any]) -> str:
    of = f"median_{panel['of']}"
    return ", ".join(
        f"{NAMES.get(name, name)} {formatting.similarity(attack[of])}" for name, attack in panel["attacks"].items()
    )


def _notes(result: dict[str, Any], columns: int) -> list[str]:
    panel = result["rows"][0]["panels"][0]
    text = f"{panel['deletions']:,} deletions, exact retraining; {result['split']} {result['seed']}."
    lines = [line for note in (text, *result["notes"]) for line in textwrap.wrap(svg.plain(note), columns)]
    return [*lines, svg.plain(result["command"])]
