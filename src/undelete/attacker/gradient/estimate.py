"""Minus a deleted gradient in one direction of the outputs, and the error of maths (10)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from undelete.attacker.gradient.difference import Way, deletions_at_a_time, spread, weights
from undelete.attacker.gradient.unvaried import Unseen, moved, unseen, unvaried
from undelete.maths.arrays import Flags, Floats, Indices, blocks
from undelete.release.reconstruction import Reconstruction
from undelete.release.release import Release

NEAR_ZERO = 2.0  # standard errors from zero under which the scale is not identified

_CACHED = 500_000  # numbers that stay near the processor: 4 MB
_FEW = 8  # features for each that functionals rest on, from which on the others are not read


@dataclass(frozen=True, eq=False)
class Estimate:
    """Minus the gradient of b deleted records in one output, as estimated from public data.

    Parameters
    ----------
    scale : array (b,)
        g_c, its component along the constant.
    output : array (b,) of int
        The output it belongs to.
    way : {"hessian", "answers", "exact"}
        How it was obtained, as `Difference` says; an exact one has no sampling error.
    mix : array (b, k) or None
        The weights by which all outputs' gradients were added up, maths (12); None: `output` alone was read.
    """

    scale: Floats
    output: Indices
    way: Way = "hessian"
    mix: Floats | None = None

    @classmethod
    def of(cls, found: Reconstruction) -> Estimate:
        """Return where an attack's reconstruction came from.

        Raises
        ------
        ValueError
            When it was not read off a difference of models.
        """
        if found.scale is None or found.output is None:
            raise ValueError(f"{found.attack} does not read a gradient, so it has no error of maths (10)")
        return cls(found.scale, found.output, found.way, found.mix)

    def weights(self, release: Release) -> Floats:
        """Return t (m, b): by how much each public record pulls less on the old model than on the new, maths (10)."""
        return weights(release, self.way, self.output, self.mix)

    def scale_identified(self, release: Release) -> Flags:
        """Return whether g_c is further than two standard errors from zero (b,)."""
        if release.constant is None:
            return np.zeros(len(self.scale), dtype=bool)
        found = np.isfinite(self.scale) & (self.scale != 0)
        if self.way != "exact":
            found &= np.abs(self.scale) > NEAR_ZERO * self.scale_error(release)
        return np.asarray(found, dtype=np.bool_)

    def scale_error(self, release: Release) -> Floats:
        """Return the standard error of g_c (b,)."""
        error = np.empty(len(self.scale))
        for part in blocks(len(self.scale), deletions_at_a_time(release)):
            here, view = self.part(part), release.take(part)
            error[part] = release.scatter * spread(view, here.way, here.output, here.mix)
            for people in unseen(view):
                error[part] += _of_missing(people, moved(people, here.weights))
        if release.share_error is not None and release.constant is not None:
            along = release.constant[:, None]
            error += [self._further(release, i, along)[0, 0] for i in range(len(error))]
        return np.sqrt(error)

    def _further(self, release: Release, i: int, along: Floats) -> Floats:
        """Return the covariance (q, q) of gradient i times vectors (d, q) that comes beside its sampling error."""
        assert release.share_error is not None
        own = release.share_error[i]
        mixed = own[self.output[i]] if self.mix is None else np.tensordot(self.mix[i] ** 2, own, 1)
        return np.asarray(along.T @ mixed @ along)

    def _of_records(self, release: Release, projection: Floats, centre: Floats, *, dense: bool) -> Floats | float:
        """Return what that adds to the covariance of x @ projection, with x = G / (G @ constant)."""
        if release.share_error is None or release.constant is None:
            return 0.0
        found = []
        for i, own in enumerate(centre):
            one = self._further(release, i, projection - np.outer(release.constant, own)) / self.scale[i] ** 2
            found.append(one if dense else np.diag(one))
        return np.stack(found)

    def target_error(self, release: Release, X: Floats) -> Floats:
        """Return the standard error of the target of maths (8) for records X (b, d): of y = g_c + x W, squared loss."""
        error = np.full(len(X), np.nan)
        for part in blocks(len(X), deletions_at_a_time(release)):
            here, view = self.part(part), release.take(part)
            W = view.W_after[np.arange(len(here.output)), :, here.output]  # (b, d)
            if self.way != "hessian":  # the residual at the old model
                W = view.W_before.T[here.output]
            Z = (X[part] * W).sum(axis=1)
            along, against = (np.asarray(slope) for slope in release.loss.target_from(Z, -here.scale)[1:])
            further = along * -Z - against * here.scale  # of a record x pulling by t: t (along x W + further)
            t = here.weights(view)
            square = release.scatter * _variance(t, here._predicted(view, t, W), along, further)
            for people in unseen(view):
                pulls = moved(people, here.weights)
                square += _of_missing(people, pulls * (along * (people.view.X_public @ W.T) + further))
            if view.share_error is not None and view.constant is not None:
                v = along[:, None] * (W - np.outer(Z, view.constant)) - np.outer(against * here.scale, view.constant)
                square += [here._further(view, i, one[:, None])[0, 0] for i, one in enumerate(v)]
            with np.errstate(divide="ignore", invalid="ignore"):
                error[part] = np.sqrt(square) / np.abs(here.scale)
        return error

    def _predicted(self, release: Release, t: Floats, W: Floats) -> Callable[[slice], Floats]:
        """Return what gives some public records' x W (r, b), W (b, d), where their pulls are t (m, b)."""
        at_old = release.X_public @ release.W_before
        if self.way != "hessian":
            return lambda rows: at_old[rows][:, self.output]
        if release.loss.quadratic and self.mix is None:  # a prediction moved by as much as its record pulls
            return lambda rows: at_old[rows][:, self.output] - t[rows]
        return lambda rows: release.X_public[rows] @ W.T

    def part(self, part: slice | Indices) -> Estimate:
        """Return the same for some of the deletions."""
        mix = None if self.mix is None else self.mix[part]
        return Estimate(self.scale[part], self.output[part], self.way, mix)

    def covariance(self, release: Release, t2: Floats, projection: Floats, centre: Floats, *, dense: bool) -> Floats:
        """Return the covariance of x @ projection, maths (10).

        Parameters
        ----------
        release : Release
            The release this estimate was made from.
        t2 : array (m, b)
            The squares of `weights`.
        projection : array (d, q)
            The functionals.
        centre : array (b, q)
            The estimates x @ projection.
        dense : bool
            Whether to return (b, q, q), or only the variances (b, q).
        """
        if not dense:
            Q = _functionals(release.X_public, projection)
            total, first = t2.sum(axis=0), t2.T @ Q
            second = t2.T @ Q**2 - 2 * first * centre + total[:, None] * centre**2
            found = second * self.scatter(release)[:, None]
            missing = self._missing(release, total, projection)
            if missing is not None:
                found += np.stack([np.diag(one) for one in recentred(missing, centre)])
        else:
            found = recentred(self.moments(release, t2, projection), centre)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(found + self._of_records(release, projection, centre, dense=dense))

    def moments(self, release: Release, t2: Floats, projection: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the moments of t^2 and the functionals q, scaled as the covariance: (b,), (b, q), (b, q, q).

        About any centre the covariance is `recentred` of them. Cost 2 m q^2 flops a deletion.
        """
        Q = _functionals(release.X_public, projection)
        m, q = Q.shape
        second = np.zeros((t2.shape[1], q, q))
        for part in blocks(m, max(1, 4_000_000 // max(1, q**2))):
            pairs = (Q[part, :, None] * Q[part, None, :]).reshape(-1, q * q)
            second += (t2[part].T @ pairs).reshape(-1, q, q)
        total, scale = t2.sum(axis=0), self.scatter(release)
        found = total * scale, (t2.T @ Q) * scale[:, None], second * scale[:, None, None]
        missing = self._missing(release, total, projection)
        if missing is None:
            return found
        return found[0] + missing[0], found[1] + missing[1], found[2] + missing[2]

    def scatter(self, release: Release) -> Floats:
        """Return n^2 (1/m + 1/n) / (m g_c^2) (b,), by which maths (10) multiplies a sum over the public records."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(release.scatter / len(release.X_public) / self.scale**2)

    def _missing(self, release: Release, total: Floats, projection: Floats) -> tuple[Floats, Floats, Floats] | None:
        """Return the moments, as `moments` does, of what no public record stands for, maths (42); None of nothing.

        `total` (b,) are sums of t^2 over the public records.
        """
        free = unvaried(release, projection)
        if free is None:
            return None
        m = len(release.X_public)
        second = (float(release.n or m) ** 2 * total / m)[:, None, None] * free
        none, first = np.zeros(len(total)), np.zeros((len(total), projection.shape[1]))
        for people in unseen(release):
            t, Q, count = moved(people, self.weights), people.view.X_public @ projection, people.expected
            r, mean, along = len(t), t.mean(axis=0), t.T @ Q / len(t)
            none += count * (t**2).mean(axis=0) + count**2 * mean**2
            first += count[:, None] * ((t**2).T @ Q / r + (count * mean)[:, None] * along)
            second += np.einsum("rb,rp,rq->bpq", t**2 * (count / r), Q, Q, optimize=True)
            second += (count**2)[:, None, None] * along[:, :, None] * along[:, None, :]
        with np.errstate(divide="ignore", invalid="ignore"):
            over = 1 / self.scale**2
            return none * over, first * over[:, None], second * over[:, None, None]


def _variance(t: Floats, Z: Callable[[slice], Floats], along: Floats, further: Floats) -> Floats:
    """Return the variance (b,) over public records of t (along z + further), t (m, b), and z of some of them (r, b)."""
    m, b = t.shape
    count, mean, square = 0, np.zeros(b), np.zeros(b)
    for rows in blocks(m, max(1, _CACHED // max(1, b))):
        noise = Z(rows) * along
        noise += further
        noise *= t[rows]
        own, more = noise.mean(axis=0), len(noise)
        noise -= own
        square += np.einsum("mb,mb->b", noise, noise) + (own - mean) ** 2 * (count * more / (count + more))
        mean += (own - mean) * (more / (count + more))
        count += more
    return square / count


def _functionals(X: Floats, projection: Floats) -> Floats:
    """Return X @ projection; of a few of many features without reading the others."""
    rows = np.flatnonzero(projection.any(axis=1))
    if len(rows) * _FEW > len(projection):
        return np.asarray(X @ projection)
    return np.asarray(X[:, rows] @ projection[rows])


def _of_missing(people: Unseen, values: Floats) -> Floats:
    """Return the mean square (b,) of a sum over people of whom as many are expected, from values (r, b) of such."""
    return np.asarray(people.expected * (values**2).mean(axis=0) + people.expected**2 * values.mean(axis=0) ** 2)


def recentred(moments: tuple[Floats, Floats, Floats], centre: Floats) -> Floats:
    """Return the covariance (b, q, q) about a centre (b, q) from `Estimate.moments`."""
    total, first, second = moments
    cross = first[:, :, None] * centre[:, None, :]
    square = total[:, None, None] * centre[:, :, None] * centre[:, None, :]
    return np.asarray(second + square - cross - cross.transpose(0, 2, 1))
