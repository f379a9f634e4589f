"""What two models of text and the public documents say of who came between: a change for each hypothesis."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from undelete.adapters.comparable import check_models
from undelete.adapters.files.files import load_model
from undelete.adapters.leaks import between
from undelete.adapters.sklearn.text import TextModel, read_text
from undelete.adapters.weights import BALANCED, weighted_loss
from undelete.attacker.documents import Change
from undelete.auditing.document_whole import Whole
from undelete.errors import InputError
from undelete.maths.arrays import Floats, Indices
from undelete.maths.weighted import ClassWeighted


def read_both(
    before: BaseEstimator | str | os.PathLike[str], after: BaseEstimator | str | os.PathLike[str], *, trust: bool
) -> tuple[TextModel, TextModel]:
    """Return two fitted pipelines of text, or files; InputError where they are not two fits of one."""
    old, new = (
        read_text(load_model(m, trust=trust) if isinstance(m, str | os.PathLike) else m) for m in (before, after)
    )
    _check(old, new)
    return old, new


def text_column(table: pd.DataFrame, target: str, text: str | None, what: str) -> str:
    """Return which column of a table holds the text: the one named, or the only one besides the target.

    Raises
    ------
    InputError
        Where there is none, or none of several was named.
    """
    others = [str(name) for name in table.columns if name != target]
    column = text or (others[0] if len(others) == 1 else "")
    if column not in others:
        raise InputError(
            f"{what} has {len(others)} columns besides the target ({', '.join(others[:6])}): say which holds the text "
            "(text=, --text)"
        )
    return column


def texts_in(table: pd.DataFrame, column: str) -> list[str]:
    """Return a column's texts; a missing one is empty."""
    return [str(one) for one in table[column].fillna("")]


def checked(texts: Sequence[str], targets: ArrayLike, n: Any) -> int:
    """Return the number of training documents; InputError where it, or the public documents, cannot be used."""
    if len(texts) != len(np.asarray(targets)) or len(texts) < 2:
        raise InputError(
            f"there are {len(texts)} public documents and {len(np.asarray(targets))} targets: give one each"
        )
    if not isinstance(n, int | np.integer) or n < 2:
        raise InputError(f"n is {n!r}: it is the number of training documents before the deletion, at least 2")
    return int(n)


def _check(old: TextModel, new: TextModel) -> None:
    check_models(old.model, new.model)
    if old.model.steps != new.model.steps:
        raise InputError(f"the steps differ: {', '.join(old.model.steps)} before, {', '.join(new.model.steps)} after")
    if old.names is None and old.model.coef.shape != new.model.coef.shape:
        raise InputError("the two models hash words into different numbers of features: give two fits of one pipeline")


def exact_words(old: TextModel, new: TextModel) -> list[str]:
    """Return the words that the two files give away by themselves."""
    rows = between(old.model, new.model).own
    return list(dict.fromkeys(str(row.value) for row in rows if row.kind == "word" and row.exact))


def classes_of(Y: Floats) -> Indices:
    """Return the class (m,) of each target (m, k)."""
    return Y.argmax(axis=1) if Y.shape[1] > 1 else (Y[:, 0] > 0).astype(np.int64)


def changes(
    old: TextModel, new: TextModel, X: sp.csr_array, whole: Whole, Y: Floats, n: int
) -> Iterator[tuple[int | None, Change]]:
    """Yield what the change is: of balanced class weights for each class that the document may have had, else for all.

    Parameters
    ----------
    old, new : TextModel
        Before and after.
    X : sparse array (m, d)
        Public documents as the old one reads them.
    whole : Whole
        What both make of them.
    Y : array (m, k)
        Their targets.
    n : int
        Training documents of the old one.

    Raises
    ------
    InputError
        When the models answer alike.
    """
    loss, model = weighted_loss(old.model, Y), old.model
    d = X.shape[1]
    pulls = whole.pulls(loss, Y)
    own = classes_of(Y)
    share, known = penalties_share(old, new, n)
    afterwards: list[tuple[int | None, Any]] = [(None, loss)]
    if model.class_weights == BALANCED:
        assert isinstance(loss, ClassWeighted)
        shares = (np.bincount(own, minlength=len(loss.weights)) / len(own)).tolist()
        afterwards = [(c, loss.after(c, n, shares)) for c in range(len(loss.weights))]
    for gone, later in afterwards:
        moves = whole.moves(loss, later, Y)
        if not moves.any():
            raise InputError(
                "the two models answer alike: no document lies between them, or both fits stopped before one counts"
            )
        yield gone, Change(moves, share[:d], share[d] if model.has_constant else None, pulls, known[:d], whole.left)


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


def penalties_share(before: TextModel, after: TextModel, n: int) -> tuple[Floats, Any]:
    """Return the penalty's share (d, k) in minus the deleted gradient, maths (9), and where it is known (d,).

    With a last row for the intercept, where there is one.
    """
    W_after, there = _by_name(before, after)
    old, new = before.model, after.model
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
