"""Differentially private training of a network, by Opacus: gradients clipped record by record, and noise in their sum.

Abadi et al., Deep Learning with Differential Privacy (2016). Each step draws every record with the same probability,
clips its gradient to one length, adds noise to the sum, and moves by that alone: with or without one record it is
(epsilon, delta) private, Renyi divergences added up over the steps (Mironov, Talwar and Zhang 2019), maths (46). Weight
decay and the step's length come after the noise. The start is drawn anew by a seed that everybody knows.
"""

from __future__ import annotations

import copy
import math
import warnings
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from undelete.errors import InputError
from undelete.maintainer.defences.budget import Budget
from undelete.maintainer.defences.of_networks import NetworkDefence, PrivateNetwork, ProtectedNetwork
from undelete.maths.arrays import Floats
from undelete.maths.network import Network, torch

RATE, STEPS = 0.1, 400
"""The share of the records that a step draws, and how many steps there are."""
ORDERS = (
    1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0, 14.0, 16.0, 20.0, 24.0, 28.0, 32.0,
    40.0, 48.0, 64.0, 96.0, 128.0, 256.0, 512.0,
)  # fmt: skip
"""Of the Renyi divergences that are added up."""
_LENGTHS = (0.003, 0.01)  # of Adam's steps, among which public records choose
_CLIPPED = (0.5, 0.95)  # shares of the public gradients at the start that are not clipped, likewise
_START = 0  # seed of the start
_DRAWS = 3  # over which its utility is averaged


@dataclass(frozen=True)
class PrivateTraining(NetworkDefence):
    """The network trained anew with differential privacy, each release by itself."""

    name = "private_training"
    label = "DP: private training (DP-SGD)"
    unit = "epsilon"
    proof = "proved"
    source = (
        "Abadi et al., Deep Learning with Differential Privacy (2016), by Opacus; settings chosen on public records"
    )
    strengths: tuple[float, ...] = (30, 10, 3, 1, 0.3, 0.1)
    delta: float = 1e-6

    def refusal(self, private: PrivateNetwork) -> str:
        """Refuse without Opacus, and networks whose start cannot be drawn anew."""
        try:
            _library()
            start(private.fit.network)
        except InputError as error:
            return str(error)
        return ""

    def protect(self, private: PrivateNetwork, strength: float, rng: np.random.Generator) -> ProtectedNetwork:
        """Train on all records, and without each, every time with fresh draws."""
        fit = private.fit
        recipe = _chosen(private, noise_multiplier(strength, self.delta))
        run = partial(trained, fit.network, recipe)
        everyone = np.arange(fit.n)
        after = [run(fit.X[everyone != row], fit.Y[everyone != row], rng) for row in private.rows]

        def again(rng: np.random.Generator) -> Floats:
            return run(fit.X, fit.Y, rng)

        return ProtectedNetwork(
            again(rng), np.stack(after), fit.l2, mechanism=run, draws=_DRAWS, redraw=again,
            budget=budget(recipe.multiplier, strength, self.delta),
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Recipe:
    """How a network is trained; everybody knows it.

    Parameters
    ----------
    multiplier : float
        Deviation of the noise in the sum over the longest gradient.
    clip : float
        That length.
    length : float
        Of Adam's steps.
    n : int
        Records that it is made for: a step draws a tenth of so many.
    decay : array (p,)
        Weight decay of each parameter.
    steps : int
        How many.
    """

    multiplier: float
    clip: float
    length: float
    n: int
    decay: Floats
    steps: int


def trained(network: Network, recipe: Recipe, X: Floats, Y: Floats, rng: np.random.Generator) -> Floats:
    """Return a network's parameters (p,) after private training on records X (n, d), Y (n, k).

    Clipping, noise and their average are Opacus's; each record's own gradient is the network's.
    """
    t = torch()
    theta = t.nn.Parameter(network.tensor(start(network)))
    drawn = t.Generator().manual_seed(int(rng.integers(2**63 - 1)))
    optimiser = _library().optimizers.DPOptimizer(
        t.optim.Adam([theta], lr=recipe.length), noise_multiplier=recipe.multiplier, max_grad_norm=recipe.clip,
        expected_batch_size=max(1, round(RATE * recipe.n)), generator=drawn,
    )  # fmt: skip
    decay = network.tensor(recipe.decay)
    for _ in range(recipe.steps):
        some = (t.rand(len(X), generator=drawn) < RATE).numpy()
        own = network.gradients(theta.detach().numpy(), X[some], Y[some]) if some.any() else np.zeros((0, len(decay)))
        theta.grad_sample = network.tensor(own)
        if optimiser.pre_step():
            theta.grad += decay * theta.detach()
            optimiser.original_optimizer.step()
        optimiser.zero_grad()
    return np.array(theta.detach().numpy(), dtype=np.float64)


def start(network: Network) -> Floats:
    """Return parameters (p,) drawn anew by a seed that everybody knows: the ones given have seen private records.

    Raises
    ------
    InputError
        Where a layer cannot draw its own.
    """
    t, module = torch(), copy.deepcopy(network.module)
    drawn: set[str] = set()
    with t.random.fork_rng(devices=[]):
        t.manual_seed(_START)
        for name, part in module.named_modules():
            if hasattr(part, "reset_parameters"):
                with t.no_grad():
                    part.reset_parameters()
                drawn |= {f"{name}.{own}".lstrip(".") for own, _ in part.named_parameters()}
    held = [name for name in network.moved if name not in drawn]
    if held:
        raise InputError(f"parameter {held[0]!r} is in a layer without reset_parameters, so it has no public start")
    return network.vector({name: value.detach().numpy() for name, value in module.named_parameters()})


def noise_multiplier(epsilon: float, delta: float) -> float:
    """Return the least noise, over the longest gradient, with which all steps prove this."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of orders that are not the best: the bound holds with any
        return float(
            _library().accountants.utils.get_noise_multiplier(
                target_epsilon=epsilon, target_delta=delta, sample_rate=RATE, steps=STEPS, accountant="rdp",
                epsilon_tolerance=0.01 * epsilon, alphas=list(ORDERS),
            )
        )  # fmt: skip


def budget(multiplier: float, epsilon: float, delta: float) -> Budget:
    """Return what training with this noise proves, once and twice."""
    library = _library().accountants.analysis.rdp
    orders = np.array(ORDERS)
    once = np.asarray(library.compute_rdp(q=RATE, noise_multiplier=multiplier, steps=STEPS, orders=ORDERS))
    orders, once = orders[np.isfinite(once)], once[np.isfinite(once)]

    def curve(at: float) -> float:
        # the conversion of Balle et al. (2020), Theorem 21, solved for delta
        logs = (orders - 1) * (once - at + np.log1p(-1 / orders)) - np.log(orders)
        return float(min(1.0, math.exp(min(0.0, float(logs.min())))))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        two, _ = library.get_privacy_spent(orders=orders, rdp=2 * once, delta=delta)
    return Budget(epsilon, delta, curve, two=float(two))


def _chosen(private: PrivateNetwork, multiplier: float) -> Recipe:
    """Return the recipe that predicts public records best, trained on the other half of them with the same noise.

    Gradients are clipped to a length that some share of the public ones has at the start. No private record is seen.
    """
    fit, rng = private.fit, np.random.default_rng(0)
    network, m = fit.network, len(private.X_public)
    own = np.linalg.norm(network.gradients(start(network), private.X_public, private.Y_public), axis=1)
    order = rng.permutation(m)
    part, rest = order[: m // 2], order[m // 2 :]
    part = part[rng.integers(len(part), size=fit.n)]
    best, least = None, np.inf
    for share, length in product(_CLIPPED, _LENGTHS):
        clip = max(float(np.quantile(own, share)), np.finfo(float).tiny)
        recipe = Recipe(multiplier, clip, length, fit.n, fit.l2 / fit.n, STEPS)
        theta = trained(network, recipe, private.X_public[part], private.Y_public[part], rng)
        loss = network.total(theta, private.X_public[rest], private.Y_public[rest])[0]
        if best is None or loss < least:
            best, least = recipe, loss
    assert best is not None
    return best


def _library() -> Any:
    """Return Opacus; InputError where it is not installed."""
    try:
        import opacus
    except ImportError as error:
        raise InputError("it needs the package opacus: install undelete with its extra private") from error
    return opacus
