"""The images of the paper's experiments, as a private and a public half in the model's space.

Pixels are scaled to [-1, 1], as in the paper, and a constant 1 follows them. The authors' training images are dealt
into the two halves; their test images score the model.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from undelete.data.images import IMAGES, ImageData, load_images
from undelete.data.pixels import scaled
from undelete.errors import InputError
from undelete.lab.population import STREAMS, Halves, Kind
from undelete.lab.steps import TRIAL
from undelete.maths.arrays import Floats
from undelete.maths.embeddings import embed
from undelete.scoring.intervals import wilson

PICTURES = ("mnist", "fashion_mnist", "cifar10")
_STREAM = {name: 100 + i for i, name in enumerate(PICTURES)}  # apart from the tabular samples' streams
_LEAST = 20
TRIED = 8_000  # training images of a trial


@dataclass(frozen=True, eq=False)
class Images:
    """One image data set."""

    data: ImageData
    trial: bool = False

    @property
    def folder(self) -> str:
        """What the folder is called that keeps what is made of it: a trial's is another."""
        return f"{self.name.lower().replace(' ', '-')}{'-trial' * self.trial}"

    @property
    def name(self) -> str:
        """Its name in a sentence."""
        return IMAGES[self.data.name].title

    @property
    def source(self) -> str:
        """Where the images come from."""
        return self.data.source

    @property
    def n(self) -> int:
        """Number of private images."""
        return len(self.data.x_train) // 2

    def streams(self, seed: int) -> list[np.random.SeedSequence]:
        """Return the seeds of the split, the penalty's split, the deletions, the attacks and the features."""
        return np.random.SeedSequence([seed, _STREAM[self.data.name]]).spawn(STREAMS)

    def target(self, kind: Kind) -> str:
        """Return what is predicted, for a panel."""
        return f"target: {len(self.data.classes)} classes"

    def unit(self, kind: Kind) -> str:
        """Return the unit of the target."""
        return "class"

    def halves(self, kind: Kind, seed: int) -> Halves:
        """Deal the training images into halves of pixels, a constant after them; targets are one column a class.

        Raises
        ------
        InputError
            For too few images.
        """
        x, y = self.data.x_train, self.data.y_train
        if len(x) < _LEAST:
            raise InputError(f"{self.source}: too few for two halves and a choice of the penalty; {_LEAST} are needed")
        order = np.random.default_rng(self.streams(seed)[0]).permutation(len(x))
        private, public = order[: self.n], order[self.n :]
        one_hot = np.eye(len(self.data.classes))
        return Halves(
            X=_records(x[private]), Y=one_hot[y[private]], X_public=_records(x[public]), Y_public=one_hot[y[public]]
        )

    def quality(self, dealt: Halves, W: Floats) -> dict[str, Any]:
        """Return the accuracy on the authors' test images, with Wilson's 95 % interval."""
        X = _records(self.data.x_test)
        if dealt.embedding is not None:
            X = embed(dealt.embedding, X[:, :-1])
        right = float(((X @ W).argmax(axis=1) == self.data.y_test).sum())
        low, high = wilson(right, len(X))
        return {"accuracy": right / len(X), "accuracy_low": low, "accuracy_high": high, "tested": len(X)}


def load(
    data_dir: str | os.PathLike[str] | None, names: Sequence[str] = PICTURES, deletions: int | None = None
) -> list[Images]:
    """Return image data sets; where fewer than 50 deletions are asked for, 8,000 of the training images.

    Raises
    ------
    InputError
        When a file is not there or holds something else.
    """
    return [tried(Images(load_images(name, data_dir)), deletions) for name in names]


def tried(images: Images, deletions: int | None) -> Images:
    """Return what so few deletions are played on: a trial takes the first 8,000 training images, and says so."""
    data = images.data
    if deletions is None or deletions >= TRIAL or len(data.x_train) <= TRIED:
        return images
    source = f"{data.source}; a trial of fewer than {TRIAL} deletions: the first {TRIED:,} training images"
    part = dataclasses.replace(data, x_train=data.x_train[:TRIED], y_train=data.y_train[:TRIED], source=source)
    return Images(part, trial=True)


def coarse(X: Floats, shape: Sequence[int]) -> Floats:
    """Return grey images (n, h w) with blocks of two by two pixels as one, where both sides are even."""
    high, wide = shape[0], shape[1]
    if high % 2 or wide % 2:
        return X
    return np.asarray(X.reshape(len(X), high // 2, 2, wide // 2, 2).mean(axis=(2, 4)).reshape(len(X), -1))


def _records(images: Any) -> Floats:
    pixels = scaled(images)
    return np.column_stack([pixels, np.ones(len(pixels))])
