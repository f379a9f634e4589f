"""What an experiment needs to be at hand, and what to do where it is not."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from undelete.data.acs import income_files, mobility_files
from undelete.data.images import IMAGES, image_file
from undelete.errors import InputError

Folder = str | os.PathLike[str]
_STATES = ("NY", "CA", "TX")


@dataclass(frozen=True)
class Need:
    """One thing that an experiment reads.

    Parameters
    ----------
    title : str
        In a list.
    files : callable
        From the data folder to the files that it is; InputError, with what to download, where they are not.
    """

    title: str
    files: Callable[[Folder | None], list[Path]]


def _image(name: str) -> Need:
    return Need(IMAGES[name].title, lambda data_dir: [image_file(name, data_dir)])


def _torch(_: Folder | None) -> list[Path]:
    if find_spec("torch") is None:
        raise InputError("torch is not installed: install undelete with its extra torch")
    return []


NEEDS: dict[str, Need] = {
    "acs": Need("ACS", lambda data_dir: income_files(_STATES, data_dir)),
    "acs_us": Need("ACS (US)", mobility_files),
    **{name: _image(name) for name in IMAGES},
    "torch": Need("torch", _torch),
}


def missing(names: tuple[str, ...], data_dir: Folder | None) -> list[str]:
    """Return, for each of some needs that is not met, one line on what to do."""
    lines: list[str] = []
    for name in names:
        try:
            NEEDS[name].files(data_dir)
        except InputError as error:
            lines.append(str(error))
    return lines


def sizes(names: tuple[str, ...], data_dir: Folder | None) -> dict[str, int]:
    """Return the bytes of the files of some needs by name: what tells other data from these."""
    found: dict[str, int] = {}
    for name in names:
        try:
            found |= {file.name: file.stat().st_size for file in NEEDS[name].files(data_dir)}
        except InputError:
            continue  # an experiment that came this far did without
    return found
