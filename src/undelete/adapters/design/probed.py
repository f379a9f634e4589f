"""A preprocessing of which only `transform` is known: any steps, whatever they are.

`Probed` stands where a `Design` does. What the attack needs of it are the features of any table, and how each raw
column is carried by them, which `probe` finds out by asking.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from undelete.adapters.design.cells import Cells
from undelete.adapters.design.columns import encode_table
from undelete.adapters.design.conform import Use, conformed
from undelete.adapters.design.encoding import Encoding
from undelete.adapters.design.polynomial import CONSTANT, Atom, Monomial, Polynomial
from undelete.adapters.design.probe import probed_columns
from undelete.errors import InputError
from undelete.maths.arrays import Floats
from undelete.release.columns import Column


@dataclass(frozen=True, eq=False)
class Probed:
    """A map from raw columns to the model's features by a function.

    Parameters
    ----------
    raw : tuple of str
        The raw columns that the function takes, in its order.
    feature_names : tuple of str, d of them
        The features; the constant, if there is one, is last and named "1".
    has_constant : bool
        Whether the last feature is the constant 1.
    apply : callable
        From a table of the raw columns (n, ...) to the features without the constant (n, d0).
    encodings : tuple of Encoding
        What encoders of raw columns say of the categories they know.
    training : callable or None
        Where the steps make other features of the records that they are fitted on than of others: from a table of the
        raw columns, its targets and a generator, what they would make of it if they had been fitted on it; without
        the constant.
    """

    raw: tuple[str, ...]
    feature_names: tuple[str, ...]
    has_constant: bool
    apply: Callable[[pd.DataFrame], Floats]
    encodings: tuple[Encoding, ...] = ()
    training: Callable[[pd.DataFrame, NDArray[Any], np.random.Generator], Floats] | None = None
    # what a design that can be read says of itself besides: nothing is known of it here
    polynomials: tuple[Polynomial, ...] = ()
    monomials: tuple[Monomial, ...] = ()
    atoms: tuple[Atom, ...] = ()
    scaling: Mapping[Atom, tuple[float, float]] = field(default_factory=dict)

    @property
    def d(self) -> int:
        """Number of features, the constant among them."""
        return len(self.feature_names)

    @property
    def keys(self) -> tuple[str | Monomial, ...]:
        """What tells the features apart: their names, and for the constant what no column can be called."""
        return (*self.feature_names[:-1], CONSTANT) if self.has_constant else self.feature_names

    @property
    def uses(self) -> dict[str, Use]:
        """What the map makes of the raw columns that encoders read first; of others it is not known."""
        encoders: dict[str, list[Encoding]] = {}
        for encoding in self.encodings:
            encoders.setdefault(encoding.column, []).append(encoding)
        known = {name: tuple(dict.fromkeys(c for e in own for c in e.known)) for name, own in encoders.items()}
        return {name: Use(cells, True, None in cells, False) for name, cells in known.items()}

    def conformed(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return a table with its cells written as the encoders know them, itself where they are."""
        return conformed(table, self.uses)

    def transform(self, table: pd.DataFrame) -> Floats:
        """Return the records in the model's space (n, d), the constant among the features.

        Raises
        ------
        InputError
            For a missing column, or when a step does not take these records.
        """
        X = self._with_constant(self.apply(self._own(self.conformed(table))))
        if X.shape[1] != self.d:
            raise InputError(
                f"the steps make {X.shape[1]} features of these records and {self.d} of others: a step that makes as "
                "many as it sees fit has no fixed meaning; leave it out"
            )
        if not np.isfinite(X).all():
            bad = self.feature_names[int(np.flatnonzero(~np.isfinite(X).all(axis=0))[0])]
            raise InputError(
                f"the steps make feature {bad!r} missing or infinite for some records: fill or drop these cells, or "
                "put an imputer first"
            )
        return X

    def trained(self, table: pd.DataFrame, targets: NDArray[Any], rng: np.random.Generator) -> Floats:
        """Return what `transform` would have been of these records, had the steps been fitted on them."""
        if self.training is None:
            return self.transform(table)
        return self._with_constant(self.training(self._own(table), targets, rng))

    def _own(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the raw columns that the steps take, in their order."""
        cells = Cells(table)
        cells.require(self.raw)
        at = {str(label): j for j, label in enumerate(table.columns)}
        return table.iloc[:, [at[name] for name in self.raw]].set_axis(list(self.raw), axis=1)

    def _with_constant(self, X: Floats) -> Floats:
        return np.hstack([X, np.ones((len(X), 1))]) if self.has_constant else X

    def columns(self, public: pd.DataFrame) -> tuple[tuple[Column, ...], NDArray[np.int64], Floats]:
        """Return how each raw column is carried by the features, and the public records in those terms.

        As `Design.columns`, found out by changing one column of public records at a time.
        """
        columns = probed_columns(self, public)
        return columns, *self.encode(public, columns)

    def encode(self, table: pd.DataFrame, columns: tuple[Column, ...]) -> tuple[NDArray[np.int64], Floats]:
        """Return any records in the terms of `columns`; a cell whose value is not among them is coded -1."""
        return encode_table(self, table, columns)

    def without_fills(self, columns: Collection[str]) -> Probed:
        """Return itself: what imputers fill is not told apart."""
        return self

    def constant(self) -> Floats | None:
        """Return the v (d,) with x @ v = 1 for every record, None where there is no constant feature."""
        if not self.has_constant:
            return None
        unit: Floats = np.zeros(self.d)
        unit[-1] = 1.0
        return unit

    def solve(self, R: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        """Return that no monomial (q of them) can be read off the features: `Design.solve` without any."""
        q = R.shape[1]
        return np.zeros((self.d, q)), np.zeros(q), np.zeros(q, dtype=bool)
