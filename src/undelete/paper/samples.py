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

from undelete.data.sources import Dataset, acs_income, acs_mobility, split_half
from undelete.errors import InputError
from undelete.paper.population import STREAMS, Floats, Halves, Kind

STATES = ("NY", "CA", "TX")  # the paper's, in its order
_NAMES = (*STATES, "US")  # a sample's place here and the seed determine its random streams
_LEAST = 20


@dataclass(frozen=True, eq=False)
class Sample:
    """One population, by the name its panel has, and where its records come from."""

    name: str
    dataset: Dataset

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
        dataset = self.dataset
        if dataset.n < _LEAST:
            raise InputError(
                f"{dataset.source}: too few for two halves and a choice of the penalty; {_LEAST} are needed"
            )
        table = dataset.table[list(dataset.features)].astype("float64")
        y = dataset.table[dataset.target].astype("float64") if kind == "number" else 2.0 * dataset.over_50k() - 1.0
        private, public = split_half(table.assign(**{dataset.target: y}), np.random.default_rng(self.streams(seed)[0]))
        columns = public[list(dataset.features)].to_numpy()
        mean, deviation = columns.mean(axis=0), columns.std(axis=0)
        for name, spread in zip(dataset.features, deviation, strict=True):
            if not spread > 0:
                raise InputError(
                    f"{dataset.source}: {name} is the same for the whole public half, so it cannot be standardised; "
                    "use more records"
                )

        def embed(raw: Floats) -> Floats:
            return np.column_stack([(raw - mean) / deviation, np.ones(len(raw))])

        return Halves(
            X=embed(private[list(dataset.features)].to_numpy()),
            Y=private[[dataset.target]].to_numpy(),
            X_public=embed(columns),
            Y_public=public[[dataset.target]].to_numpy(),
            centre=mean / deviation,
            raw=private[list(dataset.features)],
            raw_public=public[list(dataset.features)],
        )


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
