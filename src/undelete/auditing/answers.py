"""Answers in place of models: two scored tables, whole or of some public records only."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from undelete.attacker.gradient.queries import queries
from undelete.data.table import read_table
from undelete.errors import InputError
from undelete.maths.arrays import Flags, Floats
from undelete.release.release import Release

_MOST_DIGITS = 12  # decimals beyond which an answer counts as written in full


@dataclass(frozen=True, eq=False)
class Answers:
    """A model's answers to the public records, row by row.

    Parameters
    ----------
    values : array (m,) or (m, k)
        The probability of the second class or of each class, the decision value, or the predicted number. NaN in a
        whole row: that record was not asked for.
    digits : int, optional
        Decimals to which they were rounded; by default as many as they have.

    Examples
    --------
    >>> Answers([0.25, 0.5, 0.13]).digits
    2
    """

    values: Floats
    digits: int | None = None
    step: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        values = _numbers(self.values)
        digits = _decimals(values) if self.digits is None else self.digits
        if digits is not None and not (isinstance(digits, int | np.integer) and 0 <= digits <= 300):
            raise InputError(f"digits is {digits!r}: it is the number of decimals of the answers, zero or more")
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "digits", digits)
        object.__setattr__(self, "step", 0.0 if digits is None else 10.0**-digits)

    @property
    def asked(self) -> Flags:
        """Return for which public records (m,) there is an answer."""
        return np.asarray(~np.isnan(self.values).any(axis=1))


def _numbers(given: ArrayLike) -> Floats:
    try:
        values = np.array(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            "the answers are not numbers: labels do not change with one deletion; give probabilities, decision values "
            "or predicted numbers"
        ) from error
    values = values[:, None] if values.ndim == 1 else values
    if values.ndim != 2 or not values.size:
        raise InputError(f"the answers have shape {values.shape}: give one row a public record, one column an output")
    wrong = np.isinf(values).any(axis=1) | (np.isnan(values).any(axis=1) & ~np.isnan(values).all(axis=1))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"the answer in row {row} is missing in part or infinite: give all its numbers, or none for a record that "
            "was not asked for"
        )
    if np.isnan(values).all():
        raise InputError("every answer is missing: give those to one public record a feature, at least, or to all")
    values.setflags(write=False)
    return values


def _decimals(values: Floats) -> int | None:
    """Return how many decimals answers have, None where they are written in full."""
    values = values[~np.isnan(values)]
    size = float(np.abs(values).max())
    for digits in range(_MOST_DIGITS):
        if np.abs(values - np.round(values, digits)).max() <= 1e-15 * max(size, 1.0):
            return digits
    return None


def read_answers(path: str | os.PathLike[str], digits: int | None = None) -> Answers:
    """Read a table of answers (.csv or .parquet with a header), one row a public record, one column an output.

    A row without numbers is of a record that was not asked for.

    Raises
    ------
    InputError
        When the file cannot be read or holds other than numbers.
    """
    table = read_table(path)
    words = [str(name) for name in table.columns if not pd.api.types.is_numeric_dtype(table[name])]
    if words:
        raise InputError(
            f"{path} has column {words[0]!r}, which holds no numbers: give the answers alone, one column an output, "
            "with a header"
        )
    return Answers(table.to_numpy(dtype=np.float64), digits=digits)


def precision(release: Release, before: Answers, after: Answers) -> list[str]:
    """Say how many answers there are, what their rounding costs, and how many would do."""
    digits, parameters = [one.digits for one in (before, after)], release.W_before.size
    asked, m = int((before.asked & after.asked).sum()), len(release.X_public)
    said = (
        []
        if asked == m
        else [f"Both models answered {asked:,} of the {m:,} public records; the others were not asked."]
    )
    if None in digits:
        d = release.W_before.shape[0]
        unseen = d - int(release.X_public[before.asked & after.asked].any(axis=0).sum())
        if asked < parameters or unseen:
            few = f"{unseen:,} of {d:,} features are in none of them" if unseen else f"it has {parameters:,} parameters"
            return [
                *said,
                f"They do not settle how the model changed ({few}): what they leave open is in the error bars.",
            ]
        others = f"all {asked:,}" if asked == m else f"these {asked:,}"
        return [
            *said,
            f"The answers are written in full: any {parameters:,} of them that show every feature would do as well as "
            f"{others}, for they give the change of the parameters away.",
        ]
    found = queries(release, max(before.step, after.step), asked)
    coarsest = min(d for d in digits if d is not None)
    return [
        *said,
        f"The answers are rounded to {coarsest} decimals, which makes {100 * found.share:.0f} % of the error's "
        f"variance here; {found.enough:,} of them would be within a tenth of what exact ones give.",
    ]


__all__ = ["Answers", "precision", "read_answers"]
