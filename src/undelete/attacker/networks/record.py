"""The most probable record behind a network's gradient: Levenberg and Marquardt's method, maths (23).

With L L' = C the covariance of the estimated gradient G, mu and S the public records' mean and covariance,

    min over u of 1/2 |L^-1 (G + grad loss(theta; x, y))|^2 + 1/2 |u|^2,   x = mu + T u,   T T' = S,

for each class y, or with a number y as one more entry of x. Many starts go side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from undelete.attacker.networks.estimate import GradientEstimate
from undelete.attacker.networks.first_layer import first_layer, read_first_layer
from undelete.attacker.networks.problem import Prior, Problem
from undelete.attacker.networks.search import Ends, descended
from undelete.maths.arrays import Floats
from undelete.release.networks import NetworkRelease

_NEAREST = 4  # public records from which the search starts
_ASKED = (2, 8)  # public records at whose gradients the covariance is tried, at least and at most
_NUMBERS = 200_000  # of their derivatives, where that leaves at least so many
_SCOUT = 8  # steps from every start, of every class
_LIKELY = 2  # classes that are gone on with
_FAR = 30.0  # of the objective above the lowest, from which a class or a start is not
_STEPS = 40
_VAGUE = (1.0, 0.1, 0.01)  # of the public gradients' second moment, added to the covariance one after the other
_LED = 6  # steps with each
_OWN = 6  # public records of each class from which a search that is led starts
_KEPT = 3  # starts of each class that are gone on with


@dataclass(frozen=True, eq=False)
class Found:
    """One deleted record, with one class.

    Parameters
    ----------
    point : array (e,)
        The record, and after it the target where that is a number.
    label : int
        The class, 0 where the target is a number.
    value : float
        The objective at its end.
    misfit : float
        |L^-1 (G + grad loss)|^2 there: about chi-squared of as many degrees of freedom as there are parameters less
        what was fitted.
    log_evidence : float
        Logarithm of the density of G given the class, by Laplace's method, but for what all classes share.
    jacobian : array (p, q)
        Of the whitened gradient by u.
    """

    point: Floats
    label: int
    value: float
    misfit: float
    log_evidence: float
    jacobian: Floats

    def precision(self, weight: float = 1.0) -> Floats:
        """Return the inverse covariance of u (q, q), the prior counted `weight` times."""
        J = self.jacobian
        return np.asarray(J.T @ J + weight * np.eye(J.shape[1]))


class Decoder:
    """What all deletions of one release share: the prior, and the public records' own gradients as places to start.

    Parameters
    ----------
    release : NetworkRelease
        What the attacker sees.
    own : array (m, p)
        The public records' own gradients at the old model.
    """

    def __init__(self, release: NetworkRelease, own: Floats) -> None:
        self.release, self.own = release, own
        self.prior = Prior.of(release)
        self.led = bool(release.classes) and not release.columns
        self.first = first_layer(release)
        self._order: tuple[GradientEstimate | None, NDArray[np.intp]] = (None, np.zeros(0, dtype=np.intp))
        place = release.as_class(release.Y_public)
        self.place = place
        self.shares = np.bincount(place, minlength=max(1, release.classes)) / len(place)
        self._priors: dict[int, Prior] = {}

    def prior_of(self, label: int) -> Prior:
        """Return the prior of a class's records; of records with raw columns, which the lattice knows, that of all."""
        if not self.led:
            return self.prior
        if label not in self._priors:
            self._priors[label] = self.prior.towards(self.release.X_public[self.place == label])
        return self._priors[label]

    def log_share(self, label: int) -> float:
        """Return the logarithm of a class's share among the public records; 0 of a number."""
        return float(np.log(max(self.shares[label], 1e-6))) if self.release.classes else 0.0

    def nearest(self, estimate: GradientEstimate, count: int = 1) -> list[int]:
        """Return the public records whose gradients explain the estimate best, the best first."""
        if self._order[0] is not estimate:
            off = (self.own + estimate.gradient) @ estimate.whitening.T
            self._order = estimate, np.argsort((off**2).sum(axis=1), kind="stable")
        return [int(j) for j in self._order[1][:count]]

    def decode(self, estimate: GradientEstimate) -> list[Found]:
        """Return the best record of each class, the most probable class first; of a number only one."""
        release = self.release
        labels = list(range(release.classes)) if release.classes else [0]
        if self.led:
            ends = self._from_vague(estimate, labels)
            return sorted((self._found(label, ends[label]) for label in labels), key=lambda one: -one.log_evidence)
        starts = np.clip(self.prior.coordinates(self._starts(estimate)), -10.0, 10.0)
        problems = {label: Problem(release, estimate, label, self.prior) for label in labels}
        ends = {label: descended(problems[label], starts, _SCOUT) for label in labels}
        lowest = min(float(end.value.min()) for end in ends.values())
        likely = [label for label in labels if ends[label].value.min() < lowest + _FAR]
        for label in sorted(likely, key=lambda label: float(ends[label].value.min()))[:_LIKELY]:
            order = np.argsort(ends[label].value, kind="stable")
            near = order[ends[label].value[order] < ends[label].value.min() + _FAR]
            ends[label] = descended(problems[label], ends[label].u[near], _STEPS)
        found = [self._found(label, ends[label]) for label in labels]
        return sorted(found, key=lambda one: -one.log_evidence)

    def again(self, estimate: GradientEstimate, found: Sequence[Found]) -> list[Found]:
        """Return the same with another covariance of the same gradient, from the records found with the one before."""
        lowest, ends = min(one.value for one in found), []
        for one in found:
            if one.value > lowest + _FAR * 2:
                ends.append(one)
                continue
            prior = self.prior_of(one.label)
            u = prior.coordinates(one.point[None])
            ends.append(self._found(one.label, descended(Problem(self.release, estimate, one.label, prior), u, _STEPS)))
        return sorted(ends, key=lambda one: -one.log_evidence)

    def jacobians(self, estimate: GradientEstimate) -> list[Floats]:
        """Return the derivatives (p, q) of the gradients of each public record that explains an estimate best."""
        few = _NUMBERS // max(1, len(estimate.covariance) * self.prior.axes.shape[1])
        release, rows = self.release, self.nearest(estimate, min(max(few, _ASKED[0]), _ASKED[1]))
        known = release.X_public if release.classes else np.hstack([release.X_public, release.Y_public])
        labels = release.as_class(release.Y_public[rows])
        found = []
        for row, label in zip(rows, labels.tolist(), strict=True):
            prior = self.prior_of(label)
            u = prior.coordinates(known[[row]])
            found.append(estimate.factor @ Problem(release, estimate, label, prior).at(u)[2][0])
        return found

    def _from_vague(self, estimate: GradientEstimate, labels: Sequence[int]) -> dict[int, Ends]:
        """Return where a search gets that is led: as if the gradient were known badly, then better and better.

        An image's gradient bends so much in its pixels that a search at once ends in some minimum, mostly a wrong one.
        """
        release, m = self.release, len(self.own)
        moment = self.own.T @ self.own / m
        vague = [replace(estimate, covariance=estimate.covariance + share * moment) for share in _VAGUE]
        off = (((self.own + estimate.gradient) @ vague[0].whitening.T) ** 2).sum(axis=1)
        starts = {}
        for label in labels:
            prior, own = self.prior_of(label), np.flatnonzero(self.place == label)
            near = release.X_public[own[np.argsort(off[own], kind="stable")[:_OWN]]]
            starts[label] = np.clip(prior.coordinates(np.vstack([prior.mean, near])), -10.0, 10.0)
        ends: dict[int, Ends] = {}
        for step, seen in enumerate([*vague, estimate]):
            last = step == len(vague)
            likely = labels
            if last:
                lowest = min(float(ends[label].value.min()) for label in labels)
                likely = [label for label in labels if ends[label].value.min() < lowest + _FAR]
            for label in labels:
                problem = Problem(release, seen, label, self.prior_of(label))
                ends[label] = descended(problem, starts[label], (_STEPS if label in likely else 0) if last else _LED)
                starts[label] = ends[label].u[np.argsort(ends[label].value, kind="stable")[:_KEPT]]
        return ends

    def _starts(self, estimate: GradientEstimate) -> Floats:
        """Return points (r, e) from which to search: the average record, the nearest ones, the first layer's."""
        release, rows = self.release, self.nearest(estimate, _NEAREST)
        known = release.X_public if release.classes else np.hstack([release.X_public, release.Y_public])
        starts = [self.prior.mean, *known[rows]]
        x = read_first_layer(release, estimate, self.first)
        if x is not None:
            point = self.prior.mean.copy()
            point[: len(x)] = x
            starts.append(point)
        return np.stack(starts)

    def _found(self, label: int, ends: Ends) -> Found:
        """Return the best of a class's ends."""
        best = int(np.argmin(ends.value))
        u, J = ends.u[best], ends.jacobian[best]
        bend = float(np.linalg.slogdet(J.T @ J + np.eye(len(u)))[1])
        evidence = -float(ends.value[best]) - 0.5 * bend + self.log_share(label)
        prior, misfit = self.prior_of(label), float((ends.residual[best] ** 2).sum())
        return Found(prior.mean + prior.axes @ u, label, float(ends.value[best]), misfit, evidence, J)
