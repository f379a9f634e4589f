"""Read a user's table from a file, or say in one line why it cannot be used.

Files are read by blocks of rows, and only the columns that are asked for: what is in memory is what is kept.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

import pandas as pd

from undelete.data.comma_separated import csv_names, csv_rows, dialect_of, read_csv
from undelete.data.lines import Lines
from undelete.data.parquet import parquet_names, parquet_rows, read_parquet
from undelete.data.thinning import Sample
from undelete.errors import InputError


def read_table(
    path: str | os.PathLike[str], columns: Collection[str] | None = None, *, most: int | None = None
) -> pd.DataFrame:
    """Return the table that a .csv, .csv.gz or .parquet file holds, its rows numbered from 0.

    Numbers come back as int64 or float64, and text as text: in a column of words "NA" and "None" are
    words and only an empty cell is missing; in a column of numbers they are missing. A CSV column of
    digits in which some cell has a leading zero (00501) is text: codes, not numbers. Parquet stores the type; decimals
    become numbers. `table.attrs["lines"]` of a CSV finds its lines again, for messages.

    Parameters
    ----------
    path : str or path
        The file; its first row the column names. CSV in UTF-8, separated by commas; other writings as
        `undelete.data.dialect.reading` says, or as the file shows.
    columns : collection of str, optional
        What to read, whatever blanks are around a name in the file; those of them that it does not have are left out.
        All by default.
    most : int, optional
        Rows to keep at most, a random sample by the rule of `undelete.data.thinning`. All by default;
        `table.attrs["rows"]` says how many there were, `table.attrs["columns"]` how the file's columns are called.

    Raises
    ------
    InputError
        For a file that is missing, a directory, empty, of another kind, damaged, without rows, with
        two columns of one name, or beyond the limits of `undelete.limits`.
    """
    file = _checked(path)
    sample = Sample(most)
    read = read_parquet if file.name.lower().endswith(".parquet") else read_csv
    named = alike(column_names(file), columns)
    try:
        table = read(file, None if columns is None else {*columns, *named}, sample).rename(columns=named)
    except PermissionError as error:
        raise InputError(f"{file} cannot be opened: permission denied") from error
    if not sample.seen:
        raise InputError(f"{file} has column names but no rows: at least one record is needed")
    table.attrs["rows"] = sample.seen
    table.attrs["columns"] = column_names(file)
    if read is read_csv:
        table.attrs["lines"] = Lines(file)
        table.attrs["read_as"] = dialect_of(file).sentence()
    return table


def alike(have: Collection[str], asked: Collection[str] | None) -> dict[str, str]:
    """Return which columns that a file has are asked for under a name with other blanks around it."""
    bare = {name.strip(): name for name in asked or () if name not in have}
    return {name: bare[name.strip()] for name in have if name.strip() in bare and name not in (asked or ())}


def column_names(path: str | os.PathLike[str]) -> list[str]:
    """Return the names of a file's columns; nothing else is read. Errors are those of `read_table`."""
    file = _checked(path)
    try:
        return parquet_names(file) if file.name.lower().endswith(".parquet") else csv_names(file)
    except PermissionError as error:
        raise InputError(f"{file} cannot be opened: permission denied") from error


def count_rows(path: str | os.PathLike[str]) -> int | None:
    """Return how many rows a file says or seems to have, without reading it; None of a gzipped one."""
    file = _checked(path)
    name = file.name.lower()
    try:
        if name.endswith(".parquet"):
            return parquet_rows(file)
        return None if name.endswith(".gz") else csv_rows(file)
    except PermissionError as error:
        raise InputError(f"{file} cannot be opened: permission denied") from error


def _checked(path: str | os.PathLike[str]) -> Path:
    file = Path(path)
    name = file.name.lower()
    if file.is_dir():
        raise InputError(f"{file} is a directory: give one .csv, .csv.gz or .parquet file")
    if not file.exists():
        raise InputError(f"{file} does not exist: give a .csv, .csv.gz or .parquet file")
    if not name.endswith((".csv", ".csv.gz", ".parquet")):
        raise InputError(
            f"{file} is not named .csv, .csv.gz or .parquet, the kinds of table undelete reads: "
            "convert it, or rename it if it is one of them"
        )
    try:
        empty = file.stat().st_size == 0
    except PermissionError as error:
        raise InputError(f"{file} cannot be opened: permission denied") from error
    if empty:
        raise InputError(f"{file} is empty (0 bytes): export the table again")
    return file
