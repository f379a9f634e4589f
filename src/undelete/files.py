"""The one way in which files are written: beside their place, private before the first byte, then renamed.

Whoever looks at a place sees the old file or the new one, never half of one; what fails leaves nothing behind.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeAlias

from undelete.errors import InputError

Place: TypeAlias = "str | os.PathLike[str]"
Content: TypeAlias = "str | bytes | Callable[[BinaryIO], object]"

PARTIAL = ".partial"  # ends the name of what is being written


def write(path: Place, content: Content, *, private: bool = True) -> None:
    """Write one file, as `write_together` does several."""
    write_together({path: content}, private=private)


def write_together(contents: Mapping[Place, Content], *, private: bool = True) -> None:
    """Write files that belong together: at no moment do new ones stand beside old ones.

    All are written beside their places first. Then the old ones but the first are removed, and the new ones moved
    into place, so that a kill at any moment leaves files of one run only, if not all of them.

    Parameters
    ----------
    contents : mapping of path to str, bytes or callable
        What to write: text as UTF-8, or a function that is given the open file. Missing folders are made.
    private : bool
        Whether only the owner may read them (0600, before the first byte and whatever the umask), since they hold
        records of people. Otherwise the umask decides.

    Raises
    ------
    OSError
        When a place cannot be written to: nothing has changed then.
    """
    places = [Path(path) for path in contents]
    beside: list[Path] = []
    try:
        for place, content in zip(places, contents.values(), strict=True):
            if place.is_dir():
                raise IsADirectoryError(21, "it is a folder", str(place))
            place.parent.mkdir(parents=True, exist_ok=True)
            beside.append(place.with_name(f".undelete-{secrets.token_hex(8)}{PARTIAL}"))
            with _opened(beside[-1], private) as file:
                if callable(content):
                    content(file)
                else:
                    file.write(content.encode("utf-8") if isinstance(content, str) else content)
        for place in places[1:]:
            place.unlink(missing_ok=True)
        for written, place in zip(beside, places, strict=True):
            written.replace(place)
    finally:
        for written in beside:
            written.unlink(missing_ok=True)


@contextmanager
def _opened(path: Path, private: bool) -> Iterator[BinaryIO]:
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_BINARY", 0), 0o600 if private else 0o666)
    with os.fdopen(handle, "w+b") as file:
        if private and hasattr(os, "fchmod"):
            os.fchmod(handle, 0o600)  # a umask may have taken the owner's own bits
        yield file


def check_folder(folder: Path, option: str) -> None:
    """Refuse, before any work, a folder that could not be made or written to; make nothing.

    Raises
    ------
    InputError
        When the path or one above it is a file, too long, or not writable.
    """
    try:
        there = next(place for place in (folder, *folder.absolute().parents) if _exists(place))
    except OSError as error:
        raise unwritable(folder, error, option) from error
    if not there.is_dir():
        raise InputError(
            f"cannot write to {folder} ({there} is a file, not a folder): choose another folder with {option}"
        )
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"cannot write to {folder} (no permission in {there}): choose another folder with {option}")


def _exists(place: Path) -> bool:
    try:
        place.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def unwritable(folder: Path, error: OSError, option: str = "--out") -> InputError:
    """Return what to say of a folder that cannot be written to."""
    return InputError(f"cannot write to {folder} ({error.strerror or error}): choose another folder with {option}")
