"""What an experiment leaves behind: a JSON file that says how each number came about, and its pictures."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from undelete.auditing.document import PAPER
from undelete.environment import environment
from undelete.files import Content, Place, unwritable, write_together
from undelete.lab.steps import Folder

SCHEMA = "undelete.paper/1"
SPLIT = "half private, half public, dealt at random by the seed"
FEATURES = (
    "the task's columns as numbers, standardised with the public half's means and deviations, and the constant 1: "
    "a fixed embedding that everybody knows, so nothing but the model is refitted after a deletion"
)
PIXELS = "the pixels scaled to [-1, 1], or random Fourier features of them, and the constant 1: a fixed embedding"
HONEST = (
    "The paper shows these distributions as images only, and does not say how it encodes columns or scales features: "
    "the setting is repeated here, not the numbers."
)


def header(
    name: str, title: str, shows: str, seed: int, deletions: int | str | None = None, *, features: str = FEATURES
) -> dict[str, Any]:
    """Return what every experiment's JSON starts with; deletions is None where none are played."""
    # the folders are the reader's own, and do not enter the numbers
    options = "--data DIR" if deletions is None else f"--data DIR --deletions {deletions}"
    return {
        "schema": SCHEMA,
        "name": name,
        "title": title,
        "shows": shows,
        "paper": PAPER,
        "undelete": version("undelete"),
        "command": f"undelete reproduce {name} {options} --seed {seed}",
        "seed": seed,
        "deletions": deletions,
        "split": SPLIT,
        "features": features,
        "environment": environment(),
    }


def prepare(out: Folder) -> Path:
    """Make the folder before the work begins.

    Raises
    ------
    InputError
        When it cannot be made.
    """
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    return folder


def save(result: dict[str, Any], folder: Path, picture: Callable[[Path], tuple[Path, Path]] | None = None) -> None:
    """Write ``NAME.json`` and the pictures, of one run.

    Raises
    ------
    InputError
        When the folder cannot be written to.
    """
    try:
        drawn: dict[Place, Content] = {}
        if picture is not None:
            with tempfile.TemporaryDirectory() as elsewhere:
                drawn = {folder / f.name: f.read_bytes() for f in picture(Path(elsewhere) / result["name"])}
        write_together({folder / f"{result['name']}.json": _text(result), **drawn}, private=False)
    except OSError as error:
        raise unwritable(folder, error) from error


def _text(result: dict[str, Any]) -> str:
    """Return the JSON, a curve's numbers on one line instead of 201."""
    text = json.dumps(result, indent=1, allow_nan=False) + "\n"
    return re.sub(r"\[[-+.\de,\s]+\]", lambda found: re.sub(r"\s+", " ", found[0]), text)
