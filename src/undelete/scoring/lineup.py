"""Members and non-members in one row, so mixed that only the scoring can tell them apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from undelete.maths.arrays import Floats
from undelete.release.candidates import Candidates


@dataclass(frozen=True, eq=False)
class Lineup:
    """Candidates for a membership attack, and what only the scoring knows of them.

    Parameters
    ----------
    candidates : Candidates
        All that the attack is given: copies, in an order that says nothing.
    order : array (c,) of int
        For each candidate its position before the mixing, members first.
    members : int
        How many of them are members.

    Examples
    --------
    >>> lineup = Lineup.mix((np.array([[1.0], [2.0]]), np.zeros((2, 1))), (np.array([[3.0]]), np.zeros((1, 1))),
    ...                     np.random.default_rng(0))
    >>> lineup.unmix(lineup.candidates.X[:, 0]).tolist(), lineup.member.tolist()
    ([1.0, 2.0, 3.0], [True, True, False])
    """

    candidates: Candidates
    order: NDArray[np.int64]
    members: int

    @classmethod
    def mix(
        cls,
        members: tuple[Floats, Floats],
        others: tuple[Floats, Floats],
        rng: np.random.Generator,
        offsets: tuple[Floats, Floats] | None = None,
    ) -> Lineup:
        """Return a line-up of members and others, each given as records (., d) and targets (., k).

        Parameters
        ----------
        members, others : pairs of arrays
            Those who were in the training data, and those who were not.
        rng : numpy.random.Generator
            Draws the permutation; the attack must not hold it.
        offsets : pair of arrays, optional
            What is added to the predictions of either, where the model has an offset.
        """
        X, Y = (np.concatenate(pair) for pair in zip(members, others, strict=True))
        order = rng.permutation(len(X))
        shifts = None if offsets is None else np.concatenate(offsets)[order]
        return cls(Candidates(X[order], Y[order], shifts), order, len(members[0]))

    @property
    def member(self) -> NDArray[np.bool_]:
        """Whether each record was in the training data (c,), in the order of `unmix`."""
        return np.arange(len(self.order)) < self.members

    def unmix(self, found: NDArray[np.float64]) -> Floats:
        """Return what an attack said of the candidates (..., c) in the order before the mixing, members first."""
        back = np.empty_like(found)
        back[..., self.order] = found
        return back
