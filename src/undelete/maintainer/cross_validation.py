"""Choosing a penalty on the maintainer's own records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from undelete.errors import InputError
from undelete.maintainer.fit import fit
from undelete.maths.arrays import Array
from undelete.maths.objective import Objective


def choose_penalty(
    objective: Objective, penalties: Sequence[float], rng: np.random.Generator, *, folds: int = 5
) -> float:
    """Return the penalty with the least held-out loss, by cross-validation on the maintainer's own records.

    Parameters
    ----------
    objective : Objective
        The private records; where its l2 is zero (the constant) nothing is penalised.
    penalties : sequence of float
        Candidates, multiplied with the objective's l2.
    rng : numpy.random.Generator
        Draws the folds.
    folds : int
        Number of folds.

    Raises
    ------
    InputError
        When no candidate converges.
    """
    part = rng.permutation(objective.n) % folds
    held_out = np.zeros(len(penalties))
    for fold in range(folds):
        train, test = np.flatnonzero(part != fold), np.flatnonzero(part == fold)
        start = None
        for p in np.argsort(penalties)[::-1]:  # strong to weak, each from the last one's solution
            fitted = fit(_rows(objective, train, float(penalties[p])), tol=1e-8, start=start)
            start = fitted.W
            held_out[p] += float(_rows(objective, test, 0.0).value(fitted.W)) if fitted.converged else np.inf
    if not np.isfinite(held_out).any():
        raise InputError("no penalty gave a converged fit: the classes may be separable; use larger penalties")
    return float(penalties[int(np.argmin(held_out))])


def _rows(objective: Objective, rows: Array, factor_l2: float) -> Objective:
    part = objective.take(rows)
    return replace(part, l2=part.l2 * factor_l2)
