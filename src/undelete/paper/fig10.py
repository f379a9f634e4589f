"""Figure 10, first row: least squares without a penalty, on the original features.

Where columns are collinear the least-norm solution is taken, as in the paper's Appendix C.1.
"""

from __future__ import annotations

from typing import Any

from undelete.paper import Folder, Progress, samples, tabular
from undelete.paper.models import LEAST_SQUARES

FIGURE = tabular.Figure(
    "fig10", "Ordinary least squares of income", "after Figure 10 of the paper, first row", (LEAST_SQUARES,),
    samples.regression,
)  # fmt: skip


def run(
    data_dir: Folder | None, out: Folder, deletions: int | None, seed: int, progress: Progress | None = None
) -> dict[str, Any]:
    """Reproduce the figure: see `undelete.paper.tabular.reproduce`."""
    return tabular.reproduce(FIGURE, data_dir, out, deletions, seed, progress)
