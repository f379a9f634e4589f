"""A small stand-in for folktables' download: three states of made-up persons whose income follows their features."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from undelete.data.sources import INCOME_FEATURES

PERSONS = 300


def persons(rng: np.random.Generator, n: int = PERSONS) -> pd.DataFrame:
    """Persons of ACSIncome's population, every column with several codes."""
    table = pd.DataFrame({name: rng.integers(1, 9, n) for name in INCOME_FEATURES})
    table["AGEP"] = rng.integers(18, 80, n)
    table["SCHL"] = rng.integers(10, 25, n)
    table["OCCP"] = rng.integers(1, 980, n) * 10
    table["WKHP"] = rng.integers(5, 60, n)
    table["SEX"] = rng.integers(1, 3, n)
    income = 200 * table["AGEP"] + 2500 * table["SCHL"] + 600 * table["WKHP"] - 25_000
    table["PINCP"] = (income + rng.normal(0, 15_000, n)).clip(lower=101).astype("int64")
    return table.assign(PWGTP=1)


def write_state(folder: Path, fips: str, table: pd.DataFrame) -> None:
    """Write a state's person file where folktables puts it."""
    file = folder / "2018" / "1-Year" / f"psam_p{fips}.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(file, index=False)


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with NY, CA and TX, income in dollars."""
    folder = tmp_path_factory.mktemp("acs")
    for number, fips in enumerate(("36", "06", "48")):
        write_state(folder, fips, persons(np.random.default_rng(number)))
    return folder
