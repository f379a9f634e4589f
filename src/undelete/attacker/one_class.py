"""Which class a deleted record had, where models tell each of several from the rest, and how sure that is."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from undelete.attacker.gradient.difference import Way
from undelete.attacker.gradient.estimate import Estimate
from undelete.maths.arrays import Floats
from undelete.release.release import Release

SLIGHT = 1e-3
"""Of the hardest pull: what is less is the solver's, as of a class outside whose margin the record lies."""


def pulled_or_placed(pulls: Floats, Z: Floats) -> Floats:
    """Return scores (b, k) of classes by their pulls, of those that hardly pull by the model's decision Z (b, k).

    Outside its margin a record does not pull: on which side of it the model puts the record is then right.
    """
    least = SLIGHT * np.abs(pulls).max(axis=1, keepdims=True)
    return np.where(np.abs(pulls) > least, pulls, least * Z / (1 + np.abs(Z)))


def one_class(release: Release, pulls: Floats, score: Floats, way: Way) -> tuple[Floats, Floats | None]:
    """Return the targets (b, k) of classes told from the rest, and how probable it is that each is right (b,).

    Parameters
    ----------
    release : Release
        Of models of k classes, three or more.
    pulls : array (b, k)
        Minus the residuals: a record pulls towards its own class and away from the others, if at all.
    score : array (b, k)
        What is largest of its class, and of no other above zero: `pulled_or_placed`, or of least squares its targets.
    way : {"hessian", "answers", "exact"}
        How the pulls were obtained.

    Returns
    -------
    tuple
        The targets; None of a softmax, whose hardest pull says as much, and 0 for a class that is a guess.
    """
    target = np.where(score >= score.max(axis=1, keepdims=True), 1.0, release.loss.low)
    if release.loss.low == 0:
        return target, None
    best = np.asarray(np.nan_to_num(score, nan=-np.inf).argmax(axis=1), dtype=np.int64)
    own = score[np.arange(len(best)), best]
    sure = np.ones(len(best))
    if way != "exact":
        with np.errstate(divide="ignore", invalid="ignore"):
            sure = np.asarray(ndtr(own / Estimate(own, best, way).scale_error(release)))
    guess = ~(own > SLIGHT * np.abs(pulls).max(axis=1))
    return target, np.where(guess, 0.0, np.nan_to_num(sure))
