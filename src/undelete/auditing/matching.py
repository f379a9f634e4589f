"""People who came back together, in the order of the true ones."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from undelete.maths.arrays import Floats
from undelete.release.reconstruction import Reconstruction
from undelete.release.seen import Seen
from undelete.scoring.scores import centred_cosine
from undelete.scoring.table import columns_right
from undelete.scoring.truth import Truth


def matched(release: Seen, truth: Truth, found: Reconstruction, signs: Floats) -> Reconstruction:
    """Return a reconstruction of groups (b t records) with each group's people in the order of the true ones.

    They have no order of their own: those who left, and those who joined, are compared as is best for the attack, and
    for the guesses beside it; a column that is told surely says more of who is meant than one that is guessed.

    Parameters
    ----------
    release : Seen
        Of all groups, group after group.
    truth : Truth
        The true records, likewise.
    found : Reconstruction
        To be put in order.
    signs : array (t,)
        1 for who left, -1 for who joined.
    """
    t, b = len(signs), len(truth.X) // len(signs)
    order = np.arange(len(truth.X)).reshape(b, t)
    mean = release.records_public.mean(axis=0)
    for g in range(b):
        rows = order[g].copy()
        apart = np.where(signs[:, None] == signs, 0.0, -1e6)
        for shift in range(t):  # the shift-th shown beside each true one
            turned = np.roll(rows, -shift)
            beside = dataclasses.replace(_taken(found, turned))
            alike = np.nan_to_num(centred_cosine(truth.X[rows], beside.X, mean))
            right = columns_right(release, _of(truth, rows), beside)
            sure = 1.0 if beside.probability is None else np.nan_to_num(beside.probability)
            alike = alike + (0.0 if right is None else 10.0 * (right * sure).sum(axis=1))
            apart[np.arange(t), turned - rows[0]] += alike
        order[g] = rows[linear_sum_assignment(-apart)[1]]
    return _taken(found, order.ravel())


def _taken(found: Reconstruction, rows: Any) -> Reconstruction:
    fields = {f.name: getattr(found, f.name) for f in dataclasses.fields(Reconstruction)}
    arrays = {name: array[rows] for name, array in fields.items() if isinstance(array, np.ndarray)}
    return dataclasses.replace(found, status=tuple(found.status[int(i)] for i in rows), **arrays)


def _of(truth: Truth, rows: Any) -> Truth:
    return Truth(X=truth.X[rows], codes=None if truth.codes is None else truth.codes[rows],
                 values=None if truth.values is None else truth.values[rows])  # fmt: skip
