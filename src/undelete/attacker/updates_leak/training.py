"""How Updates-Leak's networks are trained: the settings, an autoencoder of public records, and one loop for all.

A training stops on records that it has not seen, public ones like all others here.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from undelete.attacker.updates_leak.networks import decoder, encoder, torch
from undelete.attacker.updates_leak.settings import Settings
from undelete.errors import InputError
from undelete.maths.arrays import Floats

Progress = Callable[[int, int, str], None]
_EVALUATED = 1_024  # records that a network without training is applied to at once


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


@dataclass(frozen=True)
class Trained:
    """How a training went: the least loss on held-out records, at which epoch, and how many epochs there were."""

    held_out: float
    best: int
    epochs: int


@dataclass(frozen=True, eq=False)
class Autoencoder:
    """What public records look like: a decoder from a latent space to records (b, d0), and how it was trained."""

    shape: tuple[int, ...]
    scaling: Scaling
    decoder: Any
    trained: Trained


def pretrain(
    records: Floats, shape: Sequence[int], settings: Settings, seed: int, progress: Progress | None = None
) -> Autoencoder:
    """Train an autoencoder on public records.

    Parameters
    ----------
    records : array (m, d0)
        Public records.
    shape : sequence of int
        Of an image, (h, w) or (h, w, channels), whose rows follow each other in a record; (d0,) where there is none.
    settings : Settings
        How it is trained.
    seed : int
        Determines the first weights, who judges, and the order of training.
    progress : callable, optional
        Called as progress(done, total, stage), in epochs.

    Raises
    ------
    InputError
        When torch is not installed, or records do not have the shape.

    Notes
    -----
    Six times the networks' multiply-adds for each record and epoch: of 32 x 32 x 3 about 5 million, one way.
    """
    if int(np.prod(shape)) != records.shape[1]:
        raise InputError(
            f"records have {records.shape[1]} columns, not the {int(np.prod(shape))} of an image of {tuple(shape)}"
        )
    tor = torch()
    scaling = Scaling.of(records, shape)
    with seeded(seed):
        networks = tor.nn.Sequential(encoder(shape, settings.latent), decoder(shape, settings.latent))
    told, judges = parted(len(records), settings, seed)
    seen = scaling.forth(records)

    def loss(rows: Any) -> Any:
        batch = seen[told[rows]]
        return (networks(batch) - batch).square().mean()

    def judge() -> float:
        return float((applied(networks, seen[judges]) - seen[judges]).square().mean())

    training = Training(networks, loss, judge, len(told))
    trained = train(training, settings, settings.pretraining, seed, "autoencoder", progress)
    return Autoencoder(tuple(shape), scaling, networks[1], trained)


@dataclass(frozen=True, eq=False)
class Training:
    """What is trained, and by what it is judged.

    Parameters
    ----------
    networks : torch module
        Left at their best.
    loss : callable
        Of some training records, by their numbers (r,): a tensor.
    judge : callable
        The loss on held-out records.
    count : int
        Training records.
    """

    networks: Any
    loss: Callable[[Any], Any]
    judge: Callable[[], float]
    count: int


def train(
    training: Training, settings: Settings, epochs: int, seed: int, stage: str, progress: Progress | None = None
) -> Trained:
    """Train by Adam until the held-out loss has not fallen for some epochs, and leave the networks at their best.

    Parameters
    ----------
    training : Training
        What is trained.
    settings : Settings
        Patience, batch and learning rate.
    epochs : int
        At most.
    seed : int
        Determines the order of the records.
    stage : str
        Its name for the progress.
    progress : callable, optional
        Called as progress(done, total, stage).

    Returns
    -------
    Trained
        The loss before the first epoch counts as that of epoch 0.
    """
    tor, networks = torch(), training.networks
    generator = tor.Generator().manual_seed(seed)
    optimiser = tor.optim.Adam(networks.parameters(), lr=settings.learning_rate)
    best, least, at, epoch = copy.deepcopy(networks.state_dict()), training.judge(), 0, 0
    for epoch in range(1, epochs + 1):
        for rows in tor.randperm(training.count, generator=generator).split(settings.batch):
            optimiser.zero_grad()
            training.loss(rows).backward()
            optimiser.step()
        held_out = training.judge()
        if held_out < least:
            best, least, at = copy.deepcopy(networks.state_dict()), held_out, epoch
        if progress is not None:
            progress(epoch, epochs, stage)
        if epoch - at >= settings.patience:
            break
    networks.load_state_dict(best)
    return Trained(least, at, epoch)


def applied(network: Callable[[Any], Any], inputs: Any) -> Any:
    """Return a network's outputs, without gradients, a few records at a time."""
    tor = torch()
    with tor.no_grad():
        return tor.cat([network(part) for part in inputs.split(_EVALUATED)])


def parted(count: int, settings: Settings, seed: int) -> tuple[Any, Any]:
    """Return the numbers of the records to train on, and of those that judge."""
    order = torch().randperm(count, generator=torch().Generator().manual_seed(seed))
    judges = min(count - 1, max(1, round(settings.held_out * count)))
    return order[judges:], order[:judges]


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw first weights by the seed, and leave everybody else's draws as they were."""
    state = torch().random.get_rng_state()
    torch().manual_seed(seed)
    yield
    torch().random.set_rng_state(state)
