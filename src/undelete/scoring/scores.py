"""Scores of one reconstruction each: one number a deletion, NaN where a score has no meaning.

A deletion from which nothing came back scores zero on the shares and NaN on the cosines: leaving it out of
a share would flatter the attack.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from undelete.maths.arrays import Floats, Indices

_SAME = 1e-9  # of a number: round-off


def cosine(truth: Floats, found: Floats) -> Floats:
    """Return the cosine similarity of each pair of rows (b,): the paper's score.

    Examples
    --------
    >>> cosine(np.array([[1.0, 0.0], [1.0, 1.0]]), np.array([[2.0, 0.0], [-1.0, -1.0]])).round(6).tolist()
    [1.0, -1.0]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        length = np.linalg.norm(truth, axis=1) * np.linalg.norm(found, axis=1)
        return np.asarray((truth * found).sum(axis=1) / np.where(length > 0, length, np.nan))


def centred_cosine(truth: Floats, found: Floats, mean: Floats) -> Floats:
    """Return the cosine similarity less the public mean (d,), so that an average guess scores nothing."""
    return cosine(truth - mean, found - mean)


def right_columns(
    true_codes: Indices, true_values: Floats, codes: Indices, values: Floats, tolerance: Floats
) -> NDArray[np.bool_]:
    """Return which raw columns are recovered exactly (b, c).

    Parameters
    ----------
    true_codes, codes : array (b, c) of int
        Positions among a column's values; -1 for a continuous column, a value no public record has, or
        nothing recovered.
    true_values, values : array (b, c)
        Numbers, used for the columns whose tolerance is finite, and where a number is none of a column's values.
    tolerance : array (c,)
        For a continuous column the largest error that counts as the same value; NaN for the others.
    """
    with np.errstate(invalid="ignore"):
        off = np.abs(true_values - values)
        close, same = off <= tolerance, off <= _SAME * np.abs(true_values)
    # a number that the files give has joined the column's values, the true one, but for round-off the same, has not
    return np.where(np.isfinite(tolerance), close, ((codes == true_codes) & (codes >= 0)) | same)


def label(true_Y: Floats, target: Floats) -> Floats:
    """Return 1 where the class is right and 0 where not (b,); NaN where the attack names none.

    Both hold +1 and -1 in (b, k): the sign for one output, the largest for several.
    """
    named = np.isfinite(target).all(axis=1)
    if target.shape[1] == 1:
        right = np.sign(target[:, 0]) == np.sign(true_Y[:, 0])
    else:
        right = np.nan_to_num(target, nan=-np.inf).argmax(axis=1) == true_Y.argmax(axis=1)
    return np.where(named, right.astype(float), np.nan)


def target_error(true_Y: Floats, target: Floats) -> Floats:
    """Return the largest absolute error among the outputs (b,), in the target's unit."""
    return np.asarray(np.abs(true_Y - target).max(axis=1))
