"""Two networks of which only the last linear layer moved, read as linear models on what the others make of a record."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from undelete.adapters.torch import Pair
from undelete.adapters.torch_loss import Loss
from undelete.errors import InputError
from undelete.maths.arrays import Floats
from undelete.maths.frozen import FrozenNet
from undelete.maths.losses import loss_of
from undelete.maths.network import torch

_SAME = 1e-9  # of the answers, by which features times coefficients may differ from them
_TRIED = 16  # records on which a net is tried, and answers on which a loss is
_NUMBERS = ("squared", "poisson")  # losses of ours that one of a number may be


@dataclass(frozen=True, eq=False)
class Head:
    """The last layer of two networks.

    Parameters
    ----------
    layer : str
        Its name in the module.
    embedding : FrozenNet or None
        What makes the features that it reads; None where it reads the record itself.
    coef, intercept : tuples of two arrays, (k, D) and (k,) or None
        Its parameters before and after.
    loss : str
        Ours.
    factor : float
        How many times ours the loss is that was minimised.
    """

    layer: str
    embedding: FrozenNet | None
    coef: tuple[Floats, Floats]
    intercept: tuple[Floats, Floats] | None
    loss: str
    factor: float

    @classmethod
    def of(cls, pair: Pair, whole: FrozenNet, X: Floats) -> Head | None:
        """Return the head of two networks; None where more than their last linear layer moved.

        Parameters
        ----------
        pair : Pair
            The networks.
        whole : FrozenNet
            The whole old network, as it reads a record.
        X : array (m, d0)
            Some records, on which the layer's answers have to be the network's.
        """
        names = {name.rpartition(".")[0] for name in pair.network.moved}
        layer = next(iter(names))
        module = pair.network.module
        part = module.get_submodule(layer)
        if len(names) > 1 or type(part) is not torch().nn.Linear:
            return None
        before, after = (pair.network.named(theta) for theta in (pair.before, pair.after))
        stem = f"{layer}." if layer else ""
        weight, bias = f"{stem}weight", f"{stem}bias"
        if weight not in before or (part.bias is not None and bias not in before and bool(part.bias.any())):
            return None  # a constant that is held is none whose gradient is zero
        known = recognised(pair.loss, part.out_features)
        if known is None:
            return None
        alone = None if not layer else FrozenNet(_without(module, layer), whole.shape, whole.axes)
        both = (before[bias], after[bias]) if bias in before else None
        found = cls(layer, alone, (before[weight], after[weight]), both, *known)
        X = X[:_TRIED]
        try:
            features = X if alone is None else alone.transform(X)
            answers = [one.transform(X) for one in (whole, _filled(whole, pair.network.named(pair.after)))]
        except (InputError, RuntimeError, ValueError, TypeError, IndexError, AttributeError):
            return None  # the network asks its last layer for more than an answer
        if not all(found._answers(i, features, answer) for i, answer in enumerate(answers)):
            return None
        return dataclasses.replace(found, embedding=None) if np.array_equal(features, X) else found

    def _answers(self, i: int, features: Floats, answers: Floats) -> bool:
        """Return whether features (m, D) times the coefficients before or after are a network's answers (m, k)."""
        made = features @ self.coef[i].T + (0.0 if self.intercept is None else self.intercept[i])
        return made.shape == answers.shape and bool(np.abs(made - answers).max() <= _SAME * (1 + np.abs(answers).max()))


def _filled(net: FrozenNet, named: Mapping[str, Floats]) -> FrozenNet:
    """Return a net with other values of some parameters."""
    module = copy.deepcopy(net.module)
    module.load_state_dict({name: torch().tensor(value) for name, value in named.items()}, strict=False)
    return FrozenNet(module, net.shape, net.axes)


def _without(module: Any, layer: str) -> Any:
    """Return a module whose last layer hands on what it reads."""
    bare = copy.deepcopy(module)
    place, _, name = layer.rpartition(".")
    setattr(bare.get_submodule(place), name, torch().nn.Identity())
    return bare


def recognised(loss: Loss, outputs: int) -> tuple[str, float] | None:
    """Return which of our losses a network's is, and how many times as large; None where it is none of them.

    Told by its derivatives at answers and targets drawn at random, so a function of one's own is known too.
    """
    rng = np.random.default_rng(0)
    Z = rng.normal(scale=2.0, size=(_TRIED, outputs))
    if loss.classes:
        names: tuple[str, ...] = ("logistic",) if outputs == 1 else ("softmax",)
        place = rng.integers(max(2, outputs), size=_TRIED)
        Y = np.where(place == 1, 1.0, -1.0)[:, None] if outputs == 1 else np.eye(outputs)[place]
        y = place if loss.whole else place[:, None].astype(float)
    else:
        names, Y = _NUMBERS, rng.poisson(2.0, size=(_TRIED, outputs)).astype(float)
        y = Y
    at = torch().tensor(Z).requires_grad_()
    try:
        total = sum(loss.of_record(at[i : i + 1], torch().as_tensor(y[i : i + 1])) for i in range(_TRIED))
        slopes = torch().autograd.grad(total, at)[0].numpy()
    except (RuntimeError, ValueError, TypeError, IndexError):
        return None
    for name in names:
        own = loss_of(name).residual(Y, Z)
        factor = float((slopes * own).sum() / (own**2).sum())
        if factor > 0 and np.allclose(slopes, factor * own, rtol=1e-9, atol=1e-12):
            return name, factor
    return None
