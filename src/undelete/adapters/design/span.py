"""Solves B V = R for the coefficient matrix B of a preprocessing, fast and without losing digits.

Rows are monomials, columns the model's features. B is sparse and nearly triangular: a scaled feature is its
own monomial and the constant, a product is its leading monomial and lower ones. So features are peeled off: a
monomial that only one remaining feature has gives that feature's coefficient, which is then subtracted
everywhere. That is exact back substitution, no p x p factorisation; only what cannot be peeled
(duplicated features) is solved densely, with least norm.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from numpy.typing import NDArray

from undelete.maths.arrays import Floats

# A pivot this much smaller than its column's largest coefficient is round-off, not a leading term.
_SMALLEST_PIVOT = 1e-12


class Span:
    """The span of the features' polynomials, ready to solve for many right sides.

    Parameters
    ----------
    B : sparse array (p, d)
        Coefficient of each monomial in each feature.
    """

    def __init__(self, B: sp.csc_array) -> None:
        self.B = B
        self._rounds: list[tuple[NDArray[np.intp], NDArray[np.intp], Floats, sp.csc_array]] = []
        active = np.ones(B.shape[1], dtype=bool)
        entries = B.tocoo()
        rows, columns, values = entries.coords[0], entries.coords[1], entries.data
        largest = np.zeros(B.shape[1])
        np.maximum.at(largest, columns, np.abs(values))
        active &= largest > 0  # a feature that is zero for every record has no say
        while active.any():
            keep = active[columns]
            count = np.bincount(rows[keep], minlength=B.shape[0])
            pivots = keep & (count[rows] == 1) & (np.abs(values) > _SMALLEST_PIVOT * largest[columns])
            chosen = np.flatnonzero(pivots)
            if not len(chosen):
                break
            # of several monomials that only this feature has, the largest coefficient
            chosen = chosen[np.lexsort((-np.abs(values[chosen]), columns[chosen]))]
            chosen = chosen[np.unique(columns[chosen], return_index=True)[1]]
            peeled = columns[chosen]
            self._rounds.append((peeled, rows[chosen], values[chosen], B[:, peeled].tocsc()))
            active[peeled] = False
        self._rest = np.flatnonzero(active)
        self._rest_rows = np.unique(B[:, self._rest].tocoo().coords[0]) if len(self._rest) else self._rest

    def solve(self, R: Floats) -> tuple[Floats, Floats]:
        """Return V (d, q) with B V as close to R (p, q) as can be, and what is left, R - B V (p, q).

        Cost: one pass over the entries of B for each column of R.
        """
        left = np.array(R, dtype=np.float64)
        V = np.zeros((self.B.shape[1], left.shape[1]))
        if not left.shape[1]:
            return V, left
        for columns, rows, values, block in self._rounds:
            V[columns] = left[rows] / values[:, None]
            left -= block @ V[columns]
            left[rows] = 0.0
        if len(self._rest):
            block = self.B[:, self._rest]
            dense = block.toarray()[self._rest_rows]
            V[self._rest] = scipy.linalg.lstsq(dense, left[self._rest_rows])[0]
            left -= block @ V[self._rest]
        return V, left
