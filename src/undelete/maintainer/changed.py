"""Retraining where a deletion changes more than one term of the sum: the penalty beside a mean loss, or the weights.

The objective after a deletion is then that of all records with another penalty, or other weights, less the record's own
term. Its optimum with the record in is near the full model and found once; from there `retrain_without` deletes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from undelete.errors import InputError
from undelete.maintainer.fit import fit, unsettled
from undelete.maintainer.leave_one_out import Deletions, Progress, retrain_without
from undelete.maths.arrays import Array, namespace, take_rows
from undelete.maths.objective import Objective

_TOL = 1e-10


@dataclass(frozen=True, eq=False)
class After:
    """What is minimised after the deletion of any of some records, their own terms still in it.

    Parameters
    ----------
    positions : array of int
        Which of the deletions.
    objective : Objective
        All records, with the penalty and the weights that the others have afterwards.
    """

    positions: NDArray[np.int64]
    objective: Objective


def lighter(
    objective: Objective, mean_l2: NDArray[np.float64], total: float, rows: NDArray[np.int64]
) -> Iterator[After]:
    """Yield what is minimised after the deletion of records of each weight: the penalty is beside the mean loss."""
    weights = np.asarray(objective.weights)[rows]
    for weight in np.unique(weights):
        yield After(np.flatnonzero(weights == weight), replace(objective, l2=mean_l2 * (total - float(weight))))


def rebalanced(objective: Objective, rows: NDArray[np.int64]) -> Iterator[After]:
    """Yield what is minimised after the deletion of a record of each class, whose weights balance the others."""
    Y, n = objective.Y, objective.n
    own = Y.argmax(axis=1) if Y.shape[1] > 1 else (Y[:, 0] > 0).astype(np.int64)
    counts = np.bincount(own)
    for c in np.unique(own[rows]):
        left = counts - (np.arange(len(counts)) == c)
        yield After(np.flatnonzero(own[rows] == c), replace(objective, weights=((n - 1) / (len(left) * left))[own]))


def retrain_changed(
    parts: Sequence[After],
    W: Array,
    rows: NDArray[np.int64],
    *,
    tol: float = 1e-9,
    certify: bool = True,
    has_constant: bool = True,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
) -> Deletions:
    """Retrain the model exactly without each of some rows; parameters and errors as of `retrain_without`.

    Parameters
    ----------
    parts : sequence of After
        What is minimised afterwards; together they hold every deletion.
    W : array (d, k)
        The full model.
    rows, tol, certify, has_constant, checkpoint, progress
        As of `retrain_without`.
    """
    found, done = [], 0
    for j, part in enumerate(parts):
        start = fit(part.objective, tol=_TOL, start=W, has_constant=has_constant)
        if not start.converged:
            raise InputError(
                f"the model does not converge with the penalty and weights that it has after a deletion (gradient "
                f"{start.gradient_norm:.1e} per record): {unsettled(part.objective)}"
            )
        found.append(
            retrain_without(
                part.objective,
                start.W,
                rows[part.positions],
                tol=tol,
                certify=certify,
                has_constant=has_constant,
                checkpoint=None if checkpoint is None else checkpoint / f"part-{j}",
                progress=shifted(progress, done, len(rows)),
            )
        )
        done += len(part.positions)
    return joined(parts, found, rows)


def joined(parts: Sequence[After], found: Sequence[Deletions], rows: NDArray[np.int64]) -> Deletions:
    """Return the deletions of all parts in the order of their rows."""
    order = np.argsort(np.concatenate([part.positions for part in parts]))
    return Deletions(
        rows=rows,
        W=take_rows(namespace(found[0].W).concat([one.W for one in found], axis=0), order),
        gradient_norm=np.concatenate([one.gradient_norm for one in found])[order],
        iterations=np.concatenate([one.iterations for one in found])[order],
        converged=np.concatenate([one.converged for one in found])[order],
        certified=np.concatenate([one.certified for one in found])[order],
        has_constant=found[0].has_constant,
    )


def shifted(progress: Progress | None, before: int, total: int) -> Progress | None:
    """Return how a part's progress is told that begins after so many of all deletions."""
    return None if progress is None else lambda done, _: progress(before + done, total)
