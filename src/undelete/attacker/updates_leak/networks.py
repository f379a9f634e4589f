"""The networks of Updates-Leak: encoder and decoder of records, the reader of changes, and who tells drawn records.

They need torch, the extra of that name, which is imported when a network is made.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from undelete.maths import network

torch = partial(network.torch, "Updates-Leak trains neural networks")
"""Return the module; InputError where it is not installed."""
_SMALLEST = 4  # side to which an image is halved at most
_CHANNELS = 128  # of the smallest image; half as many on each side twice as long
_FEWEST = 16
_WIDTH = 256  # of the hidden layer where records are no images


def encoder(shape: Sequence[int], latent: int) -> Any:
    """Return a network from scaled records (b, d0) to the latent space (b, latent): DC-GAN's, mirrored, for images."""
    nn = torch().nn
    size, stages = int(np.prod(shape)), _stages(shape)
    if not stages:
        return nn.Sequential(nn.Linear(size, _WIDTH), nn.ReLU(), nn.Linear(_WIDTH, latent))
    widths, planes, (h, w) = _widths(shape)
    layers: list[Any] = [nn.Unflatten(1, planes)]
    for before, after in itertools.pairwise(widths):
        layers += [nn.Conv2d(before, after, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(widths[-1] * h * w, latent))


def decoder(shape: Sequence[int], latent: int) -> Any:
    """Return a network from the latent space (b, latent) to scaled records (b, d0): DC-GAN's generator for images."""
    nn = torch().nn
    size, stages = int(np.prod(shape)), _stages(shape)
    if not stages:
        return nn.Sequential(nn.Linear(latent, _WIDTH), nn.ReLU(), nn.Linear(_WIDTH, size))
    widths, _, (h, w) = _widths(shape)
    widths = widths[::-1]
    layers: list[Any] = [nn.Linear(latent, widths[0] * h * w), nn.Unflatten(1, (widths[0], h, w))]
    for before, after in itertools.pairwise(widths):
        layers += [nn.ReLU(), nn.ConvTranspose2d(before, after, 4, stride=2, padding=1)]
    return nn.Sequential(*layers, nn.Flatten())


def _stages(shape: Sequence[int]) -> int:
    """Return how often an image's sides are halved: as long as they are even and do not become too short."""
    sides, count = list(shape[:2]) if len(shape) > 1 else [1], 0
    while all(side % 2 == 0 and side // 2 >= _SMALLEST for side in sides):
        sides, count = [side // 2 for side in sides], count + 1
    return count


def _widths(shape: Sequence[int]) -> tuple[list[int], tuple[int, int, int], tuple[int, int]]:
    """Return the channels from the image inwards, the image as (channels, h, w), and its smallest sides."""
    stages = _stages(shape)
    channels = shape[2] if len(shape) == 3 else 1
    widths = [channels, *(max(_FEWEST, _CHANNELS >> (stages - 1 - i)) for i in range(stages))]
    return widths, (channels, shape[0], shape[1]), (shape[0] >> stages, shape[1] >> stages)


def reader(inputs: int, widths: Sequence[int], noise: int, decoder: Any) -> Any:
    """Return [encoder of changes, from there and noise to the latent space, a copy of a decoder]."""
    nn = torch().nn
    widths = [inputs, *widths]
    layers = [layer for a, b in itertools.pairwise(widths) for layer in (nn.Linear(a, b), nn.ReLU())]
    latent = decoder[0].in_features
    return nn.ModuleList([nn.Sequential(*layers), nn.Linear(widths[-1] + noise, latent), copy.deepcopy(decoder)])


def read(networks: Any, x: Any, count: int, generator: Any) -> Any:
    """Return what a `reader` makes of changes (b, p k): scaled records (1, b, d0), or with noise `count` draws."""
    tor = torch()
    found = networks[0](x)
    noise = networks[1].in_features - found.shape[1]
    if not noise:
        return networks[2](networks[1](found))[None]
    drawn = tor.randn(count, len(x), noise, generator=generator)
    latent = networks[1](tor.cat([found.expand(count, *found.shape), drawn], dim=2))
    return networks[2](latent.flatten(0, 1)).unflatten(0, (count, len(x)))


def medoid(answers: Any) -> Any:
    """Return of answers (s, b, d0) that (b, d0) with the least sum of distances to the others."""
    rows = answers.transpose(0, 1)  # (b, s, d0)
    nearest = torch().cdist(rows, rows).sum(dim=2).argmin(dim=1)
    return rows[torch().arange(len(rows)), nearest]


class Adversary:
    """Tells public records from drawn ones; trained in turns with the generator."""

    def __init__(self, shape: Sequence[int], learning_rate: float) -> None:
        self.network = encoder(shape, 1)
        self.optimiser = torch().optim.Adam(self.network.parameters(), lr=learning_rate, betas=(0.5, 0.999))

    def loss(self, real: Any, drawn: Any) -> Any:
        """Train one step on real records (b, d0) and drawn ones (s, b, d0), and return how well these pass for real."""
        softplus = torch().nn.functional.softplus
        self.optimiser.zero_grad()
        own = softplus(-self.network(real)).mean() + softplus(self.network(drawn.detach().flatten(0, 1))).mean()
        own.backward()
        self.optimiser.step()
        return softplus(-self.network(drawn.flatten(0, 1))).mean()
