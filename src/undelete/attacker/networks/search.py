"""Levenberg's and Marquardt's method from many starts side by side: where the search for a record ends, maths (23)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from undelete.attacker.networks.problem import Problem, Scaled
from undelete.maths.arrays import Floats

_DONE = 1e-5  # of the objective that a step gains, under which a start has arrived
_DAMPING = (1e-2, 0.3, 4.0, 1e8)  # at first, times after a step that helped, after one that did not, and the end


@dataclass(eq=False)
class Ends:
    """Where a search stands, from each of its starts: u (r, q), objective (r,), residuals (r, p), J (r, p, q)."""

    u: Floats
    value: Floats
    residual: Floats
    jacobian: Floats

    def take(self, rows: NDArray[np.int64], other: Ends, which: NDArray[np.bool_]) -> None:
        """Put some of another's ends in place of own ones."""
        for name in ("u", "value", "residual", "jacobian"):
            getattr(self, name)[rows] = getattr(other, name)[which]


def descended(problem: Problem | Scaled, u: Floats, steps: int) -> Ends:
    """Return where the method gets from some starts u (r, q) in some steps."""
    ends = Ends(u.copy(), *problem.at(u))  # of its own: the starts serve other classes too
    damping, active, eye = np.full(len(u), _DAMPING[0]), np.ones(len(u), dtype=bool), np.eye(u.shape[1])
    for _ in range(steps):
        rows = np.flatnonzero(active)
        J, off = ends.jacobian[rows], ends.residual[rows]
        A = J.transpose(0, 2, 1) @ J + eye
        slope = np.einsum("rpq,rp->rq", J, off) + ends.u[rows]
        scale = damping[rows, None, None] * np.einsum("rqq->rq", A)[:, :, None] * eye
        step = np.linalg.solve(A + scale, slope[:, :, None])[:, :, 0]
        tried = Ends(ends.u[rows] - step, *problem.at(ends.u[rows] - step))
        better = tried.value < ends.value[rows]
        gained = np.where(better, ends.value[rows] - tried.value, np.inf)
        ends.take(rows[better], tried, better)
        damping[rows] *= np.where(better, _DAMPING[1], _DAMPING[2])
        active[rows[gained < _DONE * ends.value[rows]]] = False
        active &= damping < _DAMPING[3]
        if not active.any():
            break
    return ends
