"""The pictures of records that are images: from the attacks' answers to what audit.json and the page hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from undelete.adapters.design.readout import Readout
from undelete.attacker.baselines import AVG, MAXDIFF, NEAREST
from undelete.data.schema import ImageInfo
from undelete.errors import InputError
from undelete.maths.arrays import Floats
from undelete.release.reconstruction import Reconstruction
from undelete.release.seen import Seen
from undelete.report.pictures import png
from undelete.scoring.truth import Truth

BESIDE = tuple(one.name for one in (AVG, MAXDIFF, NEAREST))  # the guesses that a reconstruction is shown beside


def pictures_of(
    release: Seen, records: Reconstruction | Truth, image: ImageInfo, readout: Readout | None = None
) -> Floats:
    """Return each record's pixels (b, pixels), NaN where nothing came back; `ImageInfo.pixels` makes images of them.

    Parameters
    ----------
    release : Release
        What the attacker saw.
    records : Reconstruction or Truth
        What an attack said, or the deleted records.
    image : ImageInfo
        The images' shape.
    readout : Readout, optional
        How pixels are read off a record, when the model does not see them as they are. By default a record is its
        pixels, and the constant unless they go through an embedding.

    Raises
    ------
    InputError
        When the records do not have as many columns as an image has pixels.
    """
    X = records.records
    if readout is not None:
        pixels = readout.read(X)
    elif release.constant is None or release.embedding is not None:
        pixels = X
    else:
        pixels = X[:, release.constant == 0]
    if pixels.shape[1] != image.size:
        raise InputError(
            f"the records have {pixels.shape[1]:,} columns but an image of shape {image.shape} has {image.size:,} "
            "pixels: give the shape that they have"
        )
    return np.where(np.isfinite(pixels).all(axis=1, keepdims=True), pixels, np.nan)


def gallery(
    release: Seen,
    records: Mapping[str, Reconstruction | Truth],
    scored: Mapping[str, Mapping[str, Floats]],
    pictured: NDArray[np.int64],
    image: ImageInfo,
    readout: Readout | None,
) -> dict[str, Any]:
    """Return the pictures of some deletions, as audit.json holds them.

    Parameters
    ----------
    release, scored
        Of the audit.
    records : mapping
        What is shown side by side, by name and in this order; the average, the same for all, is given once.
    pictured : array of int
        The deletions.
    image, readout
        As for `pictures_of`.
    """
    drawn = {name: pictures_of(release, one, image, readout) for name, one in records.items()}
    average = drawn.pop(AVG.name, None)

    def one(name: str, i: int) -> dict[str, Any]:
        scores = {key: scored[name][key][i] for key in ("cosine", "centred_cosine")} if name in scored else {}
        return {"name": name, "png": _png(image, drawn[name][i]), **scores}

    return {
        "shape": list(image.shape),
        "low": image.low,
        "high": image.high,
        "guessed": image.guessed,
        "average": None if average is None else _png(image, average[0]),
        "items": [{"deletion": int(i), "pictures": [one(name, int(i)) for name in drawn]} for i in pictured],
    }


def _png(image: ImageInfo, pixels: Floats) -> str | None:
    return None if np.isnan(pixels).any() else png(image.pixels(pixels[None])[0])
