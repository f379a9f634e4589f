"""What a fitted result of statsmodels says of its fit: records, their weights, an offset, whether it ended."""

from __future__ import annotations

from typing import Any

import numpy as np

from undelete.adapters.offset import Offset
from undelete.errors import InputError
from undelete.maths.arrays import Floats

_WEIGHTS = ("var_weights", "freq_weights")  # in the order in which they are applied
_ROUNDING = 1e-13  # of a deviance that no longer changes


def records_of(result: Any) -> int:
    """Return how many records there were; least squares count them in their data, which a file may no longer hold."""
    try:
        return round(float(result.nobs))
    except AttributeError:
        return round(float(result.model.nobs))


def ended_at_optimum(result: Any) -> bool:
    """Return whether the fit ended at its optimum.

    A tolerance below what a deviance of its size can hold is never met: where the last steps no longer changed it by
    more than its rounding, it was.
    """
    said = bool(getattr(result, "converged", (getattr(result, "mle_retvals", None) or {}).get("converged", True)))
    last = np.asarray((getattr(result, "fit_history", None) or {}).get("deviance", [])[-4:], dtype=np.float64)
    settled = len(last) == 4 and np.ptp(last) <= _ROUNDING * np.abs(last).max()
    return said or bool(settled)


def weights_of(model: Any, kind: str, n: int) -> tuple[Floats | None, int]:
    """Return what the records weighed, None where all count alike, and how many there are.

    A row of whole frequencies stands for as many records.
    """
    given = {name: getattr(model, name, None) for name in (_WEIGHTS if kind == "GLM" else ("weights",))}
    had = [name for name in given if kind == "WLS" or getattr(model, f"_has_{name}", False)]
    if any(given[name] is None for name in had):
        raise InputError(
            f"the {kind} was fitted with {had[0]}, which its file no longer holds (remove_data=True): what the records "
            "weighed is needed; save it with its data, or write the coefficients in the plain form with weights"
        )
    own = np.ones(n)
    for name in had:
        rows = np.asarray(given[name], dtype=np.float64)
        if name == "freq_weights" and (rows == np.round(rows)).all():
            own = np.repeat(own, rows.astype(np.int64))
        else:
            own = own * rows
    return (own if np.ptp(own) > 0 else None), len(own)


def offset_of(model: Any) -> Offset | None:
    """Return that the model has an offset, whose column it does not know; None where it has none."""
    for name in ("offset", "exposure"):  # what statsmodels keeps, the exposure's logarithm
        given = getattr(model, name, None)
        if given is not None and np.any(np.asarray(given, dtype=np.float64) != 0):
            return Offset()
    return None
