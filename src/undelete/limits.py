"""What a stranger's file may take before it is refused: bytes, cells, steps of work, seconds. Stated, and liftable.

A model of a million features and a table of half a billion cells are inside; a few kilobytes that unpack to gigabytes,
or a few lines that ask for hours, are not. docs/hardening.md has the table.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from undelete.errors import InputError

MODEL_BYTES = 2 * 1024**3  # unpacked; a linear model with a million features has 10 MB
JSON_BYTES = 64 * 1024**2  # which take many times that in memory; skops describes the estimator in it
NAMES = 1_000_000  # features, or words of any array of text
DEPTH = 8  # pipelines in pipelines: scikit-learn takes twice as long for each
FACTORS = 100  # of one feature's name, or the degree of its polynomial: beyond, powers are no longer numbers
WORK = 3_000_000  # multiplications of terms while the preprocessing is read
SECONDS = 60.0  # for the same
CELLS = 500_000_000  # of a table's columns that are read
TABLE_BYTES = 16 * 1024**3  # of the columns that are read of a Parquet file, unpacked
RATIO = 250  # times its own size that a file may unpack to, beyond the first 64 MB
FREE = 64 * 1024**2  # bytes unpacked that are never too much

_factor: ContextVar[float] = ContextVar("factor", default=1.0)
_meter: ContextVar[Meter | None] = ContextVar("meter", default=None)

HOW = "--limits X allows X times as much"


@contextmanager
def lifted(factor: float) -> Iterator[None]:
    """Let files take so many times the usual, for the length of a `with` block."""
    token = _factor.set(float(factor))
    try:
        yield
    finally:
        _factor.reset(token)


def allowed(usual: float) -> float:
    """Return a limit as it holds now."""
    return usual * _factor.get()


def refuse_bomb(file: object, packed: int, unpacked: int) -> None:
    """Raise InputError where so few bytes unpack to so many that no data can be behind them."""
    if unpacked > FREE and unpacked > allowed(RATIO) * max(packed, 1):
        raise InputError(
            f"{file} unpacks to {unpacked / max(packed, 1):,.0f} times its size ({unpacked / 1e6:,.0f} MB so far), "
            f"which no real data do: it is not what it says it is ({HOW})"
        )


class Meter:
    """Counts the steps that reading one model takes, and looks at the clock."""

    def __init__(self) -> None:
        self.left = allowed(WORK)
        self.end = time.monotonic() + allowed(SECONDS)

    def spend(self, steps: int) -> None:
        """Take so many steps; InputError when there are no more."""
        self.left -= steps
        if self.left < 0 or time.monotonic() > self.end:
            raise InputError(
                f"the model's preprocessing takes more than {allowed(WORK):,.0f} steps or {allowed(SECONDS):,.0f} s to "
                f"read, far more than that of a linear model: make fewer or simpler features ({HOW})"
            )


@contextmanager
def metered() -> Iterator[None]:
    """Count what is spent in a `with` block; in one that is counted already nothing begins anew."""
    if _meter.get() is not None:
        yield
        return
    token = _meter.set(Meter())
    try:
        yield
    finally:
        _meter.reset(token)


def spend(steps: int) -> None:
    """Take so many steps from what is counted; nothing where nothing is."""
    meter = _meter.get()
    if meter is not None:
        meter.spend(steps)
