"""Records that weigh differently in each output: class weights of one class against the rest.

The loss is separable, so that each output is a model of its own, with weights of its own: it is fitted and retrained
by itself, and the outputs are put together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from undelete.maintainer.changed import After, retrain_changed, shifted
from undelete.maintainer.fit import Fit, fit, gradient_norm
from undelete.maintainer.leave_one_out import Deletions, Progress
from undelete.maths.arrays import Array, namespace, take_rows
from undelete.maths.objective import Objective


@dataclass(frozen=True, eq=False)
class OutputWeighted(Objective):
    """An objective of a separable loss whose records weigh differently in each output.

    Parameters
    ----------
    factors : array (n, k)
        Of each record's loss in each output; `weights` is None.
    """

    factors: Any = None

    @classmethod
    def by(cls, plain: Objective, factors: Array) -> OutputWeighted:
        """Return an objective with factors (n, k)."""
        return cls(plain.X, plain.Y, plain.loss, plain.l2, None, plain.offset, factors)

    @cached_property
    def unit(self) -> Array:
        """What a small gradient is small beside (d, k), as of `Objective`, times the mean factor of each output."""
        return Objective.unit.func(self) * namespace(self.X).mean(self.factors, axis=0)  # type: ignore[attr-defined]

    def take(self, rows: NDArray[np.int64]) -> OutputWeighted:
        """Return the objective of some records only."""
        return OutputWeighted.by(super().take(rows), take_rows(self.factors, rows))

    def output(self, j: int) -> Objective:
        """Return one output's own objective, of records with weights."""
        return Objective(self.X, self.Y[:, j : j + 1], self.loss, self.l2, self.factors[:, j], self.offset)

    def value(self, W: Array) -> Array:
        """Return F: a scalar array, or (b,) for a batch."""
        return sum(self.output(j).value(W[..., j : j + 1]) for j in range(self.Y.shape[1]))

    def _between(self, rows: slice) -> Objective:
        return OutputWeighted.by(super()._between(rows), self.factors[rows, ...])

    def _weigh(self, R: Array) -> Array:
        return R * (self.factors if R.ndim == self.factors.ndim else self.factors[:, None, :])


def fit_each(objective: Objective, *, tol: float, start: Array, has_constant: bool) -> Fit:
    """Minimise an objective, of different weights its outputs one after the other; parameters as of `fit`."""
    if not isinstance(objective, OutputWeighted):
        return fit(objective, tol=tol, start=start, has_constant=has_constant)
    found = [
        fit(objective.output(j), tol=tol, start=start[:, j : j + 1], has_constant=has_constant)
        for j in range(objective.Y.shape[1])
    ]
    W = namespace(start).concat([one.W for one in found], axis=1)
    return Fit(
        W,
        gradient_norm(objective, W),
        max(one.iterations for one in found),
        all(one.converged for one in found),
    )


def retrain_each(
    parts: Sequence[After],
    W: Array,
    rows: NDArray[np.int64],
    *,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> Deletions:
    """Retrain the model exactly without each of some rows, its outputs one after the other.

    Parameters
    ----------
    parts : sequence of After
        What is minimised afterwards, of `OutputWeighted`; together they hold every deletion.
    W : array (d, k)
        The full model.
    rows, checkpoint, progress, **settings
        As of `retrain_changed`.
    """
    k = W.shape[1]
    each = [
        retrain_changed(
            [After(part.positions, part.objective.output(j)) for part in parts], W[:, j : j + 1], rows,
            checkpoint=None if checkpoint is None else checkpoint / f"class-{j}",
            progress=shifted(progress, j * len(rows), k * len(rows)), **settings,
        )
        for j in range(k)
    ]  # fmt: skip
    return Deletions(
        rows=rows,
        W=namespace(W).concat([one.W for one in each], axis=2),
        gradient_norm=np.max([one.gradient_norm for one in each], axis=0),
        iterations=np.max([one.iterations for one in each], axis=0),
        converged=np.all([one.converged for one in each], axis=0),
        certified=np.all([one.certified for one in each], axis=0),
        has_constant=each[0].has_constant,
    )
