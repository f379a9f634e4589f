"""The likeliest of what two models and the public documents say of a deleted one: its words, and its class."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from undelete.adapters.model import LinearModel
from undelete.adapters.sklearn.text import TextModel
from undelete.attacker.documents import Words, frequencies, words
from undelete.attacker.word_sizes import Sizes
from undelete.auditing.document_changes import changes, classes_of
from undelete.auditing.document_whole import Whole
from undelete.errors import InputError
from undelete.maths.arrays import Floats, Indices

_SURE = 0.9  # of a class, that it is told


@dataclass(frozen=True, eq=False)
class Told:
    """What is said of a document under the likeliest hypothesis.

    Parameters
    ----------
    words : Words
        Of its features.
    label : object
        Its class, where its pull tells it.
    gone : int or None
        Behind balanced class weights the class that it had; None elsewhere.
    lead : float
        By how much the evidence for that class, its logarithm, is larger than for any other.
    """

    words: Words
    label: Any
    gone: int | None
    lead: float


def told_words(old: TextModel, new: TextModel, X: sp.csr_array, whole: Whole, Y: Floats, n: int) -> Told:
    """Return what the likeliest hypothesis says: of balanced class weights there is one for each class.

    Parameters and errors as of `changes`; InputError where no hypothesis agrees with itself, too.
    """
    model, d = old.model, X.shape[1]
    own = classes_of(Y)
    # most of a million hashed features are in no document at all, and no word could be said for them
    nameable = np.arange(d) if old.names is not None else np.unique(X.indices)
    told = X[:, nameable]
    sizes, overall = Sizes.of(told), frequencies(told)
    possible: list[Told] = []
    for gone, change in changes(old, new, X, whole, Y, n):
        change = replace(change, share=change.share[nameable], known=change.known[nameable])
        found = words(told, change, n, overall, sizes)
        c = _class(model, found, change.pulls, own)
        if gone is not None and c is not None and c != gone:
            continue
        if c is not None:
            found = words(told, change, n, frequencies(told, own == c), sizes)
        label = None if c is None or model.classes is None else model.classes[c]
        possible.append(Told(found, label, gone, np.inf))
    if not possible:
        raise InputError(
            "whichever class the document had, the intercept says that it was of another: the two models do not differ "
            "by one document, or the public ones are unlike the training ones"
        )
    best, *others = sorted(possible, key=lambda one: -one.words.evidence)
    probability = np.zeros(d)
    probability[nameable] = best.words.probability
    lead = best.words.evidence - others[0].words.evidence if others else np.inf
    return replace(best, words=replace(best.words, probability=probability), lead=lead)


def _class(model: LinearModel, found: Words, pulls: Floats, own: Indices) -> int | None:
    """Return the class of who pulls so, as public documents do; None where that is not clear."""
    if model.classes is None:
        return None
    theirs = pulls @ found.direction
    width = max(0.1 * float(theirs.std()), 1e-12)
    near = np.exp(-0.5 * np.minimum(np.abs(theirs[:, None] - found.pulls) / width, 30.0) ** 2) @ found.weight
    share = np.bincount(own, near, minlength=len(model.classes))
    return int(share.argmax()) if share.max() > _SURE * share.sum() else None
