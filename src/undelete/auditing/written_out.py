"""Documents of a model of text, alone or beside other columns, as a table of words, for what plays deletions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.pipeline import Pipeline

from undelete.adapters.sklearn.beside import words_beside
from undelete.adapters.sklearn.preprocessing import thawed
from undelete.adapters.sklearn.text import read_text, text_chain
from undelete.auditing.inputs import as_records
from undelete.auditing.records import fit_on, is_fitted, reads_text
from undelete.auditing.tables import free_memory
from undelete.errors import InputError

_TABLES, _SQUARES = 3, 5  # how many tables (n, d) and matrices (d, d) the fit holds: measured on 4,000 x 3,000


def written_out(estimator: Any, y: ArrayLike, *records: Any) -> tuple[Any, list[pd.DataFrame]]:
    """Return an estimator and tables of records; of a model of text its linear model, and its words as columns.

    Parameters
    ----------
    estimator : estimator, Pipeline or LinearModel
        Fitted or not; a vectoriser is fitted on the first records.
    y : array (n,)
        The targets of the first records.
    records : tables, or of a model of text sequences of str
        The first are the training records.

    Raises
    ------
    InputError
        When documents are not text, or the words of all of them would not fit in memory.

    Notes
    -----
    A table holds a number for each document and word: 20,000 documents of 2,000 words are 320 MB.
    """
    if words_beside(estimator):
        tables = [as_records(one) for one in records]
        fitted = thawed(fit_on(estimator, tables[0], y))
        return fitted[-1], [as_records(_features(fitted[:-1], one)) for one in tables]
    unopened = hasattr(estimator, "fit") and not is_fitted(estimator) and not reads_text(estimator)
    if unopened or text_chain(estimator) is None:
        return estimator, [as_records(one) for one in records]
    texts = [_documents(one) for one in records]
    fitted = fit_on(estimator, texts[0], y)
    model, chain = read_text(fitted), text_chain(fitted)
    assert chain is not None
    words = list(model.model.feature_names)
    return chain[-1], [as_records(model.features(one)).set_axis(words, axis=1) for one in texts]


def _features(steps: Pipeline, table: pd.DataFrame) -> pd.DataFrame:
    """Return what fitted steps make of records, each feature a column of a dense table."""
    try:
        made = steps.transform(table)
        _refuse_without_memory(*made.shape)
        made = as_records(made)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise InputError(f"the steps do not take these records ({str(error).splitlines()[0][:200]})") from error
    try:
        names = [str(name) for name in steps.get_feature_names_out()]
    except (AttributeError, ValueError):  # a step that names nothing, as a hasher
        return made
    return made.set_axis(names, axis=1)


def _refuse_without_memory(n: int, d: int) -> None:
    """Refuse records whose words, and the matrices of the fit on them, do not fit in the memory that is free."""
    needed, free = 8 * d * (_TABLES * n + _SQUARES * d), free_memory()
    if free is not None and needed > free:
        raise InputError(
            f"the words of {n:,} records become columns of a dense table of {d:,}, and to retrain on it takes about "
            f"{needed / 1e9:,.1f} GB of memory, of which {free / 1e9:,.1f} GB are free: give fewer records, or the "
            "vectoriser max_features"
        )


def _documents(given: Any) -> list[str]:
    if isinstance(given, pd.DataFrame) and given.shape[1] == 1:
        given = given.iloc[:, 0]
    values = np.asarray(given, dtype=object)
    if values.ndim != 1 or not all(isinstance(one, str) for one in values):
        raise InputError("the model reads text: give its records as a list of documents, each a text")
    return [str(one) for one in values]
