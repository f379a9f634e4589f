"""How like a deleted record what is shown of it is: its centred cosine over the posterior, maths (13)."""

from __future__ import annotations

import numpy as np

from undelete.attacker.table.whole_record import Posterior
from undelete.maths.arrays import Floats

_DRAWS = 400  # of the posterior, evenly along its records


def resemblance(posterior: Posterior, point: Floats, mean: Floats) -> float:
    """Return the expected centred cosine between the record that is shown and the true one; below zero counts as zero.

    The same posterior says how probable the record's columns are, so that both rest on one measure of error.

    Parameters
    ----------
    posterior : Posterior
        Of one deletion, of the whole record.
    point, mean : arrays (p,)
        What is shown, and the public mean.

    Notes
    -----
    Cost 400 p^2 flops and an eigendecomposition of p by p.
    """
    share = np.cumsum(posterior.weight) / posterior.weight.sum()
    rows = np.minimum(np.searchsorted(share, (np.arange(_DRAWS) + 0.5) / _DRAWS), len(share) - 1)
    values, vectors = np.linalg.eigh(posterior.covariance)
    noise = np.random.default_rng(0).normal(size=(_DRAWS, len(values))) * np.sqrt(np.maximum(values, 0.0))
    true, found = posterior.points[rows] + noise @ vectors.T - mean, point - mean
    length = np.linalg.norm(true, axis=1) * np.linalg.norm(found)
    cosine = np.clip(true @ found / np.maximum(length, np.finfo(float).tiny), 0.0, 1.0)
    return float(cosine.mean())
