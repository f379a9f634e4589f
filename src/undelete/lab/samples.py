"""The people of the paper's tabular experiments, as a private and a public half in the model's space.

The model's space is the columns standardised with the *public* half's means and deviations, and a constant 1. So
the embedding is fixed and known to everybody: nothing but the model is refitted after a deletion, as the paper
assumes. In it the average public record is the origin.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from undelete.data.acs import acs_income, acs_mobility
from undelete.data.sources import Dataset, split_half
from undelete.errors import InputError
from undelete.lab.population import STREAMS, Halves, Kind
from undelete.maths.arrays import Floats

STATES = ("NY", "CA", "TX")  # the paper's, in its order
_NAMES = (*STATES, "US")  # a sample's place here and the seed determine its random streams
_LEAST = 20


@dataclass(frozen=True, eq=False)
class Sample:
    """One population, by the name its panel has, and where its records come from."""

    name: str
    dataset: Dataset

    @property
    def folder(self) -> str:
        """What the folder is called that keeps what is made of it."""
        return self.name.lower()

    @property
    def source(self) -> str:
        """Where the records come from."""
        return self.dataset.source

    @property
    def n(self) -> int:
        """Number of private records."""
        return self.dataset.n // 2

    def streams(self, seed: int) -> list[np.random.SeedSequence]:
        """Return the seeds of the split, the penalty's folds, the deletions, the attacks and the features."""
        return np.random.SeedSequence([seed, _NAMES.index(self.name)]).spawn(STREAMS)

    def unit(self, kind: Kind) -> str:
        """Return the unit of what is predicted: ``dollars``, or ``0/1``."""
        return "dollars" if kind == "number" and self.dataset.unit == "dollars" else "0/1"

    def target(self, kind: Kind) -> str:
        """Return what is predicted, for a panel: ``target 0/1: income over 50,000 dollars``."""
        dollars = self.unit(kind) == "dollars"
        return "target: income in dollars" if dollars else "target 0/1: income over 50,000 dollars"

    def quality(self, dealt: Halves, W: Floats) -> dict[str, Any]:
        """Return nothing: no record is held back; Table 1 scores the public half."""
        return {}

    def halves(self, kind: Kind, seed: int) -> Halves:
        """Deal the persons into halves, standardised with the public one, and a constant.

        Parameters
        ----------
        kind : {"number", "class"}
            Whether the target is the sample's own number, or the class +1 (income over 50,000 dollars) or -1.
        seed : int
            Draws the halves.

        Raises
        ------
        InputError
            For too few records, or a column that is the same for the whole public half: it has no scale.
        """
        private, public = split_half(self.table(kind), np.random.default_rng(self.streams(seed)[0]))
        space = Space.of(self, public)
        return Halves(
            *space.embed(private),
            *space.embed(public),
            centre=space.mean / space.deviation,
            raw=private[space.features],
            raw_public=public[space.features],
        )

    def table(self, kind: Kind) -> pd.DataFrame:
        """Return the features and the target as numbers; InputError for too few records."""
        dataset = self.dataset
        if dataset.n < _LEAST:
            raise InputError(
                f"{dataset.source}: too few for two halves and a choice of the penalty; {_LEAST} are needed"
            )
        table = dataset.table[list(dataset.features)].astype("float64")
        y = dataset.table[dataset.target].astype("float64") if kind == "number" else 2.0 * dataset.over_50k() - 1.0
        return table.assign(**{dataset.target: y})


@dataclass(frozen=True, eq=False)
class Space:
    """The columns standardised by the public records' means and deviations, and the constant 1."""

    features: list[str]
    target: str
    mean: Floats
    deviation: Floats

    @classmethod
    def of(cls, sample: Sample, public: pd.DataFrame) -> Space:
        """Return it; InputError for a column that is the same for all public records: it has no scale."""
        dataset = sample.dataset
        columns = public[list(dataset.features)].to_numpy()
        space = cls(list(dataset.features), dataset.target, columns.mean(axis=0), columns.std(axis=0))
        for name, spread in zip(dataset.features, space.deviation, strict=True):
            if not spread > 0:
                raise InputError(
                    f"{dataset.source}: {name} is the same for the whole public half, so it cannot be standardised; "
                    "use more records"
                )
        return space

    def embed(self, table: pd.DataFrame) -> tuple[Floats, Floats]:
        """Return records (., d) and targets (., 1)."""
        columns = (table[self.features].to_numpy() - self.mean) / self.deviation
        return np.column_stack([columns, np.ones(len(table))]), table[[self.target]].to_numpy()


def states(data_dir: str | os.PathLike[str] | None) -> list[Sample]:
    """Return the three states' ACSIncome tasks.

    Raises
    ------
    InputError
        When the folder does not hold them.
    """
    return [Sample(state, acs_income(state, data_dir)) for state in STATES]


def regression(data_dir: str | os.PathLike[str] | None) -> tuple[list[Sample], list[str]]:
    """Return the samples to regress income on, and notes.

    The states, and where their income is only a label also the young adults of the mobility data, whose
    income is in dollars, if the folder has them.
    """
    samples = states(data_dir)
    if all(sample.dataset.unit == "dollars" for sample in samples):
        return samples, []
    try:
        return [*samples, Sample("US", acs_mobility(data_dir))], []
    except InputError as error:
        return samples, [f"No panel with income in dollars: {error}."]
