"""The lattice that deletions are searched on, with the prior learnt from their public records, once for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from undelete.attacker.table.atoms import find
from undelete.attacker.table.given import known_columns
from undelete.attacker.table.lattice import Lattice
from undelete.attacker.table.prior import learn
from undelete.maths.arrays import Floats, Indices
from undelete.release.columns import Column
from undelete.release.release import Release
from undelete.release.seen import Seen

_TERMS = 64  # a column of more terms is taken as HRec decodes it
_FEATURES = 256  # up to which the whole record's covariance is formed
_BINS = 10  # of a numeric target, as what the prior may depend on


@dataclass(frozen=True)
class _Learnt:
    """The last public records a prior was learnt from: blocks of one sweep share it."""

    public: tuple[int, int, bool, tuple[int, ...]]
    keep: tuple[object, object]  # so that the identities above stay theirs
    columns: tuple[Column, ...]
    lattice: Lattice


_last: list[_Learnt] = []


def shared_lattice(release: Seen, *, targeted: bool) -> Lattice:
    """Return the lattice of a release, the one before if that had the same public records.

    Where nothing is known beforehand any order of the columns serves, so that one learnt for another is taken.

    Parameters
    ----------
    release : Seen
        With raw columns.
    targeted : bool
        Whether the prior may depend on the target.
    """
    first = known_columns(release.given) if isinstance(release, Release) else ()
    key = (id(release.public_codes), id(release.Y_public), targeted, first)
    last = _last[0] if _last else None
    known = last is not None and last.public[:3] == key[:3] and not (first and last.public[3] != first)
    if last is None or not known or not _alike(last.columns, release.columns):
        lattice = _lattice(release, first, targeted=targeted)
        last = _Learnt(key, (release.public_codes, release.Y_public), tuple(release.columns), lattice)
        _last[:] = [last]
    return last.lattice


def _alike(some: Sequence[Column], others: Sequence[Column]) -> bool:
    """Return whether columns have the same terms: in fewer coordinates they have others."""
    return len(some) == len(others) and all(
        a is b or np.array_equal(a.projection, b.projection) for a, b in zip(some, others, strict=True)
    )


def _lattice(release: Seen, first: tuple[int, ...], *, targeted: bool) -> Lattice:
    """Order the columns and learn the prior in that order; `targeted`: the prior may depend on the target.

    Those that are known beforehand come `first`: the others depend on them.
    """
    columns, codes = release.columns, release.public_codes
    assert codes is not None
    usable = [
        j
        for j, c in enumerate(columns)
        if c.kind != "continuous" and 0 < c.projection.shape[1] <= _TERMS and (codes[:, j] >= 0).all()
    ]
    # indicators are told apart most surely, then numbers of few values
    order = sorted(usable, key=lambda j: (j not in first, columns[j].projection.shape[1] == 1, len(columns[j].values)))
    targets = target_codes(release, release.Y_public if targeted else None, len(codes))
    all_codes = np.hstack([codes, targets[:, None]])
    sizes = [max(1, len(c.values)) for c in columns] + [int(targets.max(initial=0)) + 1]
    numbers = [j for j in order if columns[j].kind == "discrete"]
    prior = learn(all_codes, sizes, order, given=[len(columns)], numbers=numbers)
    projection = np.hstack([release.X_public[:0].T, *(columns[j].projection for j in order)])
    share = np.bincount(targets) / len(targets)
    bits = sum(one.bits for one in prior.values()) - float((share[share > 0] * np.log2(share[share > 0])).sum())
    whole, numbers_too = len(projection) <= _FEATURES, release.public_values
    given = [len(columns), *order]
    mixed = find(columns, numbers_too, all_codes, given) if whole and numbers_too is not None else []
    return Lattice(
        columns=[columns[j] for j in order],
        order=order,
        projection=projection,
        target=len(columns),
        prior=prior,
        bits=bits,
        whole=whole,
        mixed=mixed,
    )


def target_codes(release: Seen, Y: Floats | None, b: int) -> Indices:
    """Return what the prior may know of b targets: the class, or the tenth in which a number lies.

    Parameters
    ----------
    release : Seen
        For the tenths.
    Y : array (b, k) or None
        The targets.
    b : int
        How many.
    """
    if Y is None or release.Y_public is None:
        return np.zeros(b, dtype=np.int64)
    if Y.shape[1] > 1:
        return np.asarray(np.nan_to_num(Y, nan=-np.inf).argmax(axis=1))
    edges = np.unique(np.quantile(release.Y_public[:, 0], np.linspace(0, 1, _BINS + 1)[1:-1]))
    if release.target_kind == "class":
        edges = np.zeros(1)
    return np.asarray(np.searchsorted(edges, np.nan_to_num(Y[:, 0]), side="right"))
