"""Other people's CSV: how its cells are separated and written, as said or as the file shows, made plain while read."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

from undelete.errors import InputError

_OTHERS = (";", "\t", "|")  # separators that are taken where a header has them and no comma
_COMMA = re.compile(r"[-+]?(\d{1,3}(\.\d{3})+|\d*),\d+([eE][-+]?\d+)?")
_POINT = re.compile(r"[-+]?\d*\.\d+([eE][-+]?\d+)?")
LOOKED_AT = 1 << 16  # bytes from which it is told
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Dialect:
    """How a table's cells are written.

    Parameters
    ----------
    separator : str or None
        Between cells; None: a comma, or what the header has in its place.
    decimal : str or None
        "." or ","; None: "," where the separator is none and numbers are written so.
    encoding : str
        Of the file.
    missing : tuple of str
        Cells that are missing, besides empty ones.
    labels : mapping of str to str
        What cells of the target column are called by the model: `{"<=50K": "0"}`.
    target : str or None
        That column.
    """

    separator: str | None = None
    decimal: str | None = None
    encoding: str = "utf-8-sig"
    missing: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None

    def __post_init__(self) -> None:
        if self.separator is not None and len(self.separator) != 1:
            raise InputError(f"the separator is {self.separator!r}: give one character, such as ;")
        if self.decimal not in (None, ".", ","):
            raise InputError(f"the decimal mark is {self.decimal!r}: it is . or ,")
        try:
            codecs.lookup(self.encoding)
        except LookupError as error:
            raise InputError(f"the encoding {self.encoding!r} is not known: give one such as latin-1") from error
        if self.labels and self.target is None:
            raise InputError("labels are those of the target column: name it (--target)")

    @property
    def plain(self) -> bool:
        """Whether nothing has to be made plain."""
        return (self.separator, self.decimal) == (",", ".") and self.encoding == "utf-8-sig" and not (
            self.missing or self.labels
        )  # fmt: skip

    def told(self, start: bytes) -> Dialect:
        """Return it with what the beginning of a file shows."""
        if self.encoding == "utf-8-sig" and start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return replace(self, encoding="utf-16").told(start)
        text = start.decode(self.encoding, errors="replace")
        header = next((line for line in text.splitlines() if line.strip()), "")
        separator = self.separator
        if separator is None:
            others = {mark: header.count(mark) for mark in _OTHERS}
            most = max(others, key=lambda mark: others[mark])
            separator = most if others[most] and "," not in header else ","
        decimal = self.decimal
        if decimal is None:
            cells = [cell.strip() for row in csv.reader(text.splitlines()[1:200], delimiter=separator) for cell in row]
            commas = separator != "," and any(_COMMA.fullmatch(cell) for cell in cells)
            decimal = "," if commas and not any(_POINT.fullmatch(cell) for cell in cells) else "."
        return replace(self, separator=separator, decimal=decimal)

    def sentence(self) -> str:
        """Say how a file was read, where that is not as undelete writes tables; else ""."""
        if self.plain:
            return ""
        name = {"\t": "tab"}.get(self.separator or "", repr(self.separator))
        parts = [f"cells separated by {name}"] if self.separator != "," else []
        parts += ["decimal commas"] if self.decimal == "," else []
        parts += [f"encoding {self.encoding}"] if self.encoding != "utf-8-sig" else []
        parts += [f"missing: {', '.join(map(repr, self.missing))}"] if self.missing else []
        parts += [", ".join(f"{one!r} is {other!r}" for one, other in self.labels.items())] if self.labels else []
        return f"The table was read with {'; '.join(parts)}."


_CURRENT: ContextVar[Dialect | None] = ContextVar("dialect", default=None)


def current() -> Dialect:
    """Return how tables are read here."""
    return _CURRENT.get() or Dialect()


@contextmanager
def reading(dialect: Dialect) -> Iterator[None]:
    """Read tables so."""
    before = _CURRENT.set(dialect)
    try:
        yield
    finally:
        _CURRENT.reset(before)


class Plain:
    """A stream of a CSV as undelete reads it: commas, points, UTF-8, empty cells for missing ones.

    Parameters
    ----------
    stream : readable bytes
        The file.
    dialect : Dialect
        How it is written, `told`.
    """

    def __init__(self, stream: Any, dialect: Dialect) -> None:
        self._rows = self._translated(stream, dialect)
        self._ready = b""

    def read(self, count: int = -1) -> bytes:
        """Return the next bytes."""
        parts, size = [self._ready], len(self._ready)
        while count < 0 or size < count:
            more = next(self._rows, b"")
            if not more:
                break
            parts.append(more)
            size += len(more)
        whole = b"".join(parts)
        found, self._ready = (whole, b"") if count < 0 else (whole[:count], whole[count:])
        return found

    def readline(self, count: int = -1) -> bytes:
        """Return the next line."""
        while b"\n" not in self._ready:
            more = next(self._rows, b"")
            if not more:
                break
            self._ready += more
        end = self._ready.find(b"\n") + 1 or len(self._ready)
        found, self._ready = self._ready[:end], self._ready[end:]
        return found

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    @staticmethod
    def _translated(stream: Any, dialect: Dialect) -> Iterator[bytes]:
        missing, labels, at, first = set(dialect.missing), dict(dialect.labels), -1, True
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        text = codecs.getreader(dialect.encoding)(stream)
        for row in csv.reader(text, delimiter=dialect.separator or ","):
            cells = [cell.strip() for cell in row]
            if first and cells:
                first, at = False, cells.index(dialect.target) if dialect.target in cells else -1
            elif cells:
                cells = ["" if cell in missing else cell for cell in cells]
                if dialect.decimal == ",":
                    cells = [_pointed(cell) for cell in cells]
                if labels and 0 <= at < len(cells):
                    cells[at] = labels.get(cells[at], cells[at])
            writer.writerow(cells)
            if out.tell() > _CHUNK:
                yield out.getvalue().encode()
                out.seek(0)
                out.truncate()
        yield out.getvalue().encode()


def _pointed(cell: str) -> str:
    """Return a number with a decimal comma as one with a point; anything else as it is."""
    return cell.replace(".", "").replace(",", ".") if _COMMA.fullmatch(cell) else cell
