"""Records that are images: which deletions to show, and their pictures as PNG."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from undelete.maths.arrays import Indices

Pixels = NDArray[np.uint8]

PICTURED = 24  # deletions whose pictures are shown, at most

_LARGEST = 3_000_000  # bytes of a picture that a page takes in whole
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_URI = re.compile(r"data:image/png;base64,[A-Za-z0-9+/]+={0,2}")


def one_a_label(labels: Indices | None, most: int, rng: np.random.Generator, count: int | None = None) -> Indices:
    """Return at most `most` deletions drawn at random: one of each label first, in the labels' order, then any.

    Parameters
    ----------
    labels : array (b,) of int, or None
        The deletions' true labels; None when there are none: all are drawn alike.
    most : int
        How many.
    rng : numpy.random.Generator
        Draws them, and looks at nothing but the labels.
    count : int, optional
        Number of deletions b; only needed without labels.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> labels = np.array([2, 0, 2, 1, 0])
    >>> labels[one_a_label(labels, 3, rng)].tolist()
    [0, 1, 2]
    """
    if labels is None:
        return rng.permutation(count or 0)[:most].astype(np.int64)
    order = rng.permutation(len(labels))
    first = order[np.unique(labels[order], return_index=True)[1]]
    rest = order[~np.isin(order, first)]
    return np.concatenate([first, rest])[:most].astype(np.int64)


def without_pictures(pictures: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same with every picture and label left out: what may be shared of records that are images."""
    return {
        **pictures,
        "average": None,
        "items": [
            {
                **item,
                "label": {**item["label"], "recovered": None, "true": None},
                "pictures": [{**picture, "png": None} for picture in item["pictures"]],
            }
            for item in pictures["items"]
        ],
    }


def png(pixels: Pixels) -> str:
    """Return an image (h, w) or (h, w, 3) as a PNG data URI."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def file_as_uri(place: Path) -> str | None:
    """Return a PNG file as what a page can hold; None where there is none, or it is too large for a page."""
    try:
        held = place.read_bytes() if place.is_file() and place.stat().st_size <= _LARGEST else b""
    except OSError:
        return None
    return "data:image/png;base64," + base64.b64encode(held).decode() if held.startswith(_SIGNATURE) else None


def is_png(uri: object) -> bool:
    """Return whether this is a PNG data URI and nothing else, so that it can be put into a page."""
    return isinstance(uri, str) and _URI.fullmatch(uri) is not None
