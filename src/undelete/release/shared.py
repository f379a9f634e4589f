"""What is made of public records once, for all releases that share them: the blocks of one sweep do."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from undelete.maths.arrays import Floats
from undelete.maths.loss import Loss
from undelete.release.release import Release

_kept: dict[Callable[[Release], Any], tuple[list[weakref.ref[Floats]], tuple[int | None, Loss], Any]] = {}


def shared(release: Release, make: Callable[[Release], Any], *beside: Floats | None) -> Any:
    """Return make(release), made once for all releases that share their public records.

    Parameters
    ----------
    release : Release
        Whose `n`, loss, X_public and Y_public it may depend on.
    make : callable
        From the release to what is made. Nothing of a single deletion may be in it.
    *beside : array or None
        What else it depends on. All are told by who they are, not by their numbers.

    Notes
    -----
    One result a function is kept, until one of its arrays is gone.
    """
    arrays = [array for array in (release.X_public, release.Y_public, *beside) if array is not None]
    found, said = _kept.get(make), (release.n, release.loss)
    if found is None or found[1] != said or [id(ref()) for ref in found[0]] != [id(array) for array in arrays]:
        refs = [weakref.ref(array, lambda _: _kept.pop(make, None)) for array in arrays]
        found = (refs, said, make(release))
        _kept[make] = found
    return found[2]
