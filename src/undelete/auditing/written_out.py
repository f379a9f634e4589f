"""Documents of a model of text as a table of its words, for what plays deletions record by record."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from undelete.adapters.sklearn.text import read_text, text_chain
from undelete.auditing.inputs import as_records
from undelete.auditing.records import fit_on, is_fitted, reads_text
from undelete.errors import InputError


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
    unopened = hasattr(estimator, "fit") and not is_fitted(estimator) and not reads_text(estimator)
    if unopened or text_chain(estimator) is None:
        return estimator, [as_records(one) for one in records]
    texts = [_documents(one) for one in records]
    fitted = fit_on(estimator, texts[0], y)
    model, chain = read_text(fitted), text_chain(fitted)
    assert chain is not None
    words = list(model.model.feature_names)
    return chain[-1], [as_records(model.features(one)).set_axis(words, axis=1) for one in texts]


def _documents(given: Any) -> list[str]:
    if isinstance(given, pd.DataFrame) and given.shape[1] == 1:
        given = given.iloc[:, 0]
    values = np.asarray(given, dtype=object)
    if values.ndim != 1 or not all(isinstance(one, str) for one in values):
        raise InputError("the model reads text: give its records as a list of documents, each a text")
    return [str(one) for one in values]
