"""How an encoder reads one raw column."""

from __future__ import annotations

from dataclasses import dataclass

from undelete.adapters.design.cells import Fills
from undelete.adapters.design.polynomial import Atom, Category


@dataclass(frozen=True)
class Encoding:
    """How an encoder reads one raw column.

    Parameters
    ----------
    column : str
        The raw column.
    fills : tuple of (marker, value)
        Imputation before the encoder.
    known : tuple
        The categories it was fitted with.
    dropped : tuple
        Those without an indicator of their own (the `drop` option).
    refuses_unseen : bool
        Whether any other category is an error.
    ordinal : bool
        One column of codes instead of indicators.
    groups : tuple of Atom
        The indicators it makes; the infrequent categories share one.
    """

    column: str
    fills: Fills
    known: tuple[Category, ...]
    dropped: tuple[Category, ...]
    refuses_unseen: bool
    ordinal: bool
    groups: tuple[Atom, ...]
