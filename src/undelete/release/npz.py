"""A `Release` as an .npz file, no pickle inside."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from undelete.errors import InputError
from undelete.files import write
from undelete.maths.embeddings import EMBEDDINGS, Embedding
from undelete.maths.losses import loss_of
from undelete.release.columns import Column
from undelete.release.parts import ARRAYS

if TYPE_CHECKING:
    from undelete.release.release import Release

_FORMAT = "undelete.release/1"
_EMBEDDING = "embedding_"  # starts the names of an embedding's arrays in a file
_COLUMN_ARRAYS = ("projection", "values", "terms", "frequency")


def save(release: Release, path: str | os.PathLike[str]) -> None:
    """Write a release: what an attacker may see, so not private."""
    arrays: dict[str, NDArray[Any]] = {}
    for field in (*ARRAYS, "public_codes"):
        if getattr(release, field) is not None:
            arrays[field] = getattr(release, field)
    if release.embedding is not None:
        arrays |= {f"{_EMBEDDING}{name}": array for name, array in release.embedding.arrays().items()}
    described = []
    for j, column in enumerate(release.columns):
        for field in _COLUMN_ARRAYS:
            arrays[f"column{j}_{field}"] = getattr(column, field)
        described.append(
            {"name": column.name, "kind": column.kind, "offset": column.offset, "slope": column.slope,
             "spread": column.spread, "least": column.least, "greatest": column.greatest, "filled": column.filled,
             "filled_as": column.filled_as, "logical": column.logical}
        )  # fmt: skip
    meta = {
        "format": _FORMAT, "loss": release.loss.name, "n": release.n, "n_error": release.n_error,
        "target_kind": release.target_kind, "tolerance": release.tolerance, "reweighed": release.reweighed,
        "unlike": release.unlike, "error_told": release.error_told,
        "columns": described, "embedding": None if release.embedding is None else release.embedding.name,
    }  # fmt: skip
    arrays["meta"] = np.array(json.dumps(meta))
    write(path, lambda file: np.savez(file, allow_pickle=False, **arrays), private=False)


def load(kind: type[Release], path: str | os.PathLike[str], embedding: Embedding | None = None) -> Release:
    """Read a release that `save` wrote, a frozen net's with the net; InputError when the file is no such release."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays: dict[str, Any] = {key: file[key] for key in file.files}
        meta = json.loads(str(arrays.pop("meta")))
        if meta["format"] != _FORMAT:
            raise InputError(f"{path} has format {meta['format']!r}, this version reads {_FORMAT!r}")
        columns = [
            Column(**described, **{field: arrays.pop(f"column{j}_{field}") for field in _COLUMN_ARRAYS})
            for j, described in enumerate(meta["columns"])
        ]
        if meta.get("embedding") is not None:
            parts = {key: arrays.pop(key) for key in [*arrays] if key.startswith(_EMBEDDING)}
            parts = {key.removeprefix(_EMBEDDING): parts[key] for key in parts}
            arrays["embedding"] = embedding or _embedding(meta["embedding"], parts, path)
        return kind(
            loss_of(meta["loss"]),
            n=meta["n"],
            n_error=meta.get("n_error", 0.0),
            target_kind=meta["target_kind"],
            columns=columns,
            tolerance=meta.get("tolerance"),
            reweighed=meta.get("reweighed", False),
            unlike=meta.get("unlike", 1.0),
            error_told=meta.get("error_told", False),
            **arrays,
        )
    except InputError:
        raise
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise InputError(f"{path} is not a release written by undelete ({error})") from error


def _embedding(name: str, parts: dict[str, Any], path: str | os.PathLike[str]) -> Embedding:
    if name not in EMBEDDINGS:
        raise InputError(
            f"{path} holds records behind a frozen net, whose architecture is code: give it (embedding=FrozenNet(...))"
        )
    return EMBEDDINGS[name](**parts)
