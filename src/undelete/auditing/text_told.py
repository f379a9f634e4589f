"""What came back of columns of text, as columns of a record: how much of each, and how much guessing would have got."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from undelete.adapters.model import LinearModel
from undelete.auditing.documents import SURE, Document
from undelete.maths.arrays import Floats

Documents = Mapping[str, Document]


@dataclass(frozen=True, eq=False)
class TextTold:
    """b deletions' columns of text.

    Parameters
    ----------
    names : tuple of str, t of them
        The columns.
    share : array (b, t)
        Which part of the words came back: right ones of all that are told or true, or where no truth is known what the
        probabilities promise of that.
    guess : array (b, t)
        The same of somebody who knows only how common these words are.
    variance : array (b, t)
        Of a promise.
    whole : float
        Where no truth is known, the mean probability that all words are told, and no others.
    """

    names: tuple[str, ...]
    share: Floats
    guess: Floats
    variance: Floats
    whole: float = 1.0

    @classmethod
    def of(cls, documents: Sequence[Documents], deletions: int) -> TextTold:
        """Return it of each deletion's documents; of none there are no columns."""
        names = tuple(documents[0]) if documents else ()
        found = np.array([[_told(each[name]) for name in names] for each in documents]).reshape(
            deletions, len(names), 3
        )
        whole = float(np.mean([np.prod([one.whole for one in each.values()]) for each in documents])) if names else 1.0
        return cls(names, found[:, :, 0], found[:, :, 1], found[:, :, 2], whole)


def _told(one: Document) -> tuple[float, float, float]:
    """Return share, guess and variance of one document."""
    sure = one.table[one.table.probability >= SURE]
    p, common = sure.probability.to_numpy(float), sure.common.to_numpy(float)
    if one.true is None:
        size = max(one.expected, float(len(sure)), 1.0)
        return float(p.sum()) / size, float(common.sum()) / size, float((p * (1 - p)).sum()) / size**2
    own = set(one.true)
    right = sure.word.isin(own).to_numpy()
    size = max(len(own | set(sure.word)), 1)
    return float(right.sum()) / size, float(common[right].sum()) / size, 0.0


def with_true(documents: Documents, model: LinearModel, table: pd.DataFrame) -> dict[str, Document]:
    """Return documents beside the true ones that a table of one row holds, where it has their columns."""
    texts = {one.column: one for one in model.texts if one.column in table.columns}
    return {
        name: one.beside(texts[name].words_of(texts[name].of(table)[0])) if name in texts else one
        for name, one in documents.items()
    }


def recovered(documents: Sequence[Documents]) -> list[dict[str, Any]]:
    """Return how many words came back of each column of text, over deletions whose true words are known.

    `told`: how many words a document are told with a probability of .9 or more; `precision`: which share of these is
    right; `recovered`: the median share of a document's words that are among them.
    """
    rows = []
    for name in documents[0] if documents else ():
        scores = [one.score(one.true) for one in (each[name] for each in documents) if one.true is not None]
        told = sum(one["told"] for one in scores)
        right = sum(one["told"] * one["precision"] for one in scores if one["told"])
        shares = [one["recovered"] for one in scores if one["recovered"] == one["recovered"]]
        if scores:
            rows.append({"column": name, "deletions": len(scores), "told": told / len(scores),
                         "precision": right / told if told else None,
                         "recovered": float(np.median(shares)) if shares else None})  # fmt: skip
    return rows


def leaks(documents: Documents) -> list[str]:
    """Say of which columns the files give words away by themselves."""
    exact = {name: int(one.table.exact.sum()) for name, one in documents.items()}
    return [
        f"The vectoriser of column {name!r} was fitted anew, and the two files say {count} words of the deleted record "
        "exactly, without any attack: keep it as it was fitted."
        for name, count in exact.items()
        if count
    ]
