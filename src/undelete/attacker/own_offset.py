"""A number's target where the record's own offset is not known: a mixture over what it may have been, maths (47).

The models say of the deleted record its columns x and minus its residual, rho. With an offset the residual belongs to
z = x W + o, and o is a column of the record's own that no coefficient reads: y and o come back as one number. So each
public offset is tried. How likely it is beside the others, public records with about such an answer say: whether any
of them has a residual like this one. What y is with it, the loss says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import lstsq

from undelete.maths.arrays import Floats, Indices
from undelete.maths.loss import Loss
from undelete.release.reconstruction import TARGET_NEAR, Reconstruction
from undelete.release.release import Release

_TRIED = 400  # public offsets, evenly spread over the records
_ALIKE = 40  # public records with about an answer, which say how targets vary about it
_PAYS = 0.95  # of the variance of the public offsets: less has to be left where the columns tell them
_RECORDS_A_FEATURE = 10  # public, from which that is looked for
_NODES = np.array([-1.645, -1.036, -0.674, -0.385, -0.126, 0.126, 0.385, 0.674, 1.036, 1.645])  # of a normal number
_FLOOR = 1e-6  # of residuals, by which any is off: retraining ends at a gradient that is not zero
_ENDS = (0.025, 0.5, 0.975)


@dataclass(frozen=True, eq=False)
class Told:
    """What is known of the targets of b records, each number (b,).

    Parameters
    ----------
    target, error : array (b,)
        The median, and the root mean square distance from it.
    low, high : array (b,)
        Ends of the range that holds the target with probability .95.
    probability : array (b,)
        That it lies within `width` of the median.
    """

    target: Floats
    error: Floats
    low: Floats
    high: Floats
    probability: Floats

    def of(self, found: Reconstruction) -> Reconstruction:
        """Return what an attack said with these targets."""
        return replace(
            found, target=self.target[:, None], target_error=self.error[:, None], target_low=self.low[:, None],
            target_high=self.high[:, None], target_probability=self.probability,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Offsets:
    """The public offsets, as those that somebody may have.

    Parameters
    ----------
    along : array (d,)
        What the columns say of an offset, of least squares; zeros where they say next to nothing.
    left : array (r,)
        What is left of public ones, in rising order.
    width : array (r,)
        How far it is to the next ones: between them lie other people's.
    """

    along: Floats
    left: Floats
    width: Floats

    @classmethod
    def each(cls, release: Release) -> list[Offsets]:
        """Return those of each deletion: its own where they are seen, else those of public records."""
        own = [release.own_offset(i) for i in range(release.deletions)]
        public = cls.of_public(release) if any(one is None for one in own) else None
        none = np.zeros(release.X_public.shape[1])
        found = [public if one is None else cls._about(none, np.sort(one)) for one in own]
        return [one for one in found if one is not None]

    @classmethod
    def of_public(cls, release: Release) -> Offsets:
        """Return the public ones of a release whose models have an offset. Cost 2 m d^2 flops."""
        o, X = release.offset_public, release.X_public
        assert o is not None
        (m, d), along = X.shape, np.zeros(X.shape[1])
        if m >= _RECORDS_A_FEATURE * d and np.ptp(o) > 0:
            found = lstsq(X, o, cond=1e-9, lapack_driver="gelsy")[0]
            if ((o - X @ found) ** 2).sum() * (m + d) / (m - d) < _PAYS * ((o - o.mean()) ** 2).sum():
                along = found
        return cls._about(
            along, np.sort((o - X @ along)[np.unique(np.linspace(0, m - 1, min(m, _TRIED)).astype(np.int64))])
        )

    @classmethod
    def _about(cls, along: Floats, left: Floats) -> Offsets:
        step = max(1, int(np.sqrt(len(left)) / 2))
        at = np.arange(len(left))
        ends = left[np.minimum(at + step, len(left) - 1)] - left[np.maximum(at - step, 0)]
        return cls(along, left, np.asarray(ends / 2))

    def of_record(self, x: Floats) -> Floats:
        """Return the offsets (r,) that a record (d,) may have."""
        return np.asarray(self.left + x @ self.along)


class OwnOffset:
    """What the targets of deleted records are over the offsets that these may have had.

    Parameters
    ----------
    release : Release
        Of numbers, one output, with `offset_public`.
    """

    def __init__(self, release: Release) -> None:
        self.loss: Loss = release.loss
        self.unsure = release.n_error  # of the residual's own size: records may have had weights
        self.own = release.own_offsets is not None  # else one for all
        self.offsets, Y = Offsets.each(release), release.Y_public
        Z = release.predictions(release.W_before)[:, 0]
        order = np.argsort(Z, kind="stable")
        self.Z, self.Y = Z[order], None if Y is None else Y[order, 0]
        self.whole = bool(Y is not None and (np.round(Y) == Y).all())
        R = np.ones(1) if Y is None else np.asarray(release.loss.residual(Y, Z[:, None]))
        self.least_error = _FLOOR * float(np.sqrt((R**2).mean()))
        self.width = 0.0 if Y is None else TARGET_NEAR * float(Y.std())

    def told(
        self, X: Floats, W: Floats, rho: Floats, error: Floats, spread: Floats | None = None, first: int = 0
    ) -> Told:
        """Return the targets of records X (b, d) with minus residuals rho (b,) at parameters W (b, d).

        Parameters
        ----------
        X, W, rho : arrays
            The records.
        error : array (b,)
            Standard error of rho.
        spread : array (b,), optional
            Standard error of x W.
        first : int
            Which of the release's deletions the first record is of; the others follow.
        """
        found = np.full((5, len(X)), np.nan)
        spread = np.zeros(len(X)) if spread is None else spread
        with np.errstate(all="ignore"):  # of answers that overflow nothing is told
            for i in np.flatnonzero(np.isfinite(X).all(axis=1) & np.isfinite(rho) & np.isfinite(error)):
                offsets = self.offsets[first + i if self.own else 0]
                z = float(X[i] @ W[i]) + offsets.of_record(X[i])
                width = np.hypot(offsets.width, spread[i])
                wide = max(float(np.hypot(error[i], self.unsure * rho[i])), self.least_error)
                found[:, i] = self._summary(*self._mixture(z, width, float(rho[i]), wide))
        return Told(*found)

    def _mixture(self, z: Floats, width: Floats, rho: float, error: float) -> tuple[Floats, Floats]:
        """Return targets and their weights, over predictions z (r,) of some width each."""
        least = np.full((len(z), 1), self.loss.least if np.isfinite(self.loss.least) else 0.0)
        Z = z[:, None]
        y, along, against = (np.asarray(part)[:, 0] for part in self.loss.target_from(Z, np.full(Z.shape, -rho)))
        none, density = self._alike(z, width, rho, error)
        values = y[:, None] + np.hypot(along * width, against * error)[:, None] * _NODES
        values = np.round(values) if self.whole else values
        weights = np.repeat(((1 - none) * density)[:, None] / len(_NODES), len(_NODES), axis=1)
        if np.isfinite(self.loss.least):  # those at the least are counted by themselves
            weights = np.where((values > least) if none.any() else (values >= least), weights, 0.0)
        if not none.any():
            return values.ravel(), weights.ravel()
        off = rho + np.asarray(self.loss.residual(least, Z))[:, 0]
        wide = np.hypot(error, np.asarray(self.loss.curvature(least, Z))[:, 0] * width)
        alone = none * np.exp(-0.5 * (off / wide) ** 2) / wide
        alone /= np.sqrt(2 * np.pi)
        return np.append(values.ravel(), least.ravel()), np.append(weights.ravel(), alone)

    def _alike(self, z: Floats, width: Floats, rho: float, error: float) -> tuple[Floats, Floats]:
        """Return the share of the least target about each prediction (r,), and the density of the others.

        Theirs at rho, of their minus residuals, were the prediction theirs: a target is as far above it, or of losses
        of what is not negative as many times as large.
        """
        if self.Y is None:
            return np.zeros(len(z)), np.ones(len(z))
        rows = self._nearest(z)
        donors, own, Z = self.Y[rows], self.Z[rows], np.repeat(z[:, None], rows.shape[1], axis=1)
        if not np.isfinite(self.loss.least):
            none = np.zeros(donors.shape, dtype=np.bool_)
            Y = donors + np.asarray(self.loss.mean(Z) - self.loss.mean(own))
        else:
            none = donors <= self.loss.least
            Y = donors * np.asarray(self.loss.mean(Z) / self.loss.mean(own))
        pulls = -np.asarray(self.loss.residual(Y, Z))
        slope = np.asarray(self.loss.curvature(Y, Z))
        count = np.maximum((~none).sum(axis=1), 1)
        middle = (pulls * ~none).sum(axis=1) / count
        varies = np.sqrt((((pulls - middle[:, None]) ** 2) * ~none).sum(axis=1) / count)
        wide = np.sqrt((0.9 * varies * count**-0.2) ** 2 + error**2)[:, None]
        wide = np.hypot(wide, slope * width[:, None])
        density = (np.exp(-0.5 * ((rho - pulls) / wide) ** 2) / wide * ~none).sum(axis=1) / count
        return none.mean(axis=1), density / np.sqrt(2 * np.pi)

    def _nearest(self, z: Floats) -> Indices:
        """Return the public records with about each prediction (r, a)."""
        few = min(_ALIKE, len(self.Z))
        first = np.clip(np.searchsorted(self.Z, z) - few // 2, 0, len(self.Z) - few)
        return np.asarray(first[:, None] + np.arange(few))

    def _summary(self, values: Floats, weights: Floats) -> tuple[float, float, float, float, float]:
        """Return target, error, low, high and probability; NaN where no offset explains the residual."""
        known = np.isfinite(values) & np.isfinite(weights) & (weights > 0)
        if not known.any():
            return (float("nan"),) * 5
        order = np.argsort(values[known])
        values, weights = values[known][order], weights[known][order]
        weights = weights / weights.sum()
        reached = np.cumsum(weights)
        places = np.minimum(np.searchsorted(reached, _ENDS), len(values) - 1)
        low, middle, high = (float(value) for value in values[places])
        error = float(np.sqrt(weights @ (values - middle) ** 2))
        return middle, error, low, high, float(weights[np.abs(values - middle) <= self.width].sum())
