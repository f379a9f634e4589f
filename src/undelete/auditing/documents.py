"""The words of a deleted document, from two models of text and public documents."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from undelete.adapters.comparable import check_models
from undelete.adapters.files.files import load_model
from undelete.adapters.leaks import between
from undelete.adapters.model import LinearModel
from undelete.adapters.sklearn.text import TextModel, read_text
from undelete.adapters.targets import encode_target
from undelete.adapters.weights import BALANCED, weighted_loss
from undelete.attacker.documents import Change, Sizes, Words, frequencies, words
from undelete.errors import InputError
from undelete.files import write_together
from undelete.maths.arrays import Floats, Indices
from undelete.maths.weighted import ClassWeighted

SURE = 0.9


@dataclass(frozen=True, eq=False)
class Document:
    """What came back of a deleted document.

    Attributes
    ----------
    table : DataFrame
        A row a word that is more likely than not, the likeliest first: word, probability, and whether the files say it
        exactly, without any attack.
    label : object
        The class it was of, or the number, as the model's intercept tells it; None where it does not.
    notes : tuple of str
        What a reader should know.
    """

    table: pd.DataFrame
    label: Any = None
    notes: tuple[str, ...] = ()

    @property
    def sure(self) -> list[str]:
        """The words with a probability of .9 or more."""
        return [str(word) for word in self.table.word[self.table.probability >= SURE]]

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
    old, new = (
        read_text(load_model(m, trust=trust) if isinstance(m, str | os.PathLike) else m) for m in (before, after)
    )
    texts = [str(one) for one in documents]
    if len(texts) != len(np.asarray(targets)) or len(texts) < 2:
        raise InputError(
            f"there are {len(texts)} public documents and {len(np.asarray(targets))} targets: give one each"
        )
    if not isinstance(n, int | np.integer) or n < 2:
        raise InputError(f"n is {n!r}: it is the number of training documents before the deletion, at least 2")
    _check(old, new)
    exact = _exact(old.model, new.model)
    Y = encode_target(old.model, targets, "target")
    X, X_after = (one.features(texts, standing=True) for one in (old, new))
    found, label = _attacked(old, new, X, X_after, Y, int(n))
    table = _table(old, found, texts, exact)
    notes = [*dict.fromkeys((*old.model.notes, *new.model.notes))]
    if exact:
        notes.append(
            f"The vectoriser was fitted anew, and the two files say {len(exact)} words of the document exactly."
        )
    return Document(table, label, tuple(notes))


def _check(old: TextModel, new: TextModel) -> None:
    check_models(old.model, new.model)
    if old.model.steps != new.model.steps:
        raise InputError(f"the steps differ: {', '.join(old.model.steps)} before, {', '.join(new.model.steps)} after")
    if old.names is None and old.model.coef.shape != new.model.coef.shape:
        raise InputError("the two models hash words into different numbers of features: give two fits of one pipeline")


def _exact(old: LinearModel, new: LinearModel) -> list[str]:
    """Return the words that the two files give away by themselves."""
    return list(dict.fromkeys(str(row.value) for row in between(old, new).own if row.kind == "word" and row.exact))


def _attacked(
    old: TextModel, new: TextModel, X: sp.csr_array, X_after: sp.csr_array, Y: Floats, n: int
) -> tuple[Words, Any]:
    """Return what the likeliest hypothesis says: of balanced class weights one for each class."""
    loss, model = weighted_loss(old.model, Y), old.model
    d = X.shape[1]
    Z, Z_after = (one @ w.W[: one.shape[1]] + (w.W[-1] if w.has_constant else 0.0)
                  for one, w in ((X, model), (X_after, new.model)))  # fmt: skip
    pulls = -np.asarray(loss.residual(Y, Z))
    own = (Y > 0).argmax(axis=1) if Y.shape[1] > 1 else (Y[:, 0] > 0).astype(np.int64)
    W_after, there = _by_name(old, new)
    share, known = _share(old.model, new.model, W_after, there, n)
    sizes, overall = Sizes.of(X), frequencies(X)
    left = max(_left_over(one, X, Y) for one in (model, new.model))
    afterwards: list[tuple[int | None, Any]] = [(None, loss)]
    if model.class_weights == BALANCED:
        assert isinstance(loss, ClassWeighted)
        shares = (np.bincount(own, minlength=len(loss.weights)) / len(own)).tolist()
        afterwards = [(c, loss.after(c, n, shares)) for c in range(len(loss.weights))]
    best: tuple[float, Words, Any] | None = None
    for gone, later in afterwards:
        moves = loss.residual(Y, Z) - later.residual(Y, Z_after)
        if not moves.any():
            raise InputError(
                "the two models answer alike: no document lies between them, or both fits stopped before one counts"
            )
        change = Change(moves, share[:d], share[d] if model.has_constant else None, pulls, known[:d], left)
        found = words(X, change, n, overall, sizes)
        c = _class(model, found, pulls, own)
        if gone is not None and c is not None and c != gone:
            continue
        if c is not None:
            found = words(X, change, n, frequencies(X, own == c), sizes)
        label = None if c is None or model.classes is None else model.classes[c]
        if best is None or found.evidence > best[0]:
            best = found.evidence, found, label
    if best is None:
        raise InputError(
            "whichever class the document had, the intercept says that it was of another: the two models do not differ "
            "by one document, or the public ones are unlike the training ones"
        )
    return best[1], best[2]


def _left_over(model: LinearModel, X: sp.csr_array, Y: Floats) -> float:
    """Return about the largest gradient per record that a solver left; InputError where that is not known."""
    if model.tolerance is None:
        return 0.0
    if model.criterion == "gradient" and np.isfinite(model.tolerance):
        return model.tolerance
    if model.criterion == "moment":
        return model.tolerance * float(np.linalg.norm(X.T @ Y, axis=0).max()) / len(Y)
    raise InputError(
        f"this {model.kind} does not say how near the optimum it stopped (its solver, or its limit of iterations), and "
        "words are told from the smallest differences: fit it with another solver to a small tol, such as "
        'LogisticRegression(solver="newton-cg", tol=1e-8)'
    )


def _class(model: LinearModel, found: Words, pulls: Floats, own: Indices) -> int | None:
    """Return the class of who pulls so, as public documents do; None where that is not clear."""
    if model.classes is None:
        return None
    theirs = pulls @ found.direction
    width = max(0.1 * float(theirs.std()), 1e-12)
    near = np.exp(-0.5 * np.minimum(np.abs(theirs[:, None] - found.pulls) / width, 30.0) ** 2) @ found.weight
    share = np.bincount(own, near, minlength=len(model.classes))
    return int(share.argmax()) if share.max() > SURE * share.sum() else None


def _by_name(old: TextModel, new: TextModel) -> tuple[Floats, Any]:
    """Return the new parameters (d, k) in the old features, and which of them both have (d,)."""
    if old.names is None or old.names == new.names:
        return new.model.W, np.ones(len(old.model.W), dtype=np.bool_)
    assert new.names is not None
    at = {word: j for j, word in enumerate(new.names)}
    place = np.array([at.get(word, -1) for word in old.names])
    W = np.where((place >= 0)[:, None], new.model.coef.T[place], 0.0)
    there = place >= 0
    if old.model.has_constant:
        W, there = np.vstack([W, new.model.W[-1:]]), np.append(there, True)
    return W, there


def _share(old: LinearModel, new: LinearModel, W_after: Floats, there: Any, n: int) -> tuple[Floats, Any]:
    """Return the penalty's share (d, k) in minus the deleted gradient, maths (9), and where it is known (d,)."""
    first, second = old.summed(n), new.summed(n - 1)
    assert first.l2 is not None
    assert second.l2 is not None
    later = second.l2
    if later.shape != first.l2.shape:
        later = np.full(first.l2.shape, float(later[0]))
        later[-1] = second.l2[-1] if old.has_constant else later[-1]
    share, known = first.l2[:, None] * old.W - later[:, None] * W_after, there.copy()
    if first.l1 is not None and second.l1 is not None:
        l1 = np.full(first.l1.shape, float(second.l1[0]))
        l1[-1] = second.l1[-1]
        share = share + first.l1[:, None] * np.sign(old.W) - l1[:, None] * np.sign(W_after)
        known &= (first.l1 == 0) | ((old.W != 0) & (np.sign(old.W) == np.sign(W_after))).all(axis=1)
    return share, known


def _table(old: TextModel, found: Words, texts: Sequence[str], exact: Sequence[str]) -> pd.DataFrame:
    """Return the words that are likelier than not, those that the files say first."""
    rows = [(word, 1.0, True) for word in exact]
    said = set(exact)
    likely = np.flatnonzero(found.probability >= 0.5)
    if old.names is not None:
        rows += [(old.names[j], float(found.probability[j]), False) for j in likely if old.names[j] not in said]
    else:
        candidates = old.candidates(texts)
        for j in likely:
            total = sum(count for _, count in candidates.get(int(j), [])) + 0.5
            for word, count in candidates.get(int(j), []):
                p = float(found.probability[j]) * count / total
                rows += [(word, p, False)] if p >= 0.5 else []
    rows.sort(key=lambda row: (-row[1], row[0]))
    return pd.DataFrame(rows, columns=["word", "probability", "exact"])
