"""The picture of a networks experiment: how similar what came back is, deletion by deletion, a panel a case."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from undelete.paper.drawings.written import written

_SHOWN = {
    "hrec+": ("undelete (hrec+)", "#0b5a8a", "-"), "hrec": ("the paper's estimate (hrec)", "#c2571a", "-"),
    "matching": ("plain gradient matching", "#7a3fa0", "--"), "nearest": ("nearest public record", "#6b6b6b", "--"),
    "maxdiff": ("MaxDiff", "#b0b0b0", ":"),
}  # fmt: skip


_PICTURES = {"true": "deleted", "recovered": "recovered", "guess": "nearest public"}


def draw(result: dict[str, Any], stem: Path) -> tuple[Path, Path]:
    """Write the picture as .svg and .png beside `stem`, and return both."""
    rows = result["networks"]
    seen = any("shown" in row for row in rows)
    figure, axes = plt.subplots(1 + seen, len(rows), figsize=(max(4.2, 2.9 * len(rows)), 3.2 + 1.4 * seen),
                                squeeze=False, height_ratios=(3, 1.3)[: 1 + seen])  # fmt: skip
    for place, row in enumerate(rows):
        _curves(axes[0][place], row)
        if seen:
            axes[1][place].axis("off")
            if "shown" in row:
                _images(axes[1][place], row)
        if place:
            axes[0][place].set_yticklabels([])
    axes[0][0].set_ylabel("centred cosine, at most", fontsize=8)
    axes[0][0].legend(fontsize=6, frameon=False, loc="lower right")
    figure.tight_layout()
    return written(figure, stem)


def _curves(axis: Any, row: dict[str, Any]) -> None:
    for name, (label, colour, line) in _SHOWN.items():
        values = row["curves"].get(name)
        if values:
            share = np.arange(1, len(values) + 1) / len(values)
            axis.plot(share, np.clip(values, 0, 1), line, color=colour, label=label, lw=1.6)
    axis.set_title(row["title"].replace(", ", ",\n", 1), fontsize=7.5)
    axis.set_xlabel("share of the deletions", fontsize=8)
    axis.tick_params(labelsize=7)
    axis.set_ylim(0, 1.02)


def _images(axis: Any, row: dict[str, Any]) -> None:
    """Draw the first split's deleted images above what came back and the nearest public ones."""
    side, gap, lines = row["side"], 1, []
    for name in _PICTURES:
        pictures = np.clip(np.array(row["shown"][name]).reshape(-1, side, side), -1, 1)
        lines.append(np.hstack([np.pad(one, gap, constant_values=1) for one in pictures]))
    axis.imshow(np.vstack(lines), cmap="gray", vmin=-1, vmax=1, interpolation="nearest")
    for k, label in enumerate(_PICTURES.values()):
        axis.text(-1, (k + 0.5) * (side + 2 * gap), label, fontsize=6, ha="right", va="center")
