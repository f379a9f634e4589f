"""The people of the paper's tabular experiments, as a private and a public half in the model's space.

The model's space is the columns standardised with the *public* half's means and deviations, and a constant 1. So
the embedding is fixed and known to everybody: nothing but the model is refitted after a deletion, as the paper
assumes. In it the average public record is the origin.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from undelete.data.sources import Dataset, acs_income, acs_mobility, split_half
from undelete.errors import InputError
from undelete.maths.embeddings import RandomFourierFeatures, embed, median_distance

Floats = NDArray[np.float64]
Kind = Literal["number", "class"]
STATES = ("NY", "CA", "TX")  # the paper's, in its order
_NAMES = (*STATES, "US")  # a sample's place here and the seed determine its random streams
_LEAST = 20


@dataclass(frozen=True, eq=False)
class Sample:
    """One population, by the name its panel has, and where its records come from."""

    name: str
    dataset: Dataset

    @property
    def n(self) -> int:
        """Number of private records."""
        return self.dataset.n // 2

    def streams(self, seed: int) -> list[np.random.SeedSequence]:
        """Return the seeds of the split, of the penalty's folds, of the deletions and of the attacks."""
        return np.random.SeedSequence([seed, _NAMES.index(self.name)]).spawn(4)


@dataclass(frozen=True, eq=False)
class Halves:
    """A sample dealt into a private and a public half, in the model's space.

    Parameters
    ----------
    X, Y : arrays (n, d), (n, 1)
        Private records, the constant last, and their targets: a number, or +1 and -1.
    X_public, Y_public : arrays (m, d), (m, 1)
        The public ones.
    centre : array (d - 1,)
        The columns' public means in units of their public deviations: added to a record it undoes the
        centring, not the scaling.
    raw, raw_public : DataFrame
        Both halves' feature columns as they are in the table.
    """

    X: Floats
    Y: Floats
    X_public: Floats
    Y_public: Floats
    centre: Floats
    raw: pd.DataFrame
    raw_public: pd.DataFrame


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


def unit(sample: Sample, kind: Kind) -> str:
    """Return the unit of what is predicted: ``dollars``, or ``0/1``."""
    return "dollars" if kind == "number" and sample.dataset.unit == "dollars" else "0/1"


def target_text(sample: Sample, kind: Kind) -> str:
    """Return what is predicted, for a panel: ``target 0/1: income over 50,000 dollars``."""
    return "target: income in dollars" if unit(sample, kind) == "dollars" else "target 0/1: income over 50,000 dollars"


@dataclass(frozen=True, eq=False)
class WithHoldout(Halves):
    """A sample dealt into 40 % private, 40 % public and 20 % held-out records, in the model's space.

    Parameters
    ----------
    X_holdout, Y_holdout : arrays (h, d), (h, 1)
        Records that are neither private nor public.
    embedding : dict
        For the JSON: what the model's space is.
    """

    X_holdout: Floats
    Y_holdout: Floats
    embedding: dict[str, Any]


def halves(sample: Sample, kind: Kind, seed: int) -> Halves:
    """Deal a sample into halves and put both in the model's space.

    Parameters
    ----------
    sample : Sample
        n + m records.
    kind : {"number", "class"}
        Whether the target is the sample's own number, or the class +1 (income over 50,000 dollars) or -1.
    seed : int
        Draws the halves.

    Raises
    ------
    InputError
        For too few records, or a column that is the same for the whole public half: it has no scale.
    """
    private, public = split_half(_table(sample, kind), np.random.default_rng(sample.streams(seed)[0]))
    space = _Space.of(sample, public)
    return Halves(
        *space.embed(private),
        *space.embed(public),
        centre=space.mean / space.deviation,
        raw=private[space.features],
        raw_public=public[space.features],
    )


def with_holdout(sample: Sample, kind: Kind, seed: int, random_features: int = 0) -> WithHoldout:
    """Deal a sample 40 : 40 : 20 and put all parts in the model's space; as `halves` but for the held-out records.

    Parameters
    ----------
    sample, kind, seed
        As of `halves`.
    random_features : int
        How many random Fourier features of the standardised columns the model sees in their place; 0 for the columns
        themselves. The kernel is Gaussian, its bandwidth the median distance of two public records.
    """
    table = _table(sample, kind)
    order = np.random.default_rng(sample.streams(seed)[0]).permutation(len(table))
    cuts = (2 * len(table) // 5, 4 * len(table) // 5)
    private, public, holdout = (table.iloc[rows] for rows in np.split(order, cuts))
    space = _Space.of(sample, public)
    parts = [space.embed(part) for part in (private, public, holdout)]
    embedding: dict[str, Any] = {"name": "columns", "features": parts[0][0].shape[1] - 1}
    if random_features:
        # of a stream that nothing else draws from: whoever can use the model knows the features
        rng = np.random.default_rng(sample.streams(seed)[3].spawn(1)[0])
        columns = parts[1][0][:, :-1]
        bandwidth = median_distance(columns, rng)
        fourier = RandomFourierFeatures.draw(columns.shape[1], random_features, bandwidth, rng)
        parts = [(embed(fourier, X[:, :-1]), Y) for X, Y in parts]
        embedding = {"name": "fourier", "features": random_features, "bandwidth": bandwidth}
    raw = private[space.features], public[space.features]
    return WithHoldout(*parts[0], *parts[1], space.mean / space.deviation, *raw, *parts[2], embedding=embedding)


@dataclass(frozen=True, eq=False)
class _Space:
    """The columns standardised by the public records' means and deviations, and the constant 1."""

    features: list[str]
    target: str
    mean: Floats
    deviation: Floats

    @classmethod
    def of(cls, sample: Sample, public: pd.DataFrame) -> _Space:
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


def _table(sample: Sample, kind: Kind) -> pd.DataFrame:
    """Return the features and the target as numbers; InputError for too few records."""
    dataset = sample.dataset
    if dataset.n < _LEAST:
        raise InputError(f"{dataset.source}: too few for two halves and a choice of the penalty; {_LEAST} are needed")
    table = dataset.table[list(dataset.features)].astype("float64")
    y = dataset.table[dataset.target].astype("float64") if kind == "number" else 2.0 * dataset.over_50k() - 1.0
    return table.assign(**{dataset.target: y})
