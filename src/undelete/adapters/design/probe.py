"""How each raw column is carried by features of which only `transform` is known: ask, and see which of them move.

One column of some public records is set to each value that it may have, all else left as it is. Features that move with
this column alone are its own: what they are at each value are the value's terms, the lattice that a decoder needs.
Features that several columns move, each by an amount that does not depend on the others, are a sum with a part for
each column; what can be solved for one column's part alone is read off them, as principal components of all columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from undelete.adapters.design.cells import Cells
from undelete.adapters.design.column_values import Reading
from undelete.adapters.design.columns import on_grid, possible
from undelete.adapters.design.polynomial import Category
from undelete.adapters.design.values import listed
from undelete.errors import InputError
from undelete.maths.arrays import Floats
from undelete.release.columns import Column

if TYPE_CHECKING:
    from undelete.adapters.design.probed import Probed


_BASES = 6  # public records on which a column's values are tried
_FILLS = 1000  # public records without a cell, which show what fills it
_GRID = 400  # different fillings of a cell that are told apart
_MIXED = 1000  # public records whose cells are exchanged, one column at a time, to see which features move
_MOVES = 1e-9  # of a feature's size, above which it has moved
_SOLVED = 1e-6  # of a column's part, what may be left of it when it is solved for


@dataclass(frozen=True, eq=False)
class _Trial:
    """One raw column, the values tried, and what they make of the features.

    Parameters
    ----------
    reading : Reading
        The column's cells.
    values : list of Category
        Tried, sorted, a missing one last.
    frequency : array (c,)
        Their public shares.
    profile : array (c, d)
        The mean feature at each value, over the records tried.
    filled : array (r, d)
        The features of some public records without the column's cell.
    reacts : array (d,) of bool
        Features that move with the column.
    alone : array (d,) of bool
        Features that move by amounts that do not depend on the rest of the record.
    """

    reading: Reading
    values: list[Category]
    frequency: Floats
    profile: Floats
    filled: Floats
    reacts: NDArray[np.bool_]
    alone: NDArray[np.bool_]


def probed_columns(steps: Probed, public: pd.DataFrame) -> tuple[Column, ...]:
    """Return one Column for each raw column, in the table's order, of which no term may be known.

    Raises
    ------
    InputError
        When the steps do not take the public records, or make something else of them each time.
    """
    cells = Cells(public)
    names = [str(label) for label in public.columns if str(label) in set(steps.raw)]
    whole = np.flatnonzero(public.notna().all(axis=1).to_numpy())
    rng = np.random.default_rng(0)
    rows = whole if len(whole) >= _BASES else np.arange(len(public))
    sample = public.iloc[np.sort(rng.choice(rows, min(_MIXED, len(rows)), replace=False))].reset_index(drop=True)
    first = steps.transform(sample)
    if not np.array_equal(first, steps.transform(sample)):
        raise InputError("the steps make other features of the same records each time: nothing can be read off them")
    size = np.abs(first).max(axis=0) + first.std(axis=0)
    trials = [_tried(steps, cells, sample, _without(public, name), name, size, rng) for name in names]
    count = np.sum([trial.reacts for trial in trials], axis=0)
    mixed = (count > 1) & np.all([trial.alone for trial in trials], axis=0)
    return tuple(_column(trials, j, count, mixed) for j in range(len(trials)))


def _tried(
    steps: Probed,
    cells: Cells,
    sample: pd.DataFrame,
    without: pd.DataFrame,
    name: str,
    size: Floats,
    rng: np.random.Generator,
) -> _Trial:
    """Set one column of some records to each value that it may have."""
    reading = Reading.of(steps, cells, name)
    label = next(label for label in sample.columns if str(label) == name)
    exchanged = sample.copy()
    exchanged[label] = sample[label].sample(frac=1, random_state=1).to_numpy()
    moved = np.abs(steps.transform(exchanged) - steps.transform(sample)).max(axis=0) > _MOVES * size
    bases = sample.iloc[rng.choice(len(sample), min(_BASES, len(sample)), replace=False)]
    if reading.kind() == "continuous":
        values = on_grid(reading.numbers()).tolist()
        frequency = np.zeros(len(values))
        asked = _asked(steps, bases, name, values)
    else:
        values, frequency = reading.candidates()
        try:
            asked = _asked(steps, bases, name, values)
        except InputError:  # the steps take no value that nobody has: an encoder refuses it
            known = frequency > 0
            values, frequency = [v for v, own in zip(values, known, strict=True) if own], frequency[known]
            asked = _asked(steps, bases, name, values)
    there = np.array([value is not None for value in values])  # what fills a missing cell may depend on the others
    seen = asked[:, there] if there.any() else asked
    step = seen - seen[:, :1]
    reacts = moved | (np.abs(step).max(axis=(0, 1)) > _MOVES * size)
    alone = np.abs(step - step[:1]).max(axis=(0, 1)) <= _MOVES * size * 10
    filled = steps.transform(without) if len(without) else np.zeros((0, len(size)))
    return _Trial(reading, values, frequency, asked.mean(axis=0), filled, reacts, alone)


def _asked(steps: Probed, bases: pd.DataFrame, name: str, values: list[Category]) -> Floats:
    """Return the features (bases, values, d) of some records with one column set to each value."""
    table = bases.iloc[np.repeat(np.arange(len(bases)), len(values))].reset_index(drop=True)
    label = next(label for label in bases.columns if str(label) == name)
    table[label] = _cells(values * len(bases), bases[label])
    return steps.transform(table).reshape(len(bases), len(values), -1)


def _cells(values: list[Category], like: pd.Series) -> pd.Series:
    """Return values as cells of the same type as a column's."""
    plain = [np.nan if value is None else value for value in values]
    numbers = not any(isinstance(value, str) for value in values)
    held: pd.Series = pd.Series(plain, dtype=np.float64 if numbers else object)
    try:
        return held.astype(like.dtype)
    except (TypeError, ValueError):  # a missing cell among whole numbers
        return held


def _column(trials: list[_Trial], j: int, count: NDArray[np.int64], mixed: NDArray[np.bool_]) -> Column:
    trial = trials[j]
    own = np.flatnonzero(trial.reacts & (count == 1))
    d = len(count)
    projection, terms = np.eye(d)[:, own], trial.profile[:, own]
    if not own.size and mixed.any():
        projection, terms = _solved(trials, j, mixed)
    if len(trial.values) == 1:  # one value is no finding
        projection, terms = projection[:, :0], terms[:, :0]
    reading = trial.reading
    if reading.kind() != "continuous":
        values, terms, frequency = _with_fillings(trial, projection, terms)
        return Column(
            name=reading.column, kind=reading.kind(), projection=projection,
            values=listed(values, reading.text, reading.logical), terms=terms, frequency=frequency,
            logical=reading.logical and not reading.text,
        )  # fmt: skip
    spread, (least, greatest) = float(np.nanstd(reading.numbers())), possible(reading.numbers())
    numbers = np.array(trial.values, dtype=np.float64)
    line = _line(numbers, terms)
    nothing = np.zeros(0)
    if not projection.shape[1] or line is not None:
        v, offset, slope = line or (np.zeros(0), 0.0, 1.0)
        return Column(
            name=reading.column, kind="continuous", projection=projection @ v[:, None] if len(v) else projection,
            values=nothing, terms=np.zeros((0, int(len(v) > 0))), frequency=nothing, offset=offset, slope=slope,
            spread=spread, least=least, greatest=greatest,
        )  # fmt: skip
    return Column(
        name=reading.column, kind="continuous", projection=projection, values=numbers, terms=terms, frequency=nothing,
        spread=spread, least=least, greatest=greatest,
    )  # fmt: skip


def _without(public: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return some public records without one column's cell."""
    label = next(label for label in public.columns if str(label) == name)
    rows = np.flatnonzero(public[label].isna().to_numpy())
    return public.iloc[rows[:: -(-len(rows) // _FILLS) or 1]].reset_index(drop=True)


def _with_fillings(trial: _Trial, projection: Floats, terms: Floats) -> tuple[list[Category], Floats, Floats]:
    """Return a column's values, terms and shares, a missing cell once for each of what public records get there.

    What an imputer that looks at the rest of the record puts in is no single value; one of all records is none of them.
    """
    filled = trial.filled @ projection
    if trial.values[-1] is not None or not filled.size:
        return trial.values, terms, trial.frequency
    scale = np.abs(terms).max(axis=0) + np.finfo(float).tiny
    _, first, count = np.unique(np.round(filled / scale / _SOLVED), axis=0, return_index=True, return_counts=True)
    kept = np.unique(np.linspace(0, len(first) - 1, _GRID).round().astype(int))  # by the first term
    near = np.unique(np.abs(np.arange(len(first))[:, None] - kept).argmin(axis=1), return_inverse=True)[1]
    share = np.bincount(near, weights=count) / count.sum()
    values = [*trial.values[:-1], *[None] * len(kept)]
    frequency = np.concatenate([trial.frequency[:-1], trial.frequency[-1] * share])
    return values, np.vstack([terms[:-1], filled[first[kept]]]), frequency


def _line(values: Floats, terms: Floats) -> tuple[Floats, float, float] | None:
    """Return v, offset and slope with value = offset + slope * terms @ v where one term is a line in the value."""
    span = np.ptp(values) if len(values) else 0.0
    for q in range(terms.shape[1]):
        if span == 0 or terms[-1, q] == terms[0, q]:
            continue
        slope = span / (terms[-1, q] - terms[0, q])
        offset = values[0] - slope * terms[0, q]
        if np.isfinite(slope) and np.abs(offset + slope * terms[:, q] - values).max() <= _SOLVED * span:
            return np.eye(terms.shape[1])[q], float(offset), float(slope)
    return None


def _solved(trials: list[_Trial], j: int, mixed: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return projection (d, q) and terms (c, q) of what the mixed features say of one column alone.

    With the features a sum of parts, B_l the span of column l's parts: directions that no other column moves.
    """
    at = np.flatnonzero(mixed)
    others = [t.profile[:, at] - t.profile[:1, at] for i, t in enumerate(trials) if i != j]
    B = np.vstack(others) / (np.abs(np.vstack(others)).max() or 1.0)
    _, sizes, axes = np.linalg.svd(B, full_matrices=True)
    rank = int((sizes > _SOLVED * max(sizes[0], 1e-300)).sum())
    free = axes[rank:].T  # (mixed, r): nobody else moves these
    part = (trials[j].profile[:, at] - trials[j].profile[:1, at]) @ free
    own, weight, _ = np.linalg.svd(part.T, full_matrices=False)
    keep = weight > _SOLVED * (np.abs(trials[j].profile[:, at] - trials[j].profile[:1, at]).max() or 1.0)
    projection = np.zeros((len(mixed), int(keep.sum())))
    projection[at] = free @ own[:, keep]
    return projection, trials[j].profile @ projection
