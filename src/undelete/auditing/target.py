"""What came back of the target, and how often a guess would have it."""

from __future__ import annotations

import numpy as np
from scipy.special import erf
from scipy.stats import norm

from undelete.attacker.gradient.estimate import Estimate
from undelete.maths.arrays import Floats
from undelete.release.reconstruction import TARGET_NEAR, Reconstruction
from undelete.release.release import Release
from undelete.release.seen import Seen
from undelete.scoring.intervals import beyond_luck
from undelete.scoring.truth import Truth

SURE = 0.95  # probability from which a single column or target counts where there is no truth


def target_lift(release: Seen, found: Reconstruction, truth: Truth | None) -> float:
    """Return how far targets came back beyond what public data say of them; 0 where nothing is known."""
    if release.Y_public is None or found.target is None or (truth is not None and truth.Y is None):
        return 0.0
    known = np.isfinite(found.target).all(axis=1)
    sure = np.where(known, target_probability(release, found), 0.0)
    prior = _target_frequency(release, found.target)
    if truth is None or truth.Y is None:
        return float(np.where(sure >= SURE, sure - prior, 0.0).mean())
    if release.target_kind == "class":
        k = truth.Y.shape[1]
        right = (truth.Y.argmax(axis=1) == found.target.argmax(axis=1)) if k > 1 else (
            np.sign(truth.Y[:, 0]) == np.sign(found.target[:, 0])
        )  # fmt: skip
        most = float(_class_shares(release.Y_public).max())
    else:
        right = np.asarray((np.abs(truth.Y - found.target) <= _width(release.Y_public)).all(axis=1))
        right &= (sure >= SURE) | (len(right) > 1)  # a single one may be luck
        most = float(prior.mean())
    right &= known
    if len(right) == 1:
        return float(right[0] - prior[0])
    lift = float(right.mean() - most)
    return lift if lift < 0 or beyond_luck(right[:, None], np.array([most]))[0] else 0.0


def target_probability(release: Seen, found: Reconstruction) -> Floats:
    """Return how probable it is that each target is the one recovered (b,); 0 where the attack has no error bars.

    Of a class the probability that the gradient's entry for the constant has the right sign; of a number that it lies
    within a tenth of the public deviation.
    """
    nothing = np.zeros(release.deletions)
    if found.target_probability is not None:
        return np.nan_to_num(found.target_probability)
    if release.target_kind == "number":
        if found.target_error is None or release.Y_public is None:
            return nothing
        error = np.nan_to_num(found.target_error, nan=np.inf)
        with np.errstate(divide="ignore", invalid="ignore"):
            inside = erf(_width(release.Y_public) / error / np.sqrt(2))
        return np.asarray(np.where(error == 0, 1.0, inside).prod(axis=1))
    known = found.scale is not None and found.output is not None and found.status.count("ok") > 0
    if not known or not isinstance(release, Release) or release.constant is None:
        return nothing
    estimate = Estimate.of(found)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.nan_to_num(norm.cdf(np.abs(estimate.scale) / estimate.scale_error(release))))


def _width(Y: Floats) -> Floats:
    return np.asarray(TARGET_NEAR * Y.std(axis=0))


def _class_shares(Y: Floats) -> Floats:
    """Return the share of each class among targets (m, k)."""
    if Y.shape[1] > 1:
        return np.bincount(Y.argmax(axis=1), minlength=Y.shape[1]) / len(Y)
    positive = float((Y[:, 0] > 0).mean())
    return np.array([1 - positive, positive])


def _target_frequency(release: Seen, target: Floats) -> Floats:
    """Return the share of the public targets that equal each recovered one, or lie as near as counts (b,)."""
    Y = release.Y_public
    assert Y is not None
    if release.target_kind == "class":
        place = target.argmax(axis=1) if Y.shape[1] > 1 else (target[:, 0] > 0).astype(int)
        return np.asarray(_class_shares(Y)[place])
    width = _width(Y)
    return np.array([(np.abs(Y - y) <= width).all(axis=1).mean() for y in target])
