"""The record off the gradient of a network's first dense layer, maths (12): its rows are delta_h [x, 1]."""

from __future__ import annotations

from typing import Any

import numpy as np

from undelete.attacker.networks.estimate import GradientEstimate
from undelete.maths.arrays import Floats
from undelete.release.networks import NetworkRelease

_ROW = 1e-3  # of a row's mean variance, added to all


def first_layer(release: NetworkRelease) -> tuple[str, str] | None:
    """Return the names of weight and bias of a dense layer that reads the record itself; None without one."""
    network = release.network
    seen: list[Any] = []
    linear = [(name, part) for name, part in network.module.named_modules() if type(part).__name__ == "Linear"]
    if not linear:
        return None
    hooks = [part.register_forward_hook(lambda own, taken, _, name=name: seen.append((name, taken[0].detach())))
             for name, part in linear]  # fmt: skip
    try:
        network.outputs(release.theta_before, release.X_public[:1])
    finally:
        for hook in hooks:
            hook.remove()
    for name, taken in seen:
        prefix = f"{name}." if name else ""
        names = f"{prefix}weight", f"{prefix}bias"
        flat = taken.numpy().reshape(1, -1)
        same = flat.shape == release.X_public[:1].shape and np.allclose(flat, release.X_public[:1])
        if same and set(names) <= set(network.moved):
            return names
    return None


def read_first_layer(
    release: NetworkRelease, estimate: GradientEstimate, names: tuple[str, str] | None
) -> Floats | None:
    """Return the record (d,) that the first dense layer's gradient says, maths (12): its rows are delta_h [x, 1].

    Rows are added up with weights delta_h over their own error's variance.
    """
    if names is None:
        return None
    G = release.network.named(estimate.gradient)
    variance = release.network.named(np.diag(estimate.covariance))
    weight, bias = G[names[0]], G[names[1]]
    error = variance[names[1]] + _ROW * float(variance[names[1]].mean()) + np.finfo(float).tiny
    v = bias / error
    total = float(v @ bias)
    return np.asarray(v @ weight / total) if total > 0 else None
