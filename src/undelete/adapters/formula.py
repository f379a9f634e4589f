"""What a fitted result's formula makes of any table: model matrices of patsy and formulaic, asked as they stand.

Neither library is imported before a result that was built with it is given: the terms of its formula (logarithms,
splines, contrasts, standardised columns, comparisons) are whatever that library makes of them.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from undelete.adapters.design.encoding import Encoding
from undelete.adapters.sklearn.reading import known_category
from undelete.errors import InputError
from undelete.maths.arrays import Floats

_CATEGORICAL = "categorical"


@dataclass(frozen=True, eq=False)
class Formula:
    """The right side of a formula, as it was fitted.

    Parameters
    ----------
    raw : tuple of str
        The table's columns that its terms are made of.
    encodings : tuple of Encoding
        The levels it knows of columns that are categories in it.
    matrix : callable
        From a table of the raw columns (n, ...) to the model matrix (n, terms), the intercept among them.
    """

    raw: tuple[str, ...]
    encodings: tuple[Encoding, ...]
    matrix: Callable[[pd.DataFrame], Floats]


def formula_of(model: Any, table: pd.DataFrame | None) -> Formula | None:
    """Return the formula of a model of statsmodels, None where it was given arrays.

    Parameters
    ----------
    model : statsmodels model
        Such as `result.model`.
    table : DataFrame or None
        Records, whose columns count where the model does not keep its own table.
    """
    data = getattr(model, "data", None)
    spec = next((one for name in ("model_spec", "design_info") if (one := getattr(data, name, None)) is not None), None)
    spec = getattr(spec, "rhs", spec)
    read = {"patsy": _of_patsy, "formulaic": _of_formulaic}.get(type(spec).__module__.split(".")[0])
    if read is None:
        return None
    frame = getattr(data, "frame", None)
    frame = table if frame is None else frame
    return read(spec, [] if frame is None else [str(name) for name in frame.columns])


def _of_patsy(spec: Any, have: Collection[str]) -> Formula:
    import patsy

    levels = {one.name(): info.categories for one, info in spec.factor_infos.items() if info.type == _CATEGORICAL}

    def matrix(table: pd.DataFrame) -> Any:
        return patsy.build_design_matrices([spec], table, NA_action="raise")[0]

    return _formula([one.name() for one in spec.factor_infos], levels, have, matrix)


def _of_formulaic(spec: Any, have: Collection[str]) -> Formula:
    states = spec.encoder_state.items()
    levels = {name: state["categories"] for name, (_, state) in states if "categories" in state}

    def matrix(table: pd.DataFrame) -> Any:
        return spec.get_model_matrix(table, na_action="raise")

    return _formula([str(one) for one in spec.factors], levels, have, matrix)


def _formula(
    factors: list[str], levels: dict[str, Collection[Any]], have: Collection[str], matrix: Callable[[pd.DataFrame], Any]
) -> Formula:
    used = dict.fromkeys(name for factor in factors for name in _names(factor) if name in have)
    encodings = []
    for factor, known in levels.items():
        columns = [name for name in dict.fromkeys(_names(factor)) if name in have]
        if len(columns) == 1 and _plain(factor, columns[0]):
            cells = tuple(known_category(cell, "the formula", columns[0]) for cell in known)
            encodings.append(Encoding(columns[0], (), cells, (), True, True, ()))

    def asked(table: pd.DataFrame) -> Floats:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return np.asarray(matrix(table.infer_objects()), dtype=np.float64)
        except Exception as error:  # a formula is code, and may fail in any way on records that it was not made for
            why = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            raise InputError(
                f"the model's formula does not take these records ({why}): give records with the columns, types, "
                "levels and, of splines, the range that it was fitted on"
            ) from error

    return Formula(tuple(used), tuple(encodings), asked)


def _names(factor: str) -> Iterator[str]:
    """Yield the names in a factor's code, those quoted by Q() or backticks among them."""
    try:
        nodes = list(ast.walk(ast.parse(factor, mode="eval")))
    except SyntaxError:
        yield factor.strip("`")
        return
    for node in nodes:
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Q":
            yield from (one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str))


def _plain(factor: str, column: str) -> bool:
    """Return whether a factor is a column as it stands, or C() of one: its levels are the column's cells then."""
    bare = factor.replace(" ", "").replace('"', "'")
    own = [one.replace(" ", "") for one in (column, f"Q('{column}')", f"`{column}`")]
    return bare in own or bare.startswith(tuple(f"C({one}{end}" for one in own for end in ",)"))


__all__ = ["Formula", "formula_of"]
