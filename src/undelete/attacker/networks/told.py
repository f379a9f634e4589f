"""What is said of one deletion of a network, and of all of them together as a reconstruction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from undelete.attacker.table.shown import CANDIDATES
from undelete.maths.arrays import Floats
from undelete.release.networks import NetworkRelease
from undelete.release.reconstruction import Reconstruction


@dataclass(frozen=True, eq=False)
class Told:
    """What is said of one deletion: the fields of a `Reconstruction` without their first axis."""

    point: Floats
    error: Floats
    target: Floats
    target_error: Floats | float
    target_probability: float
    misfit: float
    columns: dict[str, Floats]
    whole: float
    bits: float
    bits_of: float


def joined(release: NetworkRelease, told: Sequence[Told | None]) -> Reconstruction:
    """Return what is said of all deletions; nothing of those whose models are the same (None)."""
    b, d, c, k = len(told), release.X_public.shape[1], len(release.columns), release.Y_public.shape[1]
    X, error = np.full((b, d), np.nan), np.full((b, d), np.nan)
    target, target_error = np.full((b, k), np.nan), np.full((b, k), np.nan)
    numbers = {name: np.full(b, np.nan) for name in ("target_probability", "whole", "bits", "misfit")}
    shapes: dict[str, tuple[int, ...]] = {"candidate_probability": (CANDIDATES,), "candidates": (CANDIDATES,)}
    names = (
        "values",
        "error",
        "probability",
        "low",
        "high",
        "range_probability",
        "candidate_probability",
        "codes",
        "candidates",
    )
    columns: dict[str, Floats] = {
        name: np.full((b, c, *shapes.get(name, ())), -1 if name in ("codes", "candidates") else np.nan)
        for name in names
    }
    bits_of = float("nan")
    for i, one in enumerate(told):
        if one is None:
            continue
        X[i], error[i], target[i] = one.point, one.error, one.target
        target_error[i] = one.target_error
        for name in numbers:
            numbers[name][i] = getattr(one, name)
        for name, array in one.columns.items():
            columns[name][i] = array
        bits_of = one.bits_of
    more = columns if c else {}
    return Reconstruction(
        "hrec+", X, target=target, target_error=None if release.classes else target_error, way="answers",
        status=["unchanged" if one is None else "ok" for one in told], record_error=error,
        target_probability=numbers["target_probability"] if release.classes else None,
        record_probability=numbers["whole"] if c else None, bits=numbers["bits"], bits_of=bits_of,
        **cast(dict[str, Any], more),
    )  # fmt: skip
