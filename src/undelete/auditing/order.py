"""Who came between two models: a record that left, or one that joined; as asked, counted, or by the change's sign."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from undelete.adapters.comparable import fitted_anew
from undelete.attacker.hrec import hrec
from undelete.auditing.one_record import reversed_order
from undelete.auditing.released import Pair
from undelete.errors import InputError
from undelete.release.release import Release

Read = Callable[..., Pair]


def ordered(read: Read, deleted: int | None, joined: int | None) -> tuple[Pair, bool, bool, list[str]]:
    """Return two models, the one with the record first, whether it joined, whether there are two, and what says so.

    Parameters
    ----------
    read : callable
        Reads the two, called as read(joined=...).
    deleted, joined : int or None
        How many left and joined, as asked.

    Raises
    ------
    InputError
        For other numbers than one record's, or such as the files contradict.
    """
    _check(deleted, joined)
    asked = None if deleted is None and joined is None else (joined or 0) > (deleted or 0)
    pair = read(joined=(joined or 0) if asked else 0)
    counts = (pair.old.n, pair.new.n)
    anew = not pair.old.steps or fitted_anew(pair.old, pair.new)
    more = counts[1] - counts[0] if anew and counts[0] is not None and counts[1] is not None else None
    if asked is not None:
        if more is not None and more > 0:
            numbers = counts[::-1] if asked else counts
            raise InputError(
                f"deleted={deleted or 0} and joined={joined or 0} are given, but the files count {numbers[0]:,} "
                f"records before and {numbers[1]:,} after: leave them out, or give the files in the other order"
            )
        return pair, asked, max(deleted or 0, joined or 0) == 2, []
    if more == -2:
        return pair, False, True, []
    if more == 2:
        return read(joined=2), True, True, []
    if more == 1:
        return read(joined=1), True, False, [
            f"The second file counts one record more than the first ({counts[0]:,} and {counts[1]:,}): a record "
            "joined, and it is this one that is shown. Were the files given in the wrong order, it is one that left."
        ]  # fmt: skip
    if more is None and _says_joined(pair.release):
        return read(joined=1), True, False, [
            "The change has the sign of a record that joined, and it is this one that is shown. Were the files given "
            "in the wrong order, it is the one that left."
        ]  # fmt: skip
    return pair, False, False, []


def _says_joined(release: Release) -> bool:
    """Return whether the change has the sign of a record that joined; noise has none that says anything."""
    return release.noise is None and reversed_order(release, hrec(release, np.random.default_rng(0)))


def _check(deleted: int | None, joined: int | None) -> None:
    for name, number in (("deleted", deleted), ("joined", joined)):
        if number is not None and not (
            isinstance(number, int | np.integer) and not isinstance(number, bool) and number >= 0
        ):
            raise InputError(f"{name} is {number!r}: it is a number of records")
    if deleted is None and joined is None:
        return
    pair = deleted or 0, joined or 0
    if pair not in ((1, 0), (0, 1), (2, 0), (0, 2)):
        raise InputError(
            f"deleted={pair[0]} and joined={pair[1]}: one or two records that left or that joined are reconstructed; "
            "of more undelete scan says what the files give away of them together"
        )
