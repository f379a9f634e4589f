"""What vectorisers of text store of their training documents: words, and in how many documents each is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from undelete.adapters.sklearn.moments import Reader, place_of
from undelete.adapters.stored.inert import part_of
from undelete.adapters.stored.statistic import Frequencies, Known, Statistic
from undelete.adapters.stored.walk import Visit


def _vectorizer(visit: Visit) -> Iterator[Statistic]:
    part, vocabulary = visit.part, visit.part["vocabulary_"]
    if not isinstance(vocabulary, dict) or part["fixed_vocabulary_"]:
        return
    words = sorted(vocabulary, key=vocabulary.__getitem__)
    whole = isinstance(part["min_df"], int) and part["max_df"] in (1.0, None) and part["max_features"] is None
    sure = whole and not isinstance(part["max_df"], bool) and part["min_df"] == 1
    yield Known(place_of(visit, "vocabulary_"), "(words)", words, sure=sure, word=True)
    inner = part["_tfidf"]
    if inner is not None:
        yield from _frequencies(Visit(f"{visit.source}._tfidf", part_of(inner), []), words)


def _tfidf(visit: Visit) -> Iterator[Statistic]:
    yield from _frequencies(visit, [feature.name for feature in visit.features])


def _frequencies(visit: Visit, words: Sequence[str]) -> Iterator[Statistic]:
    idf = visit.part.array("idf_")
    if idf is None:
        diagonal = visit.part["_idf_diag"]  # scikit-learn up to 1.4
        idf = None if diagonal is None else np.asarray(diagonal.diagonal(), dtype=float)
    if idf is not None and len(idf) == len(words):
        yield Frequencies(place_of(visit, "idf_"), words, idf, bool(visit.part["smooth_idf"]))


TEXT: dict[str, Reader] = {
    "CountVectorizer": _vectorizer, "TfidfVectorizer": _vectorizer, "TfidfTransformer": _tfidf,
}  # fmt: skip
