"""What target encodings of two files say of who came between: the category whose encoding moved by more than the mean.

An encoding is the mean target of a category's records, drawn to that of all. Without one record the mean of all moves,
and with it every encoding, by as much as the category's own records let it. One category's moves otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from undelete.adapters.stored.change import Change
from undelete.adapters.stored.given import Given, certain
from undelete.adapters.stored.statistic import Encoded
from undelete.maths.arrays import Flags, Floats

_WHOLE = 1e-3  # of a whole number, within which one is taken for it
_UNSURE = 0.2  # error of a number from which it is not asked whether it is whole
_DIGITS = 4e-16  # of an encoding
_SLACK = 40  # times its digits, what an equation of encodings may be off by
_MOST = 5_000_000  # records up to which it is asked whether they can be a category's


@dataclass(frozen=True, eq=False)
class _Pair:
    """A column's encodings in two files, before and after: each category's less the mean of all, and that."""

    before: Floats
    after: Floats
    means: tuple[float, float]
    error: float

    @property
    def shift(self) -> float:
        return self.means[1] - self.means[0]


def encoded(big: Encoded, small: Encoded, change: Change) -> list[Given]:
    """Return the category that one record less had, where exactly one category's encoding says that it is that one.

    Parameters
    ----------
    big, small : Encoded
        Of the larger file and of the smaller one.
    change : Change
        What is known of it: one record is asked for. Of targets of 0 and 1 it is told whether it was one.

    Notes
    -----
    With a number for `smooth`: of a category without the record, (encoding - encoding') (n_c + smooth) =
    smooth (mean - mean'), n_c whole. With "auto" the encoding is M + (m_c - M) / (1 + u), u = v_c / (n_c V), with v_c
    the variance of the category's targets, V that of all and M their mean: two files' encodings are two equations for
    m_c and u, the same in both. Of targets of 0 and 1 V is M (1 - M) and v_c is m_c (1 - m_c), so that u says a whole
    n_c. Of other targets V is not stored, and nothing is said.
    """
    if change.number != 1 or big.smooth != small.smooth or big.binary != small.binary:
        return []
    later = {str(v): float(e) for v, e in zip(small.values, small.encodings, strict=False)}
    if any(str(value) not in later for value in big.values):
        return []  # that category is gone, and with it the record
    own = np.asarray(big.encodings, dtype=float)[: len(big.values)]
    others = np.array([later[str(value)] for value in big.values])
    size = float(np.abs(own).max(initial=0.0)) + abs(big.mean)
    pair = _Pair(own - big.mean, others - small.mean, (big.mean, small.mean), _SLACK * _DIGITS * size)
    if abs(pair.shift) <= pair.error:
        return []
    moved = _by_variance(pair, big.binary) if big.smooth is None else _by_number(pair, big.smooth)
    if moved is not None and moved.sum() > 1:
        change.deny(f"{big.source} of {big.column}: the encodings of several categories moved")
    if moved is None or moved.sum() != 1:
        return []
    place = int(np.flatnonzero(moved)[0])
    n = change.after if change.joined else change.before
    if big.binary and n is not None and n <= _MOST:
        if not _one_less(pair, place, big.smooth, int(n)):
            change.deny(f"{big.source} of {big.column}: encodings do not move as by one record")
            return []
        if len(own) > 2:  # all the others stayed as they were
            change.one = True if change.one is None else change.one
    return [certain(big.column, big.values[place], "category", big.source)]


def _by_number(pair: _Pair, smooth: float) -> Flags | None:
    """Return which categories' encodings moved by more than the mean does, `smooth` being a number."""
    if not smooth > 0:
        return None
    moved, shift = np.zeros(len(pair.before), dtype=bool), -smooth * pair.shift
    for j, step in enumerate(pair.before - pair.after - pair.shift):
        if abs(step) <= pair.error / _SLACK:
            fits = abs(shift) <= pair.error * 1e4
        else:
            count = shift / step - smooth
            loose = abs(shift / step) * pair.error * (1 / abs(step) + smooth / abs(shift))
            if loose > _UNSURE:
                return None  # the numbers are too large to be told from their neighbours
            fits = count > 0.5 and abs(count - round(count)) <= max(_WHOLE, loose)
        moved[j] = not fits
    return moved


def _by_variance(pair: _Pair, binary: bool) -> Flags | None:
    """Return the same where each category's own variance says how far it is drawn to the mean."""
    before, after = (mean * (1 - mean) for mean in pair.means)
    if not binary or not min(before, after) > 0:
        return None
    moved, ratio = np.zeros(len(pair.before), dtype=bool), before / after
    for j, (a, later) in enumerate(zip(pair.before, pair.after, strict=True)):
        # a (1 + u) = m_c - M and a' (1 + u V / V') = m_c - M'
        over, under = pair.shift - a + later, a - later * ratio
        if min(abs(over), abs(under)) <= pair.error:
            continue  # all its targets are alike, or it says nothing
        u, error = over / under, pair.error * (1 / abs(over) + 1 / abs(under))
        moved[j] = not _whole_number(pair.means[0] + a * (1 + u), u, error, before)
    return moved


def _whole_number(m: float, u: float, error: float, variance: float) -> bool:
    """Return whether a category of mean m has a whole number of records, and of ones; u is known to a share."""
    inside = m * (1 - m)
    if not u > 0 or not inside > 0:
        return u > -_UNSURE * error and -_WHOLE < m < 1 + _WHOLE
    count = inside / (u * variance)
    loose = count * error
    if loose > _UNSURE:
        return True  # too large to be told from its neighbours
    return all(abs(number - round(number)) <= max(_WHOLE, loose) for number in (count, count * m)) and count > 0.5


def _one_less(pair: _Pair, place: int, smooth: float | None, n: int) -> bool:
    """Return whether a category's two encodings are those of whole numbers of records and ones, and of one less."""
    M, M_after = pair.means
    gone, counts = round(M * n - M_after * (n - 1)), np.arange(2.0, n + 1)
    for ones in _ones(pair.before[place], M, counts, smooth):
        with np.errstate(invalid="ignore", divide="ignore"):
            same = np.abs(_encoding(ones, counts, M, smooth) - pair.before[place]) <= pair.error
            same &= np.abs(_encoding(ones - gone, counts - 1, M_after, smooth) - pair.after[place]) <= pair.error
        if same.any():
            return True
    return False


def _ones(a: float, M: float, counts: Floats, smooth: float | None) -> list[Floats]:
    """Return how many ones each number of records would have for an encoding that is `a` above the mean."""
    if smooth is not None:
        return [np.rint((a + M) * (counts + smooth) - smooth * M)]
    c = a / (counts * M * (1 - M))  # c m^2 + (1 - c) m = M + a
    with np.errstate(invalid="ignore", divide="ignore"):
        root = np.sqrt((1 - c) ** 2 + 4 * c * (M + a))
        roots = [2 * (M + a) / (1 - c + root), (c - 1 - root) / (2 * c)]
    return [np.rint(np.nan_to_num(m) * counts) for m in roots]


def _encoding(ones: Floats, counts: Floats, M: float, smooth: float | None) -> NDArray[np.float64]:
    """Return encodings, less the mean of all, of categories of so many records and ones."""
    m = ones / counts
    drawn = smooth / counts if smooth is not None else m * (1 - m) / (counts * M * (1 - M))
    return np.asarray((m - M) / (1 + drawn))
