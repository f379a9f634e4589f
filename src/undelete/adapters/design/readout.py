"""Raw number columns as affine functions of a record in the model's space: the pixels of an image.

Where a table has hundreds of columns of one kind, nobody reads them one by one: no codes, no lattice, no
column's own error bars; one product gives all values of many records.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse as sp

from undelete.adapters.design.design import Design
from undelete.adapters.design.polynomial import Atom
from undelete.adapters.design.probed import Probed
from undelete.errors import InputError
from undelete.maths.arrays import Floats


@dataclass(frozen=True, eq=False)
class Readout:
    """How c raw columns are read off records in the model's space.

    Parameters
    ----------
    names : tuple of str, c of them
        The columns, in the table's order.
    projection : sparse array (d, c)
    offset : array (c,)
        A record x (d,) has the raw values ``x @ projection + offset``.
    """

    names: tuple[str, ...]
    projection: sp.csc_array
    offset: Floats

    @classmethod
    def of(cls, design: Design | Probed, table: pd.DataFrame) -> Readout:
        """Return the readout of every raw column that the design uses, in the table's order.

        Raises
        ------
        InputError
            When a column is no number to the model, or cannot be told from its features (a step mixes
            columns, as PCA does).
        """
        names = tuple(str(label) for label in table.columns if str(label) in set(design.raw))
        index = {monomial: i for i, monomial in enumerate(design.monomials)}
        atoms = _values(design, names)
        wanted = np.zeros((len(index), len(names)))
        for j, (name, atom) in enumerate(atoms.items()):
            if atom is None or ((atom, 1),) not in index:
                raise InputError(f"column {name!r} is no number to this model, so it is no pixel: leave --image out")
            wanted[index[((atom, 1),)], j] = 1.0
        V, shift, met = design.solve(wanted)
        if not met.all():
            name = names[int(np.flatnonzero(~met)[0])]
            raise InputError(
                f"pixel {name!r} cannot be read off the model's features (a step before it mixes or drops columns), so "
                "there is no picture: leave --image out"
            )
        scaling = [design.scaling.get(atom, (0.0, 1.0)) for atom in atoms.values() if atom is not None]
        centre, scale = (np.array([pair[i] for pair in scaling]) for i in (0, 1))
        return cls(names, sp.csc_array(V * scale), centre - scale * shift)

    def read(self, X: Floats) -> Floats:
        """Return the raw values (b, c) of records X (b, d)."""
        return np.asarray(self.projection.T @ X.T).T + self.offset


def _values(design: Design | Probed, names: tuple[str, ...]) -> dict[str, Atom | None]:
    """Return the atom that is each column's own value; None where there is none, or an encoder reads it."""
    atoms: dict[str, list[Atom]] = {name: [] for name in names}
    for atom in design.atoms:
        atoms[atom.column].append(atom)
    return {name: own[0] if len(own) == 1 and own[0].is_value else None for name, own in atoms.items()}
