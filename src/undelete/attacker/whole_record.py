"""The most probable whole records of one deletion: prior times likelihood, by a beam search, maths (13).

With m the terms of all columns at the likelihood's mean, S their covariance and a(v) the terms of a record v, the
posterior of v is proportional to

    prior(v) exp(-1/2 (m - a(v))' S^-1 (m - a(v))).

Columns are taken one after the other along the Cholesky factor of S, so that each one's error is predicted from
those of the columns before it; the records that are still likely are kept. Their weights at the end are the posterior.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from undelete.attacker.likelihood import FLOOR, Normal
from undelete.attacker.prior import Conditional, Indices
from undelete.release import Column, Floats

_SHORT = 24  # values of an indicator column that are looked at, by their own likelihood
_TAIL = 60.0  # log-weight under the best at which a record is dropped


@dataclass(frozen=True, eq=False)
class Lattice:
    """What all deletions share: the columns that are decoded, where their terms stand, and the prior.

    Parameters
    ----------
    columns : sequence of Column
        Those on a lattice, in the order of the search.
    order : sequence of int
        Their positions among the release's columns.
    projection : array (d, q)
        From the model's space to the columns' terms, in that order.
    target : int
        The position of the target's class or tenth, after those of all columns.
    prior : dict of int to Conditional
        By the columns' positions.
    bits : float
        The prior's entropy, the target's class or tenth included.
    whole : bool
        Whether the whole record is estimated; of a model of many features it is the terms only.
    """

    columns: Sequence[Column]
    order: Sequence[int]
    projection: Floats
    target: int
    prior: Mapping[int, Conditional]
    bits: float
    whole: bool

    @property
    def terms(self) -> Floats:
        """From the likelihood's coordinates to the columns' terms (p, q)."""
        if self.whole:
            return self.projection
        q = self.projection.shape[1]
        return np.eye(q + 1, q)


@dataclass(frozen=True, eq=False)
class Posterior:
    """What is known of one deleted record.

    Parameters
    ----------
    codes : array (r, columns) of int
        Records in the search's order of columns, the most probable first.
    weight : array (r,)
        Their probabilities.
    entropy : float
        Of these, in bits.
    points : array (r, p)
        Where they lie in the likelihood's coordinates: their terms are their own, the rest follows as far as errors go
        together.
    covariance : array (p, p)
        What is left of a point's error.
    misfit : float
        Squared distance of the most probable one from the likelihood's mean, in the metric of S.
    """

    codes: Indices
    weight: Floats
    entropy: float
    points: Floats
    covariance: Floats
    misfit: float


def search(lattice: Lattice, likelihood: Normal, target: int, beam: int) -> Posterior:
    """Return the posterior of one deleted record.

    Parameters
    ----------
    lattice : Lattice
        Columns and prior.
    likelihood : Normal
        What the gradient says.
    target : int
        Code of the target's class or tenth, for the prior.
    beam : int
        Records that are kept after each column.

    Notes
    -----
    Cost for each column: the records kept times its values times its parents, in additions.
    """
    P = lattice.terms
    m, cross = likelihood.mean @ P, likelihood.covariance @ P
    S = P.T @ cross + FLOOR * np.eye(len(m))
    inverse = np.linalg.inv(np.linalg.cholesky(S))
    whitened = inverse @ m
    codes = np.zeros((1, lattice.target + 1), dtype=np.int64)  # zero where not decided yet
    codes[:, lattice.target] = target
    log_weight = np.zeros(1)
    shift = np.zeros((1, len(m)))  # inverse @ a(v) of the columns so far
    start = 0
    for j, column in zip(lattice.order, lattice.columns, strict=True):
        rows = slice(start, start := start + column.terms.shape[1])
        values = _shortlist(column.terms, m[rows], S[rows, rows])
        moved = column.terms[values] @ inverse[:, rows].T  # (values, terms)
        error = whitened[rows] - shift[:, None, rows] - moved[None, :, rows]
        prior = lattice.prior[j].log_distribution(codes)[:, values]
        score = (log_weight[:, None] + prior - 0.5 * (error**2).sum(axis=2)).ravel()
        keep = np.flatnonzero(score > score.max() - _TAIL)
        if len(keep) > beam:
            keep = keep[np.argpartition(score[keep], -beam)[-beam:]]
        parent, value = np.unravel_index(keep, prior.shape)
        codes, shift, log_weight = codes[parent], shift[parent] + moved[value], score[keep]
        codes[:, j] = values[value]
    best = np.argsort(-log_weight, kind="stable")
    weight = np.exp(log_weight[best] - log_weight[best[0]])
    weight /= weight.sum()
    bits = -float((weight[weight > 0] * np.log2(weight[weight > 0])).sum())
    left, gain = shift[best] - whitened, cross @ inverse.T
    return Posterior(
        codes=codes[best][:, list(lattice.order)],
        weight=weight,
        entropy=bits,
        points=likelihood.mean + left @ gain.T,
        covariance=likelihood.covariance - gain @ gain.T,
        misfit=float((left[0] ** 2).sum()),
    )


def _shortlist(candidates: Floats, m: Floats, S: Floats) -> Indices:
    """Return the values worth looking at: all of a number, the likeliest of an indicator column."""
    if candidates.shape[1] == 1 or len(candidates) <= _SHORT:
        return np.arange(len(candidates))
    offset = candidates - m
    distance = (offset @ np.linalg.inv(S) * offset).sum(axis=1)
    return np.sort(np.argsort(distance)[:_SHORT])
