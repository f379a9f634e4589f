"""Which rows of a large table are kept: a random sample by a stated rule, the same for a file and for a table.

The rows draw a number each, in their order, from a generator of seed 0. A row is kept while its number is below 2^-k; k
grows by one whenever more than `most` are kept. So k is the least at which at most `most` remain, whatever the size of
the blocks in which the rows come.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MOST = 1_000_000  # public records that are used, unless asked otherwise


class Sample:
    """Decides, block by block, which rows stay.

    Parameters
    ----------
    most : int or None
        How many at most; None keeps all.
    """

    def __init__(self, most: int | None) -> None:
        self.most = most
        self.seen = 0
        self.share = 1.0
        self._rng = np.random.default_rng(0)
        self._drawn: list[NDArray[np.float64]] = []

    def take(self, rows: int) -> NDArray[np.bool_]:
        """Return which of the next rows are kept for now."""
        self.seen += rows
        if self.most is None:
            return np.ones(rows, dtype=bool)
        drawn = self._rng.random(rows)
        kept = drawn < self.share
        self._drawn.append(drawn[kept])
        return kept

    def shrink(self) -> list[NDArray[np.bool_]] | None:
        """Return which rows of each block kept so far still stay; None where all do."""
        if self.most is None or sum(map(len, self._drawn)) <= self.most:
            return None
        before = self._drawn
        while sum(map(len, self._drawn)) > self.most:
            self.share /= 2
            self._drawn = [block[block < self.share] for block in self._drawn]
        return [block < self.share for block in before]


def kept_rows(rows: int, most: int) -> NDArray[np.int64] | None:
    """Return which of so many rows the sample keeps, ascending; None where it keeps all."""
    if rows <= most:
        return None
    sample = Sample(most)
    kept = np.flatnonzero(sample.take(rows))
    keep = sample.shrink()
    return kept if keep is None else kept[keep[0]]


def thinned(table: pd.DataFrame, most: int = MOST) -> pd.DataFrame:
    """Return a table's sample of at most so many rows; the table itself where it has no more."""
    kept = kept_rows(len(table), most)
    return table if kept is None else table.iloc[kept]
