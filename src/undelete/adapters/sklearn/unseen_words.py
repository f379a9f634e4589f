"""Words of public documents that a vectoriser never saw: they shorten what it makes of the others.

Where document vectors are brought to length one, a training document's length counts all of its words, since the
vocabulary was made of them; a public one's counts none of the words that no training document had. So that public
documents stand for training ones, such a word counts as one of a single training document. A model that was trained on
the document would also have a parameter for each of them.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer

from undelete.maths.arrays import Floats

_RARE = 0.01  # of the public documents; a word of more is no chance, but was left out by max_df


def brings_to_length(steps: Sequence[Any]) -> int | None:
    """Return which step brings vectors of words to length one; None where none does, or rare words were left out."""
    counter = steps[0]
    if not _knows_all(counter):
        return None
    if isinstance(counter, TfidfVectorizer):
        return 0 if counter.norm is not None else None
    following = len(steps) > 1 and type(steps[1]) is TfidfTransformer and steps[1].norm is not None
    return 1 if following else None


def shortening(steps: Sequence[Any], documents: Sequence[str]) -> Floats:
    """Return by what factor (m,) documents' vectors are shorter with the words that were never seen.

    Parameters
    ----------
    steps : sequence of fitted transformer
        A vectoriser that counts words first.
    documents : sequence of str
        Public ones.
    """
    own, others, norm = _weighed(steps, documents)
    power = 1 if norm == "l1" else 2
    share = np.divide(own, own + others, out=np.ones(len(own)), where=own > 0)
    return np.asarray(share ** (1 / power))


def length_unseen(steps: Sequence[Any], documents: Sequence[str]) -> Floats:
    """Return the squared length (m,) of the features that documents' unseen words would have, had they been trained on.

    Zero where rare words are left out, or where other steps follow, for nobody says what these would make of them.
    """
    counter = steps[0]
    if not _knows_all(counter) or len(steps) > (1 if isinstance(counter, TfidfVectorizer) else 2):
        return np.zeros(len(documents))
    if not isinstance(counter, TfidfVectorizer) and len(steps) == 2 and type(steps[1]) is not TfidfTransformer:
        return np.zeros(len(documents))
    own, others, norm = _weighed(steps, documents, square=True)
    if norm is None:
        return others
    if norm == "l2":
        return np.divide(others, own + others, out=np.zeros(len(own)), where=others > 0)
    first, second, _ = _weighed(steps, documents)
    return np.divide(others, (first + second) ** 2, out=np.zeros(len(own)), where=others > 0)


def _knows_all(counter: Any) -> bool:
    """Return whether a vectoriser has all words of its training documents in its vocabulary."""
    if not isinstance(counter, CountVectorizer) or counter.vocabulary is not None or counter.max_features is not None:
        return False
    return not isinstance(counter.min_df, float) and counter.min_df <= 1


def _weighed(steps: Sequence[Any], documents: Sequence[str], *, square: bool = False) -> tuple[Floats, Floats, Any]:
    """Return the sums (m,) over known words and over unseen ones that a norm takes, or of squares, and the norm."""
    counter, norm = steps[0], None
    known, unseen = sp.csr_array(CountVectorizer.transform(counter, documents)), _unseen(counter, documents)
    if isinstance(counter, TfidfVectorizer) or len(steps) > 1:
        weigh = copy.copy(counter._tfidf if isinstance(counter, TfidfVectorizer) else steps[1])
        norm, weigh.norm = weigh.norm, None
        known = sp.csr_array(weigh.transform(known))
        if weigh.sublinear_tf:
            unseen.data = 1 + np.log(unseen.data)
        unseen.data = (float(np.max(weigh.idf_)) if weigh.use_idf else 1.0) * unseen.data
    power = 1 if norm == "l1" and not square else 2
    own, others = (np.asarray((abs(one) ** power).sum(axis=1)).ravel() for one in (known, unseen))
    return own, others, norm


def _unseen(counter: Any, documents: Sequence[str]) -> sp.csr_array:
    """Return how often each word that is not in the vocabulary is in each document."""
    options = {name: getattr(counter, name) for name in CountVectorizer().get_params()}
    every = CountVectorizer(**options | {"min_df": 1, "max_df": 1.0, "dtype": np.float64})
    counts = sp.csc_array(every.fit_transform(documents))
    new = np.array([word not in counter.vocabulary_ for word in every.get_feature_names_out()])
    rare = np.diff(counts.indptr) <= max(1.0, _RARE * counts.shape[0])
    return sp.csr_array(counts[:, new & rare])
