"""Figure 7: membership inference on ridge, logistic regression and SVM, original and random Fourier features."""

from __future__ import annotations

from typing import Any

from undelete.paper import Folder, Progress, membership
from undelete.paper.models import LOGISTIC, RIDGE, SVM

FIGURE = membership.Figure(
    "fig7", "Membership inference on the tabular models", "after Figure 7 of the paper",
    tuple(
        membership.Row(model, features)
        for features in (0, membership.RANDOM_FEATURES)
        for model in (RIDGE, LOGISTIC, SVM)
    ),
)  # fmt: skip


def run(
    data_dir: Folder | None, out: Folder, deletions: int | None, seed: int, progress: Progress | None = None
) -> dict[str, Any]:
    """Reproduce the figure: see `undelete.paper.membership.reproduce`."""
    return membership.reproduce(FIGURE, data_dir, out, deletions, seed, progress)
