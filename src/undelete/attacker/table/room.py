"""Whether the records that a search keeps are enough: if twice as many say something else, sweeps go on; maths (13).

Of millions of possible records few are drawn to stand for all, and each column thins them again: of the columns that
were taken first few different values are left in the end, and they look surer than they are. Then more records say
something else. Sweeps over the columns of these mend it; where columns hang together too closely for that, more
records do in part.
"""

from __future__ import annotations

import numpy as np

from undelete.attacker.table.lattice import Lattice
from undelete.attacker.table.sweeps import swept
from undelete.attacker.table.term_likelihood import TermLikelihood
from undelete.attacker.table.whole_record import Correction, Posterior, search

ROOM = (256, 512, 2048, 8192)  # records kept at each column
_DRAWN = 0.02  # share of the probability on records that stand for others, from which more are kept
_SAME = 0.15  # of probability, by how much more records may move that of a column's values, on average


def with_room(
    lattice: Lattice, likelihood: TermLikelihood, target: int, correction: Correction | None = None
) -> Posterior:
    """Return the posterior of one deleted record, by sweeps where a search does not do; parameters as of `search`.

    A search is enough where its records hold nearly all of the probability, or where twice or four times as many say
    the same of the columns' values.

    Notes
    -----
    Cost that of `search` with 256 records and with 512, and of `swept`; in its place with up to 8,192 records.
    """
    posterior = search(lattice, likelihood, target, ROOM[0], correction)
    for room in ROOM[1:]:
        if posterior.drawn <= _DRAWN:
            return posterior
        fewer, posterior = posterior, search(lattice, likelihood, target, room, correction)
        if posterior.drawn <= _DRAWN or apart(fewer, posterior) < _SAME:
            return posterior
        if room == ROOM[1] and (found := swept(posterior)) is not None:
            return found
    return posterior


def apart(one: Posterior, other: Posterior) -> float:
    """Return by how much probability two posteriors differ in what they say of a column's values, on average."""
    found = []
    for mine, others in zip(one.codes.T, other.codes.T, strict=True):
        codes, weight = np.concatenate([mine, others]), np.concatenate([one.weight, -other.weight])
        found.append(np.abs(np.bincount(codes, weights=weight)).sum() / 2)
    return float(np.mean(found))
