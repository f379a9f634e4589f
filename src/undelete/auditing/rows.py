"""Rows of a long table that are kept on disk as they are played, so that what was stopped goes on where it was."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from undelete.errors import InputError
from undelete.files import write


@dataclass(frozen=True)
class Rows:
    """A folder of rows.

    Parameters
    ----------
    folder : Path or None
        Where they are kept; None: nowhere.
    mark : str
        Digest of all that they depend on: a row with another is played again.
    """

    folder: Path | None
    mark: str

    def row(self, name: str, play: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return the row of this name, played where it is not kept."""
        if self.folder is None:
            return play()
        place = self.folder / f"row-{sha256(name.encode()).hexdigest()[:16]}.json"
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            kept = json.loads(place.read_text(encoding="utf-8"))
            if kept["mark"] == self.mark and kept["name"] == name:
                return dict(kept["row"])
        row = play()
        write(place, json.dumps({"mark": self.mark, "name": name, "row": row}))
        return row

    def forget(self) -> None:
        """Remove what was kept, and the folder where it is empty then."""
        if self.folder is None:
            return
        for place in self.folder.glob("row-*.json"):
            place.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.folder.rmdir()


def row_name(defence: object, strength: float) -> str:
    """Return what tells the row of a defence at a strength from the others."""
    return f"{defence!r} {strength!r}"


def stream(defence: object, strength: float, rng: int) -> np.random.Generator:
    """Return what a row is drawn from, which other rows beside it do not change."""
    own = int.from_bytes(sha256(row_name(defence, strength).encode()).digest()[:8], "big")
    return np.random.default_rng([rng, own])


def climbed(
    rows: Rows,
    arena: Any,
    steps: Sequence[tuple[Any, float]],
    found: list[dict[str, Any]],
    rng: int,
    progress: Callable[[int, int], object] | None,
) -> tuple[dict[int, tuple[Any, float]], dict[str, str]]:
    """Play each defence at each strength in an arena, of linear models or of networks, and add its row to `found`.

    Returns
    -------
    made : dict
        By the row's place in `found` the defence and its strength.
    refused : dict
        Why the others could not be played.
    """
    made: dict[int, tuple[Any, float]] = {}
    refused: dict[str, str] = {}
    for done, (one, strength) in enumerate(steps):
        if progress is not None:
            progress(done, len(steps))
        row = rows.row(row_name(one, strength), partial(_row_of, arena, one, strength, rng))
        if "refused" in row:
            refused[f"{one.name} {strength:g}"] = row["refused"]
            continue
        made[len(found)] = (one, strength)
        found.append(row)
    if progress is not None:
        progress(len(steps), len(steps))
    return made, refused


def _row_of(arena: Any, defence: Any, strength: float, rng: int) -> dict[str, Any]:
    """Return the row of a defence; or why it cannot be."""
    try:
        protected = defence.protect(arena.private, strength, stream(defence, strength, rng))
        return dict(arena.row(protected, defence, strength))
    except InputError as error:
        return {"refused": str(error)}
