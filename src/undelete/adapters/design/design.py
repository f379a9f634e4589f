"""A fitted preprocessing as explicit polynomials over the raw columns.

`Design` maps a raw table to the features that the linear model sees, with the constant as the last one, and
back: `columns` says how each raw column can be read off a record in the model's space.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from undelete.adapters.design.atoms import atom_values, indicator_rows, refuse_unseen
from undelete.adapters.design.cells import Cells
from undelete.adapters.design.columns import encode_table, raw_columns
from undelete.adapters.design.conform import Use, conformed, uses
from undelete.adapters.design.encoding import Encoding
from undelete.adapters.design.polynomial import CONSTANT, Atom, Monomial, Polynomial
from undelete.adapters.design.span import Span
from undelete.maths.arrays import Floats
from undelete.release.columns import Column

_BLOCK = 1 << 20  # cells of a row block: 8 MB, so that a block is written while it is in the cache


@dataclass(frozen=True, eq=False)
class Design:
    """A map from raw columns to the model's features, each feature a polynomial.

    Parameters
    ----------
    raw : tuple of str
        The raw columns it reads.
    feature_names : tuple of str, d of them
        The features; the constant, if there is one, is last and named "1", as a column may be, too.
    polynomials : tuple of {monomial: coefficient}, d of them
        Each feature over the standardised atoms.
    has_constant : bool
        Whether the last feature is the constant 1.
    scaling : mapping from Atom to (centre, scale)
        Value atoms are standardised, u = (value - centre) / scale; (0, 1) where an atom is not listed.
    encodings : tuple of Encoding
        The encoders among the steps.
    """

    raw: tuple[str, ...]
    feature_names: tuple[str, ...]
    polynomials: tuple[Polynomial, ...]
    has_constant: bool
    scaling: Mapping[Atom, tuple[float, float]] = field(default_factory=dict)
    encodings: tuple[Encoding, ...] = ()

    @property
    def d(self) -> int:
        """Number of features, the constant among them."""
        return len(self.feature_names)

    @property
    def keys(self) -> tuple[str | Monomial, ...]:
        """What tells the features apart: their names, and for the constant what no column can be called."""
        return (*self.feature_names[:-1], CONSTANT) if self.has_constant else self.feature_names

    @cached_property
    def monomials(self) -> tuple[Monomial, ...]:
        """All monomials of the features, the constant first."""
        found: dict[Monomial, None] = {CONSTANT: None}
        for polynomial in self.polynomials:
            found.update(dict.fromkeys(polynomial))
        return tuple(found)

    @cached_property
    def atoms(self) -> tuple[Atom, ...]:
        """All atoms of the monomials."""
        return tuple(dict.fromkeys(atom for monomial in self.monomials for atom, _ in monomial))

    @cached_property
    def coefficients(self) -> sp.csc_array:
        """Coefficient matrix B (p, d): the feature j is the sum of B[i, j] times monomial i."""
        return coefficient_matrix(self.polynomials, {m: i for i, m in enumerate(self.monomials)})

    @cached_property
    def span(self) -> Span:
        """Solver for the coefficients."""
        return Span(self.coefficients)

    @cached_property
    def uses(self) -> dict[str, Use]:
        """What the map makes of each raw column."""
        return uses(self)

    def conformed(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return a table with its cells written as the encoders know them, itself where they are."""
        return conformed(table, self.uses)

    def transform(self, table: pd.DataFrame) -> Floats:
        """Return the records in the model's space, (n, d), the constant among the features.

        Exact to round-off. Cost O(n times the non-zero coefficients), in row blocks.

        Raises
        ------
        InputError
            For a missing column, a cell that is not a number where one is read, a missing cell without an
            imputer, an infinite cell, a category that the encoder does not know.
        """
        cells = Cells(self.conformed(table))
        cells.require(self.raw)
        for encoding in self.encodings:
            if encoding.refuses_unseen:
                refuse_unseen(encoding.column, encoding.fills, encoding.known, cells)
        B = self.coefficients.tocsr()
        X = np.empty((cells.n, self.d))
        X[:] = B[[0]].toarray()  # the constant is the first monomial
        alone = [_single_indicator(monomial) for monomial in self.monomials]
        dense = [i for i, atom in enumerate(alone) if i > 0 and atom is None]
        self._add_dense(X, dense, B, cells)
        for i, atom in enumerate(alone):
            if atom is not None:
                rows = indicator_rows(atom, cells)
                for position in range(B.indptr[i], B.indptr[i + 1]):
                    X[rows, B.indices[position]] += B.data[position]
        return X

    def _add_dense(self, X: Floats, dense: list[int], B: sp.csr_array, cells: Cells) -> None:
        """Add the monomials that are more than one indicator, a block of rows at a time."""
        if not dense:
            return
        used = dict.fromkeys(atom for i in dense for atom, _ in self.monomials[i])
        values = {atom: atom_values(atom, cells, self.scaling) for atom in used}
        block = B[dense].tocsc()
        touched = np.flatnonzero(np.diff(block.indptr))
        weights = block[:, touched].T.tocsr()  # (features touched, monomials)
        step = max(64, _BLOCK // max(len(dense), self.d))
        for start in range(0, cells.n, step):
            rows = slice(start, start + step)
            M = np.stack([_product(self.monomials[i], values, rows) for i in dense])
            X[rows, touched] += (weights @ M).T

    def columns(self, public: pd.DataFrame) -> tuple[tuple[Column, ...], NDArray[np.int64], Floats]:
        """Return how each raw column is carried by the features, and the public records in those terms.

        Parameters
        ----------
        public : DataFrame (m, ...)
            The public records; the candidates for a column's value are the ones seen here, the categories that
            the model knows, and the whole numbers in and a quarter beyond a dense range of more than 20 of them.

        Returns
        -------
        columns : tuple of Column, c of them
            One for each raw column that the design reads, in the table's order. A column of which no term
            can be recovered, or that has one candidate only, has a projection of shape (d, 0).
        codes : array (m, c) of int
            Position of each cell in `Column.values`; -1 in a continuous column.
        values : array (m, c)
            Each cell of a continuous column, NaN elsewhere.
        """
        columns = raw_columns(self, public)
        return columns, *self.encode(public, columns)

    def encode(self, table: pd.DataFrame, columns: tuple[Column, ...]) -> tuple[NDArray[np.int64], Floats]:
        """Return any records (the true ones, say) in the terms of `columns`.

        A cell whose value is not among `Column.values` is coded -1.
        """
        return encode_table(self, table, columns)

    def without_fills(self, columns: Collection[str]) -> Design:
        """Return the same map for records without a missing cell in some columns: what imputers fill is left out."""

        def bare(atom: Atom) -> Atom:
            return replace(atom, fills=()) if atom.column in columns else atom

        def bared(monomial: Monomial) -> Monomial:
            return tuple(sorted(((bare(a), power) for a, power in monomial), key=lambda item: item[0].key))

        return replace(
            self,
            polynomials=tuple({bared(m): c for m, c in p.items()} for p in self.polynomials),
            scaling={bare(atom): scale for atom, scale in self.scaling.items()},
            encodings=tuple(
                replace(e, fills=(), groups=tuple(map(bare, e.groups))) if e.column in columns else e
                for e in self.encodings
            ),
        )

    def constant(self) -> Floats | None:
        """Return the v (d,) with x @ v = 1 for every record, None when there is none.

        The constant's unit vector, or the sum over a full one-hot group.
        """
        if self.has_constant:
            unit: Floats = np.zeros(self.d)
            unit[-1] = 1.0
            return unit
        index = {monomial: i for i, monomial in enumerate(self.monomials)}
        sums = [[0]]  # the constant itself: PolynomialFeatures makes one
        for encoding in self.encodings:
            members = [((atom, 1),) for atom in encoding.groups]
            if not encoding.ordinal and not encoding.dropped and all(m in index for m in members):
                sums.append([index[m] for m in members])
        for members_at in sums:
            wanted = np.zeros((len(index), 1))
            wanted[members_at] = 1.0
            found = self.solve(wanted)
            total = 1.0 + float(found[1][0])
            if found[2][0] and abs(total) > 1e-6:
                return np.asarray(found[0][:, 0] / total, dtype=np.float64)
        return None

    def solve(self, R: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        """Return V (d, q), shifts (q,) and which right sides (q,) are met: B V = R + shift on the constant.

        A design without a constant feature can give a term up to a known shift; with one, shifts are zero.
        """
        V, left = self.span.solve(R)
        size = 1.0 + np.abs(self.coefficients) @ np.abs(V)
        off = np.abs(left) > 1e-9 * size
        shift = np.where(off[0], -left[0], 0.0)
        return V, shift, ~off[1:].any(axis=0)


def coefficient_matrix(polynomials: tuple[Polynomial, ...], index: Mapping[Monomial, int]) -> sp.csc_array:
    """Return the polynomials' coefficients as a sparse matrix (len(index), len(polynomials))."""
    rows = [index[monomial] for polynomial in polynomials for monomial in polynomial]
    data = [value for polynomial in polynomials for value in polynomial.values()]
    starts = np.cumsum([0, *(len(polynomial) for polynomial in polynomials)])
    return sp.csc_array(
        (np.array(data, dtype=np.float64), np.array(rows, dtype=np.intp), starts),
        shape=(len(index), len(polynomials)),
    )


def _single_indicator(monomial: Monomial) -> Atom | None:
    return monomial[0][0] if len(monomial) == 1 and monomial[0][0].indicator else None


def _product(monomial: Monomial, values: Mapping[Atom, Floats], rows: slice) -> Any:
    product: Any = 1.0
    for atom, power in monomial:
        product = product * (values[atom][rows] if power == 1 else values[atom][rows] ** power)
    return product
