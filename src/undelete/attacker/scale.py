"""By which number a gradient is to be divided to be a record: the constant's entry, or a record's usual length.

A gradient is a x plus an error, and the constant's entry of x is 1. So that entry is a and its error, and poor where
a is small: the residual of a record that was well explained. How long such records are tells a too.
With a known, so is the constant's error, and what goes together with it can be taken out of all other entries, maths
(12).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undelete.attacker.decode import NEAR_ZERO, Estimate, Flags, Indices
from undelete.release import Floats, Release

_GRID = np.linspace(-3.0, 3.0, 301)  # of the logarithm of a scale, about the one that the length says
_ENOUGH = 30  # public records of a class that tell how long its records are
_SPREAD = 1e-6  # least variance of the logarithm of a squared length
_SIGNAL = 0.1  # least share of a gradient's square that is taken for the record's own


@dataclass(frozen=True, eq=False)
class GradientError:
    """What maths (10) says of b gradients in one output before they are divided by anything.

    Parameters
    ----------
    weights : array (m, b)
        Share of each public record in the error; columns sum to one.
    total : array (b,)
        Variance of the constant's entry; times the covariance of the public records under `weights`, about `middle`,
        it is the covariance of the other entries given the constant's.
    middle : array (b, d)
        Mean of the public records under `weights`: what the constant's error moves the other entries by.
    """

    weights: Floats
    total: Floats
    middle: Floats

    @classmethod
    def of(cls, release: Release, estimate: Estimate) -> GradientError:
        """Return it from a release. Cost a deletion 2 m d k + 2 m d flops."""
        X = release.X_public
        m, n = len(X), release.n or len(X)
        t2 = estimate.weights(release) ** 2
        sums = t2.sum(axis=0)
        weights = t2 / sums
        return cls(weights, np.asarray(sums * n**2 * (1 / m + 1 / n) / m), weights.T @ X)

    def sure(self, entry: Floats) -> Flags:
        """Return where the constant's entry (b,) is further than two standard errors from zero."""
        return np.asarray(np.abs(entry) > NEAR_ZERO * np.sqrt(self.total))

    def part(self, rows: Indices) -> GradientError:
        """Return the same for some of the deletions."""
        return GradientError(self.weights[:, rows], self.total[rows], self.middle[rows])

    def divided(self, g: Floats, entry: Floats, scale: Floats) -> Floats:
        """Return the records (b, d) that gradients are at a scale (b,), the constant's error taken out."""
        return g / scale[:, None] - (entry / scale - 1.0)[:, None] * self.middle


def own_class(release: Release, output: int) -> Indices:
    """Return the public records of the class that an output stands for; all where it has few or there are none."""
    Y = release.Y_public
    if Y is None or release.target_kind != "class" or Y.shape[1] == 1:
        return np.arange(len(release.X_public))
    own = np.flatnonzero(Y.argmax(axis=1) == output)
    return own if own.size >= _ENOUGH else np.arange(len(Y))


def probable_scale(entry: Floats, error: Floats, observed: Floats, noise: Floats, lengths: Floats) -> Floats:
    """Return the most probable positive scales (b,).

    Parameters
    ----------
    entry, error : array (b,)
        The constant's entry, which is the scale and an error, and its standard error.
    observed, noise : array (b,)
        Squared length of the gradient about the middle, and how much of it is expected of the error.
    lengths : array (p,)
        Squared lengths of public records about the middle, in the same metric. Their logarithm is taken for normal.
    """
    logs = np.log(lengths)
    signal = np.maximum(observed - noise, _SIGNAL * observed)
    guess = (np.log(signal) - logs.mean()) / 2
    candidates = guess[:, None] + _GRID
    cost = ((entry[:, None] - np.exp(candidates)) / error[:, None]) ** 2 + 4 * _GRID**2 / max(logs.var(), _SPREAD)
    return np.asarray(np.exp(candidates[np.arange(len(entry)), cost.argmin(axis=1)]))
