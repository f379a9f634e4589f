"""Exact retraining one deletion after another, for models that are fitted anew each time, from near by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from undelete.maintainer.leave_one_out import Deletions, Progress
from undelete.maths.arrays import Floats
from undelete.maths.objective import Objective


class Fitted(Protocol):
    """What a fit says: the parameters (d, k), by how much the optimum is missed, and steps."""

    @property
    def W(self) -> Floats:
        """The parameters (d, k)."""

    @property
    def gradient_norm(self) -> float:
        """|gradient|_inf / n in `Objective.unit`s, or what stands for it."""

    @property
    def iterations(self) -> int:
        """Newton steps."""


Fit = TypeVar("Fit", bound=Fitted)


def retrain_one_by_one(
    objective: Objective,
    rows: NDArray[np.int64],
    fit: Callable[[Objective], Fit],
    *,
    tol: float,
    has_constant: bool = True,
    progress: Progress | None = None,
) -> tuple[Deletions, Sequence[Fit]]:
    """Return the models without each of some rows, and their fits.

    Parameters
    ----------
    objective : Objective
        All records, as it is for those that remain.
    fit : callable
        From the objective of the others to a fit.
    rows, tol, has_constant, progress
        As of `retrain_without`.
    """
    found = []
    for i, row in enumerate(rows):
        found.append(fit(objective.take(np.delete(np.arange(objective.n), row))))
        if progress is not None:
            progress(i + 1, len(rows))
    norm = np.array([one.gradient_norm for one in found])
    deletions = Deletions(
        rows=np.asarray(rows, dtype=np.int64),
        W=np.stack([one.W for one in found]),
        gradient_norm=norm,
        iterations=np.array([one.iterations for one in found], dtype=np.int64),
        converged=norm <= tol,
        certified=np.zeros(len(found), dtype=np.bool_),
        has_constant=has_constant,
    )
    return deletions, found
