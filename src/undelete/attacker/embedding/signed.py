"""What is traced back: gradients of one sign as embeddings with errors, known up to a number."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from undelete.attacker.embedding.free_scale import FreeScale
from undelete.attacker.embedding.search import Preimages
from undelete.maths.arrays import Floats, Indices
from undelete.maths.embeddings import Embedding


@dataclass(frozen=True, eq=False)
class Signed:
    """Embeddings with errors, known up to a positive number each.

    Parameters
    ----------
    targets : array (b, D)
        Gradients of a sign that is taken for known, divided by the scale that a search begins with.
    variance : array (b,)
        Of their errors there, all features together.
    classes : array (b,) of int or None
        The records' own, -1 where they are not known.
    free : FreeScale
        By what the targets are still to be divided.
    """

    targets: Floats
    variance: Floats
    classes: Indices | None
    free: FreeScale

    def part(self, rows: Indices) -> Signed:
        """Return some of them."""
        classes = None if self.classes is None else self.classes[rows]
        return Signed(self.targets[rows], self.variance[rows], classes, self.free.part(rows))

    def told(self, found: Preimages, phi: Embedding, shape: Floats) -> Preimages:
        """Return what was found with the embeddings that were traced, at the scales found, and their errors.

        `shape` (D,): how large each feature's variance is beside the others'.
        """
        assert found.scale is not None
        targets = self.free.middle + (self.targets - self.free.middle) / found.scale[:, None]
        noise = self.variance / found.scale**2 / shape.sum()
        distance = np.linalg.norm(targets - phi.transform(found.inputs), axis=1)
        return replace(found, features=targets, features_error=np.sqrt(noise[:, None] * shape), distance=distance)
