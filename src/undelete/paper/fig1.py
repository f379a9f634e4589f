"""Figure 1: membership inference on ridge regression of income, original features."""

from __future__ import annotations

from typing import Any

from undelete.paper import Folder, Progress, membership
from undelete.paper.models import RIDGE

FIGURE = membership.Figure(
    "fig1",
    "Membership inference on ridge regression of income",
    "after Figure 1 of the paper",
    (membership.Row(RIDGE),),
)


def run(
    data_dir: Folder | None, out: Folder, deletions: int | None, seed: int, progress: Progress | None = None
) -> dict[str, Any]:
    """Reproduce the figure: see `undelete.paper.membership.reproduce`."""
    return membership.reproduce(FIGURE, data_dir, out, deletions, seed, progress)
