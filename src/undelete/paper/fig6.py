"""Figure 6a: logistic regression (first row) and a support vector machine (second), on the original features."""

from __future__ import annotations

from typing import Any

from undelete.paper import Folder, Progress, tabular
from undelete.paper.models import LOGISTIC, SVM
from undelete.paper.samples import Sample, states


def _samples(data_dir: Folder | None) -> tuple[list[Sample], list[str]]:
    return states(data_dir), []


FIGURE = tabular.Figure(
    "fig6", "Classification of income over 50,000 dollars", "after Figure 6a of the paper", (LOGISTIC, SVM), _samples
)


def run(
    data_dir: Folder | None, out: Folder, deletions: int | None, seed: int, progress: Progress | None = None
) -> dict[str, Any]:
    """Reproduce the figure: see `undelete.paper.tabular.reproduce`."""
    return tabular.reproduce(FIGURE, data_dir, out, deletions, seed, progress)
