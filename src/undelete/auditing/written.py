"""To what numbers are known that somebody wrote down: in full, to decimals, to significant digits, or in fewer bits."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from undelete.maths.arrays import Flags, Floats

_MOST_DIGITS = 12  # from which on a number counts as written in full
_EXACT = 1e-15  # relative, by which a rounded number in double precision is off
_PRECISIONS = (("a brain float's 8 bits", 8), ("half precision", 11), ("single precision", 24))
_IN_FULL = 53  # bits
_CLEARLY = 1.0  # in logarithm: how much coarser digits must be than the bits that hold them, to be told


@dataclass(frozen=True, eq=False)
class Written:
    """How numbers were written.

    Parameters
    ----------
    words : str
        "4 decimals", "3 significant digits", "single precision"; empty where they are in full.
    step : array
        Of the numbers' shape: what each is a multiple of, 0 in full and where there is no number.
    digits : int or None
        Decimals, where these are what they were rounded to.
    """

    words: str
    step: Floats
    digits: int | None = None


def written(values: Floats, digits: int | None = None) -> Written:
    """Return how numbers were written: of all ways that leave them as they are the coarsest one.

    A way with steps q_i leaves a number of that size as it is by chance in a part of cases that goes with q_i, so the
    likeliest way is the one of the largest product of steps. Decimals that are given are taken.

    Parameters
    ----------
    values : array
        Finite numbers; NaN where there is none.
    digits : int, optional
        Decimals that somebody names.

    Examples
    --------
    >>> written(np.array([0.25, 0.5, 0.13])).words
    '2 decimals'
    >>> written(np.array([0.00125, 31.4, 271.0])).words
    '3 significant digits'
    """
    there = ~np.isnan(values)
    numbers = values[there]
    bits, name = _bits(numbers)
    spacing = np.zeros_like(numbers) if bits == _IN_FULL else _spacing(numbers, bits)
    if digits is not None:
        ways = [Written(f"{digits} decimals", np.maximum(10.0**-digits, spacing), digits)]
    else:
        ways = [Written(name, spacing), *_rounded(numbers, spacing)]
    found = max(ways, key=lambda way: _log_size(way.step) + _CLEARLY * (way.words == name))
    step = np.zeros_like(values)
    step[there] = found.step
    return replace(found, step=step)


def _rounded(numbers: Floats, spacing: Floats) -> list[Written]:
    """Return the fewest decimals and the fewest significant digits that leave the numbers as they are."""
    ways = []
    near = np.maximum(0.51 * spacing, _EXACT * max(float(np.abs(numbers).max()), 1.0))
    for digits in range(_MOST_DIGITS):
        if _same(numbers, np.round(numbers, digits), near):
            ways.append(Written(f"{digits} decimals", np.maximum(10.0**-digits, spacing), digits))
            break
    size = np.floor(np.log10(np.where(numbers == 0, 1.0, np.abs(numbers))))
    near = np.maximum(0.51 * spacing, 4 * _EXACT * np.abs(numbers))
    for digits in range(1, _MOST_DIGITS):
        unit = 10.0 ** (size - digits + 1)
        if _same(numbers, np.round(numbers / unit) * unit, near):
            unit[numbers == 0] = unit[numbers != 0].min(initial=1.0)
            ways.append(Written(f"{digits} significant digit" + "s" * (digits > 1), np.maximum(unit, spacing)))
            break
    return ways


def _same(numbers: Floats, rounded: Floats, near: Floats) -> bool:
    return bool((np.abs(numbers - rounded) <= near).all())


def _log_size(steps: Floats) -> float:
    return float(np.log(np.maximum(steps, np.finfo(float).tiny)).mean())


def _bits(numbers: Floats) -> tuple[int, str]:
    """Return the bits of the narrowest kind of number that holds all of them, and its name."""
    mantissa = np.round(np.frexp(np.abs(numbers))[0] * 2.0**_IN_FULL).astype(np.int64)
    unused: Flags = mantissa == 0
    lowest = np.where(unused, np.int64(1) << _IN_FULL, mantissa & -mantissa)
    needed = _IN_FULL - int(np.log2(lowest.min(initial=np.int64(1) << _IN_FULL)))
    return next(((bits, name) for name, bits in _PRECISIONS if needed <= bits), (_IN_FULL, ""))


def _spacing(numbers: Floats, bits: int) -> Floats:
    """Return the distance of neighbouring numbers of so many bits."""
    return np.asarray(np.where(numbers == 0, 0.0, 2.0 ** (np.frexp(numbers)[1] - float(bits))))


__all__ = ["Written", "written"]
