"""How one record moves a softmax model's predictions at some probes, for thousands of records and without a model each.

Two updates, maths (17) and (18). One gradient step on a record moves the parameters along that record alone, so at a
probe it counts by their inner product. The deletion of a record moves them by the inverse Hessian times its gradient;
read at a few probes only, the Hessian is solved with once for each probe and class, not once for each record.

Both are what somebody does who makes shadow updates of a model of their own, from records of their own.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from undelete.maintainer.matrix_free import MatrixFree
from undelete.maths.arrays import Array, blocks, namespace, take_rows
from undelete.maths.objective import Objective, predict, shifted

_RESIDUAL = 0.03  # of a solve, relative: under the error that the first order has anyway
_NUMBERS = 4_000_000  # in the right sides that are solved for together; a solve holds some fifteen times as many


def step_change(objective: Objective, W: Array, X_probe: Array, rate: float) -> Array:
    """Return by how much one gradient step on each record alone moves the predictions at probes, maths (17).

    W becomes W - rate x' r, with x' r the gradient of the record's loss at W, the penalty left out.

    Parameters
    ----------
    objective : Objective
        The n records that the steps are taken on.
    W : array (d, k), or (n, d, k)
        Where they start, all alike or each record from its own.
    X_probe : array (p, d)
        Where the predictions are read.
    rate : float
        The length of the step.

    Returns
    -------
    array (n, p, k)
        Exact. Cost 2 n d p flops.

    Examples
    --------
    >>> from undelete.maths.losses import LOSSES
    >>> one = Objective(np.ones((1, 1)), np.array([[1.0, 0.0]]), LOSSES["softmax"], np.zeros(1))
    >>> step_change(one, np.zeros((1, 2)), np.array([[2.0]]), rate=1.0).tolist()
    [[[1.0, -1.0]]]
    """
    xp = namespace(objective.X)
    Z = objective.predict(W) if W.ndim == 2 else shifted((objective.X[:, None, :] @ W)[:, 0, :], objective.offset)
    kernel = objective.X @ xp.matrix_transpose(X_probe)  # (n, p)
    return -rate * kernel[:, :, None] * objective.residual(Z)[:, None, :]


def deletion_change(
    objective: Objective,
    W: Array,
    rows: NDArray[np.int64],
    X_probe: Array,
    progress: Callable[[int, int], None] | None = None,
) -> Array:
    """Return by how much the deletion of each of some records moves the predictions at probes, maths (18).

    To first order: the Hessian at W stands for that without the record, so the error relative to the change is
    about the record's leverage, some d / n.

    Parameters
    ----------
    objective : Objective
        n records, softmax loss.
    W : array (d, k)
        The optimum on all of them.
    rows : array (b,) of int
        The records to delete, one at a time.
    X_probe : array (p, d)
        Where the predictions are read.
    progress : callable, optional
        Called as progress(done, total), in probes.

    Returns
    -------
    array (b, p, k)
        Relative to the last class, whose column is 0: a shift of all classes alike changes no probability.

    Notes
    -----
    Cost: p (k - 1) solves by `MatrixFree`, of some ten products with the data each, 4 n d k flops a product; and
    2 b d p k^2 flops. One deletion by itself takes a solve, too: this pays where b is larger than p (k - 1).
    """
    xp, (d, k), p = namespace(objective.X), W.shape, X_probe.shape[0]
    free, Z = MatrixFree(objective), objective.predict(W)
    at = Z, free.preconditioner(Z)
    own = free.single.take(rows)
    r = own.residual(xp.astype(take_rows(Z, rows), own.X.dtype))  # (b, k)
    classes = xp.eye(k, dtype=W.dtype)[:-1, :]
    against_last = classes - xp.eye(k, dtype=W.dtype)[-1:, :]  # (k - 1, k)
    parts = []
    for block in blocks(p, _NUMBERS // (d * k * (k - 1))):
        probes = X_probe[block, :]
        G = probes[:, None, :, None] * against_last[None, :, None, :]
        U = free.solve(at, xp.reshape(G, (-1, d, k)), _RESIDUAL)[0]
        seen = predict(own.X, xp.astype(U, own.X.dtype))  # (b, probes (k - 1), k)
        parts.append(xp.reshape(seen @ r[:, :, None], (len(rows), probes.shape[0], k - 1)))
        if progress is not None:
            progress(block.stop, p)
    change = xp.astype(xp.concat(parts, axis=1), W.dtype)
    return xp.concat([change, xp.zeros_like(change[:, :, :1])], axis=2)
