"""Reads pipelines of text: a vectoriser, steps that keep its features sparse, and a linear model."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.pipeline import Pipeline

from undelete.adapters.design.probed import Probed
from undelete.adapters.model import LinearModel
from undelete.adapters.sklearn.estimators import READERS, features_of, read_estimator
from undelete.adapters.sklearn.preprocessing import thawed
from undelete.adapters.sklearn.stored import stored_in
from undelete.adapters.sklearn.unseen_words import brings_to_length, length_unseen, shortening
from undelete.adapters.sklearn.wrapped import standing
from undelete.errors import InputError
from undelete.maths.arrays import Floats

VECTORISERS = (CountVectorizer, HashingVectorizer, TfidfVectorizer)
_MOST_ENTRIES = 500_000_000  # not zero, 6 GB


@dataclass(frozen=True, eq=False)
class TextModel:
    """A fitted pipeline of text.

    Parameters
    ----------
    steps : list of transformer
        What makes features of documents.
    model : LinearModel
        What is linear in them; its design is only a name.
    names : tuple of str, or None
        The words, feature by feature; None where they are hashed.
    column : str
        The column of a table that holds the text, where it stands beside others: the model is then the part of the
        whole that reads it, with the whole's intercept.
    weight : float
        By which the features are multiplied.
    """

    steps: list[Any]
    model: LinearModel
    names: tuple[str, ...] | None
    column: str = ""
    weight: float = 1.0

    def of(self, table: pd.DataFrame) -> list[str]:
        """Return the texts of a table's records, a missing one empty; InputError where it has no such column."""
        if self.column not in table.columns:
            raise InputError(f"the table has no column {self.column!r}, whose words the model reads: add it")
        return [str(one) for one in table[self.column].fillna("")]

    def words_of(self, document: str) -> set[str]:
        """Return the words of a document that the model knows."""
        own = set(self.steps[0].build_analyzer()(document))
        return own if self.names is None else own & set(self.names)

    def scores(self, table: pd.DataFrame, *, standing: bool = False) -> Floats:
        """Return what texts add to predictions, the intercept left out: (m,), of several outputs (m, k)."""
        found = np.asarray(self.features(self.of(table), standing=standing) @ self.model.coef.T)
        return found[:, 0] if found.shape[1] == 1 else found

    def features(self, documents: Sequence[str], *, standing: bool = False) -> sp.csr_array:
        """Return documents as sparse features (m, d); InputError where the steps do not take them.

        With `standing` they stand for training documents, whose words are all in the vocabulary.
        """
        made: Any = documents
        at = brings_to_length(self.steps) if standing else None
        for place, step in enumerate(self.steps):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    made = step.transform(made)
                    if place == at:
                        made = sp.diags_array(shortening(self.steps, documents)) @ made
            except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
                why = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
                raise InputError(f"{type(step).__name__} does not take these documents ({why}): give text") from error
            if not sp.issparse(made):
                raise InputError(
                    f"{type(step).__name__} makes dense features of documents, in which words are mixed or as many as "
                    "the vocabulary for each: undelete reads words behind steps that keep them apart and sparse"
                )
        if made.nnz > _MOST_ENTRIES:
            raise InputError(f"the documents have {made.nnz:,} words: give fewer public documents")
        found = self.weight * sp.csr_array(made).astype(np.float64)
        found.eliminate_zeros()
        return found

    def length_unseen(self, documents: Sequence[str]) -> Floats:
        """Return the squared length (m,) of the features that a model trained on each document would have for it alone.

        Of the words that no training document has.
        """
        return self.weight**2 * length_unseen(self.steps, documents)

    def candidates(self, documents: Sequence[str]) -> dict[int, list[tuple[str, int]]]:
        """Return for each hashed feature the words that it may be, of some documents, and how many have it."""
        hasher = self.steps[0]
        split = hasher.build_analyzer()
        count: dict[str, int] = {}
        for document in documents:
            for word in set(split(document)):
                count[word] = count.get(word, 0) + 1
        found: dict[int, list[tuple[str, int]]] = {}
        alone = HashingVectorizer(
            n_features=hasher.n_features, alternate_sign=False, norm=None, analyzer=lambda word: [word],
        )  # fmt: skip
        for word, at in zip(count, alone.transform(count).indices, strict=True):
            found.setdefault(int(at), []).append((word, count[word]))
        return found


def text_chain(estimator: Any) -> list[Any] | None:
    """Return a pipeline's steps, nested ones taken apart, where the first reads text; None where it does not."""
    whole = standing(estimator, lambda one: type(one) in READERS).estimator
    parts = [part for part in _parts(whole) if part is not None and part != "passthrough"]
    return parts if len(parts) > 1 and reads_text(parts[0]) else None


def reads_text(step: Any) -> bool:
    """Return whether a step makes features of the words of documents, or a pipeline begins with one that does."""
    first = next(_parts(step), None)
    return isinstance(first, VECTORISERS)


def _parts(estimator: Any) -> Iterator[Any]:
    estimator = thawed(estimator)
    if isinstance(estimator, Pipeline):
        for _, step in estimator.steps:
            yield from _parts(step)
    else:
        yield estimator


def read_text(estimator: Any) -> TextModel:
    """Return a fitted pipeline of text.

    Raises
    ------
    InputError
        When it is none, or its linear model is not read.
    """
    parts = text_chain(estimator)
    if parts is None:
        if any(isinstance(part, ColumnTransformer) for part in _parts(estimator)):
            raise InputError(
                "the model starts with a ColumnTransformer: undelete audit reads it, and tells the words of its "
                "columns of text beside the others"
            )
        raise InputError(
            "the model does not start with a vectoriser of text (CountVectorizer, TfidfVectorizer, HashingVectorizer): "
            "undelete audit reads columns of a table"
        )
    *steps, final = parts
    try:
        d = features_of(final)
    except AttributeError as error:
        read_estimator(final, 0)  # refuses it by its class name
        raise InputError(f"the {type(final).__name__} is not fitted: there are no parameters to compare") from error
    linear = read_estimator(final, d)
    whole = standing(estimator, lambda one: type(one) in READERS)
    hashed = isinstance(steps[0], HashingVectorizer)
    names = (
        None
        if hashed
        else tuple(map(str, Pipeline([(str(i), s) for i, s in enumerate(steps)]).get_feature_names_out()))
    )
    labels = names or tuple(f"hash {j}" for j in range(d))
    constant = linear.intercept is not None
    design = Probed(("text",), (*labels, *(("1",) if constant else ())), constant, _dense)
    # a hasher stores nothing, and a list of its million features takes seconds
    stored = () if hashed and len(steps) == 1 else stored_in(estimator)
    model = LinearModel(
        **linear.parts(d), feature_names=labels, design=design, stored=stored,
        steps=tuple(type(step).__name__ for step in steps),
    )  # fmt: skip
    if whole.classes is not None:
        model = replace(model, classes=whole.classes)
    return TextModel(steps, model, names)


def _dense(table: pd.DataFrame) -> Any:
    raise InputError("documents are not made dense")
