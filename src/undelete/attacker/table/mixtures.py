"""Would a mixture of two records be told from one? How much the misfit to a table's values can test.

The change that two deletions make together, or one deletion and one addition, gives back a weighted mean of the two
records, by their residuals. It lies off the columns' values, which is what the misfit of maths (13) sees, if the error
is small beside the steps from one value to the next. Here pairs of public records are mixed and tested.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import chi2

from undelete.attacker.gradient.estimate import Estimate
from undelete.attacker.table.likelihood import FLOOR
from undelete.maths.arrays import Floats, Indices
from undelete.release.columns import Column
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release

_PAIRS = 400
_ALONE = 0.1  # share up to which the other record is all but alone in a mixture
_VALUES = 4096  # of a column, up to which each is compared


def power(release: Release, found: Reconstruction, *, unlikely: float) -> float:
    """Return the share of mixtures of two records whose distance from the table's values is improbably large.

    Mixtures of which one record is less than a tenth are left out: what comes back is all but the other one.

    Parameters
    ----------
    release : Release
        One deletion, whose error is taken.
    found : Reconstruction
        Of an attack on the difference.
    unlikely : float
        Probability of a distance under which a change is not taken for one deletion.

    Notes
    -----
    Columns are taken one by one, which tells less than all together: the true share is larger. Draws 400 pairs from a
    fixed stream. Cost 2 m q flops for q terms, and 400 times the values of all columns.
    """
    columns = [c for c in release.columns if c.kind != "continuous" and c.projection.shape[1] and len(c.values)]
    if not columns or found.scale is None or found.output is None or release.constant is None:
        return 0.0
    rng = np.random.default_rng(0)
    first, second = rng.integers(len(release.X_public), size=(2, _PAIRS))
    weight = _weights(release, int(found.output[0]), first, second, rng)
    estimate = Estimate.of(found)
    squares = estimate.weights(release) ** 2
    total, terms = np.zeros(_PAIRS), 0
    for column in columns:
        P = column.projection
        variance = estimate.covariance(release, squares, P, found.X @ P, dense=False)[0] + FLOOR
        mixed = weight[:, None] * (release.X_public[first] @ P) + (1 - weight[:, None]) * (release.X_public[second] @ P)
        noisy = mixed + rng.normal(size=mixed.shape) * np.sqrt(variance)
        total += _nearest(column, noisy, variance)
        terms += P.shape[1]
    mixed = np.abs(np.abs(weight - 0.5) - 0.5) > _ALONE  # the others are all but one person
    return float((total[mixed] > chi2.isf(unlikely, terms)).mean()) if mixed.any() else 0.0


def _weights(release: Release, output: int, first: Indices, second: Indices, rng: np.random.Generator) -> Floats:
    """Return the first record's share of each mixture: by the residuals; of every other pair the second one joined."""
    if release.Y_public is None:
        residual = rng.normal(size=len(release.X_public))
    else:
        residual = release.loss.residual(release.Y_public, release.X_public @ release.W_before)[:, output]
    a, b = residual[first], residual[second] * np.where(np.arange(len(first)) % 2, 1.0, -1.0)
    some = np.abs(a + b) > 0
    return np.where(some, a / np.where(some, a + b, 1.0), 1.0)


def _nearest(column: Column, points: Floats, variance: Floats) -> Floats:
    """Return the squared distance of points (k, q) from the nearest of a column's values, in units of their error."""
    terms = column.terms / np.sqrt(variance)
    scaled = points / np.sqrt(variance)
    if terms.shape[1] == 1:  # the neighbours on a line
        line = np.sort(terms[:, 0])
        after = np.searchsorted(line, scaled[:, 0]).clip(1, max(1, len(line) - 1))
        sides = line[np.stack([after - 1, np.minimum(after, len(line) - 1)])]
        return np.asarray(((sides - scaled[:, 0]) ** 2).min(axis=0))
    terms = terms[:_VALUES]
    square = (scaled**2).sum(axis=1)[:, None] - 2 * scaled @ terms.T + (terms**2).sum(axis=1)
    return np.asarray(np.maximum(square.min(axis=1), 0.0))
