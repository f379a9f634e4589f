"""How dear is a Hessian-vector product beside a pass forward and back of the same records? Prints the ratio.

python benchmarks/networks.py
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np

from undelete.maths.network import Network, torch

SIZES = ((10, 8, 1, 10_000), (784, 64, 10, 5_000), (784, 256, 10, 2_000))  # inputs, units, outputs, records
_REPEATS = 7


def main() -> None:
    """Time both on a few networks."""
    print(f"{'network':<16}{'records':>9}{'parameters':>12}{'pass, ms':>10}{'product, ms':>13}{'ratio':>8}")
    for inputs, units, outputs, m in SIZES:
        nn, rng = torch().nn, np.random.default_rng(0)
        layers = nn.Sequential(nn.Linear(inputs, units), nn.Tanh(), nn.Linear(units, outputs))
        module = layers.double().requires_grad_(False)
        names = [name for name, _ in module.named_parameters()]
        whole = outputs > 1
        loss = nn.functional.cross_entropy if whole else nn.functional.binary_cross_entropy_with_logits
        network = Network(module, loss, names, (inputs,), whole)
        X, Y = rng.normal(size=(m, inputs)), rng.integers(0, max(2, outputs), (m, 1)).astype(float)
        theta, v = rng.normal(size=network.parameters) / 10, rng.normal(size=network.parameters)
        once = _least(partial(network.gradient, theta, X, Y))
        product = _least(partial(network.hessian_vector, theta, X, Y, v))
        print(
            f"{f'{inputs}-{units}-{outputs}':<16}{m:>9,}{network.parameters:>12,}{1e3 * once:>10.1f}"
            f"{1e3 * product:>13.1f}{product / once:>8.2f}"
        )


def _least(work: Callable[[], object]) -> float:
    """Return the least processor seconds of a few runs."""
    found = []
    for _ in range(_REPEATS):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)


if __name__ == "__main__":
    main()
