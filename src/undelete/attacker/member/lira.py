"""Was this record in the training data? The likelihood ratio attack (LiRA), its offline variant: maths (15).

The attacker has the target model's parameters, candidate records with their targets, and shadow models: the
target's own procedure run on resamples of public records. No shadow has seen a candidate, so the shadows show
how confident such a model is of a record that it has *not* seen. A target model that is more confident than
they are has seen it.

Source: Carlini et al., Membership Inference Attacks From First Principles (2022), Section VI and VI-D; for the
paper's use of it its Appendix A.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from undelete.errors import InputError
from undelete.maths.arrays import Floats, blocks
from undelete.maths.loss import Loss
from undelete.release.candidates import Candidates

Variance = Literal["global", "record"]
VARIANCES: tuple[Variance, ...] = ("global", "record")

_BLOCK_NUMBERS = 16_000_000  # predictions of a block of candidates by all shadows: 128 MB


def confidence(loss: Loss, Y: Floats, Z: Floats) -> Floats:
    """Return how confident predictions are of the true targets, on a scale where it is close to normal.

    Log odds of the true class (logistic, softmax), its normal quantile (probit), the margin (squared hinge), and of a
    number minus the root of its deviance, which for the squared loss is minus the residual's length.

    Parameters
    ----------
    loss : Loss
        The model's.
    Y : array (c, k)
        Targets: numbers, +1 and -1, or one-hot rows.
    Z : array (c, k) or (c, s, k)
        Predictions; of s models.

    Returns
    -------
    array (c,) or (c, s)
        Larger is more confident. The residual is in the target's unit, which `lira` divides out.

    Examples
    --------
    >>> from undelete.maths.losses import LOSSES
    >>> confidence(LOSSES["logistic"], np.array([[-1.0]]), np.array([[-2.0]])).tolist()
    [2.0]
    """
    Y = Y if Z.ndim == 2 else Y[:, None, :]
    return np.asarray(loss.confidence(Y, Z))


def lira(loss: Loss, W: Floats, W_shadows: Floats, candidates: Candidates, *, variance: Variance = "global") -> Floats:
    """Score how much more confident a model is of each candidate than models that have not seen it.

    The score is (phi - mean) / deviation: phi the target model's `confidence`, mean and deviation those of the
    shadows on the same record. With Phi the normal distribution function, Phi(score) is Carlini et al.'s offline
    statistic, 1 - Pr[Z > phi], and Phi(-score) the one-sided p-value of "this record was not in the training data".

    Parameters
    ----------
    loss : Loss
        The target model's.
    W : array (d, k)
        Its parameters.
    W_shadows : array (s, d, k)
        Parameters of s shadow models; none has seen a candidate.
    candidates : Candidates
        c records with their targets.
    variance : {"global", "record"}
        Whether the deviation is one for all candidates, the root mean square over them, or each record's own: with
        few shadows the former is less noisy.

    Returns
    -------
    array (c,)
        Larger means member. Depends on the candidates' order in nothing but its own.

    Raises
    ------
    InputError
        For fewer than two shadows, or another `variance`.

    Notes
    -----
    Cost 2 c d k (s + 1) flops. The p-value is that of the shadows' own spread. If they are resamples of one public
    sample, their mean is off by that sample's error, which is as large as the spread: the scores of non-members
    have about twice the variance one, which costs power and makes p-values too small, but not the ranking wrong.
    """
    if len(W_shadows) < 2:
        raise InputError(f"there are {len(W_shadows)} shadow models: their spread needs two at least, 64 are usual")
    if variance not in VARIANCES:
        raise InputError(f"variance is {variance!r}: it is global (one for all records) or record (each its own)")
    count, (shadows, _, k) = len(candidates.X), W_shadows.shape
    above, deviation = np.empty(count), np.empty(count)
    for part in blocks(count, _BLOCK_NUMBERS // (shadows * k)):
        own = candidates.take(part)
        unseen = confidence(loss, own.Y, own.predictions(W_shadows))  # (c, s)
        above[part] = confidence(loss, own.Y, own.predictions(W)) - unseen.mean(axis=1)
        deviation[part] = unseen.std(axis=1, ddof=1)
    if variance == "global":
        deviation = np.full(count, np.sqrt((deviation**2).mean()))
    known = deviation > 0  # where all shadows agree to the last bit there is nothing to compare with
    return np.where(known, above / np.where(known, deviation, 1.0), 0.0)
