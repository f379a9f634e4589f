"""Figure 5, first row: ridge regression of income, on the original features."""

from __future__ import annotations

from typing import Any

from undelete.paper import Folder, Progress, samples, tabular
from undelete.paper.models import RIDGE

FIGURE = tabular.Figure(
    "fig5", "Ridge regression of income", "after Figure 5 of the paper, first row", (RIDGE,), samples.regression
)


def run(
    data_dir: Folder | None, out: Folder, deletions: int | None, seed: int, progress: Progress | None = None
) -> dict[str, Any]:
    """Reproduce the figure: see `undelete.paper.tabular.reproduce`."""
    return tabular.reproduce(FIGURE, data_dir, out, deletions, seed, progress)
