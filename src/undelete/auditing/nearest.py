"""Which public records are most like what came back: of a vector that means nothing by itself, they are the answer."""

from __future__ import annotations

import numpy as np
import pandas as pd

from undelete.errors import InputError
from undelete.maths.arrays import blocks
from undelete.release.reconstruction import Reconstruction
from undelete.release.seen import Seen

_NUMBERS = 16_000_000  # similarities held at a time: 128 MB


def nearest_public(release: Seen, found: Reconstruction, count: int) -> pd.DataFrame:
    """Return the public records most like each recovered one, the most similar first.

    Records behind a frozen net are compared by its features, others as they are; both about the public mean.

    Parameters
    ----------
    release : Release
        What the attacker saw.
    found : Reconstruction
        What an attack said.
    count : int
        How many of each deletion.

    Returns
    -------
    DataFrame
        `deletion`; `row`, the position among the public records that were used; `centred_cosine`. Nothing of a deletion
        that gave nothing back.

    Raises
    ------
    InputError
        When count is below one.
    """
    if count < 1:
        raise InputError(f"count is {count}: ask for at least one public record")
    wanted, public = (found.records, release.records_public)
    if found.features is not None:
        wanted, public = found.features, release.X_public[:, : found.features.shape[1]]
    mean = public.mean(axis=0)
    known = np.flatnonzero(np.isfinite(wanted).all(axis=1))
    lengths = np.sqrt(((public - mean) ** 2).sum(axis=1))
    unit = 1 / np.where(lengths > 0, lengths, np.inf)
    rows = []
    for part in blocks(len(known), max(1, _NUMBERS // len(public))):
        off = wanted[known[part]] - mean
        similar = (off @ public.T - (off @ mean)[:, None]) * unit / np.linalg.norm(off, axis=1, keepdims=True)
        best = np.argsort(-similar, axis=1, kind="stable")[:, :count]
        values = np.take_along_axis(similar, best, axis=1)
        rows += [
            (int(i), int(row), float(value))
            for i, own, ranked in zip(known[part], best, values, strict=True)
            for row, value in zip(own, ranked, strict=True)
        ]
    return pd.DataFrame(rows, columns=["deletion", "row", "centred_cosine"])
