"""Offsets: a number of each record's own that is added to its prediction, and where a table has it. Maths (47)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from undelete.adapters.design.functions import called
from undelete.errors import InputError
from undelete.maths.arrays import Floats


@dataclass(frozen=True)
class Offset:
    """What a model adds to x W.

    Parameters
    ----------
    terms : tuple of str
        Columns of the table whose numbers are added up, `log(years)` for the logarithm of one, an exposure. Empty where
        a file says that there is an offset, and not which columns it is made of.

    Examples
    --------
    >>> Offset(("log(years)", "extra")).of(pd.DataFrame({"years": [1.0, 1.0], "extra": [0.0, 2.0]})).tolist()
    [0.0, 2.0]
    """

    terms: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if any((found := called(term)) is not None and found[0] != "log" for term in self.terms):
            raise InputError(
                f"the offset is {self}: each of its terms is a column, or the logarithm of one, such as log(years)"
            )

    def __str__(self) -> str:
        return " + ".join(self.terms)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that a table may have for it: the terms, and what logarithms are taken of."""
        return (*self.terms, *(found[1] for term in self.terms if (found := called(term)) is not None))

    def of(self, table: pd.DataFrame) -> NDArray[np.float64]:
        """Return the offsets (n,) of raw records.

        Raises
        ------
        InputError
            For a column that is not there, a cell that is no finite number, an exposure of zero or less.
        """
        total: Floats = np.zeros(len(table))
        for term in self.terms:
            found = None if term in table else called(term)
            name = term if found is None else found[1]
            if name not in table:
                raise InputError(
                    f"a table has no column {name!r}, which is the models' offset ({self}): each record's prediction "
                    "is shifted by its own; add the column to the public records, and to training records and "
                    "candidates where they are given"
                )
            numbers = pd.to_numeric(table[name], errors="coerce").to_numpy(dtype=np.float64)
            bad = np.flatnonzero(~np.isfinite(numbers))
            if bad.size:
                raise InputError(
                    f"column {name!r}, the models' offset, is missing, infinite or no number in row {bad[0]}: nobody "
                    "was fitted without one; leave the record out"
                )
            if found is not None and not (numbers > 0).all():
                row = int(np.flatnonzero(numbers <= 0)[0])
                raise InputError(
                    f"column {name!r} is {numbers[row]:g} in row {row}: an exposure is above 0, for its logarithm is "
                    "the offset; leave the record out, or if the column is the logarithm already name it as offset "
                    "(offset=, --offset)"
                )
            total = total + (numbers if found is None else np.log(numbers))
        return total


def named_offset(offset: str | Sequence[str] | None, exposure: str | None) -> Offset | None:
    """Return the offset that a user names by columns; None without any."""
    added = () if offset is None else (offset,) if isinstance(offset, str) else tuple(offset)
    own = (*added, *(() if exposure is None else (f"log({exposure})",)))
    return Offset(own) if own else None


def agreed(found: Sequence[Offset | None], said: Offset | None) -> Offset | None:
    """Return the offset of two files, or one, as they and the user have it.

    Parameters
    ----------
    found : sequence of Offset or None
        What each file says.
    said : Offset or None
        What the user does.

    Raises
    ------
    InputError
        Where one file has an offset and the other none, their terms differ, or those that the user names; where
        nobody names them, and where the files have none.
    """
    if len({one is None for one in found}) > 1:
        which = "first" if found[0] is not None else "second"
        raise InputError(
            f"only the {which} model was fitted with an offset (or exposure), so the two are not fits of one thing: "
            "give the same model before and after the deletion"
        )
    if found[0] is None:
        if said is not None:
            raise InputError(
                f"an offset is named ({said}), and the models were fitted without one: leave offset and exposure out, "
                "or name it in the model's file (docs/model-files.md)"
            )
        return None
    named = [one for one in (*found, said) if one is not None and one.terms]
    if not named:
        raise InputError(
            "the models were fitted with an offset (or exposure), and no file says which column it is: name it, "
            "exposure= (--exposure COLUMN), or offset= (--offset COLUMN) where the column is the logarithm already"
        )
    for one in named:
        if sorted(one.terms) != sorted(named[0].terms):
            raise InputError(f"the offset is {named[0]} here and {one} there: one of them belongs to another model")
    return named[0]
