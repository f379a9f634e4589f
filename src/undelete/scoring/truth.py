"""The deleted records themselves, which no attack is given."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from undelete.files import write
from undelete.maths.arrays import Floats


@dataclass(frozen=True, eq=False)
class Truth:
    """The b deleted records, as the scoring needs them. Never given to an attack.

    Parameters
    ----------
    X : array (b, d)
        In the model's space.
    Y : array (b, k) or None
        Targets; None when the auditor does not have them.
    codes : array (b, c) of int or None
        Positions of the raw values in `Column.values`; -1 when continuous or not among the public values.
    values : array (b, c) or None
        Raw numbers; NaN in a categorical column.
    rows : array (b,) of int or None
        Rows of the private table.
    raw : sequence of dict or None
        The records' own cells by column, for display.
    inputs : array (b, d0) or None
        The records before the embedding, where the model has one.
    """

    X: Floats
    Y: Floats | None = None
    codes: NDArray[np.int64] | None = None
    values: Floats | None = None
    rows: NDArray[np.int64] | None = None
    raw: Sequence[Mapping[str, Any]] | None = None
    inputs: Floats | None = None

    @property
    def records(self) -> Floats:
        """The records as they are compared and shown: before the embedding, where there is one."""
        return self.X if self.inputs is None else self.inputs

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the fields that are there, by name."""
        return {f: a for f in ("X", "Y", "codes", "values", "rows", "inputs") if (a := getattr(self, f)) is not None}

    def take(self, deletions: slice | NDArray[np.int64]) -> Truth:
        """Return the records of some deletions only, as arrays."""
        return Truth(**{name: array[deletions] for name, array in self.arrays().items()})  # type: ignore[arg-type]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write `arrays` to an .npz file, for its owner's eyes only."""
        write(path, lambda file: np.savez(file, allow_pickle=False, **self.arrays()))
