"""The penalty of a large model, by one part of the maintainer's records that is held out.

For models whose fit takes long: `undelete.maintainer.cross_validation.choose_penalty` uses every record in turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from undelete.errors import InputError
from undelete.maintainer.fit import fit, is_large
from undelete.maintainer.preconditioner import PrincipalAxes, principal_axes
from undelete.maths.arrays import Array, namespace
from undelete.maths.objective import Objective, accumulate

_WORSE = 2  # candidates in a row that lose before weaker ones are not tried


@dataclass(frozen=True)
class Choice:
    """A penalty, its held-out loss per record, and how many records it was fitted and judged on."""

    penalty: float
    loss: float
    train: int
    test: int


def hold_out_penalty(
    objective: Objective,
    penalties: Sequence[float],
    rng: np.random.Generator,
    *,
    test: int,
    train: int | None = None,
    tol: float = 1e-6,
) -> Choice:
    """Return the penalty with the least loss on records held out.

    Parameters
    ----------
    objective : Objective
        NumPy records; where its l2 is zero (the constant) nothing is penalised.
    penalties : sequence of float
        Candidates, multiplied with the objective's l2; tried from strong to weak, until the loss has risen twice.
    rng : numpy.random.Generator
        Draws the records.
    test : int
        Records held out, a third of all at most.
    train : int, optional
        Records that the candidates are fitted to; all others by default. The penalty is that of the summed objective,
        which as a prior does not depend on their number.
    tol : float
        Gradient per record at which a fit is good enough to compare.

    Raises
    ------
    InputError
        When no candidate can be fitted.

    Notes
    -----
    Squared loss: one product of n d^2 flops, and one factorisation of d^3 / 3 a candidate. Other losses: a fit each,
    started at the last one's solution.
    """
    order = rng.permutation(objective.n)
    held = min(test, objective.n // 3)
    judged = objective.take(order[:held])
    judged = Objective(judged.X, judged.Y, judged.loss, 0 * judged.l2, judged.weights)
    fitting = _Fits(objective.take(order[held : None if train is None else held + train]), tol)
    best, worse = Choice(float("nan"), float("inf"), fitting.records.n, held), 0
    for penalty in sorted(penalties, reverse=True):
        W = fitting.at(penalty)
        if W is None:
            break
        loss = float(judged.value(W)) / held
        if loss < best.loss:
            best, worse = Choice(penalty, loss, fitting.records.n, held), 0
        else:
            worse += 1
        if worse == _WORSE:
            break
    if not np.isfinite(best.loss):
        raise InputError("no penalty gave a converged fit: the classes may be separable; use larger penalties")
    return best


class _Fits:
    """Fits of the same records under several penalties, one after the other."""

    def __init__(self, records: Objective, tol: float) -> None:
        self.records, self.tol = records, tol
        self.last: Array | None = None
        self.axes: PrincipalAxes | None = None  # at the penalty that the records came with
        self.squared = records.loss.quadratic
        if self.squared:
            bare = self._with(0.0)
            self.hessian = bare.hessian(np.zeros((records.X.shape[1], records.Y.shape[1])), 0)
            self.moment = accumulate(
                records.X, records.Y if records.weights is None else records.Y * records.weights[:, None]
            )

    def at(self, penalty: float) -> Array | None:
        """Return the parameters; None when they do not converge."""
        if self.squared:
            try:
                return cho_solve(cho_factor(self.hessian + np.diag(penalty * self.records.l2)), self.moment)
            except np.linalg.LinAlgError:
                return None
        found = fit(self._with(penalty), tol=self.tol, start=self.last, principal=self._principal(penalty))
        self.last = found.W
        return found.W if found.converged else None

    def _principal(self, penalty: float) -> PrincipalAxes | None:
        """Return the axes of a large softmax model's records: found once, since a penalty only changes their unit."""
        if penalty == 0 or not is_large(self.records):
            return None
        if self.axes is None:
            single = self.records.astype(namespace(self.records.X).float32)
            self.axes = principal_axes(single)
        return self.axes.at_penalty(penalty)

    def _with(self, penalty: float) -> Objective:
        r = self.records
        return Objective(r.X, r.Y, r.loss, penalty * r.l2, r.weights)
