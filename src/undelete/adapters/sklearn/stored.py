"""Everything that a fitted estimator, or a file's parts, store of the training records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from undelete.adapters.sklearn.statistics import statistics_of
from undelete.adapters.stored.records import records_of
from undelete.adapters.stored.statistic import Statistic
from undelete.adapters.stored.walk import visits
from undelete.errors import InputError


def stored_in(model: Any, names: Sequence[str] | None = None) -> tuple[Statistic, ...]:
    """Return all statistics and records that a fitted estimator stores, whatever it is made of.

    Parameters
    ----------
    model : estimator, Part or result of statsmodels
        Fitted.
    names : sequence of str, optional
        The raw columns; those that it remembers by default.

    Raises
    ------
    InputError
        When its fields are not what its class's are: it is damaged.
    """
    found: list[Statistic] = []
    try:
        for visit in visits(model, names):
            found += [*statistics_of(visit), *records_of(visit)]
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        why = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise InputError(
            f"what the fitted {type(model).__name__} stores cannot be read ({why}): it is damaged, or a step was "
            "changed after it was fitted; refit and save it again"
        ) from error
    return tuple(found)
