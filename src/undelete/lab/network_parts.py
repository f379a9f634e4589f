"""Networks of which only a part is trained: a head, biases, one layer, or low-rank adapters beside a frozen layer.

The network was trained on people of another state; of those whose records are private only the part learns.
Source of the adapters: Hu et al., *LoRA: Low-Rank Adaptation of Large Language Models* (2021).
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from undelete.data.acs import acs_income
from undelete.lab.networks import Case, Trained, over_50k, prepared
from undelete.lab.steps import Folder
from undelete.maintainer.network_training import stopped_at
from undelete.maintainer.networks import Fit
from undelete.maths.arrays import Floats
from undelete.maths.network import Network, torch

ELSEWHERE = "NY"  # whose people the network was trained on before
_ROUGH = 1e-4  # gradient to which that went


@dataclass(frozen=True)
class Part:
    """What of a network with one hidden layer is trained.

    Parameters
    ----------
    key, title : str
        In the JSON, and in words.
    moved : tuple of str
        Names of the parameters; none: all.
    rank : int
        Of adapters A and B beside the first layer's weight W, which is W + BA then; 0 for none.
    """

    key: str
    title: str
    moved: tuple[str, ...] = ()
    rank: int = 0


PARTS = (
    Part("all", "all parameters"),
    Part("first", "the first layer", ("0.weight", "0.bias")),
    Part("head", "the head", ("2.weight", "2.bias")),
    Part("biases", "the biases", ("0.bias", "2.bias")),
    Part("b2", "LoRA of rank 2, B alone", ("0.B",), 2),
    Part("b4", "LoRA of rank 4, B alone", ("0.B",), 4),
    Part("ab1", "LoRA of rank 1, A and B", ("0.A", "0.B"), 1),
    Part("ab2", "LoRA of rank 2, A and B", ("0.A", "0.B"), 2),
)


def pretrained(case: Case, data_dir: Folder | None, seed: int) -> tuple[Trained, Floats]:
    """Return a case's records on one split, and the network (p,) that people of another state were fitted by."""
    trained = prepared(case, data_dir, seed)
    table, target = over_50k(acs_income(ELSEWHERE, data_dir))
    rows = np.random.default_rng([seed, 18]).permutation(len(table))[: case.n]
    other = table.iloc[rows].reset_index(drop=True)
    assert trained.design is not None
    Y = other[[target]].to_numpy(dtype=np.float64)
    fit = dataclasses.replace(trained.fit, X=trained.design.transform(other), Y=Y)
    return trained, stopped_at(fit, trained.start, _ROUGH)


def of_part(trained: Trained, before: Floats, part: Part, seed: int) -> Trained:
    """Return the same records with a network of which only a part moves, at its start."""
    module = copy.deepcopy(trained.fit.network.module)
    for name, values in trained.fit.network.named(before).items():
        dict(module.named_parameters())[name].data = trained.fit.network.tensor(values)
    if part.rank:
        module[0] = _adapted(module[0], part.rank, np.random.default_rng([seed, 19]))
    module = module.requires_grad_(False)
    own = dict(module.named_parameters())
    moved: Sequence[str] = part.moved or list(own)
    old = trained.fit.network
    network = Network(module, old.loss, moved, old.shape, old.whole, old.expected)
    start = network.vector({name: value.detach() for name, value in own.items()})
    l2 = np.full(network.parameters, float(trained.fit.l2[0]))
    release = dataclasses.replace(
        trained.release, network=network, theta_before=start, theta_after=start[None], penalty_before=l2,
        penalty_after=l2,
    )  # fmt: skip
    return dataclasses.replace(
        trained, fit=Fit(network, trained.fit.X, trained.fit.Y, l2), start=start, release=release
    )


def _adapted(layer: Any, rank: int, rng: np.random.Generator) -> Any:
    """Return a dense layer with adapters: B zero, A at random, as they begin."""
    nn, torch_ = torch().nn, torch()

    class Adapted(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.weight, self.bias = layer.weight, layer.bias
            wide = layer.in_features
            self.A = nn.Parameter(torch_.as_tensor(rng.normal(size=(rank, wide)) / np.sqrt(wide)))
            self.B = nn.Parameter(torch_.zeros(layer.out_features, rank, dtype=torch_.float64))

        def forward(self, x: Any) -> Any:
            return nn.functional.linear(x, self.weight + self.B @ self.A, self.bias)

    return Adapted()
