"""The plain form of a model, docs/model-files.md: a few named numbers and words, in JSON or in an .npz.

`read_json` and `read_npz` give the entries as arrays, `model_of` checks them, `entries_of` is the way back. R, Julia
and SQL write JSON of their own accord, each with its habits: a lone number for a list of one, a list of one for a
number, `{}` for R's NULL. These are read as what they mean.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from undelete.adapters.design.feature_names import describes
from undelete.adapters.model import LinearModel
from undelete.adapters.offset import Offset
from undelete.errors import InputError
from undelete.maths.embeddings import EMBEDDINGS, Embedding

# What defines each embedding: its own arrays.
_EMBEDDED = {"fourier": ("frequencies", "phases"), "nystroem": ("basis", "mixing", "gamma")}
_PARTS = tuple(part for parts in _EMBEDDED.values() for part in parts)
KEYS = ("coef", "intercept", "loss", "feature_names", "classes", "n", "l2", "l1", "offset", "weights", *_PARTS)
_NEEDED = ("coef", "loss", "feature_names")
MOST = 10**12  # training records
_NUMBERS = ("coef", "intercept", "l2", "l1", "n", "weights", *_PARTS)

Entries = dict[str, NDArray[Any]]


def model_of(entries: Entries, file: Path) -> LinearModel:
    """Return the model that a plain file's entries describe.

    Raises
    ------
    InputError
        When an entry is missing, not known, of another type, or the entries do not fit together; with the file's
        name.
    """
    unknown, missing = sorted(set(entries) - set(KEYS)), [key for key in _NEEDED if key not in entries]
    if missing:
        raise InputError(
            f"{file} has no {', '.join(missing)}: a plain model file has coef, loss and feature_names "
            "(docs/model-files.md)"
        )
    if unknown:
        raise InputError(f"{file} has entries that are not known ({', '.join(unknown[:5])}): it has {', '.join(KEYS)}")
    names, loss = entries["feature_names"], entries["loss"]
    if names.ndim != 1 or names.dtype.kind not in "US":
        raise InputError(f"{file} has feature_names that are not a list of text: write one name for each coefficient")
    if loss.size != 1 or loss.dtype.kind not in "US":
        raise InputError(f"{file} has a loss that is not one word: write squared, logistic, ... (docs/model-files.md)")
    offset = entries.get("offset")
    if offset is not None and (offset.dtype.kind not in "US" or not offset.size):
        raise InputError(f"{file} has an offset that is not text: name the columns that are added up, or log(column)")
    classes = entries.get("classes")
    n = entries.get("n")
    if n is not None and (n.size != 1 or not np.issubdtype(n.dtype, np.number) or n != np.round(n)):
        raise InputError(f"{file} has an n that is not one whole number: it is the number of training records")
    if n is not None and not 0 < n <= MOST:
        raise InputError(f"{file} has an n of {float(n.item()):.3g}: no training data have so many records")
    try:
        return LinearModel(
            coef=entries["coef"],
            intercept=entries.get("intercept"),
            loss=_text(loss.item()),
            feature_names=[_text(name) for name in names.tolist()],
            classes=None if classes is None else [_plain(c) for c in np.ravel(classes).tolist()],
            l2=entries.get("l2"),
            l1=entries.get("l1"),
            n=None if n is None else int(n.item()),
            embedding=_embedding(entries),
            weights=entries.get("weights"),
            offset=None if offset is None else Offset(tuple(_text(term) for term in np.ravel(offset).tolist())),
        )
    except InputError as error:
        raise InputError(f"{file}: {error}") from error


def _embedding(entries: Entries) -> Embedding | None:
    """Return the embedding that some entries define, None without any of them."""
    given = [part for part in _PARTS if part in entries]
    if not given:
        return None
    for name, parts in _EMBEDDED.items():
        if sorted(given) == sorted(parts):
            arrays: dict[str, Any] = {part: entries[part] for part in parts}
            return EMBEDDINGS[name](**arrays)
    raise InputError(
        f"it has {', '.join(given)} of an embedding: give frequencies and phases, or basis, mixing and gamma, and "
        "nothing of the other"
    )


def entries_of(model: LinearModel) -> Entries:
    """Return a model's entries.

    Raises
    ------
    InputError
        When the feature names do not say all that the model does.
    """
    if not describes(model.feature_names, model.design):
        raise InputError(
            f"the {model.kind}'s features are more than their names say (steps: {', '.join(model.steps) or 'none'}): "
            "save the estimator itself as .skops"
        )
    if model.embedding is not None and model.embedding.name not in EMBEDDINGS:
        raise InputError(
            "the model reads what a frozen net makes of a record, and no file holds a net's architecture: save the "
            "net's parameters by themselves, and the coefficients without embedding="
        )
    if model.averaged:
        if model.n is None:
            raise InputError(
                "the penalty is beside the mean loss, and the file wants that of the sum: give the number of training "
                "records (LinearModel.summed), or save the estimator itself as .skops"
            )
        model = model.summed(model.n)
    entries: Entries = {
        "coef": model.coef,
        "loss": np.array(model.loss),
        "feature_names": np.array(model.feature_names, dtype=str),
    }
    optional = {"intercept": model.intercept, "l2": model.l2, "l1": model.l1, "n": model.n, "weights": model.weights}
    optional |= {} if model.embedding is None else model.embedding.arrays()
    entries.update({key: np.asarray(value) for key, value in optional.items() if value is not None})
    if model.offset is not None:
        if not model.offset.terms:
            raise InputError(
                f"the {model.kind} has an offset, and no column is named for it: give LinearModel(offset=)"
            )
        entries["offset"] = np.array(model.offset.terms, dtype=str)
    if model.classes is not None:
        classes = np.array(list(model.classes))
        entries["classes"] = classes.astype(str) if classes.dtype == object else classes
    return entries


def read_npz(file: Path) -> Entries:
    """Return the arrays of an .npz; no pickled ones."""
    with np.load(file, allow_pickle=False) as archive:
        return {key: archive[key] for key in archive.files}


def read_json(file: Path) -> Entries:
    """Return the entries of a JSON object as arrays; those that are null are left out.

    Raises
    ------
    InputError
        When an entry is of another type than its meaning.
    ValueError
        When the file is not a JSON object.
    """
    found = json.loads(file.read_text(encoding="utf-8-sig"), object_pairs_hook=_once)
    if not isinstance(found, dict):
        raise ValueError(f"it holds a {type(found).__name__}, not an object with the keys coef, loss, ...")
    return {key: _array(file, key, value) for key, value in found.items() if value is not None and value != {}}


def json_bytes(entries: Entries) -> bytes:
    """Return entries as JSON; a number comes back to the last bit."""
    plain = {"intercept": None, **{key: array.tolist() for key, array in entries.items()}}
    return (json.dumps(plain, ensure_ascii=False, allow_nan=False, indent=1) + "\n").encode()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise ValueError(f"it has {twice[:40]} twice")
    return found


def _array(file: Path, key: str, value: Any) -> NDArray[Any]:
    """Return one entry of a JSON object as an array."""
    if key in _NUMBERS:
        bad = _no_number(value, depth=2)
        if bad is not None:
            raise InputError(f"{file} has {bad} in {key}, where numbers belong: write numbers, in lists of one length")
        try:
            array = np.array(value, dtype=np.float64)
        except (ValueError, OverflowError) as error:
            raise InputError(f"{file} has a {key} whose rows are not of one length, or too large a number") from error
        return array.reshape(()) if key in ("l2", "l1", "gamma") and array.size == 1 else array
    cells = value if isinstance(value, list) else [value]
    if key == "classes" and any({type(cell) for cell in cells} <= kinds for kinds in ({int, float}, {bool}, {str})):
        return np.array(cells)
    if key == "classes":
        raise InputError(f"{file} has classes that are not a list of text or of numbers: write one for each class")
    # text, or what `model_of` refuses
    return np.array(cells) if all(isinstance(cell, str) for cell in cells) else np.zeros(len(cells))


def _no_number(value: Any, depth: int) -> str | None:
    """Return how the first thing that is no number is written, None when all are."""
    if isinstance(value, list) and depth:
        return next((bad for bad in (_no_number(part, depth - 1) for part in value) if bad is not None), None)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return None
    return json.dumps(value)[:40]


def _plain(label: Any) -> Any:
    return label.decode() if isinstance(label, bytes) else label


def _text(value: Any) -> str:
    return str(_plain(value))
