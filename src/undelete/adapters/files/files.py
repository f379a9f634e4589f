"""Model files: .skops, .json, .npz and .onnx, which run no code when read, and .joblib and .pkl on trust.

A file is the user's, or somebody else's who may be hostile. Before anything is allocated the archive's declared
sizes are added up, and every array's header is compared with the bytes that are there.
"""

from __future__ import annotations

import io
import os
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import joblib
import numpy as np
import sklearn
import skops.io
from numpy.lib import format as npy
from sklearn.base import BaseEstimator
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.experimental import enable_iterative_imputer  # noqa: F401  # or its class cannot be loaded

from undelete.adapters.files.graphs import load_onnx
from undelete.adapters.files.plain import entries_of, json_bytes, model_of, read_json, read_npz
from undelete.adapters.files.saved import INSTALL, Schema, mark, older_classes, trusted, versions
from undelete.adapters.model import LinearModel
from undelete.adapters.stored.inert import Part, read_parts
from undelete.errors import InputError
from undelete.files import Content, write
from undelete.limits import HOW, JSON_BYTES, MODEL_BYTES, NAMES, allowed, refuse_bomb

_PICKLES = (".joblib", ".pkl", ".pickle")
_PLAIN = (".json", ".npz")
_GRAPH = ".onnx"
_SAVE = "save the model as .skops (skops.io.dump), or its coefficients as .json or .npz (docs/model-files.md)"
_TORCH = (
    "of a torch module save the parameters (safetensors.torch.save_file(module.state_dict(), PATH)) and give "
    "--architecture and --loss"
)
_R = "of a model of R write the coefficients with contrib/undelete.R (docs/model-files.md)"
_INSTEAD = dict.fromkeys((".pt", ".pth", ".pt2", ".ckpt", ".bin"), _TORCH) | dict.fromkeys(
    (".rds", ".rda", ".rdata"), _R
)


def load_model(path: str | os.PathLike[str], *, trust: bool = False) -> BaseEstimator | LinearModel:
    """Read a model file.

    Parameters
    ----------
    path : path
        .skops: a scikit-learn estimator. .json, .npz: the plain form of docs/model-files.md. .joblib, .pkl:
        a pickle, only with `trust`; .onnx: a graph, which `audit` reads.
    trust : bool
        Allow pickles. Unpickling runs code that the file contains.

    Returns
    -------
    estimator or LinearModel
        The estimator as saved; a LinearModel from the plain form.

    Raises
    ------
    InputError
        When the file is missing, a folder, empty, of another kind, damaged, unreasonably large, or holds types
        that are not trusted.
    """
    file = _checked(path)
    return _read(file, _load_skops, trust)


def load_parts(path: str | os.PathLike[str], *, trust: bool = False) -> Any:
    """Read a model file as what it stores: of a .skops file inert parts, of which nothing is built or called.

    Parameters and errors are those of `load_model`, but that no type in a .skops file is refused.
    """
    return _read(_checked(path), read_parts, trust)


def _checked(path: str | os.PathLike[str]) -> Path:
    """Return the path of a model file that is there."""
    file = Path(path)
    if file.suffix.lower() not in (".skops", *_PLAIN, *_PICKLES, _GRAPH):
        raise InputError(f"{path} is not a model file by its name: {_INSTEAD.get(file.suffix.lower(), _SAVE)}")
    if file.is_dir():
        raise InputError(f"{path} is a folder: give the model file in it")
    if not file.exists():
        raise InputError(f"there is no file {path}: check the path")
    if file.stat().st_size == 0:
        raise InputError(f"{path} is empty: the model was not saved whole; save it again")
    return file


def _read(file: Path, skops_file: Callable[[Path], BaseEstimator | Part], trust: bool) -> Any:
    suffix = file.suffix.lower()
    if suffix in _PICKLES:
        return _load_pickle(file, trust)
    try:
        if suffix == ".json":
            _check_json(file)
            return model_of(read_json(file), file)
        if suffix == _GRAPH:
            return load_onnx(file)
        _check_archive(file)
        return skops_file(file) if suffix == ".skops" else model_of(read_npz(file), file)
    except InputError:
        raise
    except Exception as error:  # hostile bytes: the parsers below can fail in any way
        raise InputError(f"{file} is damaged or no {suffix} file ({_why(error)}): save the model again") from error


def save_model(model: BaseEstimator | LinearModel, path: str | os.PathLike[str]) -> None:
    """Write a model file: a LinearModel as .json or .npz, an estimator as .skops.

    The file is written beside and then renamed, so that a half-written one never has the name.

    Raises
    ------
    InputError
        When the name does not end as the model's kind demands, the folder is missing, or the feature names do
        not say all that the model does (then save the estimator itself).
    """
    file = Path(path)
    suffix = file.suffix.lower()
    endings = _PLAIN if isinstance(model, LinearModel) else (".skops",)
    if suffix not in endings:
        raise InputError(f"{path} must end in {' or '.join(endings)}: that is how a {type(model).__name__} is saved")
    if not file.absolute().parent.is_dir():
        raise InputError(f"there is no folder {file.absolute().parent}: make it first")
    if file.is_dir():
        raise InputError(f"{path} is a folder: give a file name in it")
    if isinstance(model, LinearModel):
        entries = entries_of(model)
        if suffix == ".json":
            _write(file, json_bytes(entries))
        else:
            _write(file, lambda out: np.savez(out, allow_pickle=False, **entries))
    else:
        _write(file, lambda out: skops.io.dump(model, out))


def _write(file: Path, content: Content) -> None:
    try:
        write(file, content, private=False)
    except OSError as error:
        raise InputError(f"{file} cannot be written ({error.strerror}): choose another place") from error


def _load_pickle(file: Path, trust: bool) -> BaseEstimator:
    if not trust:
        raise InputError(
            f"{file} is a pickle, and unpickling runs code that the file contains: save the model as .skops, or trust "
            "the file (--trust, or trust=True) if you know who made it"
        )
    try:
        with warnings.catch_warnings(record=True) as told, older_classes():
            warnings.simplefilter("always")  # another version's estimator; `from_sklearn` compares decisions
            model = joblib.load(file)
    except Exception as error:  # a trusted pickle runs any code, so any error can come out
        raise InputError(
            f"{file} cannot be unpickled ({_why(error)}): it is damaged, or was saved by another scikit-learn than the "
            f"installed {sklearn.__version__}; save the model again"
        ) from error
    said = [w.message for w in told if isinstance(w.message, InconsistentVersionWarning)]
    return mark(model, said[0].original_sklearn_version if said else None)


def _load_skops(file: Path) -> BaseEstimator:
    schema, listed = Schema(file), set(skops.io.get_untrusted_types(file=file))
    unknown = sorted(name for name in listed if not trusted(name))
    if unknown:
        shown = ", ".join(unknown[:5]) + (", ..." if len(unknown) > 5 else "")
        raise InputError(
            f"{file} holds types that are not trusted ({shown}, in a {schema.holder(set(unknown))}): they may run code "
            "when loaded; save a pipeline of scikit-learn's own linear models and steps (what such files store by "
            "themselves undelete scan reads without building anything)"
        )
    try:
        with warnings.catch_warnings(), older_classes():
            warnings.simplefilter("ignore")  # another version's estimator; `from_sklearn` compares decisions
            model = skops.io.load(file, trusted=sorted(listed))
    except Exception as error:
        other = versions(schema.version)
        if not other:
            raise
        raise InputError(f"{file} cannot be read ({_why(error)}); {other}{INSTALL.format(schema.version)}") from error
    if not isinstance(model, BaseEstimator):
        raise InputError(f"{file} holds a {type(model).__name__}, not an estimator: save the fitted model itself")
    return mark(model, schema.version)


def _why(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__


def _check_json(file: Path) -> None:
    size = file.stat().st_size
    if size > allowed(JSON_BYTES):
        raise InputError(
            f"{file} has {size / 1e6:,.0f} MB, over the {allowed(JSON_BYTES) / 1e6:,.0f} MB that are read as JSON: "
            f"save a model of so many coefficients as .npz ({HOW})"
        )


def _check_archive(file: Path | BinaryIO, depth: int = 0) -> None:
    """Refuse an archive whose members, or the arrays in them, are larger than a model or than the file says."""
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        declared = sum(member.file_size for member in members)
        names = Counter(member.filename for member in members)
        if len(names) < len(members):
            raise ValueError(f"two parts called {names.most_common(1)[0][0][:40]}")
        if declared > allowed(MODEL_BYTES) or len(members) > 100_000:
            raise InputError(
                f"{file} would unpack to {declared / 1e6:,.0f} MB in {len(members)} parts, far more than a linear "
                f"model: it is not what it says it is ({HOW})"
            )
        refuse_bomb(file, sum(member.compress_size for member in members), declared)
        for member in members:
            if member.filename == "schema.json" and member.file_size > allowed(JSON_BYTES):
                raise ValueError(f"schema.json of {member.file_size / 1e6:.0f} MB")
            if member.filename.endswith(".npy"):
                with archive.open(member) as part:
                    _check_array(part, member)
            elif member.filename.endswith((".npz", ".zip")):
                if depth:
                    raise ValueError("archives within archives within archives")
                _check_archive(io.BytesIO(archive.read(member)), depth + 1)


def _check_array(part: Any, member: zipfile.ZipInfo) -> None:
    """Refuse an array whose header asks for more memory than the file has bytes."""
    version = npy.read_magic(part)
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise ValueError(f"{member.filename} has npy version {version}")
    header = npy.read_array_header_1_0(part) if version == (1, 0) else npy.read_array_header_2_0(part)
    shape, _, dtype = header
    count = 1
    for size in shape:
        count *= int(size)
    if count > allowed(NAMES) and (dtype.kind in "USV" or dtype.itemsize == 0):
        raise ValueError(f"{member.filename} declares {count:,} words")
    if not dtype.hasobject and (count < 0 or count * dtype.itemsize > member.file_size):
        raise ValueError(f"{member.filename} declares shape {shape} and has {member.file_size} bytes")
