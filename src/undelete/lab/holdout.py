"""A sample dealt into a private, a public and a held-out part: what a membership attack is judged on.

The paper's Appendix A: 40 % of the records are private, 40 % public, and 20 % neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from undelete.lab.population import Halves, Kind
from undelete.lab.samples import Sample, Space
from undelete.maths.arrays import Floats
from undelete.maths.embeddings import RandomFourierFeatures, embed, median_distance


@dataclass(frozen=True, eq=False)
class WithHoldout:
    """A sample dealt into 40 % private, 40 % public and 20 % held-out records, in the model's space.

    Parameters
    ----------
    halves : Halves
        The private and the public part.
    X_holdout, Y_holdout : arrays (h, d), (h, 1)
        Records that are neither private nor public.
    space : dict
        For the JSON: what the model's space is.
    """

    halves: Halves
    X_holdout: Floats
    Y_holdout: Floats
    space: dict[str, Any]


def with_holdout(sample: Sample, kind: Kind, seed: int, random_features: int = 0) -> WithHoldout:
    """Deal a sample 40 : 40 : 20 and put all parts in the model's space, standardised with the public one.

    Parameters
    ----------
    sample : Sample
        The records.
    kind : {"number", "class"}
        What is predicted.
    seed : int
        Draws the parts.
    random_features : int
        How many random Fourier features of the standardised columns the model sees in their place; 0 for the columns
        themselves. The kernel is Gaussian, its bandwidth the median distance of two public records.
    """
    table = sample.table(kind)
    order = np.random.default_rng(sample.streams(seed)[0]).permutation(len(table))
    cuts = (2 * len(table) // 5, 4 * len(table) // 5)
    private, public, holdout = (table.iloc[rows] for rows in np.split(order, cuts))
    columns = Space.of(sample, public)
    parts = [columns.embed(part) for part in (private, public, holdout)]
    space: dict[str, Any] = {"name": "columns", "features": parts[0][0].shape[1] - 1}
    if random_features:
        # of a stream that nothing else draws from: whoever can use the model knows the features
        rng = np.random.default_rng(sample.streams(seed)[3].spawn(1)[0])
        bare = parts[1][0][:, :-1]
        bandwidth = median_distance(bare, rng)
        fourier = RandomFourierFeatures.draw(bare.shape[1], random_features, bandwidth, rng)
        parts = [(embed(fourier, X[:, :-1]), Y) for X, Y in parts]
        space = {"name": "fourier", "features": random_features, "bandwidth": bandwidth}
    return WithHoldout(Halves(*parts[0], *parts[1], centre=columns.mean / columns.deviation), *parts[2], space=space)
