"""What two models say of the words of a deleted record's texts, before anything of the columns beside them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse as sp

from undelete.adapters.model import LinearModel
from undelete.attacker.gradient.sampled_leverage import trained_on_many
from undelete.attacker.gradient.trained import Trained
from undelete.auditing.document_whole import Whole, left_of_words, over_penalty
from undelete.auditing.words_told import Told, told_words
from undelete.errors import InputError
from undelete.maths.arrays import Floats
from undelete.release.release import Release

_CLEAR = 7.0  # of the evidence's logarithm, from which words tell the class


@dataclass(frozen=True, eq=False)
class Texts:
    """The public texts, as a model reads them.

    Parameters
    ----------
    given : tuple of list of str
        Of each column of text.
    X : tuple of sparse array (m, d)
        Their features, as those of training documents.
    unseen : tuple of array (m,)
        The squared length of the features that a model trained on each would have for it alone.
    """

    given: tuple[list[str], ...]
    X: tuple[sp.csr_array, ...]
    unseen: tuple[Floats, ...]

    @classmethod
    def of(cls, model: LinearModel, table: pd.DataFrame) -> Texts:
        """Read the columns of text of a table; InputError where it lacks one."""
        given = tuple(one.of(table) for one in model.texts)
        X = tuple(one.features(own, standing=True) for one, own in zip(model.texts, given, strict=True))
        unseen = tuple(one.length_unseen(own) for one, own in zip(model.texts, given, strict=True))
        return cls(given, X, unseen)

    def scores(self, model: LinearModel) -> Floats:
        """Return what they add to the predictions of a model that reads them so, (m, k) for each column, (m, t k)."""
        return np.hstack([own @ one.model.coef.T for own, one in zip(self.X, model.texts, strict=True)])

    def trained(self, model: LinearModel, release: Release) -> Trained | None:
        """Return what public records would be among the training records, by all that a model reads of them.

        None where that is not known, or hardly counts. The release is of the table's features.
        """
        n, Y, l2 = release.n, release.Y_public, release.l2
        parts = [one.model.summed(n) for one in model.texts]
        if n is None or release.n_error or Y is None or l2 is None:
            return None
        if release.l1 is not None or any(one.l1 is not None or one.l2 is None for one in parts):
            return None
        penalties = [np.asarray(one.l2)[: own.shape[1]] for one, own in zip(parts, self.X, strict=True)]
        alone = sum(over_penalty(own, float(l2.min())) for own, l2 in zip(self.unseen, penalties, strict=True))
        X = sp.csr_array(sp.hstack([sp.csr_array(release.X_public), *self.X]))
        Z = release.predictions(release.W_before)
        return trained_on_many(X, np.asarray(alone), np.concatenate([l2, *penalties]), release.loss, Y, Z, n)


@dataclass(frozen=True, eq=False)
class InWords:
    """What two models say of the words of a deleted record's texts.

    Parameters
    ----------
    texts : Texts
        The public ones.
    told : tuple of Told
        Of each column of text; none where `why` says why.
    whole : Whole or None
        What both make of the public records.
    gone : int or None
        Behind balanced class weights the class that the record had, where its words tell it clearly.
    why : str
        Why no word is told.
    """

    texts: Texts
    told: tuple[Told, ...]
    whole: Whole | None = None
    gone: int | None = None
    why: str = ""


@dataclass(frozen=True, eq=False)
class ByWords:
    """What models that read text say of several deletions, beside the parameters of a table's features.

    Parameters
    ----------
    Z_after : array (b, m, k)
        The new models' predictions for the public records.
    trained : Trained or None
        As of `Texts.trained`.
    gone : tuple of int or None, b of them
        The class of each deletion, as of `InWords`.
    """

    Z_after: Floats
    trained: Trained | None
    gone: tuple[int | None, ...]


def in_words(
    old: LinearModel, new: LinearModel, texts: Texts, Z_after: Floats, release: Release, trained: Trained | None
) -> InWords:
    """Return what is told of the words beside a table, before anything of its columns.

    Parameters
    ----------
    old, new : LinearModel
        With columns of text.
    texts : Texts
        The public ones, as the old model reads them.
    Z_after : array (m, k)
        The new model's predictions for the public records, words and all.
    release : Release
        Of the table's features.
    trained : Trained or None
        As of `Texts.trained`.

    Raises
    ------
    InputError
        Where n or the public targets are not known.
    """
    n, Y = release.n, release.Y_public
    refuse_several(old)
    if n is None or Y is None:
        raise InputError(
            "the model reads text beside other columns, whose words are told by the number of training records and the "
            "public targets: give n (n=, --n) and the target (target=, --target)"
        )
    if old.criterion == "passes":
        raise InputError(
            f"{old.kind} stops after some passes over the records, and how near the optimum thousands of words' "
            "coefficients came is not known: fit the same model with LogisticRegression, LinearSVC or Ridge"
        )
    try:
        whole = _whole(old, new, Z_after, release, texts.X, trained)
        told = tuple(
            told_words(first, second, own, whole, Y, n)
            for first, second, own in zip(old.texts, new.texts, texts.X, strict=True)
        )
    except InputError as error:
        return InWords(texts, (), why=f"No word is told: {error}.")
    surest = max(told, key=lambda one: one.lead if one.words.several else 0.0)
    return InWords(texts, told, whole, surest.gone if surest.words.several and surest.lead > _CLEAR else None)


def refuse_several(model: LinearModel) -> None:
    """Refuse a model of several numbers: what a record's words add to each of them is not told apart."""
    if model.classes is None and model.W.shape[1] > 1:
        raise InputError(
            f"the model reads text beside other columns and predicts {model.W.shape[1]} numbers, to each of which the "
            "words of a record add something else, and this is told for one: fit a model of each target"
        )


def _whole(
    old: LinearModel, new: LinearModel, Z_after: Floats, release: Release, X: tuple[sp.csr_array, ...],
    trained: Trained | None,
) -> Whole:  # fmt: skip
    """Return what both models make of the public records, words and all."""
    every = sp.csr_array(sp.hstack([sp.csr_array(release.X_public), *X]))
    assert release.Y_public is not None
    left = max(left_of_words(one, every, release.Y_public) for one in (old, new))
    return Whole(release.predictions(release.W_before), Z_after, left, trained)
