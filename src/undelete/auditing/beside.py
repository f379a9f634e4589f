"""Columns of text beside a table: what two models say of their words, and what these say of the table's error."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy.special import ndtri

from undelete.adapters.model import LinearModel
from undelete.attacker.controlled import Controlled, Controls, controlled
from undelete.attacker.documents import Change, Seen, Words, frequencies, seen_of
from undelete.attacker.gradient.difference import Difference
from undelete.attacker.word_sizes import Sizes
from undelete.auditing.document_changes import Whole, exact_words, left_of_words, penalties_share
from undelete.auditing.documents import Document, document, told_words, with_exact
from undelete.errors import InputError
from undelete.maths.arrays import Flags, Floats, Indices
from undelete.release.release import Release

_UNSEEN = 0.5  # share of the vocabulary that no public text has, from which it is said
_VALUES = 41  # of what a record's words may add to its prediction


@dataclass(frozen=True, eq=False)
class Beside:
    """A release of the table with what its columns of text say.

    Parameters
    ----------
    release : Release
        Of the table: what words show of its error is taken from it, and what is left is in its error.
    documents : mapping of str to Document
        The words of each column of text.
    seen : tuple of Seen
        Minus the deleted gradient of each column's words, and its errors.
    frequency : tuple of array (d,)
        How often each of them is in a public document.
    notes : tuple of str
        Why there are none, where there are none; else what a reader should know.
    """

    release: Release
    documents: MappingProxyType[str, Document] = field(default_factory=lambda: MappingProxyType({}))
    seen: tuple[Seen, ...] = ()
    frequency: tuple[Floats, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Texts:
    """The public texts, as a model reads them.

    Parameters
    ----------
    given : tuple of list of str
        Of each column of text.
    X : tuple of sparse array (m, d)
        Their features, as those of training documents.
    """

    given: tuple[list[str], ...]
    X: tuple[sp.csr_array, ...]

    @classmethod
    def of(cls, model: LinearModel, table: pd.DataFrame) -> Texts:
        """Read the columns of text of a table; InputError where it lacks one."""
        given = tuple(one.of(table) for one in model.texts)
        X = tuple(one.features(own, standing=True) for one, own in zip(model.texts, given, strict=True))
        return cls(given, X)

    def scores(self, model: LinearModel) -> Floats:
        """Return what they add to the predictions of a model that reads them so, (m, k) for each column, (m, t k)."""
        return np.hstack([own @ one.model.coef.T for own, one in zip(self.X, model.texts, strict=True)])

    def unlike(self, model: LinearModel) -> tuple[str, ...]:
        """Say of which columns most words are in no public text, where a model predicts a number.

        The model follows training records by such words, so that their answers move by less than public ones' do: the
        pull is told too large, and the number with it, by more than its error says.
        """
        said = []
        for X, one in zip(self.X, model.texts, strict=True):
            d = X.shape[1]
            unseen = d - len(np.unique(X.indices))
            if model.classes is None and one.names is not None and unseen > _UNSEEN * d:
                said.append(
                    f"Of column {one.column!r} {unseen:,} of {d:,} words are in no public text. The model follows the "
                    "training records that have them, and nothing shows by how much: the target's 95 % range is too "
                    "narrow, and holds it perhaps half of the time."
                )
        return tuple(said)


def with_words(old: LinearModel, new: LinearModel, table: pd.DataFrame, release: Release) -> Beside:
    """Return what is told of the words beside a table: `told_beside` of two models that read the public records.

    Parameters
    ----------
    old, new : LinearModel
        With columns of text.
    table : DataFrame (m, columns)
        The public records.
    release : Release
        Of the table's features, with the change of the models' answers.

    Raises
    ------
    InputError
        As of `told_beside`.
    """
    return told_beside(old, new, Texts.of(old, table), new.decision(table, standing=True), release)


def told_beside(old: LinearModel, new: LinearModel, texts: Texts, Z_after: Floats, release: Release) -> Beside:
    """Return what is told of the words beside a table, and the table's release with what they say of its error.

    Parameters
    ----------
    old, new : LinearModel
        With columns of text.
    texts : Texts
        The public ones, as the old model reads them.
    Z_after : array (m, k)
        The new model's predictions for the public records, words and all.
    release : Release
        Of the table's features, with the change of the models' answers.

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
    release = replace(release, reweighed=True)
    X = texts.X
    try:
        whole = _whole(old, new, Z_after, release, X)
        found = [
            told_words(first, second, own, whole, Y, n)[0]
            for first, second, own in zip(old.texts, new.texts, X, strict=True)
        ]
    except InputError as error:
        return Beside(release, notes=(f"No word is told: {error}.",))
    documents, controls, seen = {}, [], []
    for first, second, own, words, given in zip(old.texts, new.texts, X, found, texts.given, strict=True):
        exact = exact_words(first, second)
        documents[first.column] = document(first, words, own, given, exact)
        share, known = penalties_share(first, second, n)
        share, known = share[: own.shape[1]], known[: own.shape[1]]
        seen.append(_seen(own, release, whole, share, known))
        controls.append(_controls(own, with_exact(first, words, exact), share, known))
    every = Controls(
        sp.csr_array(sp.hstack([one.X for one in controls])),
        np.vstack([one.share for one in controls]),
        np.vstack([one.doubt for one in controls]),
    )
    share = np.vstack([
        first.model.coef @ penalties_share(first, second, n)[0][: first.model.coef.shape[1]]
        for first, second in zip(old.texts, new.texts, strict=True)
    ])  # fmt: skip
    told = controlled(release, every, texts.scores(old), share)
    return Beside(
        replace(told.release, own_offsets=_own_offsets(told, len(X))), MappingProxyType(documents), tuple(seen),
        tuple(map(frequencies, X)), texts.unlike(old),
    )  # fmt: skip


def refuse_several(model: LinearModel) -> None:
    """Refuse a model of several numbers: what a record's words add to each of them is not told apart."""
    if model.classes is None and model.W.shape[1] > 1:
        raise InputError(
            f"the model reads text beside other columns and predicts {model.W.shape[1]} numbers, to each of which the "
            "words of a record add something else, and this is told for one: fit a model of each target"
        )


def _whole(old: LinearModel, new: LinearModel, Z_after: Floats, release: Release, X: tuple[sp.csr_array, ...]) -> Whole:
    """Return what both models make of the public records, words and all."""
    every = sp.csr_array(sp.hstack([sp.csr_array(release.X_public), *X]))
    assert release.Y_public is not None
    left = max(left_of_words(one, every, release.Y_public) for one in (old, new))
    return Whole(release.predictions(release.W_before), Z_after, left)


def _seen(X: sp.csr_array, release: Release, whole: Whole, share: Floats, known: Flags) -> Seen:
    """Return minus the deleted gradient of a text's words; what the intercept says is in the release."""
    assert release.answer_change is not None
    assert release.n is not None
    pulls = np.zeros_like(release.answer_change[0])
    change = Change(np.array(release.answer_change[0]), share, None, pulls, known, whole.left)
    return seen_of(X, change, release.n, Sizes.of(X))


def _controls(X: sp.csr_array, words: Words, share: Floats, known: Flags) -> Controls:
    """Return a text's features as controls: as likely as a word is the document's, it may have pulled as such do."""
    there = np.flatnonzero(known & (np.diff(sp.csc_array(X).indptr) > 0))
    own = sp.csr_array(X[:, there])
    return Controls(own, share[there], _doubt(own, words, there))


def _doubt(X: sp.csr_array, words: Words, there: Indices) -> Floats:
    """Return the mean square (p, k) of what a document's words pull, as likely as they are in it."""
    sizes = Sizes.of(X)
    square = np.exp(2 * (sizes.word + float(sizes.document.mean()))) * float(np.exp(2 * sizes.rest).mean())
    pull = float(words.weight @ words.pulls**2) * words.direction**2
    return np.asarray((words.probability[there] * square)[:, None] * pull)


def _own_offsets(told: Controlled, texts: int) -> Floats | None:
    """Return what the deleted record's words may add to its predictions (1, r[, k]); None where public ones tell more.

    Their score's gradient over the intercept's, in the output that pulls most.
    """
    release, k = told.release, told.score.shape[1]
    if release.constant is None or release.offset_public is None:
        return None
    pulls = release.constant @ Difference.by(release, "answers").gradient[0]  # (k,)
    j = int(np.abs(pulls).argmax())
    along = np.tile(np.eye(k), (texts, 1))  # (e, k): those of all texts are added up
    own = along.T @ told.score[:, j] / pulls[j]
    functional = np.hstack([-own[:, None] * release.constant, along.T]) / pulls[j]  # (k, d + e)
    error = np.sqrt(np.einsum("ka,ab,kb->k", functional, told.error[j], functional))
    if not (error <= release.offset_public.std(axis=0)).all():
        return None
    values = own + ndtri((np.arange(_VALUES) + 0.5) / _VALUES)[:, None] * error
    return np.asarray(values[None, :, 0] if release.offset_public.ndim == 1 else values[None])
