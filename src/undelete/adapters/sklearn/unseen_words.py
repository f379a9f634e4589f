"""Words of public documents that a vectoriser never saw: they shorten what it makes of the others.

Where document vectors are brought to length one, a training document's length counts all of its words, since the
vocabulary was made of them; a public one's counts none of the words that no training document had. So that public
documents stand for training ones, such a word counts as one of a single training document.
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
    if not isinstance(counter, CountVectorizer) or counter.vocabulary is not None or counter.max_features is not None:
        return None
    if isinstance(counter.min_df, float) or counter.min_df > 1:
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
    counter = steps[0]
    weigh = copy.copy(counter._tfidf if isinstance(counter, TfidfVectorizer) else steps[1])
    power, weigh.norm = (1 if weigh.norm == "l1" else 2), None
    known = sp.csr_array(weigh.transform(CountVectorizer.transform(counter, documents)))
    unseen = _unseen(counter, documents)
    if weigh.sublinear_tf:
        unseen.data = 1 + np.log(unseen.data)
    unseen.data = (float(np.max(weigh.idf_)) if weigh.use_idf else 1.0) * unseen.data
    own, others = (np.asarray((abs(one) ** power).sum(axis=1)).ravel() for one in (known, unseen))
    share = np.divide(own, own + others, out=np.ones(len(own)), where=own > 0)
    return np.asarray(share ** (1 / power))


def _unseen(counter: Any, documents: Sequence[str]) -> sp.csr_array:
    """Return how often each word that is not in the vocabulary is in each document."""
    options = {name: getattr(counter, name) for name in CountVectorizer().get_params()}
    every = CountVectorizer(**options | {"min_df": 1, "max_df": 1.0, "dtype": np.float64})
    counts = sp.csc_array(every.fit_transform(documents))
    new = np.array([word not in counter.vocabulary_ for word in every.get_feature_names_out()])
    rare = np.diff(counts.indptr) <= max(1.0, _RARE * counts.shape[0])
    return sp.csr_array(counts[:, new & rare])
