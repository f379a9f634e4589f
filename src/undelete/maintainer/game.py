"""The only place where a deletion is played: private records in, a release and the truth out, apart.

The release goes to the attacker, the truth to the scoring, and the two meet again only there.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from undelete.errors import InputError
from undelete.maintainer.leave_one_out import Deletions, Progress, retrain_without
from undelete.maths.arrays import Floats
from undelete.maths.objective import Objective
from undelete.release.public import Public
from undelete.release.release import Release


def play(
    objective: Objective,
    W: Floats,
    rows: NDArray[np.int64],
    public: Public,
    *,
    tol: float = 1e-9,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
) -> tuple[Release, Deletions]:
    """Delete each row, retrain exactly, and release the models.

    Parameters
    ----------
    objective : Objective
        The private records and what the maintainer minimises on them.
    W : array (d, k)
        The model fitted on all of them.
    rows : array (b,) of int
        Records to delete, one at a time.
    public : dict
        The fields of `Release` that the attacker has without the maintainer: public records, columns, ...
    tol : float
        Largest |gradient|_inf / n that counts as retrained.
    progress : callable, optional
        Called as progress(done, total).
    checkpoint : Path, optional
        Folder that remembers finished blocks, so that retraining can be stopped and started again.

    Returns
    -------
    Release
        What anyone sees: it holds no private record.
    Deletions
        The maintainer's own account, with the measured gradients.

    Raises
    ------
    InputError
        When a deletion did not converge.
    """
    deletions = retrain_without(objective, W, rows, tol=tol, progress=progress, checkpoint=checkpoint)
    refuse_unconverged(deletions, tol)
    return released(objective, W, np.asarray(deletions.W), public), deletions


def released(objective: Objective, W: Floats, W_after: Floats, public: Public) -> Release:
    """Return what anyone sees of models that were retrained before: see `play`.

    Parameters
    ----------
    objective : Objective
        The private records and what the maintainer minimises on them.
    W, W_after : arrays (d, k), (b, d, k)
        The model fitted on all of them, and those after the deletions.
    public : dict
        The fields of `Release` that the attacker has without the maintainer.
    """
    return Release(loss=objective.loss, W_before=W, W_after=W_after, n=objective.n, l2=objective.l2, **public)


def remaining_gradient(objective: Objective, W: Floats, rows: NDArray[np.int64]) -> Floats:
    """Return the gradient at W over the records that remain after each deletion (b, d, k), maths (9).

    At the optimum of all records it is minus the deleted record's own gradient: what the informed auditor
    computes, who holds the remaining records and the penalty. Cost O(n d k + b d k).
    """
    return np.asarray(objective.gradient(W) - objective.take(rows).own_gradients(W))


def refuse_unconverged(deletions: Deletions, tol: float) -> None:
    """Raise InputError when a deletion is not exact retraining.

    Parameters
    ----------
    deletions : Deletions
        What `retrain_without` returned.
    tol : float
        The tolerance it was asked for, for the message.
    """
    bad = np.flatnonzero(~deletions.converged)
    if bad.size:
        worst = float(deletions.gradient_norm.max())
        raise InputError(
            f"{bad.size} of {len(deletions.rows)} deletions did not converge (largest gradient {worst:.1e} "
            f"per record, tolerance {tol:.0e}), so their models are not retrained ones; use a larger penalty"
        )
