"""The one place that knows which array library the numbers live in.

The core is written against the Python array API. Inputs decide: NumPy arrays stay NumPy arrays, torch
tensors stay on their device.
"""

from __future__ import annotations

from typing import Any

import array_api_compat
import numpy as np
from numpy.typing import NDArray

Array = Any  # an array of any library that follows the array API standard
Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]


def namespace(*arrays: Array) -> Any:
    """Return the array API namespace that the arrays share; None and Python numbers are ignored."""
    return array_api_compat.array_namespace(*(a for a in arrays if hasattr(a, "shape")))


def device(array: Array) -> Any:
    """Return where the array lives."""
    return array_api_compat.device(array)


def blocks(total: int, size: int) -> list[slice]:
    """Return consecutive slices of at most `size` that cover range(total)."""
    return [slice(start, min(start + size, total)) for start in range(0, total, max(1, size))]


def to_numpy(array: Array) -> NDArray[Any]:
    """Return the numbers as a NumPy array, brought from their device."""
    return np.asarray(array.cpu() if hasattr(array, "cpu") else array)


def take_rows(array: Array, rows: NDArray[np.int64]) -> Array:
    """Return some rows of an array, in any library."""
    if isinstance(array, np.ndarray):
        return array[rows]  # np.take copies the whole array first where its rows are not side by side
    xp = namespace(array)
    return xp.take(array, xp.asarray(rows, device=device(array)), axis=0)


def columns(X: Array) -> Array:
    """Return the transpose (d, n) of X (n, d) with each column's numbers side by side in memory.

    Sums over a few features, and products of two, then run along many records.
    """
    xp = namespace(X)
    turned = xp.empty((X.shape[1], X.shape[0]), dtype=X.dtype, device=device(X))
    turned[...] = xp.matrix_transpose(X)
    return turned


def largest(Z: Array) -> Array:
    """Return the maximum over the last axis, kept: by halves, which is faster than a reduction of a few numbers."""
    while Z.shape[-1] > 1:
        half = (Z.shape[-1] + 1) // 2
        Z = namespace(Z).maximum(Z[..., :half], Z[..., -half:])
    return Z


def summed(E: Array) -> Array:
    """Return the sum over the last axis, kept: as a product, which is faster than a reduction of a few numbers."""
    with np.errstate(invalid="ignore"):  # OpenBLAS may set the flag for finite numbers (numpy issue 24067)
        return (E @ namespace(E).ones((E.shape[-1],), dtype=E.dtype, device=device(E)))[..., None]
