"""From the features of a record back to the record where its class is known: the best linear map of that class.

Records of one class are more alike than all records are, and which of them share features is another question. So each
class has its own normal distribution of features and records, as far as so many public records of it say it, else that
of all records; with an error of any size the mean of the record given the features is in closed form, maths (51).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undelete.maths.arrays import Flags, Floats, Indices

FEWEST = 100  # public records that a class has a map from
_DOUBT = 2 * np.log(100.0)  # of twice the log-densities, by which features have to be less probable in a class
_SMALL = 1e-6  # variance of an error, beside the features' own, under which none is told apart


@dataclass(frozen=True, eq=False)
class ClassMap:
    """The records of one class given their whitened features.

    Parameters
    ----------
    centre, mean : arrays (D,), (d0,)
        The class's mean features and record.
    axes, spread : arrays (D, D), (D,)
        Principal axes of the class's features, and their variances there.
    slope : array (D, d0)
        Covariance of the features along the axes and the records.
    """

    centre: Floats
    mean: Floats
    axes: Floats
    spread: Floats
    slope: Floats

    @classmethod
    def of(cls, white: Floats, records: Floats, linear: Floats) -> ClassMap:
        """Return that of some records, drawn towards that of all.

        Parameters
        ----------
        white, records : arrays (r, D), (r, d0)
            Their features, whitened by the covariance of all records, and they.
        linear : array (D, d0)
            Covariance of all records' whitened features and the records.

        Notes
        -----
        2 r D (D + d0) + 20 D^3 flops.
        """
        r, D = white.shape
        own = r / (r + D)
        centre, mean = white.mean(axis=0), records.mean(axis=0)
        off = white - centre
        spread, axes = np.linalg.eigh(own / r * off.T @ off + (1 - own) * np.eye(D))
        cross = own / r * off.T @ (records - mean) + (1 - own) * linear
        return cls(centre, mean, axes, np.maximum(spread, 0.0), axes.T @ cross)

    def apply(self, white: Floats, noise: Floats) -> Floats:
        """Return records (b, d0) for features (b, D) whose error has `noise` (b,) times the variance of all features.

        Cost 2 D (D + d0) flops each.
        """
        along = (white - self.centre) @ self.axes
        return np.asarray(self.mean + along / (self.spread + noise[:, None] + _SMALL) @ self.slope)

    def fits(self, white: Floats, noise: Floats) -> Flags:
        """Return which features (b,) are not far less probable in this class than among all records."""
        variance = self.spread + noise[:, None] + _SMALL
        own = ((white - self.centre) @ self.axes) ** 2 / variance + np.log(variance)
        every = white**2 / (1 + noise[:, None]) + np.log1p(noise)[:, None]
        return np.asarray(own.sum(axis=1) < every.sum(axis=1) + _DOUBT, dtype=np.bool_)


@dataclass(frozen=True, eq=False)
class Held:
    """Public records: those that the decoder was not trained on, and where the others are.

    Parameters
    ----------
    white, error, records : arrays (h, D), (h, D), (h, d0)
        Whitened features of those that were not trained on, an error of variance 1 apart, and they.
    X, F : arrays (m, d0), (m, D)
        All of them, and their features.
    used : array (m - h,) of int
        Those that were trained on.
    classes : tuple of two arrays of int, (m - h,), (h,)
        Of those and of the others; -1 where there are none.
    """

    white: Floats
    error: Floats
    records: Floats
    X: Floats
    F: Floats
    used: Indices
    classes: tuple[Indices, Indices]


@dataclass(frozen=True, eq=False)
class Kind:
    """A class's own map, and those of its records that it was not made from: which, features, errors, and they."""

    map: ClassMap
    held: Indices
    white: Floats
    error: Floats
    records: Floats

    def missed(self, noise: float) -> Floats:
        """Return what it misses of them (h, d0), with errors of this variance."""
        seen = self.white + np.sqrt(noise) * self.error
        return self.records - self.map.apply(seen, np.full(len(seen), noise))


def as_class(Y: Floats) -> Indices:
    """Return the classes (b,) of targets (b, k): the largest of several, or whether the only one is above zero."""
    return np.asarray(Y.argmax(axis=1) if Y.shape[1] > 1 else (Y[:, 0] > 0).astype(np.int64))
