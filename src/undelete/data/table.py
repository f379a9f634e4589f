"""Read a user's table from a file, or say in one line why it cannot be used."""

from __future__ import annotations

import csv
import gzip
import os
import re
import warnings
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from undelete.errors import InputError

# What spreadsheets and R write for a missing number. In a column of words they are words: "NA" is Namibia.
_MISSING = frozenset({"NA", "N/A", "NaN", "nan", "NULL", "null", "None", "#N/A"})

# A cell that starts with 0 and another digit: 00501 is a postal code, not the number 501.
_LEADING_ZERO = re.compile(rb'(?:^|[,\r])[ "]*0[0-9]')


def read_table(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Return the table that a .csv, .csv.gz or .parquet file holds, its rows numbered from 0.

    Numbers come back as int64 or float64, and text as text: in a column of words "NA" and "None" are
    words and only an empty cell is missing; in a column of numbers they are missing. A CSV column of
    digits in which some cell has a leading zero (00501) is text: codes, not numbers. Parquet stores the type.

    Parameters
    ----------
    path : str or path
        The file; CSV in UTF-8, separated by commas, its first row the column names.

    Raises
    ------
    InputError
        For a file that is missing, a directory, empty, of another kind, damaged, without rows, or with
        two columns of one name.
    """
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
        if file.stat().st_size == 0:
            raise InputError(f"{file} is empty (0 bytes): export the table again")
        table = _read_parquet(file) if name.endswith(".parquet") else _read_csv(file)
    except PermissionError as error:
        raise InputError(f"{file} cannot be opened: permission denied") from error
    if table.empty:
        raise InputError(f"{file} has column names but no rows: at least one record is needed")
    return table


def _read_csv(file: Path) -> pd.DataFrame:
    try:
        _check_header(file, _csv_header(file))
        with warnings.catch_warnings():
            # pandas warns where rows are longer than the header, and then drops their ends
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = _parsed(file)
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not text in UTF-8 ({error.reason}): save it as UTF-8") from error
    except PermissionError:
        raise
    except pd.errors.ParserWarning as error:
        raise InputError(
            f"{file} has rows with more cells than the header has names: quote cells that contain commas"
        ) from error
    except (csv.Error, pd.errors.ParserError, OSError, EOFError, zlib.error) as error:
        raise InputError(f"{file} cannot be read as CSV ({_line(error)}): export it again") from error
    for column in table.columns:
        table[column] = _numbers_if_any(table[column])
    return _codes_as_text(file, table)


def _parsed(file: Path, columns: list[str] | None = None, dtype: Any = None) -> pd.DataFrame:
    return pd.read_csv(
        file,
        index_col=False,
        keep_default_na=False,
        na_values=[""],
        encoding="utf-8-sig",
        low_memory=False,
        usecols=columns,
        dtype=dtype,
    )


def _codes_as_text(file: Path, table: pd.DataFrame) -> pd.DataFrame:
    """Turn columns of digits back into text where a leading zero says that they are codes."""
    opened = gzip.open if file.name.lower().endswith(".gz") else open
    with opened(file, "rb") as lines:
        if not any(_LEADING_ZERO.search(line) for line in lines):
            return table  # most tables: the cells need not be read twice
    numeric = [name for name in table.columns if pd.api.types.is_numeric_dtype(table[name])]
    for name, cells in _parsed(file, numeric, object).items() if numeric else ():
        kept = cells.where(~cells.isin(_MISSING))
        digits = kept.dropna().str.strip()
        if digits.str.fullmatch("[0-9]+").all() and digits.str.match("0[0-9]").any():
            table[name] = kept.str.strip()
    return table


def _csv_header(file: Path) -> list[str]:
    opened = gzip.open if file.name.lower().endswith(".gz") else open
    with opened(file, "rt", encoding="utf-8-sig", newline="") as text:
        if "\0" in text.read(1 << 16):
            raise csv.Error("it holds zero bytes, so it is not text")
        text.seek(0)
        return next((row for row in csv.reader(text) if row), [])


def _check_header(file: Path, names: Sequence[str]) -> None:
    if not names:
        raise InputError(f"{file} is empty (no column names): export the table again")
    if len(names) == 1:
        for separator, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
            if separator in names[0]:
                raise InputError(f"{file} separates its columns by {word}: save it with commas")
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise InputError(
            f"{file} has more than one column named {repeated[0]!r}: rename one, columns are told apart by name"
        )


def _numbers_if_any(column: pd.Series) -> pd.Series:
    """Turn text into numbers where all of it is numbers or marks of a missing one."""
    if pd.api.types.is_numeric_dtype(column):
        return column
    words = column[~column.isin(_MISSING) & column.notna()]
    if words.empty or pd.to_numeric(words, errors="coerce").isna().any():
        return column
    return pd.to_numeric(column.where(~column.isin(_MISSING)))


def _read_parquet(file: Path) -> pd.DataFrame:
    try:
        with pq.ParquetFile(file) as stored:
            _check_header(file, stored.schema_arrow.names)
            table: pd.DataFrame = stored.read().to_pandas()
    except (InputError, PermissionError):
        raise
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{file} cannot be read as Parquet ({_line(error)}): export it again") from error
    table.columns = table.columns.map(str)
    return pd.DataFrame({name: _plain(table[name]) for name in table.columns}).reset_index(drop=True)


def _plain(column: pd.Series) -> pd.Series:
    """Undo storage types: categories to their values, small integers to int64 (a byte squared overflows)."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = pd.Series(np.asarray(column), index=column.index)
    missing = bool(column.isna().any())
    if pd.api.types.is_bool_dtype(column):
        return column.astype("float64" if missing else "bool")
    if not pd.api.types.is_numeric_dtype(column) or column.dtype == np.uint64:
        return column
    whole = pd.api.types.is_integer_dtype(column) and not missing
    return column.astype("int64" if whole else "float64")


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
