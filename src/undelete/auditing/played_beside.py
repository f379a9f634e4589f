"""Deletions that are played of models of text beside other columns: retrained with all words, then told as an audit is.

The words become columns of a dense table, of which the linear model is retrained exactly. What anybody sees of each
deletion is what two files of such models say: of the words first, and of the columns with what these show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from undelete.adapters.model import LinearModel
from undelete.adapters.offset import Offset
from undelete.adapters.sklearn.beside import at_parameters, features_of_parts, first_step
from undelete.adapters.sklearn.preprocessing import thawed
from undelete.adapters.weights import weighted_loss
from undelete.auditing.beside import Beside, told_beside
from undelete.auditing.documents import no_words
from undelete.auditing.in_words import ByWords, Texts, in_words, refuse_several
from undelete.auditing.problem import Problem
from undelete.auditing.records import fit_on
from undelete.auditing.retrainable import retrainable
from undelete.auditing.text_told import Documents, with_true
from undelete.auditing.written_out import written_out
from undelete.errors import InputError
from undelete.maintainer.game import released
from undelete.maintainer.leave_one_out import Deletions, Progress
from undelete.maths.arrays import Flags, Floats, Indices
from undelete.maths.objective import Objective, predict
from undelete.maths.robust import Huber
from undelete.release.public import Public
from undelete.release.release import Release

_MOST = 100_000_000  # numbers of all deletions' errors: 800 MB


@dataclass(frozen=True, eq=False)
class TextProblem:
    """A model of text beside other columns with the records it was trained on, refitted: as `Problem` is of others.

    Parameters
    ----------
    every : Problem
        Of all features, words too.
    model : LinearModel
        At the minimiser: the part of the table, with its columns of text.
    estimator : Pipeline
        What it was read of.
    """

    every: Problem
    model: LinearModel
    estimator: Any

    @classmethod
    def of(
        cls,
        estimator: Any,
        X: pd.DataFrame,
        y: ArrayLike,
        *,
        public: pd.DataFrame,
        sample_weight: ArrayLike | None = None,
        offset: Offset | None = None,
    ) -> TextProblem:
        """Read the pipeline, write its words out, and refit; parameters and errors as of `Problem.of`.

        Weights of records, offsets and l1 penalties are refused.
        """
        if sample_weight is not None or offset is not None:
            raise InputError(
                "the model reads text beside other columns, whose words are told of records that all count alike: "
                "leave out sample_weight, offset and exposure"
            )
        if len(np.asarray(y)) != len(X):
            raise InputError(f"there are {len(X)} records but {len(np.asarray(y))} targets: give one each")
        fitted = thawed(fit_on(estimator, X, y))
        read = retrainable(fitted, X, y, public, None, None)
        refuse_several(read)
        if read.l1 is not None:
            raise InputError(
                f"this {read.kind} holds words at zero by an l1 penalty, others after each deletion, and that is "
                "not played of text beside other columns: use an l2 penalty, or audit pairs of fits (undelete.audit)"
            )
        linear, (table,) = written_out(fitted, y, X)
        every = Problem.of(linear, table, y)
        if isinstance(every.objective.loss, Huber):
            raise InputError(
                f"the loss of this {read.kind} has a scale that each fit finds anew, and words are told where it is "
                "fixed: play deletions of a Ridge of the same columns"
            )
        return cls(every, at_parameters(read, fitted, every.W), fitted)

    @cached_property
    def _own(self) -> Flags:
        """Which of all features (d,) are the table's, the constant among them."""
        others = features_of_parts(first_step(self.estimator))[1]
        return np.append(others, True) if self.model.has_constant else others

    @cached_property
    def objective(self) -> Objective:
        """What the model minimises, its records without their words."""
        every = self.every.objective
        return replace(every, X=every.X[:, self._own], l2=every.l2[self._own])

    def retrain(self, rows: Indices, *, tol: float, checkpoint: Path | None, progress: Progress | None) -> Deletions:
        """Return the models after deletions, of all features; parameters and errors as of `retrain_without`."""
        return self.every.retrain(rows, tol=tol, checkpoint=checkpoint, progress=progress)

    def refuse_last_of_class(self, rows: Indices) -> None:
        """Raise InputError when a row is the only member of its class: without it the class is gone."""
        self.every.refuse_last_of_class(rows)

    def remaining_gradient(self, rows: Indices, kept: Flags | None = None) -> Floats:
        """Return the gradients of the table's features over the records that remain, as `Problem` does."""
        return self.every.remaining_gradient(rows, kept)[:, self._own]

    def release(
        self, retrained: Deletions, view: Public, public: pd.DataFrame, progress: Progress | None = None
    ) -> tuple[Release, list[Documents], list[str]]:
        """Return what anyone sees of retrained models, what is told of each deletion's words, and notes.

        Parameters
        ----------
        retrained : Deletions
            Of all features.
        view : dict
            The fields of `Release` that the attacker has anyhow.
        public : DataFrame (m, columns)
            The public records.
        progress : callable, optional
            Called as progress(done, total), in deletions.

        Raises
        ------
        InputError
            Without public targets, or where the errors of all deletions would not fit in memory.
        """
        if view["Y_public"] is None:
            raise InputError(
                "the model reads text beside other columns, whose words are told by the public targets: give y_public"
            )
        W, texts = np.asarray(retrained.W), Texts.of(self.model, public)
        (b, _, k), d = W.shape, int(self._own.sum())
        if b * k * d * d > _MOST:
            raise InputError(
                f"each deletion's error has {k} times {d:,} x {d:,} numbers, and those of {b:,} do not fit in memory: "
                f"play at most {max(1, _MOST // (k * d * d))} (deletions=, --deletions)"
            )
        later = [at_parameters(self.model, self.estimator, one) for one in W]
        Z = np.stack([_answers(one, texts, view["X_public"]) for one in later])
        table = Problem(self.model, self.objective, self.model.W, self.every.given_gradient)
        retrained = replace(retrained, W=W[:, self._own])
        bare = replace(
            released(self.objective, table.W, retrained.W[:1], view), loss=weighted_loss(self.model, view["Y_public"])
        )
        trained, words = texts.trained(self.model, bare), []
        for i, new in enumerate(later):
            words.append(in_words(self.model, new, texts, Z[i], bare, trained))
            if progress is not None:
                progress(i + 1, len(W))
        release, _ = table.release(retrained, view, ByWords(Z, trained, tuple(one.gone for one in words)))
        found = [
            told_beside(self.model, new, told, release.take(slice(i, i + 1)))
            for i, (new, told) in enumerate(zip(later, words, strict=True))
        ]
        nothing = {one.column: no_words() for one in self.model.texts}
        documents: list[Documents] = [one.documents or nothing for one in found]
        return _together(release, [one.release for one in found]), documents, _untold(found)


def told(
    problem: Problem | TextProblem,
    retrained: Deletions,
    view: Public,
    public: pd.DataFrame,
    records: pd.DataFrame,
    progress: Progress | None,
) -> tuple[Release, Flags | None, Sequence[Documents], list[str]]:
    """Return what anyone sees of retrained models, and in which features: None for all; of words what is told of them.

    With `TextProblem.release`'s parameters, and the deleted records, raw; the words come beside theirs, with notes.
    """
    if isinstance(problem, Problem):
        return *problem.release(retrained, view), (), []
    release, documents, notes = problem.release(retrained, view, public, progress)
    beside = [with_true(each, problem.model, records.iloc[[i]]) for i, each in enumerate(documents)]
    return release, None, beside, notes


def _answers(model: LinearModel, texts: Texts, X: Floats) -> Floats:
    """Return a model's predictions (m, k) for public records that are read already."""
    k = model.W.shape[1]
    added = texts.scores(model)
    return np.asarray(predict(X, model.W) + added.reshape(len(X), -1, k).sum(axis=1))


def _together(release: Release, each: Sequence[Release]) -> Release:
    """Return a release of all deletions with what words say of each one's error."""
    told = np.array([one.error_told for one in each])
    changes = np.concatenate([one.answer_change for one in each if one.answer_change is not None])
    release = replace(release, answer_change=changes, reweighed=True)
    if not told.any():
        return release
    error = np.concatenate([one.share_error if one.error_told else _sampled(one) for one in each])
    own = [one.own_offsets for one in each]
    seen = next((one for one in own if one is not None), None)
    if seen is not None:
        own_offsets = np.concatenate([np.full(seen.shape, np.nan) if one is None else one for one in own])
        release = replace(release, own_offsets=own_offsets)
    return replace(release, share_error=error, error_told=True)


def _sampled(release: Release) -> Floats:
    """Return the covariance (1, k, d, d) of one deletion's gradient where no words take anything off it: maths (10)."""
    assert release.answer_change is not None
    t, factor = release.answer_change[0], release.scatter * release.unlike
    found = np.array([np.cov((release.X_public * one[:, None]).T, bias=True) for one in t.T])[None] * factor
    return found if release.share_error is None else found + release.share_error


def _untold(found: Sequence[Beside]) -> list[str]:
    """Say of how many deletions no word is told, and why; and what is to be known of the others."""
    why = [note for one in found for note in one.notes if not one.documents]
    known = list(dict.fromkeys(note for one in found for note in one.notes if one.documents))
    if not why:
        return known
    what = f"Of {len(why):,} of {len(found):,} deletions no word is told"
    return [f"{what}. The first: {why[0].removeprefix('No word is told: ')}", *known]
