"""Of some documents, which was deleted between two models of text?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import softmax

from undelete.adapters.sklearn.text import TextModel
from undelete.adapters.targets import encode_target
from undelete.adapters.weights import BALANCED, weighted_loss
from undelete.attacker.documents import frequencies, seen_of
from undelete.attacker.member.documents import explain_documents
from undelete.attacker.word_sizes import Sizes
from undelete.auditing.document_changes import changes, checked, classes_of, exact_words, read_both
from undelete.auditing.document_whole import Read, Whole
from undelete.maths.arrays import Flags, Floats


def which_document(
    before: Any,
    after: Any,
    public: tuple[Sequence[str], ArrayLike],
    candidates: tuple[Sequence[str], ArrayLike],
    *,
    n: Any,
    trust: bool = False,
) -> pd.DataFrame:
    """Return each candidate's probability, misfit and p-value, as `who_was_deleted` has them, the likeliest first.

    Parameters
    ----------
    before, after : Pipeline or path
        As of `deleted_words`.
    public, candidates : pairs of documents and targets
        Those that nobody trained on, and those of which one may have been deleted.
    n : int
        Training documents of the first model.
    trust : bool
        Whether model files may be unpickled.

    Raises
    ------
    InputError
        When the input cannot be used.

    Notes
    -----
    Words that the files say exactly, a vectoriser being fitted anew, the document has: others were not deleted.
    """
    old, new = read_both(before, after, trust=trust)
    texts, targets = public
    count = checked(texts, targets, n)
    Y = encode_target(old.model, targets, "target")
    read = Read.of(old, new, texts)
    asked, labels = candidates
    own, Y_own = old.features(asked), encode_target(old.model, labels, "target of the candidates")
    Z = own @ old.model.W[: own.shape[1]] + (old.model.W[-1] if old.model.has_constant else 0.0)
    pulls = -np.asarray(weighted_loss(old.model, Y).residual(Y_own, Z))
    sizes, overall, classes = Sizes.of(read.X), frequencies(read.X), classes_of(Y_own)
    misfit, chance = np.full(len(asked), np.inf), np.zeros(len(asked))
    for gone, change in changes(old, new, read.X, Whole.of_text(old, new, read, Y, count), Y, count):
        found, by_chance = explain_documents(seen_of(read.X, change, count, sizes), own, pulls, overall)
        those = (classes == gone) if old.model.class_weights == BALANCED else np.ones(len(asked), dtype=np.bool_)
        misfit, chance = np.where(those, found, misfit), np.where(those, by_chance, chance)
    misfit = np.where(_having(old, asked, exact_words(old, new)), misfit, np.inf)
    some = np.isfinite(misfit)
    probability: Floats = np.zeros(len(asked))
    if some.any():
        probability[some] = softmax(-misfit[some] / 2)
    table = pd.DataFrame(
        {"probability": probability, "misfit": misfit, "p_value": np.where(some, chance, 0.0)},
        index=getattr(labels, "index", None),
    )
    return table.sort_values("misfit", kind="stable")


def _having(old: TextModel, documents: Sequence[str], words: Sequence[str]) -> Flags:
    """Return which documents (c,) have all of some words."""
    split, wanted = old.steps[0].build_analyzer(), set(words)
    return np.array([wanted <= set(split(one)) for one in documents], dtype=np.bool_)
