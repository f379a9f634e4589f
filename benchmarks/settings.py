"""What the user chose for a run of the benchmark."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


class NotHereError(Exception):
    """The data of a row are not on this machine; the row is left out."""


@dataclass(frozen=True)
class Settings:
    """Folders, sizes and repeats.

    Parameters
    ----------
    data : Path or None
        Folder of the ACS data; None for $UNDELETE_DATA.
    images : Path
        Folder of fashion_mnist.npz.
    quick : bool
        Small sizes, to see that it runs; their figures say little about the targets.
    repeats : int
        Runs that a median is taken of; the softmax rows run once.
    """

    data: Path | None
    images: Path
    quick: bool
    repeats: int
