"""Plain gradient matching, to compare with: the record whose gradient points where an estimate does.

The objective is 1 - cos(gradient of (x, y), estimated gradient), all parameters alike, from several starts, minimised
by Adam with steps that fall to zero. Source: Geiping et al., *Inverting Gradients* (2020); of tables there is no total
variation. The label is that whose best end is lowest. The estimate is the paper's, (12):
n H D with all public records alike.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from undelete.maths.arrays import Floats
from undelete.maths.network import torch
from undelete.release.networks import NetworkRelease
from undelete.release.reconstruction import Reconstruction

_STARTS = 2
_STEPS = 150
_RATE = 0.1


def matched(release: NetworkRelease, gradients: Floats, rng: np.random.Generator) -> Reconstruction:
    """Return the records whose gradients point as minus some estimates (b, p) do.

    Parameters
    ----------
    release : NetworkRelease
        What the attacker sees.
    gradients : array (b, p)
        Minus the deleted gradients, as estimated.
    rng : numpy.random.Generator
        Draws the starts: normal numbers with the public mean and deviations.
    """
    t, network = torch(), release.network
    X, Y = release.X_public, release.Y_public
    known = X if release.classes else np.hstack([X, Y])
    mean, spread = network.tensor(known.mean(axis=0)), network.tensor(known.std(axis=0) + 1e-12)
    theta, d = network.tensor(release.theta_before), X.shape[1]
    found, target = np.empty((len(gradients), d)), np.empty((len(gradients), Y.shape[1]))
    labels = range(release.classes) if release.classes else [0]
    for i, G in enumerate(gradients):
        wanted, best = -network.tensor(G), np.inf
        for label in labels:
            y = t.tensor(label) if network.whole else network.tensor(np.array([float(label)]))

            def off(u: Any, y: Any = y, wanted: Any = wanted) -> Any:
                point = mean + spread * u
                own = t.func.grad(network.record_loss)(theta, point[:d], y if release.classes else point[d:])
                return 1 - own @ wanted / (own.norm() * wanted.norm() + 1e-30)

            value, u = _descended(off, rng.normal(size=(_STARTS, known.shape[1])))
            if value < best:
                best, point = value, (mean + spread * u).numpy()
                found[i] = point[:d]
                target[i] = _target(release, label) if release.classes else point[d:]
    return Reconstruction("matching", found, target=target)


def _descended(off: Any, start: Floats) -> tuple[float, Any]:
    t = torch()
    u = t.as_tensor(start)
    first, second = t.zeros_like(u), t.zeros_like(u)
    both = t.func.vmap(t.func.grad_and_value(off))
    for step in range(1, _STEPS + 1):
        slope, _ = both(u)
        first, second = 0.9 * first + 0.1 * slope, 0.999 * second + 0.001 * slope**2
        rate = 0.5 * _RATE * (1 + np.cos(np.pi * step / _STEPS))
        u = u - rate * (first / (1 - 0.9**step)) / ((second / (1 - 0.999**step)).sqrt() + 1e-12)
    _, value = both(u)
    best = int(value.argmin())
    return float(value[best]), u[best]


def _target(release: NetworkRelease, label: int) -> Floats:
    k = release.Y_public.shape[1]
    return np.array([1.0 if label else -1.0]) if k == 1 else np.where(np.arange(k) == label, 1.0, -1.0)
