"""The shortest decimal number within an error."""

from __future__ import annotations

import numpy as np


def plain(value: float, error: float = 0.0) -> float:
    """Return the shortest decimal number within a value's error; the value itself where it has none.

    Examples
    --------
    >>> plain(36.99999999999994, 1e-12), plain(12.3456, 0.001), plain(0.1 + 0.2)
    (37.0, 12.346, 0.30000000000000004)
    """
    if np.isfinite(value) and error > 0:
        for digits in range(16):
            near = round(float(value), digits)
            if abs(near - value) <= error:
                return near + 0.0
    return float(value)
