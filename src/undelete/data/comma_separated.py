"""Tables in CSV, by blocks of rows."""

from __future__ import annotations

import csv
import gzip
import re
import warnings
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd

from undelete.data.blocks import collect
from undelete.data.dialect import LOOKED_AT, Dialect, Plain, current
from undelete.data.header import check_header, line
from undelete.data.lines import misfit
from undelete.data.thinning import Sample
from undelete.errors import InputError
from undelete.limits import FREE, refuse_bomb

# What spreadsheets and R write for a missing number. In a column of words they are words: "NA" is Namibia.
_MISSING = frozenset({"NA", "N/A", "NaN", "nan", "NULL", "null", "None", "#N/A"})

# A cell that starts with 0 and another digit: 00501 is a postal code, not the number 501.
_LEADING_ZERO = re.compile(rb'[,\r\n][ "]*0[0-9]')
_CELLS = 2_000_000  # of a block
# all digits of a number; without it pandas 2 loses the last one, and pandas 3 warns of it
_DIGITS: dict[str, Any] = {"float_precision": "round_trip"} if int(pd.__version__.split(".")[0]) < 3 else {}
_BYTES = 1 << 22  # looked at together for leading zeros
_HEADER = 1 << 26  # bytes that the first line may have


def csv_names(file: Path) -> list[str]:
    """Return the names of the columns."""
    with _told(file):
        names = _header(file)
        check_header(file, names)
        return names


def csv_rows(file: Path) -> int:
    """Return about how many rows there are, by the length of the first ones."""
    with file.open("rb") as stream:
        start = stream.read(_BYTES)
    return round(file.stat().st_size / max(1, len(start)) * start.count(b"\n"))


def read_csv(file: Path, columns: Collection[str] | None, sample: Sample) -> pd.DataFrame:
    """Return the columns that are there and asked for; errors as of `undelete.data.read_table`."""
    with _told(file):
        names = csv_names(file)
        _try_unpacking(file)
        wanted = [name for name in names if columns is None or name in columns]
        # a table without columns has rows, which the first column counts
        read = wanted or names[:1]
        mixed: set[str] = set()
        table = collect(file, _seen(_parsed(file, read, len(names)), mixed), sample)

        def words(columns: list[str]) -> pd.DataFrame:
            return collect(file, _parsed(file, columns, len(names), str), Sample(sample.most))

        if mixed:
            texts = words([name for name in read if name in mixed])
            for name in texts.columns:
                table[name] = texts[name]
        for name in read:
            table[name] = _numbers_if_any(table[name])
        numeric = [name for name in read if pd.api.types.is_numeric_dtype(table[name])]
        codes = _codes(file, numeric, len(names))
        if codes:
            kept = words([name for name in read if name in codes])
            for name in kept.columns:
                table[name] = kept[name].where(~kept[name].isin(_MISSING)).str.strip()
        return table[wanted]


@contextmanager
def _told(file: Path) -> Iterator[None]:
    """Say in one line what a parser found wrong."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise InputError(
            f"{file} is not text in {current().encoding.removesuffix('-sig').upper()} ({error.reason}): save it as "
            "UTF-8, or say which encoding it has (--encoding latin-1)"
        ) from error
    except PermissionError:
        raise
    except pd.errors.ParserWarning as error:
        raise InputError(
            f"{file} has rows with more cells than the header has names ({misfit(file, line(error))}): quote cells "
            "that contain commas"
        ) from error
    except pd.errors.ParserError as error:
        raise InputError(f"{file} cannot be read as CSV ({misfit(file, line(error))}): export it again") from error
    except (csv.Error, pd.errors.EmptyDataError, OSError, EOFError, zlib.error) as error:
        raise InputError(f"{file} cannot be read as CSV ({line(error)}): export it again") from error


class _Unpacked:
    """A gzipped file, read as bytes; refused where it unpacks to what no data do."""

    def __init__(self, file: Path, packed: BinaryIO, stream: gzip.GzipFile) -> None:
        self.file, self.packed, self.stream, self.done = file, packed, stream, 0

    def read(self, count: int = -1) -> bytes:
        found = self.stream.read(count)
        self.done += len(found)
        refuse_bomb(self.file, self.packed.tell(), self.done)
        return found

    def readline(self, count: int = -1) -> bytes:
        return self.stream.readline(count)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.stream)


def dialect_of(file: Path) -> Dialect:
    """Return how a file's cells are written, as said or as its beginning shows."""
    with _raw(file) as stream:
        return current().told(stream.read(LOOKED_AT))


@contextmanager
def _bytes(file: Path) -> Iterator[Any]:
    """Open a file, its cells made plain."""
    dialect = dialect_of(file)
    with _raw(file) as stream:
        yield stream if dialect.plain else Plain(stream, dialect)


@contextmanager
def _raw(file: Path) -> Iterator[Any]:
    if file.name.lower().endswith(".gz"):
        with file.open("rb") as packed, gzip.GzipFile(fileobj=packed) as stream:
            yield _Unpacked(file, packed, stream)
    else:
        with file.open("rb") as opened:
            yield opened


def _try_unpacking(file: Path) -> None:
    """Unpack the beginning of a gzipped file, which takes no time, before its cells are read."""
    if file.name.lower().endswith(".gz"):
        with _raw(file) as stream:
            while stream.done <= FREE and stream.read(_BYTES):
                pass


def _header(file: Path) -> list[str]:
    with _bytes(file) as stream:
        start: BinaryIO = stream
        first = start.read(1 << 16)
        if b"\0" in first:
            raise csv.Error("it holds zero bytes, so it is not text")
        while b"\n" not in first.lstrip(b"\r\n") and len(first) < _HEADER:
            more = start.read(1 << 20)
            if not more:
                break
            first += more
    text = first.decode("utf-8-sig", errors="strict" if len(first) < 1 << 16 else "ignore")
    names = next((row for row in csv.reader(text.splitlines(keepends=True)) if row), [])
    return [name or f"Unnamed: {place}" for place, name in enumerate(names)] if len(names) > 1 else names  # as pandas


def _parsed(file: Path, columns: list[str], width: int, dtype: Any = None) -> Iterator[pd.DataFrame]:
    with _bytes(file) as stream, warnings.catch_warnings():
        # pandas warns where rows are longer than the header, and then drops their ends
        warnings.simplefilter("error", pd.errors.ParserWarning)
        reader = pd.read_csv(
            stream, index_col=False, keep_default_na=False, na_values=[""], encoding="utf-8-sig", low_memory=False,
            dtype=dtype and dict.fromkeys(columns, dtype), chunksize=max(1024, _CELLS // max(1, width)),
            **_DIGITS,
        )  # fmt: skip
        for block in reader:
            # cells are split in all columns: a comma too many in one that is not read would shift the others unseen
            yield block[columns]


def _seen(blocks: Iterator[pd.DataFrame], mixed: set[str]) -> Iterator[pd.DataFrame]:
    """Pass blocks on, and note the columns that are numbers in one and words in another."""
    kinds: dict[str, bool] = {}
    for block in blocks:
        for name in block.columns:
            number = pd.api.types.is_numeric_dtype(block[name])
            if kinds.setdefault(name, number) != number:
                mixed.add(name)
        yield block


def _codes(file: Path, numeric: list[str], width: int) -> set[str]:
    """Return the columns of digits in which some cell has a leading zero."""
    if not numeric or not _leading_zero(file):
        return set()  # most tables: the cells need not be read twice
    digits, zeros = set(numeric), set()
    for block in _parsed(file, numeric, width, str):
        for name in digits & set(block.columns):
            cells = block[name].where(~block[name].isin(_MISSING)).dropna().str.strip()
            if not cells.str.fullmatch("[0-9]+").all():
                digits.discard(name)
            elif cells.str.match("0[0-9]").any():
                zeros.add(name)
    return digits & zeros


def _leading_zero(file: Path) -> bool:
    with _bytes(file) as stream:
        last = b"\n"
        while True:
            block = stream.read(_BYTES)
            if not block:
                return False
            if _LEADING_ZERO.search(last + block):
                return True
            last = (last + block)[-64:]


def _numbers_if_any(column: pd.Series) -> pd.Series:
    """Turn text into numbers where all of it is numbers or marks of a missing one."""
    if pd.api.types.is_numeric_dtype(column):
        return column
    words = column[~column.isin(_MISSING) & column.notna()]
    if words.empty or pd.to_numeric(words, errors="coerce").isna().any():
        return column
    return pd.to_numeric(column.where(~column.isin(_MISSING)))
