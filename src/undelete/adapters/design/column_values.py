"""The values that a raw column may turn out to have, of the public records and beyond them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from undelete.adapters.design.atoms import filled_numbers
from undelete.adapters.design.cells import Cells, Fills
from undelete.adapters.design.functions import applied
from undelete.adapters.design.polynomial import Atom, Category
from undelete.adapters.design.values import as_numbers, label_of, sort_key
from undelete.maths.arrays import Floats
from undelete.release.columns import Kind

if TYPE_CHECKING:
    from undelete.adapters.design.design import Design
    from undelete.adapters.design.encoding import Encoding
    from undelete.adapters.design.probed import Probed


# More distinct values than this are treated as a continuum, unless they are few enough to be codes.
_MOST_INTEGERS = 1000
_MOST_FRACTIONS = 50
# Whole numbers with this share of the gaps filled, and more of them than codes have, are a measured range (ages,
# years, hours): a record may well have a number in a gap, or a little beyond the ends, that no public one has.
_RANGE_SHARE = 0.7
_RANGE_VALUES = 20
_RANGE_BEYOND = 0.25  # of the range


@dataclass(frozen=True)
class Reading:
    """One raw column's cells after imputation, as the attacker may want them back.

    Parameters
    ----------
    column : str
        Its name.
    atoms, fills, encodings : tuple
        What a design makes of it; empty where nothing is known.
    text : bool
        Whether it holds anything but numbers.
    cells : Cells
        The table.
    logical : bool
        Whether it holds True and False.
    """

    column: str
    atoms: tuple[Atom, ...]
    fills: Fills
    text: bool
    cells: Cells
    encodings: tuple[Encoding, ...]
    logical: bool = False

    @classmethod
    def of(cls, design: Design | Probed, cells: Cells, column: str) -> Reading:
        """Return a column as a design reads it."""
        atoms = tuple(atom for atom in design.atoms if atom.column == column)
        ways = {atom.fills for atom in atoms}
        # A cell that was imputed looks like the value it got, unless something tells the two apart.
        fills = ways.pop() if len(ways) == 1 else ()
        encodings = tuple(e for e in design.encodings if e.column == column)
        logical = cells.is_logical(column)
        # a number column may be filled with a word
        worded = any(isinstance(value, str) for _, value in fills)
        return cls(column, atoms, fills, worded or cells.is_text(column), cells, encodings, logical)

    def filled(self) -> tuple[Category, str]:
        """Return the value that missing cells get, and what it is called; None where nothing is filled.

        Whether or not a public cell is missing: a private one may be. A word that only the imputer writes is one.
        """
        if not self.fills:
            return None, ""
        factor = self.cells.factor(self.column)
        seen = np.bincount(factor.codes + 1, minlength=len(factor.position))
        for marker, value in self.fills:
            value = dict(self.fills).get(value, value)  # an imputer after the imputer
            other = factor.at(value)
            shown = label_of(value, self.logical) if isinstance(value, str) or self.text else f"{value:.6g}"
            alone = isinstance(value, str) and (other is None or not seen[other + 1])
            if marker is not None and not alone and ((at := factor.at(marker)) is None or not seen[at + 1]):
                continue
            return value, "missing" if alone else f"missing, or {shown}"
        return None, ""

    def distinct(self) -> tuple[list[Category], NDArray[np.int64]]:
        """Return the values that records take, sorted, the missing one last, and each record's position."""
        factor = self.cells.factor(self.column, self.fills)
        at = {position: cell for cell, position in factor.position.items()}
        present, inverse = np.unique(factor.codes, return_inverse=True)
        found: list[Category] = [at[int(position)] for position in present]
        order = sorted(range(len(found)), key=lambda i: sort_key(found[i]))
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order))
        return [found[i] for i in order], rank[inverse]

    def candidates(self) -> tuple[list[Category], Floats]:
        """Return all values that a record may have, sorted, the missing one last, and their public frequencies."""
        public, inverse = self.distinct()
        counts = dict(zip(public, np.bincount(inverse, minlength=len(public)).tolist(), strict=True))
        known = self._known(any(isinstance(cell, float) for cell in public))
        values = sorted(dict.fromkeys([*public, *known, *self._range()]), key=sort_key)
        for function in {a.function for a in self.atoms if a.function}:  # of 0 the logarithm is none
            held = np.array([np.nan if value is None else float(value) for value in values])
            there = ~np.isnan(applied(function, held)) | np.isnan(held)
            values = [value for value, ok in zip(values, there, strict=True) if ok]
        return values, np.array([counts.get(value, 0) for value in values]) / max(1, self.cells.n)

    def _known(self, numbers_too: bool) -> list[Category]:
        """Return the categories that the model knows, as this table writes them; perhaps no public record has them."""
        known = [cell for e in self.encodings for cell in e.known if self.fills or cell not in dict(e.fills).values()]
        known += [cell for a in self.atoms if not a.negated for cell in a.categories or ()]
        if not self.text and all(a.is_value for a in self.atoms):
            known += [value for _, value in self.fills if isinstance(value, float)]
        if any(not a.indicator and not a.fills_missing for a in self.atoms):
            known = [cell for cell in known if cell is not None]  # nothing says what a missing cell would be
        if self.text:
            return [cell for cell in known if numbers_too or not isinstance(cell, float)]
        return [number for cell in known for number in ([None] if cell is None else as_numbers(cell))]

    def _range(self) -> list[float]:
        """Return the whole numbers around the public ones where those are a measured range, else none."""
        if self.text or any(a.codes is not None or (a.indicator and a.categories != (None,)) for a in self.atoms):
            return []
        # before imputation, as in `kind`; a mark of a missing cell is no measurement
        distinct = pd.unique(self.cells.numbers(self.column))
        marks = [marker for marker, _ in self.fills if isinstance(marker, float)]
        distinct = distinct[~np.isnan(distinct) & ~np.isin(distinct, marks)]
        if len(distinct) <= _RANGE_VALUES or len(distinct) > _MOST_INTEGERS or (distinct != np.round(distinct)).any():
            return []
        least, greatest = float(distinct.min()), float(distinct.max())
        if len(distinct) < _RANGE_SHARE * (greatest - least + 1):
            return []
        beyond = float(np.ceil(_RANGE_BEYOND * (greatest - least)))
        lowest = max(least - beyond, 0.0) if least >= 0 else least - beyond
        whole: list[float] = np.arange(lowest, greatest + beyond + 1).tolist()
        return whole

    def numbers(self) -> Floats:
        """Return the cells of a number column, after imputation."""
        return filled_numbers(self.cells.numbers(self.column), self.fills)

    def kind(self) -> Kind:
        """Return whether the column holds categories, numbers on a lattice, or a continuum."""
        if self.text or any(atom.indicator and atom.categories != (None,) for atom in self.atoms):
            return "categorical"
        if any(atom.codes is not None for atom in self.atoms):
            return "discrete"
        # the cells before imputation: a mean that was put in says nothing about the column's own values
        distinct = pd.unique(self.cells.numbers(self.column))
        distinct = distinct[~np.isnan(distinct)]
        whole = bool((distinct == np.round(distinct)).all())
        return "discrete" if len(distinct) <= (_MOST_INTEGERS if whole else _MOST_FRACTIONS) else "continuous"
