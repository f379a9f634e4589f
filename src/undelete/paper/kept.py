"""What an experiment keeps on disk, so that a second run, or another figure of the same models, does it only once.

Each entry is an .npz file of arrays and an account, under a key of all that it depends on; an entry with another key
counts as none. Interrupted, a run loses at most the entry it was at.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import undelete
from undelete.files import write

_RETRAINING = ("maintainer", "maths")
_ATTACKING = ("attacker", "maths", "scoring", "release.py", "examine.py")
_TRAINED = ("leak_networks.py", "leak_training.py", "updates_leak.py")  # in attacker/, and used by no other attack


@dataclass(frozen=True, eq=False)
class Kept:
    """An entry: arrays by name, and plain numbers and words about them."""

    arrays: dict[str, NDArray[Any]]
    account: dict[str, Any]


@dataclass(frozen=True)
class Shelf:
    """A folder of entries; without a folder nothing is kept."""

    folder: Path | None = None

    def load(self, name: str, key: str) -> Kept | None:
        """Return an entry; None when there is none, it is damaged, or its key is another."""
        if self.folder is None:
            return None
        try:
            with (self.folder / f"{name}.npz").open("rb") as file, np.load(file, allow_pickle=False) as stored:
                head = json.loads(str(stored["head"]))
                if head["key"] != key:
                    return None
                return Kept({k: stored[k] for k in stored.files if k != "head"}, head["account"])
        except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile, zlib.error):
            return None

    def store(self, name: str, key: str, arrays: dict[str, NDArray[Any]], account: dict[str, Any]) -> Kept:
        """Write an entry and return it."""
        if self.folder is not None:
            head = np.array(json.dumps({"key": key, "account": account}))
            write(self.folder / f"{name}.npz", lambda file: np.savez(file, allow_pickle=False, head=head, **arrays))
        return Kept(arrays, account)

    def sweep(self, key: str) -> Path | None:
        """Return the folder for the finished blocks of one sweep of deletions."""
        return None if self.folder is None else self.folder / f"deletions-{digest(key)[:16]}"


NOT_KEPT = Shelf()


def digest(*words: object) -> str:
    """Return a digest of some words."""
    return hashlib.sha256(json.dumps([str(word) for word in words]).encode()).hexdigest()


def attacking_code() -> str:
    """Return a digest of the source that turns two models into scores: results of other code are not taken over."""
    return _code(_ATTACKING, _TRAINED)


def leaking_code() -> str:
    """Return the same with that of Updates-Leak, which is trained."""
    return _code(_ATTACKING)


def retraining_code() -> str:
    """Return a digest of the source that retrains: a sweep that other code began is not gone on with."""
    return _code(_RETRAINING)


@cache
def _code(names: tuple[str, ...], without: tuple[str, ...] = ()) -> str:
    root = Path(undelete.__file__).parent
    found = hashlib.sha256()
    for name in names:
        place = root / name
        files = sorted(place.glob("*.py")) if place.is_dir() else [place]
        for file in (file for file in files if file.name not in without):
            found.update(file.read_bytes())
    return found.hexdigest()
