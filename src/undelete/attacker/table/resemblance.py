"""How like a deleted record what is shown of it is: its centred cosine over the posterior, maths (13).

The record that is shown has each column's likeliest value, or is the likeliest whole. Where no record stands out that
is not the one most like the true one: of amounts and counts the commonest value is a small one, and all columns
together would lie on its side. A direction between the records that are still possible is nearer.
"""

from __future__ import annotations

import numpy as np

from undelete.attacker.table.whole_record import Posterior
from undelete.maths.arrays import Flags, Floats

_DRAWS = 400  # of the posterior, evenly along its records


def likest(posterior: Posterior, point: Floats, mean: Floats, same: Flags) -> tuple[Floats, float]:
    """Return where the record lies that is most like the true one (p,), and its expected centred cosine.

    It is `point`, or the mean direction of the records that are still possible, the public mean subtracted, which of
    all directions has the greatest mean cosine: whichever has the greater median, so that a record that holds half of
    the probability stays as it is. The direction is as long as the records are along it.

    The same posterior says how probable the record's columns are, so that both rest on one measure of error. A cosine
    below zero counts as zero.

    Parameters
    ----------
    posterior : Posterior
        Of one deletion, of the whole record.
    point, mean : arrays (p,)
        The record that is shown, and the public mean.
    same : array (p,) of bool
        Features that are the same in all public records: of these nothing is told, and a record is shown with theirs.

    Notes
    -----
    Cost 400 p^2 flops and an eigendecomposition of p by p.
    """
    true = np.where(same, 0.0, _draws(posterior) - mean)
    point = np.where(same, mean, point)
    size = np.maximum(np.linalg.norm(true, axis=1), np.finfo(float).tiny)
    middle = (true / size[:, None]).mean(axis=0)
    length = float(np.linalg.norm(middle))
    own = _cosines(true, size, point - mean)
    if length > 0:
        middle = middle * max(float((true @ middle).mean()), 0.0) / length**2
        between = _cosines(true, size, middle)
        if np.median(between) > np.median(own):
            return mean + middle, float(between.mean())
    return point, float(own.mean())


def _draws(posterior: Posterior) -> Floats:
    """Return records (400, p) from the posterior."""
    share = np.cumsum(posterior.weight) / posterior.weight.sum()
    rows = np.minimum(np.searchsorted(share, (np.arange(_DRAWS) + 0.5) / _DRAWS), len(share) - 1)
    values, vectors = np.linalg.eigh(posterior.covariance)
    noise = np.random.default_rng(0).normal(size=(_DRAWS, len(values))) * np.sqrt(np.maximum(values, 0.0))
    return np.asarray(posterior.points[rows] + noise @ vectors.T)


def _cosines(true: Floats, size: Floats, found: Floats) -> Floats:
    length = max(float(np.linalg.norm(found)), float(np.finfo(float).tiny))
    return np.clip(true @ found / size / length, 0.0, 1.0)
