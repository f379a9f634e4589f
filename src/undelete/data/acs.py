"""The American Community Survey (ACS) of 2018, as the paper's tabular experiments take it.

It comes from a folder that the user names: either this project's two Parquet samples, or the CSV files that folktables
downloads (Ding et al. 2021, Retiring Adult).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from undelete.data.sources import Dataset
from undelete.data.table import read_table
from undelete.errors import InputError

INCOME_FEATURES = ("AGEP", "COW", "SCHL", "MAR", "OCCP", "POBP", "RELP", "WKHP", "SEX", "RAC1P")
"""folktables' ACSIncome features, in its order."""
MOBILITY_FEATURES = (
    "AGEP", "SCHL", "MAR", "SEX", "DIS", "CIT", "MIL", "ANC", "NATIVITY", "RELP", "DEAR", "DEYE", "DREM",
    "RAC1P", "GCL", "COW", "ESR", "WKHP", "JWMNP",
)  # fmt: skip
"""folktables' ACSMobility features without PINCP, the target here, and ESP, which is 0 for every adult."""
_INCOME_FILE = "acs2018_income_ca_ny_tx.parquet"
_MOBILITY_FILE = "acs2018_mobility_us_40pct.parquet"
_CSV_FOLDER = Path("2018", "1-Year")
_FIPS = {
    "AL": 1, "AK": 2, "AZ": 4, "AR": 5, "CA": 6, "CO": 8, "CT": 9, "DE": 10, "FL": 12, "GA": 13, "HI": 15,
    "ID": 16, "IL": 17, "IN": 18, "IA": 19, "KS": 20, "KY": 21, "LA": 22, "ME": 23, "MD": 24, "MA": 25,
    "MI": 26, "MN": 27, "MS": 28, "MO": 29, "MT": 30, "NE": 31, "NV": 32, "NH": 33, "NJ": 34, "NM": 35,
    "NY": 36, "NC": 37, "ND": 38, "OH": 39, "OK": 40, "OR": 41, "PA": 42, "RI": 44, "SC": 45, "SD": 46,
    "TN": 47, "TX": 48, "UT": 49, "VT": 50, "VA": 51, "WA": 53, "WV": 54, "WI": 55, "WY": 56, "PR": 72,
}  # fmt: skip


def acs_income(state: str, data_dir: str | os.PathLike[str] | None = None) -> Dataset:
    """Return folktables' ACSIncome task for one state, ACS 2018, one year: ten features and income.

    Persons over 16 with income over 100 dollars and at least one hour's work a week. The target is
    PINCP, income in dollars a year, where the folder has folktables' CSV files; the Parquet sample
    (CA, NY and TX, 40 % of each) has only the label PINCP_gt50k.

    Parameters
    ----------
    state : str
        Two letters, "CA".
    data_dir : path, optional
        The folder; $UNDELETE_DATA when not given. The Parquet sample goes first where it has the state.

    Raises
    ------
    InputError
        When the state or the folder is not known, or the folder holds neither form.
    """
    code = state.upper()
    if code not in _FIPS:
        raise InputError(f"{state!r} is no state: give its two letters, such as CA")
    folder = _folder(data_dir, [code])
    sample = folder / _INCOME_FILE
    if sample.exists():
        table = read_table(sample)
        _require(table, ("state", *INCOME_FEATURES, "PINCP_gt50k"), sample)
        table = table.loc[table["state"] == code, [*INCOME_FEATURES, "PINCP_gt50k"]].reset_index(drop=True)
        if len(table):
            source = f"ACS 2018, {code}, 40 % sample of folktables' ACSIncome ({len(table):,} persons)"
            return Dataset(table, "PINCP_gt50k", "0/1: income over 50,000 dollars", source)
    file = folder / _CSV_FOLDER / f"psam_p{_FIPS[code]:02d}.csv"
    if not file.exists():
        raise _not_there(folder, [code])
    persons = _read_persons(file, [*INCOME_FEATURES, "PINCP", "PWGTP"])
    kept = (persons["AGEP"] > 16) & (persons["PINCP"] > 100) & (persons["WKHP"] > 0) & (persons["PWGTP"] >= 1)
    table = _codes(persons.loc[kept, [*INCOME_FEATURES, "PINCP"]], file)
    return Dataset(table, "PINCP", "dollars", f"ACS 2018, {code}, folktables' ACSIncome ({len(table):,} persons)")


def acs_mobility(data_dir: str | os.PathLike[str] | None = None) -> Dataset:
    """Return the persons of folktables' ACSMobility task, ACS 2018, with income in dollars as the target.

    Aged 19 to 34, nationwide, at work or not; `MOBILITY_FEATURES` and PINCP. From the Parquet sample (40 %
    of the persons), else from folktables' CSV files of every state that the folder has. As in folktables,
    what does not apply to a person is 0.

    Parameters
    ----------
    data_dir : path, optional
        The folder; $UNDELETE_DATA when not given.

    Raises
    ------
    InputError
        When the folder is not known or holds neither form.
    """
    columns = [*MOBILITY_FEATURES, "PINCP"]
    folder = _folder(data_dir, None)
    sample = folder / _MOBILITY_FILE
    if sample.exists():
        table = read_table(sample)
        _require(table, columns, sample)
        table = table[columns]
        source = f"ACS 2018, US, 40 % sample of folktables' ACSMobility ({len(table):,} persons)"
        return Dataset(table, "PINCP", "dollars", source)
    files = {code: folder / _CSV_FOLDER / f"psam_p{fips:02d}.csv" for code, fips in _FIPS.items()}
    found = {code: file for code, file in files.items() if file.exists()}
    if not found:
        raise _not_there(folder, None)
    parts = []
    for file in found.values():
        persons = _read_persons(file, columns)
        parts.append(_codes(persons.loc[(persons["AGEP"] > 18) & (persons["AGEP"] < 35), columns], file))
    table = pd.concat(parts, ignore_index=True)
    where = f"{len(found)} states" if len(found) > 3 else ", ".join(found)
    source = f"ACS 2018, {where}, folktables' ACSMobility ({len(table):,} persons)"
    return Dataset(table, "PINCP", "dollars", source)


def income_files(states: Sequence[str], data_dir: str | os.PathLike[str] | None = None) -> list[Path]:
    """Return the files that `acs_income` reads of some states, without reading them: the sample, or one a state.

    Raises
    ------
    InputError
        When the folder is not known, or lacks a state.
    """
    folder = _folder(data_dir, states)
    sample = folder / _INCOME_FILE
    if sample.exists():
        return [sample]
    files = {code: folder / _CSV_FOLDER / f"psam_p{_FIPS[code]:02d}.csv" for code in states}
    missing = [code for code, file in files.items() if not file.exists()]
    if missing:
        raise _not_there(folder, missing)
    return list(files.values())


def mobility_files(data_dir: str | os.PathLike[str] | None = None) -> list[Path]:
    """Return the files that `acs_mobility` reads, without reading them.

    Raises
    ------
    InputError
        When the folder is not known, or has none.
    """
    folder = _folder(data_dir, None)
    sample = folder / _MOBILITY_FILE
    if sample.exists():
        return [sample]
    found = [file for fips in _FIPS.values() if (file := folder / _CSV_FOLDER / f"psam_p{fips:02d}.csv").exists()]
    if not found:
        raise _not_there(folder, None)
    return found


def _folder(data_dir: str | os.PathLike[str] | None, states: Sequence[str] | None) -> Path:
    given = data_dir or os.environ.get("UNDELETE_DATA")
    if not given:
        raise InputError(f"no data folder is known: give --data DIR or set UNDELETE_DATA; {_how_to_get(states, 'DIR')}")
    return Path(given).expanduser()


def _not_there(folder: Path, states: Sequence[str] | None) -> InputError:
    return InputError(
        f"{folder} has no ACS 2018 data{' of ' + ', '.join(states) if states else ''}: "
        f"{_how_to_get(states, repr(str(folder)))}"
    )


def _how_to_get(states: Sequence[str] | None, root: str) -> str:
    wanted = f"states={list(states)}, " if states else ""
    return (
        "pip install folktables, then folktables.ACSDataSource(survey_year='2018', horizon='1-Year', "
        f"survey='person', root_dir={root}).get_data({wanted}download=True)"
    )


def _read_persons(file: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Read these columns only: a state's file has 286 and up to a gigabyte."""
    try:
        return pd.read_csv(file, usecols=list(columns), dtype="float64")
    except (ValueError, OSError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{file} is not an ACS 2018 person file ({reason}): delete it and download it again"
        ) from error


def _codes(persons: pd.DataFrame, file: Path) -> pd.DataFrame:
    if persons.empty:
        raise InputError(f"{file} has no person of the task's population: delete it and download it again")
    return persons.fillna(0).astype("int64").reset_index(drop=True)


def _require(table: pd.DataFrame, columns: Sequence[str], file: Path) -> None:
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise InputError(f"{file} has no column {missing[0]!r}: it is another file under this name")
