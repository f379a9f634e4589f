"""The picture of a networks experiment: how similar what came back is, deletion by deletion, a panel a case."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

_SHOWN = {
    "hrec+": ("undelete (hrec+)", "#0b5a8a", "-"), "hrec": ("the paper's estimate (hrec)", "#c2571a", "-"),
    "matching": ("plain gradient matching", "#7a3fa0", "--"), "nearest": ("nearest public record", "#6b6b6b", "--"),
    "maxdiff": ("MaxDiff", "#b0b0b0", ":"),
}  # fmt: skip


def draw(result: dict[str, Any], stem: Path) -> tuple[Path, Path]:
    """Write the picture as .svg and .png beside `stem`, and return both."""
    rows = result["networks"]
    figure, axes = plt.subplots(1, len(rows), figsize=(3.4 * len(rows), 3.2), sharey=True, squeeze=False)
    for axis, row in zip(axes[0], rows, strict=True):
        for name, (label, colour, line) in _SHOWN.items():
            values = row["curves"].get(name)
            if values:
                share = np.arange(1, len(values) + 1) / len(values)
                axis.plot(share, np.clip(values, 0, 1), line, color=colour, label=label, lw=1.6)
        axis.set_title(row["title"].replace(", ", ",\n", 1), fontsize=8)
        axis.set_xlabel("share of the deletions", fontsize=8)
        axis.tick_params(labelsize=7)
        axis.set_ylim(0, 1.02)
    axes[0][0].set_ylabel("centred cosine, at most", fontsize=8)
    axes[0][0].legend(fontsize=6, frameon=False, loc="lower right")
    figure.tight_layout()
    places = stem.with_suffix(".svg"), stem.with_suffix(".png")
    with plt.rc_context({"svg.hashsalt": "undelete"}):
        figure.savefig(places[0], metadata={"Date": None})
    figure.savefig(places[1], dpi=150)
    plt.close(figure)
    return places
