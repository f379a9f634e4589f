"""Where a drawing goes: two files, an .svg that is the same in each run and a .png."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.figure import Figure


def written(figure: Figure, stem: Path) -> tuple[Path, Path]:
    """Write a figure beside a stem, close it and return its files."""
    files = stem.with_suffix(".svg"), stem.with_suffix(".png")
    with plt.rc_context({"svg.hashsalt": "undelete"}):
        figure.savefig(files[0], metadata={"Date": None})
    figure.savefig(files[1], dpi=150)
    plt.close(figure)
    return files
