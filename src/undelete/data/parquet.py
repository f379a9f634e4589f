"""Tables in Parquet, row group by row group."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from undelete.data.blocks import check_cells, collect
from undelete.data.header import check_header, line
from undelete.data.thinning import Sample
from undelete.errors import InputError
from undelete.limits import HOW, TABLE_BYTES, allowed

_CELLS = 4_000_000  # of a block


def parquet_names(file: Path) -> list[str]:
    """Return the names of the columns."""
    with _opened(file, []) as stored:
        labels = _index(stored.schema_arrow)
        names = [name for name in map(str, stored.schema_arrow.names) if name not in labels]
        check_header(file, names)
        return names


def parquet_rows(file: Path) -> int:
    """Return the number of rows, as the file says."""
    with _opened(file, []) as stored:
        return int(stored.metadata.num_rows)


def read_parquet(file: Path, columns: Collection[str] | None, sample: Sample) -> pd.DataFrame:
    """Return the columns that are there and asked for; errors as of `undelete.data.read_table`."""
    with _opened(file, []) as stored:
        schema, labels = stored.schema_arrow, _index(stored.schema_arrow)
        check_header(file, schema.names)
        names = [
            name for name in schema.names
            if name not in labels and (columns is None or str(name) in columns)
        ]  # fmt: skip
        check_cells(file, stored.metadata.num_rows, len(names))
        for name in names:
            if pa.types.is_nested(schema.field(name).type):
                raise InputError(
                    f"{file} has lists or records in column {name!r} ({schema.field(name).type}), which no model "
                    "reads: make columns of numbers or text of them"
                )
        _check_bytes(file, _declared(stored.metadata, {str(name) for name in names}))
        text = [name for name in names if _is_text(schema.field(name).type)]
        sample.seen = 0 if names else stored.metadata.num_rows
    if not names:
        return pd.DataFrame()
    # text by its dictionary, so that a word that stands in every row is there once until it is known to fit
    with _opened(file, text) as stored:
        return collect(file, _blocks(file, stored, names), sample)


def _opened(file: Path, text: list[str]) -> Any:
    try:
        return pq.ParquetFile(file, read_dictionary=text)
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, PermissionError):
            raise
        raise InputError(f"{file} cannot be read as Parquet ({line(error)}): export it again") from error


def _blocks(file: Path, stored: Any, names: list[str]) -> Iterator[pd.DataFrame]:
    size = max(1024, _CELLS // len(names))
    written = 0
    try:
        for batch in stored.iter_batches(batch_size=size, columns=names):
            written += sum(_text_bytes(batch.column(j)) for j in range(batch.num_columns))
            _check_bytes(file, written)
            table = pa.table([_words(batch.column(j)) for j in range(batch.num_columns)], names=batch.schema.names)
            # what pandas wrote beside the table is not needed, and may be broken
            frame = table.to_pandas(ignore_metadata=True)
            frame.columns = [str(name) for name in frame.columns]
            plain = all(dtype in (np.int64, np.float64) for dtype in frame.dtypes)
            yield frame if plain else pd.DataFrame({name: _plain(frame[name]) for name in frame.columns})
    except (InputError, PermissionError):
        raise
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise InputError(f"{file} cannot be read as Parquet ({line(error)}): export it again") from error


def _declared(metadata: Any, names: set[str]) -> int:
    """Return how many bytes some columns have, as the file says: before its dictionaries are written out."""
    groups = (metadata.row_group(i) for i in range(metadata.num_row_groups))
    chunks = (group.column(j) for group in groups for j in range(group.num_columns))
    return sum(max(0, chunk.total_uncompressed_size) for chunk in chunks if chunk.path_in_schema in names)


def _check_bytes(file: Path, unpacked: int) -> None:
    if unpacked > allowed(TABLE_BYTES):
        most = f"{allowed(TABLE_BYTES) / 1e9:,.0f} GB"
        raise InputError(f"{file} has more than {most} in the columns that are read: leave some out ({HOW})")


def _is_text(kind: Any) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    bytes_ = pa.types.is_binary(kind) or pa.types.is_large_binary(kind)  # as databases write it that know no encoding
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or bytes_)


def _text_bytes(column: Any) -> int:
    """Return how many bytes a column of text has once it is written out."""
    if not (pa.types.is_dictionary(column.type) and _is_text(column.type)):
        return int(column.nbytes)
    lengths = np.array([len(word or "") for word in column.dictionary.to_pylist()], dtype=np.int64)
    codes = column.indices.drop_null().to_numpy(zero_copy_only=False)
    return int(lengths[codes].sum()) if len(codes) else 0


def _words(column: Any) -> Any:
    """Return a column of text written out; another as it is."""
    return column.cast(pa.large_string()) if _is_text(column.type) else column


def _index(schema: Any) -> set[str]:
    """Return the columns that held a pandas table's row labels, as far as its notes can be read."""
    labels = {name for name in schema.names if re.fullmatch(r"__index_level_\d+__", str(name))}
    try:
        noted = json.loads((schema.metadata or {}).get(b"pandas", b"{}"))["index_columns"]
        return labels | {name for name in noted if isinstance(name, str)}
    except (ValueError, KeyError, TypeError, RecursionError):
        return labels


def _plain(column: pd.Series) -> pd.Series:
    """Undo storage types: categories to their values, small integers to int64 (a byte squared overflows)."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = pd.Series(np.asarray(column), index=column.index)
    missing = bool(column.isna().any())
    if column.dtype == object:
        kind = pd.api.types.infer_dtype(column, skipna=True)
        if kind == "boolean" and missing:
            return column.where(column.notna(), np.nan)
        if kind == "decimal":
            whole = not missing and all(cell == cell.to_integral_value() and abs(cell) < 2**63 for cell in column)
            return column.map(int).astype("int64") if whole else column.astype("float64")
    if pd.api.types.is_bool_dtype(column):
        return column.astype(object).where(column.notna(), np.nan) if missing else column.astype("bool")
    if not pd.api.types.is_numeric_dtype(column) or column.dtype == np.uint64:
        return column
    whole = pd.api.types.is_integer_dtype(column) and not missing
    return column.astype("int64" if whole else "float64")
