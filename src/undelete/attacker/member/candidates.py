"""Who was deleted, among candidates? The likelihood that a candidate explains the difference of two models: maths (16).

Both models are known, so the change of the public answers, for the n - 1 records that remain, estimates minus the
deleted record's gradient, G of maths (19), with an error of known covariance S, maths (10) and (13). A candidate (x, y)
says what that gradient would be, number by number. Up to a constant, the log-likelihood that it is the deleted one is

    -1/2 (G - g)' S^-1 (G - g),   g = vec(-x' r).

The attack sees the release and the candidates, nothing else.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from scipy.special import softmax
from scipy.stats import chi2

from undelete.attacker.gradient.difference import Difference, own_share
from undelete.attacker.hrec import unchanged
from undelete.attacker.member.lira import confidence
from undelete.attacker.table.further_error import strangers
from undelete.attacker.table.whole_error import whole_error
from undelete.errors import InputError
from undelete.maths.arrays import Floats, Indices, blocks
from undelete.maths.solvers import factor
from undelete.release.candidates import Candidates
from undelete.release.release import Release

_BLOCK_NUMBERS = 16_000_000
_NOTHING = 1e-12  # gradient under which a candidate's deletion would change nothing


@dataclass(frozen=True, eq=False)
class Explanation:
    """How well each of c candidates explains each of b deletions.

    Parameters
    ----------
    misfit : array (b, c)
        Squared distance of the estimated gradient from the candidate's, in the metric of the estimate's error. Of the
        deleted record about chi-squared; infinite where the models are equal and the candidate's deletion would have
        changed them.
    degrees : array (b,) of int
        Its degrees of freedom; 0 where the models are equal.
    """

    misfit: Floats
    degrees: Indices

    @property
    def log_likelihood(self) -> Floats:
        """The log-likelihood of each candidate (b, c), up to a constant for each deletion."""
        return -self.misfit / 2

    @property
    def probability(self) -> Floats:
        """Probability of each candidate (b, c), given that one of them was deleted, each as likely beforehand.

        Zeros where no candidate can have been.
        """
        possible = np.isfinite(self.misfit)
        some = possible.any(axis=1, keepdims=True)
        return np.where(possible, softmax(np.where(some, self.log_likelihood, 0.0), axis=1), 0.0)

    @property
    def p_value(self) -> Floats:
        """How often the deleted record itself would fit worse than this candidate does (b, c).

        All are small when none of the candidates was deleted. NaN where the models are equal.
        """
        degrees = np.where(self.degrees > 0, self.degrees, np.nan)
        return np.asarray(chi2.sf(self.misfit, degrees[:, None]))


def explain(release: Release, candidates: Candidates) -> Explanation:
    """Compare each candidate with what two models say of the record deleted between them.

    Parameters
    ----------
    release : Release
        b deletions. Without `n` the gradient is known only up to a factor, and the best factor for each candidate is
        taken; the penalty is used where it is known.
    candidates : Candidates
        c records of the model's space with their targets, d and k as the model's.

    Returns
    -------
    Explanation
        For each deletion the misfit of each candidate.

    Raises
    ------
    InputError
        For candidates of another shape than the model's records, or a model of more than 4,096 parameters.

    Notes
    -----
    Exact up to the public sample's error. Cost 2 m (d k)^2 + 2 c (d k)^2 + 10 (d k)^3 flops a deletion. Source:
    maths (16).
    """
    d, k = release.W_before.shape
    if candidates.X.shape[1] != d or candidates.Y.shape[1] != k:
        raise InputError(
            f"candidates have {candidates.X.shape[1]} features and {candidates.Y.shape[1]} targets, the model {d} and "
            f"{k}: encode them as the model's own records"
        )
    share, same = own_share(release), unchanged(release)
    bare = dataclasses.replace(release, l2=None, penalty_share=None, penalty_change=None)
    G = Difference.by(release if release.n is not None else bare, "answers").gradient
    pull = -np.asarray(release.loss.residual(candidates.Y, candidates.predictions(release.W_before)))  # (c, k)
    misfit = np.empty((release.deletions, len(candidates.X)))
    degrees, wider = np.zeros(release.deletions, dtype=np.int64), strangers(release)
    n = release.n or len(release.X_public)
    for i in range(release.deletions):
        if same[i]:
            misfit[i] = np.where(np.abs(pull).max(axis=1) <= _NOTHING, 0.0, np.inf)
            continue
        half = factor(
            whole_error(release.take(slice(i, i + 1)), "answers", n, wider)
        ).half  # (d k, rank): S^-1 = half half'
        beside = None if share is None or release.n is not None else share[i].reshape(-1) @ half
        misfit[i] = _misfit(candidates.X, pull, G[i].reshape(-1) @ half, half, release.n is not None, beside)
        degrees[i] = half.shape[1] - (release.n is None)
    return Explanation(misfit, degrees)


def confidence_drop(release: Release, candidates: Candidates) -> Floats:
    """Return how much less confident the new model is of each candidate than the old one (b, c).

    What somebody can do who only asks both models for their predictions, without public records: whoever was deleted
    is predicted worse afterwards, but so are all like them. The idea of Chen et al., When Machine Unlearning
    Jeopardizes Privacy (2021), without its trained classifier.

    Cost 2 c d k (b + 1) flops.
    """
    Y, loss = candidates.Y, release.loss
    before = confidence(loss, Y, candidates.predictions(release.W_before))
    drop = np.empty((release.deletions, len(Y)))
    for part in blocks(release.deletions, max(1, _BLOCK_NUMBERS // (len(Y) * Y.shape[1]))):
        drop[part] = (before[:, None] - confidence(loss, Y, candidates.predictions(release.W_after[part]))).T
    return drop


def _misfit(X: Floats, pull: Floats, seen: Floats, half: Floats, scaled: bool, beside: Floats | None) -> Floats:
    """Return the squared distance of G, whitened (rank,), from each candidate's gradient (c,).

    Where G is not `scaled`, of its best multiple from the candidate's less the penalty's share `beside` (rank,).
    """
    found = np.empty(len(pull))
    for part in blocks(len(pull), _BLOCK_NUMBERS // len(half)):
        own = (X[part, :, None] * pull[part, None, :]).reshape(-1, len(half)) @ half  # (c, rank)
        if scaled:
            found[part] = ((seen - own) ** 2).sum(axis=1)
            continue
        own = own if beside is None else own - beside
        square, along = (own**2).sum(axis=1), np.maximum(own @ seen, 0.0)
        found[part] = seen @ seen - np.where(square > 0, along**2 / np.where(square > 0, square, 1.0), 0.0)
    return np.maximum(found, 0.0)
