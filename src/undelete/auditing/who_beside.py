"""Of candidates with texts beside other columns: how far their words are from those that two models say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from undelete.attacker.member.candidates import Explanation
from undelete.attacker.member.documents import explain_documents
from undelete.auditing.document_changes import exact_words
from undelete.auditing.released import Pair
from undelete.maths.arrays import Floats
from undelete.release.candidates import Candidates


def with_texts(each: Explanation, pair: Pair, people: pd.DataFrame, asked: Candidates) -> tuple[Explanation, Floats]:
    """Return how well candidates (c,) explain a deletion with their words counted, and their p-values.

    The columns' misfit and each text's add up, since what words show of the columns' error is taken from it. Of as many
    p-values the least counts, times their number. Who lacks a word that the files say was not deleted.

    Parameters
    ----------
    each : Explanation
        By their other columns.
    pair : Pair
        Two models that read text.
    people : DataFrame (c, columns)
        The candidates, raw.
    asked : Candidates
        These in the model's space.
    """
    misfit, chances = each.misfit.copy(), [each.p_value[0]]
    if pair.texts is None or not pair.texts.seen:
        return each, chances[0]
    W = pair.release.W_before
    pulls = -np.asarray(pair.release.loss.residual(asked.Y, asked.predictions(W)))
    for old, new, seen, frequency in zip(
        pair.old.texts, pair.new.texts, pair.texts.seen, pair.texts.frequency, strict=True
    ):
        documents = old.of(people)
        found, chance = explain_documents(seen, old.features(documents), pulls, frequency)
        wanted = set(exact_words(old, new))
        has = np.array([wanted <= old.words_of(one) for one in documents])
        misfit = misfit + np.where(has, found, np.inf)
        chances.append(np.where(has, chance, 0.0))
    return replace(each, misfit=misfit), np.minimum(1.0, len(chances) * np.min(chances, axis=0))
