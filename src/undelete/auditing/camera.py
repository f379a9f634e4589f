"""What defences leave of deleted pictures: some deletions, as the attack draws them under each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from undelete.adapters.design.readout import Readout
from undelete.auditing.pictures import pictures_of
from undelete.data.schema import ImageInfo
from undelete.maths.arrays import Floats, Indices
from undelete.release.reconstruction import Reconstruction
from undelete.release.seen import Seen
from undelete.report.pictures import one_a_label
from undelete.scoring.table import score
from undelete.scoring.truth import Truth

PICTURED = 8  # deletions whose pictures are compared, at most


@dataclass(frozen=True, eq=False)
class Camera:
    """Makes pictures of some deletions.

    Parameters
    ----------
    image : ImageInfo
        How to see a record.
    readout : Readout
        How pixels are read off it.
    pictured : array (p,) of int
        Which of the deletions.
    heads : sequence of str
        What each is of.
    """

    image: ImageInfo
    readout: Readout
    pictured: Indices
    heads: Sequence[str]

    @classmethod
    def of(cls, image: ImageInfo, readout: Readout, targets: NDArray[Any], rng: np.random.Generator) -> Camera:
        """Return one for deletions with these targets (b,) or (b, k), one of each class where they are classes."""
        words = targets if targets.ndim == 1 and len(set(targets.tolist())) <= PICTURED * 2 else None
        labels = None if words is None else np.unique(words, return_inverse=True)[1]
        pictured = one_a_label(labels, PICTURED, rng, len(targets))
        return cls(image, readout, pictured, ["" if words is None else str(words[i]) for i in pictured])

    def shots(self, release: Seen, truth: Truth, said: Reconstruction) -> dict[str, Any]:
        """Return the attack's pictures, None where nothing came back, and their centred cosines with the true ones."""
        near = score(release, truth, said)["centred_cosine"][self.pictured]
        return {
            "pixels": self._pixels(pictures_of(release, said, self.image, self.readout)),
            "near": [round(float(value), 4) for value in np.nan_to_num(near)],
        }

    def true(self, release: Seen, truth: Truth) -> list[Any]:
        """Return the deleted pictures."""
        return self._pixels(pictures_of(release, truth, self.image, self.readout))

    def _pixels(self, drawn: Floats) -> list[Any]:
        """Return pictures as nested lists of whole numbers, which a row that is kept on disk can hold."""
        own = drawn[self.pictured]
        there = np.asarray(np.isfinite(own).all(axis=1))
        seen = self.image.pixels(np.where(there[:, None], own, 0.0))
        return [picture.tolist() if known else None for picture, known in zip(seen, there, strict=True)]
