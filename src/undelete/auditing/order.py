"""Who came between two models: records that left, that joined; as asked, counted, or by the change's sign."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from undelete.adapters.comparable import fitted_anew
from undelete.attacker.hrec import hrec
from undelete.auditing.one_record import reversed_order
from undelete.auditing.released import Pair
from undelete.errors import InputError
from undelete.release.release import Release

Read = Callable[..., Pair]
MOST = 10_000  # people between two models


@dataclass(frozen=True, eq=False)
class Between:
    """Two models and who came between them.

    Parameters
    ----------
    pair : Pair
        The one with the records first, where they joined and nobody left.
    left, joined : int
        How many left and joined between `pair`'s models in that order.
    came : bool
        Whether the files are in the other order: those who left of `pair` joined.
    asked : bool
        Whether that is as somebody said.
    notes : list of str
        What says so.
    """

    pair: Pair
    left: int
    joined: int
    came: bool
    asked: bool
    notes: list[str]

    @property
    def several(self) -> bool:
        """Whether it is more than one record."""
        return self.left + self.joined > 1


def ordered(read: Read, deleted: int | None, joined: int | None) -> Between:
    """Return two models with who came between them.

    Parameters
    ----------
    read : callable
        Reads the two, called as read(joined=...): of so many who joined, and nobody left, the second file first.
    deleted, joined : int or None
        How many left and joined, as asked.

    Raises
    ------
    InputError
        For numbers that are none, or such as the files contradict.
    """
    _check(deleted, joined)
    if deleted is not None or joined is not None:
        left, came = deleted or 0, joined or 0
        turned = came > 0 and left == 0
        pair = read(joined=came if turned else 0)
        _agreeing(pair, left, came, turned=turned)
        return Between(pair, came if turned else left, 0 if turned else came, turned, True, [])
    pair = read(joined=0)
    more = _more(pair)
    if more is not None and abs(more) > 1:
        return Between(read(joined=more) if more > 0 else pair, abs(more), 0, more > 0, False, [])
    if more == 1:
        counts = (pair.old.n, pair.new.n)
        return Between(read(joined=1), 1, 0, True, False, [
            f"The second file counts one record more than the first ({counts[0]:,} and {counts[1]:,}): a record "
            "joined, and it is this one that is shown. Were the files given in the wrong order, it is one that left."
        ])  # fmt: skip
    if more is None and _says_joined(pair.release):
        return Between(read(joined=1), 1, 0, True, False, [
            "The change has the sign of a record that joined, and it is this one that is shown. Were the files given "
            "in the wrong order, it is the one that left."
        ])  # fmt: skip
    return Between(pair, 1, 0, False, False, [])


def _more(pair: Pair) -> int | None:
    """Return how many records the second file counts more than the first; None where they do not say."""
    if pair.old.n is None or pair.new.n is None or pair.old is pair.new:
        return None
    more = int(pair.new.n - pair.old.n)
    return more if more or not pair.old.steps or fitted_anew(pair.old, pair.new) else None


def _agreeing(pair: Pair, left: int, came: int, *, turned: bool) -> None:
    more = _more(pair)
    if more is None or (-more if turned else more) == came - left:
        return
    numbers = (pair.new.n, pair.old.n) if turned else (pair.old.n, pair.new.n)
    raise InputError(
        f"deleted={left} and joined={came} are given, but the files count {numbers[0]:,} records before and "
        f"{numbers[1]:,} after: leave them out, give numbers that agree, or give the files in the other order"
    )


def _says_joined(release: Release) -> bool:
    """Return whether the change has the sign of a record that joined; noise has none that says anything."""
    return release.noise is None and reversed_order(release, hrec(release, np.random.default_rng(0)))


def _check(deleted: int | None, joined: int | None) -> None:
    for name, number in (("deleted", deleted), ("joined", joined)):
        if number is not None and not (
            isinstance(number, int | np.integer) and not isinstance(number, bool) and 0 <= number <= MOST
        ):
            raise InputError(f"{name} is {number!r}: it is a number of records, at most {MOST:,}")
    if (deleted is not None or joined is not None) and not (deleted or 0) + (joined or 0):
        raise InputError("deleted=0 and joined=0: nobody left and nobody joined, so there is no record to look for")
