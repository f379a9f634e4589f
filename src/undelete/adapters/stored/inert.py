"""A saved estimator as inert parts: names, numbers and arrays, of which nothing is ever called.

A .skops file is read from its description and its arrays alone, so that nothing in it need be trusted: a search tree, a
forest or a class that nobody knows is a name with fields like any other.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

_KEYS: dict[str, Callable[[str], Any]] = {"int": int, "float": float, "bool": lambda word: word == "True"}


@dataclass(frozen=True, eq=False)
class Part:
    """One object of a saved estimator.

    Parameters
    ----------
    kind : str
        Its class's name.
    fields : mapping of str to anything
        What it stores.
    """

    kind: str
    fields: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        """Return a field; None where there is none."""
        return self.fields.get(name)

    def array(self, name: str) -> np.ndarray[Any, np.dtype[np.float64]] | None:
        """Return a field as an array of finite numbers, dense; None where it is none."""
        value = self.fields.get(name)
        if value is None or isinstance(value, str | Part | Mapping):
            return None
        try:
            return np.asarray(value.toarray() if sp.issparse(value) else value, dtype=np.float64)
        except (TypeError, ValueError):
            return None


def part_of(thing: Any) -> Part:
    """Return an object, or what a file says of one, as a part."""
    if isinstance(thing, Part):
        return thing
    fields: Any = getattr(thing, "__dict__", None)
    if fields is None and hasattr(thing, "__getstate__"):
        fields = thing.__getstate__()  # compiled trees have no dictionary
    return Part(type(thing).__name__, fields if isinstance(fields, dict) else {"content": fields})


def read_parts(file: Path) -> Part:
    """Return what a .skops file holds; nothing in it is built or called.

    Parameters
    ----------
    file : Path
        Its declared sizes are checked before, `undelete.adapters.files.files`.

    Raises
    ------
    ValueError, KeyError, TypeError
        When it is damaged.
    """
    with zipfile.ZipFile(file) as archive:
        return part_of(_Reader(archive).read(json.loads(archive.read("schema.json"))))


class _Reader:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive
        self.seen: dict[int, Any] = {}

    def read(self, node: Any) -> Any:
        if not isinstance(node, dict) or "__loader__" not in node:
            return node
        place = node.get("__id__")
        if place in self.seen:
            return self.seen[place]
        value = self._made(node)
        if isinstance(place, int):
            self.seen[place] = value
        return value

    def _made(self, node: dict[str, Any]) -> Any:
        loader, content = node.get("__loader__"), node.get("content")
        if loader == "JsonNode":
            return json.loads(str(content)) if node.get("is_json", True) else content
        if loader == "NdArrayNode":
            return self._array(node)
        if loader == "SparseMatrixNode":
            return sp.load_npz(io.BytesIO(self.archive.read(node["file"])))
        if loader in ("ListNode", "TupleNode", "SetNode"):
            return [self.read(one) for one in content or ()]
        if loader in ("DictNode", "DefaultDictNode"):
            return dict(self._items(node))
        if loader == "TypeNode":
            return str(node.get("__class__"))
        fields = self.read(content)
        if loader == "SliceNode" and isinstance(content, dict):
            return slice(content.get("start"), content.get("stop"), content.get("step"))
        return Part(str(node.get("__class__")), fields if isinstance(fields, dict) else {"content": fields})

    def _array(self, node: dict[str, Any]) -> Any:
        if node.get("type") == "numpy":
            array = np.load(io.BytesIO(self.archive.read(node["file"])), allow_pickle=False)
            return array if node.get("__class__") == "ndarray" else array[()]
        cells = [self.read(one) for one in node.get("content") or ()]
        held = np.empty(len(cells), dtype=object)
        held[:] = cells
        return held.reshape([int(size) for size in self.read(node["shape"])])

    def _items(self, node: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
        kinds = [str(one.get("__class__")) for one in (node.get("key_types") or {}).get("content", ())]
        content = node.get("content") or {}
        for place, (key, value) in enumerate(content.items()):
            turn = _KEYS.get(kinds[place]) if place < len(kinds) else None
            yield (key if turn is None else turn(key)), self.read(value)
