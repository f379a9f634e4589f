"""The columns that are searched together, and what is known of them before any deletion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from undelete.attacker.table.atoms import Atoms
from undelete.attacker.table.prior import Conditional
from undelete.maths.arrays import Floats, Indices
from undelete.release.columns import Column


@dataclass(frozen=True, eq=False)
class Lattice:
    """What all deletions share: the columns that are decoded, where their terms stand, and the prior.

    Parameters
    ----------
    columns : sequence of Column
        Those on a lattice, in the order of the search.
    order : sequence of int
        Their positions among the release's columns.
    projection : array (d, q)
        From the model's space to the columns' terms, in that order.
    target : int
        The position of the target's class or tenth, after those of all columns.
    prior : dict of int to Conditional
        By the columns' positions.
    bits : float
        The prior's entropy, the target's class or tenth included.
    whole : bool
        Whether the whole record is estimated; of a model of many features it is the terms only.
    mixed : sequence of Atoms
        Continuous columns that many public records have a value of in common; none where not all is estimated.
    allowed : mapping of int to array
        Of columns of which something is known beforehand, the codes that are left.
    """

    columns: Sequence[Column]
    order: Sequence[int]
    projection: Floats
    target: int
    prior: Mapping[int, Conditional]
    bits: float
    whole: bool
    mixed: Sequence[Atoms] = ()
    allowed: Mapping[int, Indices] = field(default_factory=dict)

    @property
    def terms(self) -> Floats:
        """From the likelihood's coordinates to the columns' terms (p, q)."""
        if self.whole:
            return self.projection
        q = self.projection.shape[1]
        return np.eye(q + 1, q)
