"""Networks on small images: MNIST with neighbouring pixels averaged, so that a network of few parameters reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from undelete.adapters.torch_loss import Loss
from undelete.data.images import load_images
from undelete.errors import InputError
from undelete.lab.networks import Trained
from undelete.lab.steps import Folder
from undelete.maintainer.networks import Fit
from undelete.maths.arrays import Floats
from undelete.maths.network import Network, torch
from undelete.release.networks import NetworkRelease
from undelete.scoring.truth import Truth

_CLASSES = 10


@dataclass(frozen=True)
class ImageCase:
    """A network on MNIST.

    Parameters
    ----------
    key, title : str
        In the JSON, and in words.
    n, m : int
        Private and public images.
    side : int
        Pixels of a side: 28, 14 or 7.
    layers : {"dense", "convolutions"}
        One hidden layer, or two convolutions and a dense layer.
    units : tuple of int
        Of the hidden layer, or channels of the convolutions.
    decay : float
        The penalty of the mean objective; l2 = n decay in the sum, the same before and after.
    """

    key: str
    title: str
    n: int
    m: int
    side: int
    layers: Literal["dense", "convolutions"]
    units: tuple[int, ...]
    decay: float


def prepared_images(case: ImageCase, data_dir: Folder | None, seed: int) -> Trained:
    """Return a case's images and network on one split, at its start: nothing is trained yet.

    Raises
    ------
    InputError
        When there are too few images.
    """
    data = load_images("mnist", data_dir)
    if len(data.x_train) < case.n + case.m:
        raise InputError(f"{data.source}: too few for {case.n:,} private and {case.m:,} public images of {case.title}")
    order = np.random.default_rng([seed, 17]).permutation(len(data.x_train))[: case.n + case.m]
    X, labels = averaged(data.x_train[order], case.side), data.y_train[order].astype(np.int64)
    module = _module(case, seed)
    loss = Loss.of("cross_entropy")
    network = Network(module, loss.of_record, [n for n, _ in module.named_parameters()], (1, case.side, case.side),
                      loss.whole, loss.expected)  # fmt: skip
    l2 = np.full(network.parameters, case.n * case.decay)
    fit = Fit(network, X[: case.n], labels[: case.n, None].astype(np.float64), l2)
    start = network.vector({name: value.detach() for name, value in module.named_parameters()})
    Y = np.where(labels[:, None] == np.arange(_CLASSES), 1.0, -1.0)
    release = NetworkRelease(network, start, start[None], X[case.n :], Y[case.n :], case.n, l2, l2, _CLASSES)

    def truth(rows: NDArray[np.int64]) -> Truth:
        return Truth(X[rows], Y[rows], rows=rows)

    return Trained(fit, start, release, data.source, truth)


def averaged(images: NDArray[np.uint8], side: int) -> Floats:
    """Return images (n, 28, 28) as records (n, side * side) of [-1, 1], each number the mean of a square of pixels.

    Examples
    --------
    >>> averaged(np.full((1, 28, 28), 255, dtype=np.uint8), 7).shape
    (1, 49)
    """
    n, wide, _ = images.shape
    step = wide // side
    squares = images.reshape(n, side, step, side, step).mean(axis=(2, 4))
    return np.asarray(squares.reshape(n, -1) / 127.5 - 1)


def _module(case: ImageCase, seed: int) -> Any:
    nn, torch_ = torch().nn, torch()
    torch_.manual_seed(seed)
    if case.layers == "dense":
        hidden = case.units[0]
        layers = [nn.Flatten(), nn.Linear(case.side**2, hidden), nn.Tanh(), nn.Linear(hidden, _CLASSES)]
    else:
        first, second = case.units
        left = case.side - 4  # of a side, after two convolutions
        layers = [nn.Conv2d(1, first, 3), nn.Tanh(), nn.Conv2d(first, second, 3), nn.Tanh(), nn.Flatten(),
                  nn.Linear(second * left**2, _CLASSES)]  # fmt: skip
    return nn.Sequential(*layers).double().requires_grad_(False)
