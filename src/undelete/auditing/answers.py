"""Answers in place of models: two scored tables, whole or of some public records only."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from undelete.attacker.gradient.asked import alike
from undelete.attacker.gradient.queries import queries
from undelete.auditing.written import written
from undelete.data.table import read_table
from undelete.errors import InputError
from undelete.maths.arrays import Flags, Floats
from undelete.release.release import Release


@dataclass(frozen=True, eq=False)
class Answers:
    """A model's answers to the public records, row by row.

    Parameters
    ----------
    values : array (m,) or (m, k)
        The probability of the second class or of each class, the decision value, or the predicted number. NaN in a
        whole row: that record was not asked for.
    digits : int, optional
        Decimals to which they were rounded. By default what the numbers show: decimals, significant digits, or single
        precision and less.
    note : str
        What of the table they were read from is not taken for answers.
    columns : tuple of str
        What their columns are called, where a table says it.

    Examples
    --------
    >>> Answers([0.25, 0.5, 0.13]).digits
    2
    """

    values: Floats
    digits: int | None = None
    note: str = ""
    columns: tuple[str, ...] = ()
    step: Floats = field(init=False, repr=False)
    rounding: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if isinstance(self.values, pd.DataFrame):
            object.__setattr__(self, "columns", tuple(map(str, self.values.columns)))
        values, digits = _numbers(self.values), self.digits
        if digits is not None and not (isinstance(digits, int | np.integer) and 0 <= digits <= 300):
            raise InputError(f"digits is {digits!r}: it is the number of decimals of the answers, zero or more")
        found = written(values, digits)
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "digits", found.digits)
        object.__setattr__(self, "step", found.step)
        object.__setattr__(self, "rounding", found.words)

    def taken(self, values: Floats, step: Floats, note: str, digits: int | None = None) -> Answers:
        """Return what these answers say in another form, to what each number of it is known, and a note of it."""
        made = Answers(values, digits, " ".join(filter(None, (self.note, note))), self.columns)
        for name, own in (("digits", digits), ("step", step), ("rounding", self.rounding)):
            object.__setattr__(made, name, own)
        return made

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


def _without_sign(column: pd.Series) -> pd.Series:
    """Return a column of per cent, "12.3%", as its numbers; any other as it is."""
    if pd.api.types.is_numeric_dtype(column):
        return column
    text = column.dropna().astype(str).str.strip()
    numbers = pd.to_numeric(text.str.removesuffix("%").str.strip(), errors="coerce")
    whole = len(text) and text.str.endswith("%").all() and numbers.notna().all()
    return numbers.reindex(column.index) if whole else column


def read_answers(path: str | os.PathLike[str], digits: int | None = None) -> Answers:
    """Read a table of answers (.csv or .parquet with a header), one row a public record, one column an output.

    A row without numbers is of a record that was not asked for. A column that numbers the rows is left out, and so
    are the signs of per cent ("12.3%").

    Raises
    ------
    InputError
        When the file cannot be read or holds other than numbers.
    """
    table, note = _without_numbering(read_table(path).apply(_without_sign))
    words = [str(name) for name in table.columns if not pd.api.types.is_numeric_dtype(table[name])]
    if words:
        raise InputError(
            f"{path} has column {words[0]!r}, which holds no numbers: give the answers alone, one column an output, "
            "with a header"
        )
    return Answers(table.to_numpy(dtype=np.float64), digits=digits, note=note, columns=tuple(map(str, table.columns)))


def _without_numbering(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Return a table without a first column that only counts its rows, from 0 or 1, and what is said of it."""
    if table.shape[1] > 1 and len(table) > 1 and pd.api.types.is_numeric_dtype(table.iloc[:, 0]):
        first = table.iloc[:, 0].to_numpy(dtype=np.float64)
        if any(np.array_equal(first, np.arange(start, start + len(table))) for start in (0, 1)):
            return table.iloc[:, 1:], f"Column {table.columns[0]!r} of the answers numbers the rows: it is left out."
    return table, ""


def precision(release: Release, before: Answers, after: Answers) -> list[str]:
    """Say how many answers there are, what their rounding costs, and how many would do."""
    coarser = max((before, after), key=lambda one: float(one.step.max()))
    parameters = release.W_before.size
    asked, m = int((before.asked & after.asked).sum()), len(release.X_public)
    said = list(dict.fromkeys(one.note for one in (before, after) if one.note))
    if asked < m:
        said.append(f"Both models answered {asked:,} of the {m:,} public records; the others were not asked.")
    if not coarser.rounding:
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
    both = before.asked & after.asked
    offset = release.offset_public
    kinds = len(alike(release.X_public[both], None if offset is None else offset[both])[0])
    found = queries(release, float(np.maximum(before.step, after.step)[both].mean()), kinds)
    if kinds < asked:
        said.append(f"{kinds:,} of the records asked are different: answers to records that are alike are off alike.")
    return [
        *said,
        f"The answers are rounded to {coarser.rounding}, which makes {100 * found.share:.0f} % of the error's "
        f"variance here; {found.enough:,} different records would be within a tenth of what exact ones give.",
    ]


__all__ = ["Answers", "precision", "read_answers"]
