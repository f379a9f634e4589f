"""Whether a fitted estimator decides on public records as its parts, read one by one, say that it does."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import sklearn

from undelete.adapters.design.cells import Cells
from undelete.adapters.files.saved import INSTALL, saved_by, versions
from undelete.adapters.model import LinearModel
from undelete.errors import InputError
from undelete.maths.losses import loss_of


def check_decision(
    model: LinearModel, estimator: Any, public: pd.DataFrame, names: list[str], named: bool
) -> tuple[str, ...]:
    """Refuse an estimator whose own decision on the public records is not ours.

    Parameters
    ----------
    model : LinearModel
        The estimator as it was read.
    estimator : estimator or Pipeline
        Fitted.
    public : DataFrame
        Records to compare on.
    names : list of str
        The columns that the estimator was fitted on, in order.
    named : bool
        Whether it was fitted on a frame, so that it wants one.

    Returns
    -------
    tuple of str
        What a reader should know: that an estimator of another scikit-learn cannot predict, so nothing was compared.

    Raises
    ------
    InputError
        When it does not predict these records at all, or decides otherwise than we do (1e-6 relative).
    """
    if len(public) == 0:
        return ()
    ours = model.decision(public)
    if model.classes is None:
        ours = np.asarray(loss_of(model.loss).mean(ours))
        ours = ours if model.target_map is None else model.target_map.back(ours)
    columns = {str(label): j for j, label in enumerate(public.columns)}
    there = [name for name in names if name in columns]
    table = model.design.conformed(public.iloc[:, [columns[name] for name in there]].set_axis(there, axis=1))
    decide = estimator.decision_function if model.classes is not None else estimator.predict
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = np.asarray(decide(table if named else table.to_numpy()), dtype=np.float64)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        unlike, saved = _unlike(model, public, names), saved_by(estimator)
        if saved and not unlike and isinstance(error, AttributeError):
            return (
                f"The {type(estimator).__name__} was saved by scikit-learn {saved}, and the installed "
                f"{sklearn.__version__} cannot predict with it: its parts were read, but not compared with its own "
                "predictions.",
            )
        cause = f"; {versions(saved)}{INSTALL.format(saved)}" if saved else ""
        raise InputError(
            f"the {type(estimator).__name__} does not predict the public records{unlike}: give records with the "
            f"columns and types that it was fitted on{cause}"
        ) from error
    theirs = theirs.reshape(len(public), -1)
    if theirs.shape != ours.shape or not np.allclose(ours, theirs, rtol=1e-6, atol=1e-6 * float(np.abs(theirs).max())):
        raise InputError(
            f"the {type(estimator).__name__} decides otherwise on the public records than its steps say: the pipeline "
            "does something that undelete does not model, so nothing it gave back could be trusted"
            + (f"; {versions(saved)}{INSTALL.format(saved)}" if (saved := saved_by(estimator)) else "")
        )
    return ()


def _unlike(model: LinearModel, public: pd.DataFrame, names: list[str]) -> str:
    """Say in what the public table is unlike the records that the model was fitted on, as far as it shows."""
    cells = Cells(public)
    missing = [name for name in names if not cells.has(name)]
    if missing:
        return f" (column {missing[0]!r}, with which it was fitted, is missing)"
    for encoding in model.design.encodings:
        texts = [cell for cell in encoding.known if isinstance(cell, str)]
        if texts and not cells.is_text(encoding.column):
            return (
                f" (column {encoding.column!r} holds numbers, and its encoder was fitted on text such as {texts[0]!r})"
            )
        if len(texts) < len(encoding.known) and not texts and cells.is_text(encoding.column):
            return f" (column {encoding.column!r} holds text, and its encoder was fitted on numbers)"
    for atom in model.design.atoms:
        if not atom.indicator and atom.codes is None and cells.is_text(atom.column):
            return f" (column {atom.column!r} holds text, and the model reads numbers there)"
    return ""
