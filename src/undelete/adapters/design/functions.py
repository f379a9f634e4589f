"""Functions of one column that a feature's name may have, as R and NumPy call them: `log(age)`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np

from undelete.maths.arrays import Floats

FUNCTIONS: Mapping[str, Callable[[Floats], Floats]] = {
    "log": np.log, "log2": np.log2, "log10": np.log10, "log1p": np.log1p, "exp": np.exp, "sqrt": np.sqrt, "abs": np.abs,
}  # fmt: skip
_CALL = re.compile(rf"({'|'.join(FUNCTIONS)})\((.+)\)")


def called(name: str) -> tuple[str, str] | None:
    """Return the function and the column in a name, None where it is no function of a column.

    Examples
    --------
    >>> called("log(age)")
    ('log', 'age')
    """
    found = _CALL.fullmatch(name)
    return None if found is None else (found[1], found[2])


def applied(function: str, numbers: Floats) -> Floats:
    """Return a function of a column's numbers, the numbers themselves where it is ""; NaN where it has no value."""
    if not function:
        return numbers
    with np.errstate(all="ignore"):
        values = FUNCTIONS[function](numbers)
    return np.where(np.isfinite(values), values, np.nan)
