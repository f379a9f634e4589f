"""What a .skops file says of itself: the scikit-learn that saved it, and which of its parts may be built.

skops trusts scikit-learn's public estimators. A fitted pipeline or search also holds plain parts of scikit-learn's own
that it does not list: what chose its columns, the scorer and the folds of a search. Building them runs nothing of the
file's. Trees stay out: their arrays are followed without a check of bounds.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import json
import re
import zipfile
from collections import UserList
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
from sklearn.base import BaseEstimator
from sklearn.compose import _column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import RidgeClassifier, RidgeClassifierCV

_NAMED = frozenset(
    {
        "builtins.object",
        "numpy.clip",
        "numpy.dtype",
        "numpy.ma.core.MaskedArray",
        "numpy.nan_to_num",
        "numpy.round",
        "scipy.interpolate._bsplines.BSpline",
        "scipy._lib.array_api_compat.numpy._aliases.asarray",
        "sklearn.compose._column_transformer.make_column_selector",
        "sklearn.compose._column_transformer._RemainderColsList",
        "sklearn.impute._iterative.IterativeImputer",
        "sklearn.impute._iterative._ImputerTriplet",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
        "sklearn.utils._bunch.Bunch",
    }
)
# modules of which each class and function of their own is a plain part: no file is opened, nothing is unpickled
_MODULES = re.compile(
    r"sklearn\.(metrics(\.\w+)*|model_selection\._split|feature_selection\._(univariate_selection|mutual_info)"
    r"|calibration|utils\._metadata_requests|_loss\.(loss|link|_loss))"
)


def trusted(name: str) -> bool:
    """Return whether a type is a plain part of scikit-learn's or numpy's own, by its full name."""
    module, _, attribute = name.rpartition(".")
    if name in _NAMED:
        return True
    if module == "numpy":
        kind = getattr(np, attribute, None)
        return inspect.isclass(kind) and issubclass(kind, np.generic)
    if not _MODULES.fullmatch(module) or not attribute.isidentifier():
        return False
    try:
        found = getattr(importlib.import_module(module), attribute, None)
    except ImportError:
        return False
    return (inspect.isclass(found) or inspect.isfunction(found)) and found.__module__.startswith("sklearn.")


class Schema:
    """The description of a .skops file's content.

    Parameters
    ----------
    file : Path
        A .skops file.
    """

    def __init__(self, file: Path) -> None:
        with zipfile.ZipFile(file) as archive:
            self.root: Any = json.loads(archive.read("schema.json"))

    @property
    def version(self) -> str | None:
        """The scikit-learn that saved the file, as it says; None where it does not."""
        for _, node in _nodes(self.root, ""):
            said = node.get("_sklearn_version")
            if isinstance(said, dict) and isinstance(said.get("content"), str):
                return str(said["content"]).strip('"')[:20]
        return None

    def holder(self, unknown: set[str]) -> str:
        """Return the class of the innermost estimator that holds one of some types."""
        for owner, node in _nodes(self.root, ""):
            if f"{node.get('__module__')}.{node.get('__class__')}" in unknown:
                return owner or str(node.get("__class__"))
        return str(self.root.get("__class__", "estimator"))


def _nodes(node: Any, owner: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each part of a schema with the public class of scikit-learn's that holds it."""
    if isinstance(node, dict):
        yield owner, node
        kind = str(node.get("__class__", ""))
        if (
            str(node.get("__module__", "")).startswith("sklearn.")
            and kind[:1].isupper()
            and kind not in ("Bunch", "Tree")
        ):
            owner = kind
        for part in node.values():
            yield from _nodes(part, owner)
    elif isinstance(node, list):
        for part in node:
            yield from _nodes(part, owner)


def versions(saved: str | None) -> str:
    """Say which scikit-learn saved a file and which is installed, where the two differ; else ""."""
    if saved is None or saved == sklearn.__version__:
        return ""
    return f"it was saved by scikit-learn {saved} and {sklearn.__version__} is installed: "


INSTALL = "read it there with scikit-learn {}, or save the model again with the installed one"
_SAVED = "_saved_by_scikit_learn"  # an attribute of an estimator that was read from a file


def mark(model: Any, saved: str | None) -> Any:
    """Return an estimator that remembers which scikit-learn saved it, with what the installed one would have added."""
    if saved is not None:
        for part in _parts(model, set()):
            if isinstance(part, SimpleImputer) and hasattr(part, "statistics_") and not hasattr(part, "_fill_dtype"):
                part._fill_dtype = np.asarray(part.statistics_).dtype
            ridge = isinstance(part, RidgeClassifierCV | RidgeClassifier)
            if ridge and "classes_" not in dir(part) and hasattr(part, "_label_binarizer"):  # one to be fitted has none
                part.classes_ = part._label_binarizer.classes_
        with contextlib.suppress(AttributeError, TypeError):
            setattr(model, _SAVED, saved)
    return model


def _parts(part: Any, seen: set[int]) -> Iterator[BaseEstimator]:
    """Yield an estimator and all that it holds."""
    if id(part) in seen:
        return
    seen.add(id(part))
    if isinstance(part, BaseEstimator):
        yield part
        part = list(vars(part).values())
    if isinstance(part, dict):
        part = list(part.values())
    if isinstance(part, list | tuple):
        for one in part:
            yield from _parts(one, seen)


def saved_by(model: Any) -> str | None:
    """Return which other scikit-learn saved an estimator; None for the installed one, or one that does not say."""
    saved = getattr(model, _SAVED, None)
    return str(saved) if versions(saved) else None


class _Columns(UserList[Any]):
    """Stands for a list of columns that scikit-learn 1.4 to 1.7 kept in a class of its own."""


@contextlib.contextmanager
def older_classes() -> Iterator[None]:
    """Give classes that are gone a stand-in while a file is read."""
    name = "_RemainderColsList"
    if hasattr(_column_transformer, name):
        yield
        return
    setattr(_column_transformer, name, _Columns)
    try:
        yield
    finally:
        delattr(_column_transformer, name)
