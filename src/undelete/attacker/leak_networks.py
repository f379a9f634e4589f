"""The networks of Updates-Leak and their training: an autoencoder of records, and a loop that stops on held-out ones.

Needs torch, the extra of that name, which is imported when a network is made: nothing else here does.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from undelete.errors import InputError
from undelete.release import Floats

_SMALLEST = 4  # side to which an image is halved at most
_CHANNELS = 128  # of the smallest image; half as many on each side twice as long
_FEWEST = 16
_WIDTH = 256  # of the hidden layer where records are no images
_EVALUATED = 1_024  # records that a network without training is applied to at once


def torch() -> Any:
    """Return the module.

    Raises
    ------
    InputError
        When it is not installed.
    """
    try:
        import torch as module
    except ImportError as error:
        raise InputError(
            "Updates-Leak trains neural networks, and torch is not installed: install undelete with its extra torch"
        ) from error
    return module


@dataclass(frozen=True, eq=False)
class Scaling:
    """Records as a network sees them: less the public mean, by the public deviation, the channels of images first.

    Parameters
    ----------
    mean : array (d0,)
        Of the public records.
    deviation : float
        Of all their numbers about it.
    bounds : array (2, d0)
        The least and the greatest value of each: what a network says is put between them.
    order : array (d0,) of int
        The columns, channel after channel.
    """

    mean: Floats
    deviation: float
    bounds: Floats
    order: NDArray[np.int64]

    @classmethod
    def of(cls, records: Floats, shape: Sequence[int]) -> Scaling:
        """Return that of public records (m, d0) of this shape: (h, w), (h, w, channels), or (d0,) of no image."""
        mean = records.mean(axis=0)
        deviation = float(np.sqrt(np.square(records - mean).mean()))
        order = np.arange(records.shape[1])
        if len(shape) == 3:
            order = np.moveaxis(order.reshape(shape), 2, 0).ravel()
        bounds = np.stack([records.min(axis=0), records.max(axis=0)])
        return cls(mean, deviation or 1.0, bounds, order)

    def forth(self, records: Floats) -> Any:
        """Return records (b, d0) as a float32 tensor."""
        scaled = ((records - self.mean) / self.deviation)[:, self.order]
        return torch().from_numpy(np.ascontiguousarray(scaled, dtype=np.float32))

    def back(self, output: Any) -> Floats:
        """Return what a network said as records (b, d0)."""
        records = np.empty(output.shape)
        records[:, self.order] = output.numpy()
        return np.asarray(np.clip(self.mean + self.deviation * records, *self.bounds))


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


@dataclass(frozen=True)
class Trained:
    """How a training went: the least loss on held-out records, at which epoch, and how many epochs there were."""

    held_out: float
    best: int
    epochs: int


def train(
    networks: Any,
    loss: Callable[[Any], Any],
    judge: Callable[[], float],
    count: int,
    generator: Any,
    *,
    epochs: int,
    patience: int,
    batch: int,
    learning_rate: float,
    progress: Callable[[int, int], None] | None = None,
) -> Trained:
    """Train by Adam until the held-out loss has not fallen for some epochs, and leave the networks at their best.

    Parameters
    ----------
    networks : torch.nn.Module
        What is trained.
    loss : callable
        Of some training records, by their numbers; a tensor.
    judge : callable
        The loss on held-out records.
    count : int
        Training records.
    generator : torch.Generator
        Shuffles them.
    epochs, patience, batch, learning_rate
        At most so many epochs, after the best one, records a step, and Adam's.
    progress : callable, optional
        Called as progress(done, epochs).

    Returns
    -------
    Trained
        The loss before the first epoch counts as epoch 0.
    """
    tor = torch()
    optimiser = tor.optim.Adam(networks.parameters(), lr=learning_rate)
    best, least, at, epoch = copy.deepcopy(networks.state_dict()), judge(), 0, 0
    for epoch in range(1, epochs + 1):
        networks.train()
        for rows in tor.randperm(count, generator=generator).split(batch):
            optimiser.zero_grad()
            loss(rows).backward()
            optimiser.step()
        held_out = judge()
        if held_out < least:
            best, least, at = copy.deepcopy(networks.state_dict()), held_out, epoch
        if progress is not None:
            progress(epoch, epochs)
        if epoch - at >= patience:
            break
    networks.load_state_dict(best)
    networks.eval()
    return Trained(least, at, epoch)


def applied(network: Callable[[Any], Any], inputs: Any) -> Any:
    """Return a network's outputs, without gradients, a few records at a time."""
    tor = torch()
    with tor.no_grad():
        return tor.cat([network(part) for part in inputs.split(_EVALUATED)])
