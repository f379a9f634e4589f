"""Newton's method without one record, for a block of records, each gradient measured by passes over the data."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from undelete.maintainer.fit import fit
from undelete.maintainer.sweep import Block, gradient_norms, rows_in_block
from undelete.maths.arrays import Array, namespace, take_rows
from undelete.maths.objective import Objective

_STEPS = 12  # with a fixed Hessian; what has not converged by then is fitted by itself
# Largest remaining gradient, relative to the deleted record's own. What an attacker reads is the Hessian times the
# change, which is the deleted record's gradient less this one, entry by entry: an error of this share of the largest
# entry, where the public Hessian's is a few percent.
_SHARE = 1e-4
_MARGIN = 0.9  # of the tolerance: for who divides by the remaining records


class Step(Protocol):
    """Newton steps on the objective without record i, near the full model."""

    def solve(self, rows: NDArray[np.int64], G: Array, forcing: float | NDArray[np.float64] = 0.0) -> Array:
        """Apply the inverse of the Hessian without its own record to each G (b, d, k).

        A residual whose largest entry is forcing times G's will do.
        """


class Measured:
    """Newton steps with the full model's Hessian without record i, until each gradient is measured to be small.

    Parameters
    ----------
    objective : Objective
        All n records.
    steps : Step
        Solves with the Hessian.
    W : array (d, k)
        The full model.
    tol : float
        Largest |gradient|_inf / n, in the objective's units.
    """

    def __init__(self, objective: Objective, steps: Step, W: Array, tol: float) -> None:
        self.objective, self.steps, self.W, self.tol = objective, steps, W, tol
        self.whole = objective.gradient(W)
        self.block_rows, self.light = rows_in_block(objective.n * W.shape[1]), False

    def __call__(
        self, rows: NDArray[np.int64], start: Array | None = None, taken: NDArray[np.int64] | None = None
    ) -> Block:
        """Return the models without each of the rows, from the full model or from `start` (b, d, k), steps taken."""
        b = len(rows)
        own = self.objective.take(rows).own_gradients(self.W)
        gradient = self.whole - own  # at the full model, no pass needed
        pull = gradient_norms(own, self.objective)
        # small beside what the record itself contributed, or the change of the model drowns; never below rounding
        goal = np.maximum(np.minimum(_MARGIN * self.tol, _SHARE * pull), 1e-15)
        norm = gradient_norms(gradient, self.objective)
        V = self.W + namespace(own).zeros_like(own)
        steps = np.zeros(b, dtype=np.int64)
        if start is not None and taken is not None:
            V, steps = start, taken.copy()
        # a record without a gradient (no support vector) changes nothing: it is done as it stands
        still, done = np.flatnonzero(pull > 0.0), [np.flatnonzero(pull == 0.0)]
        finished = [take_rows(V, done[0])]
        V, gradient = take_rows(V, still), take_rows(gradient, still)
        measured = start is not None
        while still.size:
            if measured:
                gradient = self._gradient(rows[still], V)
                norm[still] = gradient_norms(gradient, self.objective)
                stays = (norm[still] > goal[still]) & np.isfinite(norm[still])  # else it ran away: `_alone` mends it
                ready = ~stays | (steps[still] >= _STEPS)
                finished.append(take_rows(V, np.flatnonzero(ready)))
                done.append(still[ready])
                V, gradient = (take_rows(array, np.flatnonzero(~ready)) for array in (V, gradient))
                still = still[~ready]
            if still.size:
                V = V - self.steps.solve(rows[still], gradient, 0.5 * goal[still] / norm[still])
                steps[still] += 1
            measured = True
        V = take_rows(namespace(V).concat(finished, axis=0), np.argsort(np.concatenate(done)))
        return self._alone(rows, Block(V, norm, steps, np.zeros(b, dtype=np.bool_)))

    @np.errstate(over="ignore", invalid="ignore")  # where the fixed Hessian leads astray
    def _gradient(self, rows: NDArray[np.int64], V: Array) -> Array:
        """Return the gradient without each of the rows at V (b, d, k): one pass over the data."""
        return self.objective.gradient(V) - self.objective.take(rows).own_gradients(V)

    def _alone(self, rows: NDArray[np.int64], block: Block) -> Block:
        """Fit each deletion that the fixed Hessian did not bring under the tolerance by itself; few or none."""
        failed = np.flatnonzero(~(block.gradient_norm <= self.tol))  # not a number: the fixed Hessian led astray
        if not failed.size:
            return block
        norm, taken = block.gradient_norm.copy(), block.iterations.copy()
        models = [block.W[i, :, :] for i in range(len(rows))]
        for i in failed:
            remaining = self.objective.take(np.delete(np.arange(self.objective.n), rows[i]))
            alone = fit(remaining, tol=0.1 * self.tol, start=self.W)
            if not alone.gradient_norm >= norm[i]:
                models[i] = alone.W
                # no optimum there: what was reached does not count, however small its gradient
                norm[i] = alone.gradient_norm if alone.converged else max(alone.gradient_norm, 2 * self.tol)
            taken[i] += alone.iterations
        return Block(namespace(block.W).stack(models, axis=0), norm, taken, block.certified)
