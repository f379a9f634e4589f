"""Before a release: what would be told of documents that somebody asks to have deleted from a model of text?"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils.validation import check_is_fitted

from undelete.adapters.files.files import load_model
from undelete.adapters.sklearn.text import read_text
from undelete.auditing.documents import deleted_words
from undelete.errors import InputError
from undelete.files import write_together

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class PlayedDocuments:
    """What came back of documents that were deleted one at a time.

    Attributes
    ----------
    table : DataFrame
        A row a deletion: the document's `row`, its `words` that the model knows, how many were `told` with a
        probability of .9 or more, how many of those were `right`, how many the files said exactly, whether the class
        told is the document's (missing where none is told), and `why` nothing could be told.
    n : int
        Training documents.
    """

    table: pd.DataFrame
    n: int

    def __repr__(self) -> str:
        told = self.summary
        return (
            f"<PlayedDocuments: {len(self.table):,} deletions of {self.n:,} documents, words told with a precision of "
            f"{told['precision']:.2f}, {told['recovered']:.2f} of a document's>"
        )

    @property
    def summary(self) -> dict[str, float]:
        """The words told a document, their precision, the median share of a document's words, and of classes right."""
        told, right, words = (self.table[name].to_numpy(float) for name in ("told", "right", "words"))
        label = self.table.label_right.dropna()
        return {
            "told": float(told.mean()),
            "precision": float(right.sum() / told.sum()) if told.sum() else float("nan"),
            "recovered": float(np.median(right / np.maximum(words, 1))),
            "label_right": float(label.astype(float).mean()) if len(label) else float("nan"),
        }

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write deletions.csv and words.json, for their owner's eyes only; neither holds a word of anybody's."""
        place = Path(folder)
        told = {"schema": "undelete.words_played/1", "n": self.n, "deletions": len(self.table)}
        told |= {name: None if value != value else value for name, value in self.summary.items()}
        write_together(
            {
                place / "deletions.csv": self.table.to_csv(index=False),
                place / "words.json": json.dumps(told, indent=1) + "\n",
            }
        )


def simulate_words(
    model: BaseEstimator | str | os.PathLike[str],
    documents: Sequence[str],
    targets: ArrayLike,
    public_documents: Sequence[str],
    public_targets: ArrayLike,
    *,
    deletions: int = 20,
    refit: bool = False,
    rng: int = 0,
    trust: bool = False,
    progress: Progress | None = None,
) -> PlayedDocuments:
    """Delete training documents one at a time, fit the model again, and let `deleted_words` tell the words.

    Parameters
    ----------
    model : Pipeline or path
        A vectoriser, steps that keep its features sparse, and a linear model; fitted or not.
    documents, targets : sequence of str, array (n,)
        The training documents, and what the model predicts of them.
    public_documents, public_targets : sequence of str, array (m,)
        Others like them, none of the training ones.
    deletions : int
        How many to play, drawn at random.
    refit : bool
        Whether the vectoriser is fitted anew with each deletion; of its own it stays as it was fitted.
    rng : int
        Seed of the draw.
    trust : bool
        Whether a model file may be unpickled.
    progress : callable, optional
        Called as progress(done, total) after each deletion.

    Raises
    ------
    InputError
        When the input cannot be used, or of no document anything could be told.

    Notes
    -----
    Cost: a fit of the model for each deletion, and what `deleted_words` takes.
    """
    pipeline = load_model(model, trust=trust) if isinstance(model, str | os.PathLike) else model
    if not isinstance(pipeline, Pipeline):
        raise InputError(f"a {type(pipeline).__name__} is no Pipeline of a vectoriser and a linear model: give one")
    texts, y = np.array([str(one) for one in documents], dtype=object), np.asarray(targets)
    if len(texts) != len(y) or len(texts) < 3:
        raise InputError(f"there are {len(texts)} documents and {len(y)} targets: give one each, three or more")
    if not 1 <= deletions <= len(texts):
        raise InputError(f"deletions is {deletions} and there are {len(texts):,} documents: give 1 to as many")
    fresh = _kept(pipeline, texts, y) if not refit else pipeline
    before = _fitted(fresh, texts, y)
    old, split = read_text(before), read_text(before).steps[0].build_analyzer()
    known = None if old.names is None else set(old.names)
    rows = []
    for done, row in enumerate(np.random.default_rng(rng).choice(len(texts), deletions, replace=False)):
        own = {word for word in split(texts[row]) if known is None or word in known}
        rest = np.delete(np.arange(len(texts)), row)
        after = _fitted(fresh, texts[rest], y[rest])
        entry: dict[str, Any] = {"row": int(row), "words": len(own), "told": 0, "right": 0, "exact": 0}
        entry |= {"label_right": None, "why": ""}
        try:
            found = deleted_words(before, after, list(public_documents), public_targets, n=len(texts))
        except InputError as error:
            entry["why"] = str(error)
        else:
            sure = set(found.sure)
            entry |= {"told": len(sure), "right": len(sure & own), "exact": int(found.table.exact.sum())}
            entry["label_right"] = None if found.label is None else bool(found.label == y[row])
        rows.append(entry)
        if progress is not None:
            progress(done + 1, deletions)
    if all(entry["why"] for entry in rows):
        raise InputError(rows[0]["why"])
    return PlayedDocuments(pd.DataFrame(rows), len(texts))


def _kept(pipeline: Pipeline, texts: Any, y: Any) -> Pipeline:
    """Return the pipeline with its steps held as they are fitted, or fitted here, and a linear model to fit."""
    steps: list[Any] = [step for _, step in pipeline.steps[:-1]]
    made = texts
    for i, step in enumerate(steps):
        try:
            check_is_fitted(step)
        except (NotFittedError, TypeError):  # not fitted, or a step that says nothing of it
            steps[i] = step = _fitted(step, made, y)
        made = step.transform(made)
    return make_pipeline(*(FrozenEstimator(step) for step in steps), clone(pipeline.steps[-1][1]))


def _fitted(model: Any, texts: Any, y: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a fit that stopped early: `deleted_words` says what that means
        try:
            return clone(model).fit(texts, y)
        except (ValueError, TypeError) as error:
            raise InputError(f"the model cannot be fitted on these documents: {str(error).splitlines()[0]}") from error
