"""How large the errors are of what two models say of each word: maths (35)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from undelete.maths.arrays import Flags, Floats, Indices

_MEDIAN = 0.455  # of a squared standard normal number
_FREEDOM = 3.0  # of Student's distribution, whose tails those have: 12 fits
_ALIKE = 0.999  # quantile of the moves of documents that are like the deleted one
_COMPANIONS, _COMPANIONS_MOST = 2.0, 0.05  # how much oftener than in the deleted document, and at most


@dataclass(frozen=True, eq=False)
class Noise:
    """The errors of what is seen of features: normal, or with tails where they are a solver's.

    Parameters
    ----------
    variance : array (d,)
        Infinite where nothing is known.
    heavy : bool
        Whether they have tails.
    """

    variance: Floats
    heavy: bool

    @property
    def known(self) -> Flags:
        """Of which features something is known (d,)."""
        return np.isfinite(self.variance)

    def at(self, features: Indices) -> Noise:
        """Return that of some features."""
        return Noise(self.variance[features], self.heavy)

    def log_density(self, off: Floats) -> Floats:
        """Return it (d, ...) but for what no hypothesis changes; 0 where nothing is known."""
        v = np.where(self.known, self.variance, 1.0).reshape(-1, *[1] * (off.ndim - 1))
        square = off**2 / v
        log = -0.5 * (_FREEDOM + 1) * np.log1p(square / _FREEDOM) if self.heavy else -0.5 * square
        return np.where(self.known.reshape(v.shape), log, 0.0)

    def of_companions(self, y: Floats, largest: Floats, frequency: Floats) -> Floats:
        """Return the log-density (d,) of words that some other document has, which shares a rare word with the deleted.

        They move to the other side, by as much as the deleted one's own at most: they make up for the rare word.
        """
        log = self.log_even(frequency, np.where(largest == 0, 1.0, np.abs(largest)))  # of who does not pull none
        return np.where((y * largest < 0) & (np.abs(y) <= np.abs(largest)), log, -np.inf)

    def log_even(self, frequency: Floats, width: Floats | float) -> Floats:
        """Return the log-density (d,) of companions that lie evenly on a width, which is not 0."""
        v = np.where(self.known, self.variance, 1.0)
        share = np.minimum(_COMPANIONS * frequency, _COMPANIONS_MOST)
        return np.where(self.known, np.log(share * np.sqrt(2 * np.pi * v) / width), -np.inf)


def variance_of(X: sp.csr_array, t: Floats, factor: float, log_size: Floats) -> Floats:
    """Return the error's variance (d,), maths (10), with one public document more that has the word.

    That one moves as those do that are much like the deleted one: of a rare word a single private document decides.
    """
    m = X.shape[0]
    square = X.multiply(X).tocsr().T @ t**2 / m
    mean = X.T @ t / m
    typical = np.exp(2 * log_size) * float(np.quantile(t**2, _ALIKE)) / m
    return np.asarray(factor * np.maximum(square - mean**2, 0.0) + factor * typical + np.finfo(float).tiny)


def solvers_share(y: Floats, variance: Floats, size: Floats, known: Flags) -> float:
    """Return what a solver left over, a variance in units of features' mean squares `size` (d,).

    Nearly all words are in no document that was deleted, so what they show is error: half of them are within theirs.
    """
    own = y[known] ** 2
    if not known.any() or np.median(own / variance[known]) <= _MEDIAN:
        return 0.0
    low, high = 0.0, float((own / size[known]).max())
    for _ in range(60):
        middle = (low + high) / 2
        if np.median(own / (variance[known] + middle * size[known])) > _MEDIAN:
            low = middle
        else:
            high = middle
    return high


def widened(z: Floats) -> float:
    """Return by which factor variances are too small, 1 at least, as the largest error on either side says.

    A document pulls all its words to one side, and errors go to both: the smaller of the two largest is one.
    """
    if len(z) < 2:
        return 1.0
    largest = max(min(float(z.max()), -float(z.min())), 0.0)
    return max(1.0, largest**2 / (2 * math.log(len(z))))
