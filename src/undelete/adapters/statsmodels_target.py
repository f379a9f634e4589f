"""What a fitted result's formula predicts: a column, a function of one, or which of two classes."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any

import numpy as np
from sklearn.preprocessing import FunctionTransformer

from undelete.adapters.design.functions import FUNCTIONS
from undelete.adapters.target_map import TargetMap
from undelete.errors import InputError
from undelete.maths.arrays import Floats

_BACK: dict[str, Callable[[Floats], Floats]] = {
    "log": np.exp, "log2": np.exp2, "log10": lambda z: 10.0**z, "log1p": np.expm1, "exp": np.log, "sqrt": np.square,
}  # fmt: skip
_CALL = re.compile(rf"(?:(?:np|numpy)\.)?({'|'.join(_BACK)})\((?:Q\(['\"])?([^()'\"]+?)(?:['\"]\))?\)")
_LEVEL = re.compile(r"(?:C\()?[^()\[\]]+\)?\[(?:T\.)?(.*)\]")


def target_map(model: Any, targets: Collection[str]) -> TargetMap | None:
    """Return what a formula makes of a target column; None where it predicts the column as it stands.

    Parameters
    ----------
    model : statsmodels model
        Such as `result.model`.
    targets : collection of str
        What the target column is called.

    Raises
    ------
    InputError
        When it is a function of the column that is not read.
    """
    said = getattr(model, "endog_names", None)
    if not hasattr(model, "formula") or not isinstance(said, str) or said in targets:
        return None
    call = _CALL.fullmatch(said.replace(" ", ""))
    for name in targets:
        if call is not None and call[2] == name.replace(" ", ""):
            return TargetMap(FunctionTransformer(FUNCTIONS[call[1]], _BACK[call[1]]))
        if re.search(rf"\b{re.escape(name)}\b", said):
            raise InputError(
                f"the model's formula predicts {said}, a function of the target column {name!r} that undelete does not "
                "read: give the tables a column of it, and name that as the target"
            )
    return None


def two_classes(model: Any) -> tuple[Any, Any]:
    """Return the classes of a binomial model, the second the one whose probability it predicts.

    Raises
    ------
    InputError
        When its response is a table of counts, or a share.
    """
    said, counts = getattr(model, "endog_names", None), getattr(model, "n_trials", None)
    seen = getattr(model, "endog", None)
    if counts is not None and np.max(counts) > 1:
        raise InputError(
            "the binomial model's response is a table of counts, and undelete reads a class for each record: give it a "
            "row each"
        )
    if seen is not None and not np.isin(seen, (0, 1)).all():
        raise InputError("the binomial model's response is a share between 0 and 1: undelete reads two classes")
    if isinstance(said, list) and len(said) == 2:  # words, of which a formula makes an indicator each
        levels = [_LEVEL.fullmatch(str(one)) for one in said]
        if levels[0] is not None and levels[1] is not None:
            return levels[1][1], levels[0][1]
    return 0, 1
