"""The picture of `conditions` and `lora`: verdicts and how near the record was, a row a way of training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from undelete.paper.drawings.written import written

_WORDS = {
    "EXPOSED": "#a3262a", "PARTLY EXPOSED": "#dd8452", "NOT EXPOSED": "#3f8f5a", "NOT DECIDABLE": "#c9ced6",
}  # fmt: skip
_NEAR = "#0b5a8a"


def draw(rows: Sequence[dict[str, Any]], stem: Path) -> tuple[Path, Path]:
    """Write the picture as .svg and .png beside `stem`, and return both."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 1.0 + 0.24 * len(rows)), sharey=True, width_ratios=(3, 2))
    places = np.arange(len(rows))
    begin = np.zeros(len(rows))
    for word, colour in _WORDS.items():
        share = np.array([row["words"].get(word, 0) / row["deletions"] for row in rows])
        left.barh(places, share, left=begin, color=colour, label=word, height=0.72)
        begin += share
    for place, row in zip(places, rows, strict=True):
        if row.get("false_exposed"):
            left.text(1.01, float(place), f"{row['false_exposed']} false", fontsize=6, va="center")
    left.set_yticks(places, [row["title"] for row in rows], fontsize=7)
    left.set_xlim(0, 1)
    left.set_xlabel("share of the pairs, judged without a truth", fontsize=8)
    left.legend(fontsize=6, frameon=False, ncols=4, loc="lower left", bbox_to_anchor=(0, 1.0))
    right.plot([row["median_centred_cosine"] for row in rows], places, "o", color=_NEAR, ms=4)
    right.axvline(0, color="#b0b0b0", lw=0.7)
    right.set_xlabel("centred cosine to the true record, median", fontsize=8)
    right.set_xlim(-0.5, 1.02)
    works = sum(row.get("works", True) for row in rows)
    for axis in (left, right):
        if works < len(rows):
            axis.axhline(works - 0.5, color="#333333", lw=0.8, ls=":")
        axis.tick_params(labelsize=7)
        axis.spines[["top", "right"]].set_visible(False)
    left.invert_yaxis()
    figure.tight_layout()
    return written(figure, stem)
