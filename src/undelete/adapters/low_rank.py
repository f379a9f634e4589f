"""Weights that could only move in a part of their directions, as low-rank adapters leave them that were merged.

A layer y = W x has the gradient delta x', and at an optimum of all of W what a deletion changes it by is the inverse
Hessian's mixture of many such matrices: as many directions as the gradients themselves have. An adapter W + B A (Hu et
al., *LoRA*, 2021) of rank r changes W by a matrix of rank 2 r at most, of r where B or A alone was trained, and the
gradient by W is zero at the optimum along B and A only. Two merged files do not say which directions these were.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from undelete.errors import NotAttacked
from undelete.maths.arrays import Floats

_EXACT = 2.0**-50  # relative rounding of a product of adapters in float64
_NOISE, _GAP = (
    4.0,
    30.0,
)  # times rounding, up to which a singular value is none; by which the least other one exceeds it
_OUTSIDE = 1e-3  # of a gradient's length, outside the change's rows or columns, from which it is outside
ASKED = 16  # public records whose gradients are looked at


@dataclass(frozen=True, eq=False)
class Spanned:
    """The directions in which a weight changed.

    Parameters
    ----------
    rows : array (in, r)
        An orthonormal basis of the change's rows, and so of what the layer read as far as it learnt from it.
    columns : array (out, r)
        Of its columns.
    most : int
        The rank that it could have: the lesser number of its rows and columns that are not zero.
    """

    rows: Floats
    columns: Floats
    most: int

    @property
    def rank(self) -> int:
        """Of the change."""
        return int(self.rows.shape[1])

    @classmethod
    def of(cls, before: Floats, after: Floats, rounding: float) -> Spanned | None:
        """Return the span of a weight's change (out, ...); None where its rank is as large as it could be, or unclear.

        Parameters
        ----------
        before, after : arrays (out, ...)
            The weight; what follows its first axis is taken as one.
        rounding : float
            Largest relative rounding error of its numbers.
        """
        if before.ndim < 2:
            return None
        change = (before - after).reshape(len(before), -1)
        most = min(int((change != 0).any(axis=axis).sum()) for axis in (0, 1))
        if most < 2:
            return None
        columns, size, rows = np.linalg.svd(change, full_matrices=False)
        noise = _NOISE * max(rounding, _EXACT) * float(np.linalg.norm(before))
        rank = int((size > noise).sum())
        if not 0 < rank < most or size[rank - 1] < _GAP * noise:
            return None
        return cls(rows[:rank].T, columns[:, :rank], most)

    def holds(self, gradients: Floats) -> bool:
        """Return whether gradients (r, out, ...) lie in the change's rows, or all of them in its columns.

        Then it is the data or the architecture that leaves the other directions out (features that go together, units
        that are twins, classes whose probabilities add up to one), and not the training.
        """
        g = gradients.reshape(len(gradients), len(self.columns), -1)
        beyond = g - g @ self.rows @ self.rows.T, g - self.columns @ (self.columns.T @ g)
        return min(float(np.linalg.norm(one)) for one in beyond) <= _OUTSIDE * float(np.linalg.norm(g))


def refuse_merged(
    name: str, before: Floats, after: Floats, rounding: float, gradients: Callable[[], Floats], *, squared: bool
) -> None:
    """Refuse a weight that could only move in some directions.

    Parameters
    ----------
    name : str
        The parameter's.
    before, after, rounding
        As of `Spanned.of`.
    gradients : callable
        Returns some records' gradients by it (r, out, ...).
    squared : bool
        Whether the loss is squared error: a last layer then changes by a matrix of rank one, maths (2).

    Raises
    ------
    InputError
        Where its change has a lower rank than records' gradients have.
    """
    found = Spanned.of(before, after, rounding)
    if found is None or (squared and found.rank == 1) or found.holds(gradients()):
        return
    raise NotAttacked(
        f"the change of {name} has rank {found.rank}, where training all of it to the optimum would change it in "
        f"{found.most} directions: low-rank adapters (LoRA) were merged into it, or the new model is a few steps on a "
        "few records away. The gradient is then zero along some directions only, and two merged models do not say "
        "which: give both networks with the adapters as parameters of their own, not merged, or retrain to the optimum"
    )
