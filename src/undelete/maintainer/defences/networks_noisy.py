"""Defences of networks by noise, by fewer digits, and by a stronger penalty."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from undelete.maintainer.defences.coarse import Rounding, significant
from undelete.maintainer.defences.gaussian import mu_of
from undelete.maintainer.defences.noisy import InstanceNoise, Repeated
from undelete.maintainer.defences.of_networks import TOL, NetworkDefence, PrivateNetwork, ProtectedNetwork, ended
from undelete.maintainer.networks import train
from undelete.maths.arrays import Floats
from undelete.release.protection import Noise


def _noisy(private: PrivateNetwork, covariance: Floats, rng: np.random.Generator) -> ProtectedNetwork:
    """Return the networks with fresh noise in each."""
    values, vectors = np.linalg.eigh(covariance)
    half = (vectors * np.sqrt(np.maximum(values, 0.0))).T
    b, p = private.theta_after.shape
    drawn = rng.standard_normal((1 + b, p)) @ half
    return ProtectedNetwork(
        private.theta + drawn[0], private.theta_after + drawn[1:], private.fit.l2, covariance,
        redraw=lambda again: np.asarray(private.theta + again.standard_normal(p) @ half),
    )  # fmt: skip


def _law(private: PrivateNetwork, epsilon: float, delta: float) -> Floats:
    """Return the covariance (p, p) that hides the largest change as epsilon would, were there no larger one."""
    return np.asarray((private.largest / mu_of(epsilon, delta)) ** 2 * np.linalg.inv(private.metric))


@dataclass(frozen=True)
class NetworkNoise(NetworkDefence):
    """Noise shaped like the changes that deletions make, scaled to the largest of those that were played."""

    name = InstanceNoise.name
    label = InstanceNoise.label
    unit = InstanceNoise.unit
    source = InstanceNoise.source
    strengths: tuple[float, ...] = (300, 100, 30, 10, 3, 1)
    delta: float = 1e-6

    def protect(self, private: PrivateNetwork, strength: float, rng: np.random.Generator) -> ProtectedNetwork:
        """Add noise with covariance s^2 M^-1, s the largest change in the metric M over mu(strength, delta)."""
        law = Noise("bend", private.largest / mu_of(strength, self.delta), (1.0,) * len(private.theta))
        covariance = _law(private, strength, self.delta)
        return replace(_noisy(private, covariance, rng), law=law, chance=private.telling(covariance))


@dataclass(frozen=True)
class NetworkRepeated(NetworkDefence):
    """The noise of `NetworkNoise` at one strength, in a network that is published so many times."""

    name = Repeated.name
    label = Repeated.label
    unit = Repeated.unit
    source = Repeated.source
    only_a_way = True
    strengths: tuple[float, ...] = (1, 3, 10, 30, 100, 300)
    once: float = 30.0
    delta: float = 1e-6

    def protect(self, private: PrivateNetwork, strength: float, rng: np.random.Generator) -> ProtectedNetwork:
        """Average so many releases of each; who does not think of it works with one of each."""
        base = _law(private, self.once, self.delta)
        mean = _noisy(private, base / strength, rng)
        if strength <= 1:
            return mean
        # one of the releases is their mean and the rest of its own noise
        held = replace(private, theta=mean.before, theta_after=mean.after)
        alone = _noisy(held, base * (1 - 1 / strength), rng)
        return replace(mean, unknowing=(alone.before, alone.after))


@dataclass(frozen=True)
class NetworkRounding(NetworkDefence):
    """Parameters with few significant digits."""

    name = Rounding.name
    label = Rounding.label
    unit = Rounding.unit
    source = Rounding.source
    strengths: tuple[float, ...] = (6, 5, 4, 3, 2, 1)

    def protect(self, private: PrivateNetwork, strength: float, rng: np.random.Generator) -> ProtectedNetwork:
        """Round both. The attacker sees the digits: what rounding did is uniform over the last one's step."""
        digits = int(strength)
        before, after = significant(private.theta, digits), significant(private.theta_after, digits)
        size = np.abs(before)
        step = np.where(size > 0, 10.0 ** (np.floor(np.log10(np.where(size > 0, size, 1.0))) - digits + 1), 0.0)
        return ProtectedNetwork(before, after, private.fit.l2, np.diag(step**2 / 12))


@dataclass(frozen=True)
class NetworkPenalty(NetworkDefence):
    """A stronger weight decay."""

    name = "penalty"
    label = "A stronger penalty"
    unit = "weight decay added to the mean loss"
    source = "Guo et al., Certified Data Removal (2020): a stronger penalty shrinks what one record changes"
    strengths: tuple[float, ...] = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2)

    def protect(self, private: PrivateNetwork, strength: float, rng: np.random.Generator) -> ProtectedNetwork:
        """Train and delete with so much weight decay more."""
        fit = replace(private.fit, l2=private.fit.l2 + strength * private.fit.n)
        theta = ended(train(fit, private.theta, tol=TOL))
        everyone = np.arange(fit.n)
        parts = [np.delete(everyone, row) for row in private.rows]
        return ProtectedNetwork(theta, private.optima(fit, theta, parts, fit.n - 1), fit.l2)
