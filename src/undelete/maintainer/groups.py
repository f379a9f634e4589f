"""Retraining without several records and with others, for many such groups: a fit each, from the old model."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from undelete.errors import InputError
from undelete.maintainer.fit import fit, unsettled
from undelete.maintainer.leave_one_out import Progress
from undelete.maths.arrays import Floats
from undelete.maths.objective import Objective

_TOL = 1e-10


@dataclass(frozen=True, eq=False)
class Groups:
    """Who leaves and who joins, group after group.

    Parameters
    ----------
    base : array (n,) of int
        The records of the old model.
    left : array (b, G) of int
        Of these, who leaves.
    joined : array (b, J) of int
        Of the others, who joins.
    """

    base: NDArray[np.int64]
    left: NDArray[np.int64]
    joined: NDArray[np.int64]

    @property
    def rows(self) -> NDArray[np.int64]:
        """Everybody (b, G + J)."""
        return np.concatenate([self.left, self.joined], axis=1)

    def after(self, i: int) -> NDArray[np.int64]:
        """Return the records of the model after group i."""
        return np.concatenate([np.setdiff1d(self.base, self.left[i]), self.joined[i]])


def drawn(n: int, groups: int, left: int, joined: int, rng: np.random.Generator) -> Groups:
    """Draw groups of people; those who join are kept out of the old model, which all groups share.

    Raises
    ------
    InputError
        Where there are too few records.
    """
    pool = joined if joined * groups > n // 4 else joined * groups  # they may meet again where there are few
    if pool + left >= n // 2:
        raise InputError(
            f"groups of {left:,} who leave and {joined:,} who join are most of {n:,} records: choose fewer people"
        )
    order = rng.permutation(n)
    out, base = order[:pool], np.sort(order[pool:])
    if left * groups <= len(base):
        gone = rng.permutation(base)[: left * groups].reshape(groups, left)
    else:
        gone = np.stack([rng.choice(base, size=left, replace=False) for _ in range(groups)])
    came = np.tile(out, (groups, 1)) if pool == joined and groups > 1 else out.reshape(groups, joined)
    return Groups(base, gone, came)


def retrain_groups(
    objective: Objective,
    W: Floats,
    groups: Groups,
    l2: Floats,
    *,
    tol: float = 1e-9,
    has_constant: bool = True,
    progress: Progress | None = None,
) -> tuple[Floats, float]:
    """Return the models after each group (b, d, k), and the largest gradient per record that they have.

    Parameters
    ----------
    objective : Objective
        Of all records.
    W : array (d, k)
        The old model, of `groups.base`.
    groups : Groups
        Who leaves and joins.
    l2 : array (d,)
        The penalty afterwards.
    tol : float
        Largest |gradient|_inf per record that counts as retrained.
    has_constant : bool
        Whether the last feature is the constant.
    progress : callable, optional
        Called as progress(done, total).

    Raises
    ------
    InputError
        Where a model does not converge.

    Notes
    -----
    Some Newton steps a group, 2 n d^2 + 10 d^3 flops each. Exact, to the gradient that is returned.
    """
    found, worst = [], 0.0
    for i in range(len(groups.left)):
        own = objective.take(groups.after(i))
        own = replace(own, l2=np.asarray(l2))
        fitted = fit(own, tol=_TOL, start=W, has_constant=has_constant)
        worst = max(worst, fitted.gradient_norm)
        if not fitted.gradient_norm <= tol:
            raise InputError(
                f"the model after group {i} does not converge (gradient {fitted.gradient_norm:.1e} per record): "
                f"{unsettled(own)}"
            )
        found.append(np.asarray(fitted.W))
        if progress is not None:
            progress(i + 1, len(groups.left))
    return np.stack(found), worst
