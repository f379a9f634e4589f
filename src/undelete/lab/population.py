"""What an experiment asks of a population: two halves in the model's space, and the random streams of each draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd

from undelete.maths.arrays import Floats
from undelete.maths.embeddings import Embedding

Kind = Literal["number", "class"]
STREAMS = 5  # of one population and seed: the split, the penalty's split, the deletions, the attacks, the features


@dataclass(frozen=True, eq=False)
class Halves:
    """A population dealt into two halves, in the model's space.

    Parameters
    ----------
    X, Y : arrays (n, d), (n, k)
        Private records, the constant last, and their targets: a number, +1 and -1, or one column a class.
    X_public, Y_public : arrays (m, d), (m, k)
        The public ones.
    centre : array (d0,) or None
        Where records were centred: added to a record it undoes that. None: they were not.
    inputs, inputs_public : arrays (n, d0), (m, d0), or None
        With an embedding, the records before it.
    embedding : Embedding or None
        The fixed map under the model.
    account : mapping
        For the JSON: how the embedding was chosen.
    raw, raw_public : DataFrame
        Both halves' feature columns as they are in a table; empty of images.
    """

    X: Floats
    Y: Floats
    X_public: Floats
    Y_public: Floats
    centre: Floats | None = None
    inputs: Floats | None = None
    inputs_public: Floats | None = None
    embedding: Embedding | None = None
    account: Mapping[str, Any] = field(default_factory=dict)
    raw: pd.DataFrame = field(default_factory=pd.DataFrame)
    raw_public: pd.DataFrame = field(default_factory=pd.DataFrame)


class Population(Protocol):
    """Records of which half are private, by the name their panel has."""

    @property
    def name(self) -> str:
        """Short, as a panel's title."""

    @property
    def source(self) -> str:
        """Where the records come from and how many there are, in a line."""

    @property
    def folder(self) -> str:
        """What the folder is called that keeps what is made of it, but for the seed."""

    @property
    def n(self) -> int:
        """Number of private records."""

    def streams(self, seed: int) -> list[np.random.SeedSequence]:
        """Return the seeds of the `STREAMS` draws."""

    def halves(self, kind: Kind, seed: int) -> Halves:
        """Deal the records, with targets of this kind."""

    def target(self, kind: Kind) -> str:
        """Return what is predicted, for a panel."""

    def unit(self, kind: Kind) -> str:
        """Return the target's unit."""

    def quality(self, dealt: Halves, W: Floats) -> dict[str, Any]:
        """Return how well the model W predicts records held back from both halves; empty where there are none."""
