"""By which number a gradient is to be divided to be a record: the constant's entry, or a record's usual length.

A gradient is a x plus an error, and the constant's entry of x is 1. So that entry is a and its error, and poor where
a is small: the residual of a record that was well explained. How long such records are tells a too.
With a known, so is the constant's error, and what goes together with it can be taken out of all other entries, maths
(12).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from undelete.attacker.gradient.estimate import NEAR_ZERO, Estimate
from undelete.maths.arrays import Flags, Floats, Indices
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release

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


@dataclass(frozen=True, eq=False)
class Size:
    """How long records (b,) are at each scale.

    With g a gradient less the constant's share, and c a deletion's own middle less that of all, the record at scale a
    lies at g / a + c from the middle of all. About its own, which lies on its side, it would seem too short.

    Parameters
    ----------
    gradient, product, aside : array (b,)
        g'g, g'c and c'c, in the metric of the lengths.
    """

    gradient: Floats
    product: Floats
    aside: Floats

    @classmethod
    def plain(cls, gradient: Floats) -> Size:
        """Return that about each record's own middle."""
        return cls(gradient, np.zeros_like(gradient), np.zeros_like(gradient))


def probable_scale(entry: Floats, error: Floats, size: Size, noise: Floats, lengths: Floats) -> Floats:
    """Return the most probable positive scales (b,).

    Parameters
    ----------
    entry, error : array (b,)
        The constant's entry, which is the scale and an error, and its standard error.
    size : Size
        Of the records at each scale.
    noise : array (b,)
        How much of the gradients' squares is expected of the error.
    lengths : array (p,)
        Squared lengths of public records about the common middle. Their logarithm is taken for normal.
    """
    logs = np.log(lengths)
    signal = np.maximum(size.gradient - noise, _SIGNAL * size.gradient)
    guess = (np.log(signal) - logs.mean()) / 2
    scales = np.exp(guess[:, None] + _GRID)
    square = signal[:, None] / scales**2 + 2 * size.product[:, None] / scales + size.aside[:, None]
    square = np.maximum(square, _SIGNAL * signal[:, None] / scales**2)
    unusual = (np.log(square) - logs.mean()) ** 2 / max(logs.var(), _SPREAD)
    cost = ((entry[:, None] - scales) / error[:, None]) ** 2 + unusual
    return np.asarray(scales[np.arange(len(entry)), cost.argmin(axis=1)])


def at_public_length(release: Release, found: Reconstruction) -> Reconstruction:
    """Return a reconstruction whose directions are as long as public records are (their root mean square).

    A record known up to a factor becomes a guess of the record, from public knowledge alone; the constant and
    what else is the same for all public records counts in no length. Not of an embedding: nothing was traced back.
    """
    directed = np.array([status == "direction" for status in found.status])
    if release.embedding is not None or not directed.any():
        return found
    varying = np.ptp(release.X_public, axis=0) > 0
    usual = np.sqrt((release.X_public[:, varying] ** 2).sum(axis=1).mean())
    length = np.linalg.norm(found.X[:, varying], axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        X = np.where(varying, found.X * usual / length, release.X_public[0])
    return dataclasses.replace(found, X=np.where(directed[:, None], X, found.X))
