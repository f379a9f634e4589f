"""The words of a deleted document, from two models of text and public documents."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from undelete.adapters.sklearn.text import TextModel
from undelete.adapters.targets import encode_target
from undelete.attacker.documents import Words
from undelete.auditing.document_changes import checked, exact_words, read_both
from undelete.auditing.document_whole import Read, Whole
from undelete.auditing.words_told import told_words
from undelete.files import write_together
from undelete.maths.arrays import Floats

SURE = 0.9
_COLUMNS = ["word", "probability", "exact", "common"]


@dataclass(frozen=True, eq=False)
class Document:
    """What came back of a deleted document.

    Attributes
    ----------
    table : DataFrame
        A row a word that is more likely than not, the likeliest first: word, probability, whether the files say it
        exactly, without any attack, and in which share of the public documents it is.
    label : object
        The class it was of, or the number, as the model's intercept tells it; None where it does not.
    notes : tuple of str
        What a reader should know.
    expected : float
        How many of the model's words it is expected to have.
    whole : float
        Probability that it has the words that are more likely than not, and no others.
    true : tuple of str or None
        Of a document that is known, the words that the model reads of it.
    """

    table: pd.DataFrame
    label: Any = None
    notes: tuple[str, ...] = ()
    expected: float = float("nan")
    whole: float = float("nan")
    true: tuple[str, ...] | None = None

    def __repr__(self) -> str:
        label = "" if self.label is None else f", of {self.label}"
        return f"<Document: {len(self.table):,} words more likely than not, {len(self.sure):,} surely{label}>"

    @property
    def sure(self) -> list[str]:
        """The words with a probability of .9 or more."""
        return [str(word) for word in self.table.word[self.table.probability >= SURE]]

    def beside(self, true: Collection[str]) -> Document:
        """Return the same beside the true document's words."""
        return replace(self, true=tuple(sorted(true)))

    def score(self, true_words: Sequence[str]) -> dict[str, float]:
        """Return the precision of `sure`, and which share of the true words is in it."""
        own, told = set(true_words), set(self.sure)
        hit = len(own & told)
        return {"told": float(len(told)), "precision": hit / len(told) if told else float("nan"),
                "recovered": hit / len(own) if own else float("nan")}  # fmt: skip

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write words.csv and words.json, for their owner's eyes only."""
        place, label = Path(folder), self.label
        told = {"schema": "undelete.words/1", "label": label.item() if isinstance(label, np.generic) else label,
                "sure": self.sure, "notes": list(self.notes)}  # fmt: skip
        write_together(
            {
                place / "words.csv": self.table.to_csv(index=False),
                place / "words.json": json.dumps(told, indent=1) + "\n",
            }
        )


def deleted_words(
    before: BaseEstimator | str | os.PathLike[str],
    after: BaseEstimator | str | os.PathLike[str],
    documents: Sequence[str],
    targets: ArrayLike,
    *,
    n: int,
    trust: bool = False,
) -> Document:
    """Return the words of the document that was deleted between two models of text.

    Parameters
    ----------
    before, after : Pipeline or path
        With the document and without it: a vectoriser (count, tf-idf, hashing), steps that keep its features sparse,
        and a linear model.
    documents : sequence of str, m of them
        Public documents, none of the training ones.
    targets : array (m,)
        What the model predicts of each.
    n : int
        Number of training documents of the first model.
    trust : bool
        Whether model files may be unpickled.

    Returns
    -------
    Document
        Where the vectoriser was fitted anew and counts documents, the words that the files say themselves; of the
        others those that the change of the model says, with probabilities: maths (35).

    Raises
    ------
    InputError
        When the input cannot be used.

    Notes
    -----
    Nothing is made dense but some numbers a feature and output: 20,000 public documents of 20,000 words take .6 GB with
    both fits (`benchmarks/text.py --large`).
    """
    old, new = read_both(before, after, trust=trust)
    texts = [str(one) for one in documents]
    count = checked(texts, targets, n)
    exact = exact_words(old, new)
    Y = encode_target(old.model, targets, "target")
    read = Read.of(old, new, texts)
    told = told_words(old, new, read.X, Whole.of_text(old, new, read, Y, count), Y, count)
    notes = [*dict.fromkeys((*old.model.notes, *new.model.notes))]
    if exact:
        notes.append(
            f"The vectoriser was fitted anew, and the two files say {len(exact)} words of the document exactly."
        )
    return replace(document(old, told.words, read.X, texts, exact), label=told.label, notes=tuple(notes))


def document(old: TextModel, found: Words, X: sp.csr_array, texts: Sequence[str], exact: Sequence[str]) -> Document:
    """Return what is told of a document: the words that the files say, and those that are likelier than not.

    Parameters
    ----------
    old : TextModel
        Before the deletion.
    found : Words
        What the attack says of its features.
    X : sparse array (m, d)
        The public documents, as the old model reads them.
    texts : sequence of str
        These.
    exact : sequence of str
        The words that the files say.
    """
    p, said = with_exact(old, found, exact).probability, set(exact)
    share = np.diff(sp.csc_array(X).indptr) / X.shape[0]
    rows = [*_exact(old, share, exact), *_likely(old, found.probability, share, texts, said)]
    rows.sort(key=lambda row: (-row[1], row[0]))
    table = pd.DataFrame(rows, columns=_COLUMNS)
    return Document(table, expected=float(p.sum()), whole=float(np.exp(np.log(np.maximum(p, 1 - p)).sum())))


def no_words() -> Document:
    """Return what is told of a document of which nothing is."""
    return Document(pd.DataFrame(columns=_COLUMNS), expected=0.0, whole=0.0)


def with_exact(old: TextModel, found: Words, exact: Sequence[str]) -> Words:
    """Return what is said of features with the words that the files say."""
    p, said = found.probability.copy(), set(exact)
    if old.names is not None and said:
        p[[j for j, word in enumerate(old.names) if word in said]] = 1.0
    return replace(found, probability=p)


_Row = tuple[str, float, bool, float]


def _exact(old: TextModel, share: Floats, exact: Sequence[str]) -> list[_Row]:
    """Return the words that the files say."""
    common = dict(zip(old.names or (), share.tolist(), strict=False))
    return [(word, 1.0, True, common.get(word, 0.0)) for word in exact]


def _likely(old: TextModel, p: Floats, share: Floats, texts: Sequence[str], but: Collection[str]) -> list[_Row]:
    """Return the words that are likelier than not; of hashed features those of public documents."""
    likely = np.flatnonzero(p >= 0.5)
    if old.names is not None:
        return [(old.names[j], float(p[j]), False, float(share[j])) for j in likely if old.names[j] not in but]
    candidates, rows = old.candidates(texts), []
    for j in likely:
        total = sum(count for _, count in candidates.get(int(j), [])) + 0.5
        own = ((word, float(p[j]) * count / total, count) for word, count in candidates.get(int(j), []))
        rows += [(word, each, False, count / len(texts)) for word, each, count in own if each >= 0.5]
    return rows
