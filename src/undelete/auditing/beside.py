"""Columns of text beside a table: what two models say of their words, and what these add to a record's predictions."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np
import scipy.sparse as sp
from scipy.special import ndtri

from undelete.adapters.model import LinearModel
from undelete.attacker.documents import Change, Seen, Words, frequencies, seen_of
from undelete.attacker.gradient.difference import Difference
from undelete.attacker.told_pull import with_pull
from undelete.attacker.word_sizes import Sizes
from undelete.auditing.document_changes import exact_words, penalties_share
from undelete.auditing.document_whole import Whole
from undelete.auditing.documents import Document, document
from undelete.auditing.in_words import InWords
from undelete.maths.arrays import Flags, Floats
from undelete.release.release import Release

_VALUES = 41  # of what a record's words may add to its prediction


@dataclass(frozen=True, eq=False)
class Beside:
    """A release of the table with what its columns of text say.

    Parameters
    ----------
    release : Release
        Of the table, by the change of the answers that its columns and words make together.
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


def told_beside(old: LinearModel, new: LinearModel, told: InWords, release: Release) -> Beside:
    """Return what is told of the words beside a table, and the table's release with what they say of it.

    Their pull, where they tell it better than the intercept does, and what they add to the record's prediction.

    Parameters
    ----------
    old, new : LinearModel
        With columns of text.
    told : InWords
        What is told of their words.
    release : Release
        Of the table's features, with the change of the models' answers.
    """
    release = replace(release, reweighed=True)
    if told.whole is None:
        return Beside(release, notes=(told.why,))
    assert release.n is not None
    texts, documents, seen, score_share = told.texts, {}, [], []
    X = texts.X
    for first, second, own, one, given in zip(old.texts, new.texts, X, told.told, texts.given, strict=True):
        documents[first.column] = document(first, one.words, own, given, exact_words(first, second))
        share, known = penalties_share(first, second, release.n)
        share, known = share[: own.shape[1]], known[: own.shape[1]]
        seen.append(_seen(own, release, told.whole, share, known))
        score_share.append(first.model.coef @ share)
    surest = min((one.words for one in told.told), key=lambda one: one.pull[1])
    release = _of_whole(release, texts.scores(old), np.vstack(score_share), surest)
    return Beside(release, MappingProxyType(documents), tuple(seen), tuple(map(frequencies, X)))


def _seen(X: sp.csr_array, release: Release, whole: Whole, share: Floats, known: Flags) -> Seen:
    """Return minus the deleted gradient of a text's words; what the intercept says is in the release."""
    assert release.answer_change is not None
    assert release.n is not None
    pulls = np.zeros_like(release.answer_change[0])
    change = Change(np.array(release.answer_change[0]), share, None, pulls, known, whole.left)
    return seen_of(X, change, release.n, Sizes.of(X))


def _of_whole(release: Release, scores: Floats, share: Floats, words: Words) -> Release:
    """Return a release with the pull that words tell, and with what they may add to the record's predictions.

    Their score's gradient is estimated as the columns' are, of public records' scores (m, e) and the penalty's share
    (e, k). Over the pull, in the output that pulls most, it is what words add; public offsets stay where surer.
    """
    if release.constant is None or release.offset_public is None:
        return release
    features, own, (pull, error) = np.hstack([release.X_public, scores]), release.X_public.shape[1], words.pull
    told, covariance = with_pull(release, features, words.direction, pull, error)
    assert told.answer_change is not None
    assert told.n is not None
    t, k, (m, e) = told.answer_change[0], share.shape[1], scores.shape
    pulls = told.constant @ Difference.by(told, "answers").gradient[0]  # (k,)
    j = int(np.abs(pulls).argmax())
    along = np.tile(np.eye(k), (e // k, 1))  # (e, k): those of all texts are added up
    added = along.T @ ((told.n - 1) / m * (scores.T @ t[:, j]) + share[:, j]) / pulls[j]
    functional = np.hstack([-added[:, None] * release.constant[:own], along.T]) / pulls[j]  # (k, d + e)
    size = np.sqrt(np.einsum("ka,ab,kb->k", functional, covariance[j], functional))
    if not (size <= release.offset_public.std(axis=0)).all():
        return told
    values = added + ndtri((np.arange(_VALUES) + 0.5) / _VALUES)[:, None] * size
    return replace(told, own_offsets=values[None, :, 0] if release.offset_public.ndim == 1 else values[None])
