"""A table put together from blocks of rows, column by column, so that no more than one column is there twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from undelete.data.thinning import Sample
from undelete.errors import InputError
from undelete.limits import CELLS, HOW, allowed


def collect(file: object, blocks: Iterable[pd.DataFrame], sample: Sample) -> pd.DataFrame:
    """Return the rows of some blocks that a sample keeps, as one table with rows numbered from 0.

    Raises
    ------
    InputError
        When there are more cells than a table may have.
    """
    kept: list[pd.DataFrame] = []
    for block in blocks:
        part = block.loc[sample.take(len(block))]
        kept.append(part)
        check_cells(file, sample.seen, block.shape[1])
        staying = sample.shrink()
        if staying is not None:
            kept = [old.loc[rows] for old, rows in zip(kept, staying, strict=True)]
    return _joined(kept)


def check_cells(file: object, rows: int, columns: int) -> None:
    """Raise InputError for more cells than a table may have."""
    if rows * columns > allowed(CELLS):
        raise InputError(
            f"{file} has {rows:,} rows of {columns:,} columns or more, over {allowed(CELLS):,.0f} cells: leave columns "
            f"or rows out ({HOW})"
        )


def _joined(blocks: list[pd.DataFrame]) -> pd.DataFrame:
    if not blocks:
        return pd.DataFrame()
    if len(blocks) == 1:
        return blocks[0].reset_index(drop=True)
    names = list(blocks[0].columns)
    return pd.DataFrame(dict(_columns(names, [{name: block[name] for name in names} for block in blocks])))


def _columns(names: list[str], blocks: list[dict[str, pd.Series]]) -> Iterator[tuple[str, pd.Series]]:
    for name in names:
        parts = [block.pop(name) for block in blocks]
        if len({part.dtype for part in parts}) > 1 and all(pd.api.types.is_numeric_dtype(p) for p in parts):
            parts = [part.astype(np.float64) for part in parts]  # whole numbers in one block, missing ones in another
        yield name, pd.concat(parts, ignore_index=True)
