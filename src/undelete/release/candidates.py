"""People of whom somebody asks whether their records were used."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undelete.errors import InputError
from undelete.maths.arrays import Floats
from undelete.release.columns import frozen


@dataclass(frozen=True, eq=False)
class Candidates:
    """Records of whom somebody asks whether they were in the training data, or deleted from it.

    Their order says nothing: whoever knows who is who has mixed them, and keeps the permutation.

    Parameters
    ----------
    X : array (c, d)
        In the model's space.
    Y : array (c, k)
        Their targets, as the model's loss has them.
    """

    X: Floats
    Y: Floats

    def __post_init__(self) -> None:
        for field in ("X", "Y"):
            object.__setattr__(self, field, frozen(getattr(self, field)))
            array = getattr(self, field)
            if array.ndim != 2 or not np.isfinite(array).all():
                raise InputError(
                    f"candidates' {field} must be a table of finite numbers, got shape {array.shape}: give one row a "
                    "record"
                )
        if len(self.X) != len(self.Y) or not len(self.X):
            raise InputError(
                f"there are {len(self.X)} candidates and {len(self.Y)} targets: give one each, one at least"
            )
