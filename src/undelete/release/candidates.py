"""People of whom somebody asks whether their records were used."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undelete.errors import InputError
from undelete.maths.arrays import Floats
from undelete.maths.objective import predict
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
    offset : array (c,), (c, k) or None
        What each has added to its predictions, maths (47); None where the models have no offset.
    """

    X: Floats
    Y: Floats
    offset: Floats | None = None

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
        if self.offset is not None:
            object.__setattr__(self, "offset", frozen(self.offset))
            if self.offset.shape not in ((len(self.X),), self.Y.shape) or not np.isfinite(self.offset).all():
                raise InputError(f"candidates' offset must be {len(self.X)} finite numbers, one for each")

    def take(self, which: slice) -> Candidates:
        """Return some of them."""
        return Candidates(self.X[which], self.Y[which], None if self.offset is None else self.offset[which])

    def predictions(self, W: Floats) -> Floats:
        """Return their predictions z by parameters, (c, k) or of a batch (c, b, k), offsets added."""
        return np.asarray(predict(self.X, W, self.offset))
