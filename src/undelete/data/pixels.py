"""Pixels as numbers: images as records, and what is black and white."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def scaled(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return images (n, ...) as records (n, d) of [-1, 1], as the paper scales them; `ImageInfo.pixels` undoes it.

    Examples
    --------
    >>> scaled(np.array([[[0, 255]]], dtype=np.uint8)).tolist()
    [[-1.0, 1.0]]
    """
    records = images.reshape(len(images), -1).astype(np.float64)
    records /= 127.5
    records -= 1
    return records


def guess_range(pixels: pd.DataFrame) -> tuple[float, float]:
    """Return what is black and white in public images: 0 to 255, 0 to 1 or -1 to 1, else their own extremes.

    Examples
    --------
    >>> guess_range(pd.DataFrame([[0, 250]])), guess_range(pd.DataFrame([[0, 16]]))
    ((0.0, 255.0), (0.0, 16.0))
    """
    values = pixels.to_numpy(dtype=np.float64, na_value=np.nan)
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    for black, white in ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0)):
        # an image or two reaches near white in any usual set
        if black <= low and white / 2 <= high <= white:
            return black, white
    return low, high
