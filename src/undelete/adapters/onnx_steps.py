"""The parts of an ONNX graph as what they were: scikit-learn's steps, arrays, text, and columns by their names."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from undelete.adapters.files.graphs import library
from undelete.errors import InputError

INSTEAD = "save the model as .skops, or its coefficients as .json (docs/model-files.md)"


def column_called(name: str, public: pd.DataFrame) -> str:
    """Return the public column that an input is: skl2onnx writes an underscore for what no identifier has."""
    alike = [str(column) for column in public.columns if re.sub(r"[^\w+]", "_", str(column)) == name]
    return alike[0] if name not in public.columns and len(alike) == 1 else name


def options_of(node: Any) -> dict[str, Any]:
    """Return a node's attributes."""
    onnx = library()
    found = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
    return {key: array_of(value) if isinstance(value, onnx.TensorProto) else value for key, value in found.items()}


def array_of(tensor: Any) -> NDArray[Any]:
    """Return a tensor as an array; InputError for one that is kept in another file."""
    if tensor.data_location or tensor.external_data:
        raise InputError(f"the ONNX graph keeps {tensor.name!r} in another file, which is not opened: save it as one")
    return np.asarray(library().numpy_helper.to_array(tensor))


def text(cells: Sequence[Any]) -> list[str]:
    """Return cells of bytes as text."""
    return [cell.decode() if isinstance(cell, bytes) else str(cell) for cell in cells]


def _scaler(options: dict[str, Any], size: int) -> StandardScaler:
    step = StandardScaler()
    step.mean_, step.scale_ = np.asarray(options["offset"]), 1 / np.asarray(options["scale"])
    step.n_features_in_ = size
    return step


def _imputer(options: dict[str, Any], size: int) -> SimpleImputer:
    step = SimpleImputer(missing_values=options.get("replaced_value_float", options.get("replaced_value_int64", 0)))
    step.statistics_ = np.asarray(options.get("imputed_value_floats") or options["imputed_value_int64s"], dtype=float)
    step.n_features_in_ = size
    return step


def _one_hot(options: dict[str, Any], size: int) -> OneHotEncoder:
    step = OneHotEncoder(handle_unknown="ignore" if options.get("zeros", 1) else "error")
    known = options.get("cats_int64s") or text(options["cats_strings"])
    step.categories_, step.drop_idx_, step.n_features_in_ = [np.asarray(known, dtype=object)] * size, None, size
    return step


def _codes(options: dict[str, Any], size: int) -> OrdinalEncoder:
    known = options.get("keys_int64s") or options.get("keys_floats") or text(options["keys_strings"])
    codes = np.asarray(options.get("values_int64s") or options["values_floats"], dtype=float)
    cells = np.asarray(known, dtype=object)[np.argsort(codes)]
    if not np.array_equal(np.sort(codes), np.arange(len(cells))):
        raise InputError(f"the ONNX graph has codes of categories other than 0, 1, 2, ...: {INSTEAD}")
    unseen = options.get("default_int64", options.get("default_float"))
    step = OrdinalEncoder(handle_unknown="error" if unseen is None else "use_encoded_value", unknown_value=unseen)
    step.categories_, step.n_features_in_ = [cells] * size, size
    return step


STEPS: dict[str, Callable[[dict[str, Any], int], Any]] = {
    "Scaler": _scaler, "Imputer": _imputer, "OneHotEncoder": _one_hot,
    "LabelEncoder": _codes,
}  # fmt: skip
