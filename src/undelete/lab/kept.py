"""What an experiment keeps on disk, so that a second run, or another figure of the same models, does it only once.

Each entry is an .npz file of arrays and an account, under a key of all that it depends on; an entry with another key
counts as none. Interrupted, a run loses at most the entry it was at.
"""

from __future__ import annotations

import ast
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

_ATTACKING = ("undelete.attacker.attacks", "undelete.scoring.table")
_LEAKING = (*_ATTACKING, "undelete.attacker.updates_leak.attack", "undelete.attacker.updates_leak.training")
_RETRAINING = ("undelete.maintainer.leave_one_out", "undelete.maintainer.fit")


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
    return _code(_ATTACKING)


def leaking_code() -> str:
    """Return the same with that of Updates-Leak, which is trained."""
    return _code(_LEAKING)


def retraining_code() -> str:
    """Return a digest of the source that retrains: a sweep that other code began is not gone on with."""
    return _code(_RETRAINING)


def code_of(module: str) -> str:
    """Return a digest of a module's source and all of ours that it imports."""
    return _code((module,))


@cache
def _code(modules: tuple[str, ...]) -> str:
    """Return a digest of what some modules do, and all of ours that they import, wherever these files lie.

    Comments, docstrings, imports and the order and names of files are not in it.
    """
    seen: dict[str, str] = {}
    wanted = list(modules)
    while wanted:
        name = wanted.pop()
        found = None if name in seen else _parsed(name)
        if found is not None:
            seen[name], imported = found
            wanted += imported
    return digest(*sorted(seen.values()))


@cache
def _parsed(name: str) -> tuple[str, tuple[str, ...]] | None:
    """Return a module's own digest and what of ours it imports; None for what is no module."""
    place = _place(name)
    if place is None:
        return None
    tree = ast.parse(place.read_bytes())
    imported: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("undelete."):
            imported += [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
    return digest(ast.dump(_Bare().visit(tree))), tuple(imported)


def _place(module: str) -> Path | None:
    """Return a module's file; None for what is no module: a name in one, or a folder."""
    place = Path(undelete.__file__).parent.parent.joinpath(*module.split(".")).with_suffix(".py")
    return place if place.is_file() else None


class _Bare(ast.NodeTransformer):
    """Leaves out imports and docstrings."""

    def visit_Import(self, node: ast.Import) -> None:
        return None

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        return None

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        return None if isinstance(node.value, ast.Constant) else node
