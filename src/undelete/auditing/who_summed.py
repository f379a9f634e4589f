"""What refitted files say of several candidates by themselves: sums over who left, less those over who joined."""

from __future__ import annotations

import numpy as np
import pandas as pd

from undelete.adapters.stored.sums import Sums, sums
from undelete.attacker.member.sets import Known
from undelete.auditing.released import Pair
from undelete.maths.arrays import Floats

_WIDTH = 0.01  # of a column's spread among the candidates: what counts as the same sum, for a search to find its way


def summed(pair: Pair, candidates: pd.DataFrame, left: int, joined: int) -> Known:
    """Return what each candidate adds to the sums that two files tell, and the sums, in widths that count as the same.

    Parameters
    ----------
    pair : Pair
        The files.
    candidates : DataFrame
        c people in raw columns.
    left, joined : int
        How many; sums of an estimator that counts others are left out.
    """
    parts: list[tuple[Floats, float, float]] = []
    for one in sums(pair.old.stored, pair.new.stored):
        if one.number == left - joined and one.column in candidates:
            parts += _parts(one, candidates[one.column], left - joined)
    own, seen = np.zeros((len(candidates), len(parts))), np.zeros(len(parts))
    for j, (values, total, error) in enumerate(parts):
        width = max(_WIDTH * float(values.std()), error, np.finfo(float).tiny)
        own[:, j], seen[j] = values / width, total / width
    return Known(own, seen)


def _parts(one: Sums, cells: pd.Series, net: int) -> list[tuple[Floats, float, float]]:
    """Return candidates' values, their sum over the people, and its error; of numbers of their squares too.

    Where an imputer fills a and then b, the sums have k (a - b) and k (a^2 - b^2) of k others' cells: those of squares
    about (a + b) / 2 have nothing of them.
    """
    if one.category is not None:
        words = _filled(cells, one).astype(str)
        return [(np.asarray(words == str(one.category), dtype=np.float64), one.total, one.error)]
    values = pd.to_numeric(_filled(pd.to_numeric(cells, errors="coerce"), one), errors="coerce").to_numpy(dtype=float)
    if not np.isfinite(values).all():
        return []
    moved = len(set(one.fills)) == 2
    middle = sum(one.fills) / 2 if moved else float(values.mean())  # about which squares say something of their own
    found = [] if moved else [(values - middle, one.total - net * middle, one.error)]
    if np.isfinite(one.square):
        square = one.square - 2 * middle * one.total + net * middle**2
        found.append(((values - middle) ** 2, square, one.square_error + 2 * abs(middle) * one.error))
    return found


def _filled(cells: pd.Series, one: Sums) -> pd.Series:
    """Return cells with those that an imputer takes as missing filled as it fills them."""
    if not one.fills:
        return cells
    missing = cells.isna() if bool(pd.isna(one.mark)) else cells == one.mark
    return cells.astype(object).where(~missing, one.fills[0])
