"""A series of releases: every step between two of them, and what somebody knows who kept them all."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from undelete.adapters.files.files import load_model
from undelete.adapters.model import LinearModel
from undelete.adapters.sklearn.pipeline import from_sklearn
from undelete.auditing import inputs
from undelete.auditing.answers import Answers, read_answers
from undelete.auditing.audit import audit
from undelete.auditing.document import plain
from undelete.auditing.inputs import Table
from undelete.auditing.released import Model
from undelete.auditing.result import Audit
from undelete.auditing.words import Words
from undelete.errors import InputError
from undelete.files import Content, Place, write_together
from undelete.maths.losses import loss_of
from undelete.report.series import render

SCHEMA = "undelete.series/1"
MODELS = (".skops", ".json", ".npz", ".joblib", ".pkl")
ANSWERS = (".csv", ".parquet")
KNOWN = 0.5  # confidence from which a whole record counts as known

Version = Model | Answers


@dataclass(frozen=True, eq=False)
class Series:
    """The audits of all steps, in order.

    Parameters
    ----------
    steps : sequence of Audit
        One a step.
    names : sequence of str
        Of the versions, one more.
    """

    steps: Sequence[Audit]
    names: Sequence[str]

    def __repr__(self) -> str:
        words = Counter(one.verdict.word for one in self.steps)
        return f"<Series of {len(self.steps)} steps: {', '.join(f'{word} {words[word]}' for word in words)}>"

    def document(self, *, redact: bool = False) -> dict[str, Any]:
        """Return what series.json holds: each step's verdict, and what a keeper of all versions knows."""
        steps = []
        for i, one in enumerate(self.steps):
            setting = one.setting
            left, came = (setting.came, setting.left) if setting.joined else (setting.left, setting.came)
            steps.append(
                {"before": self.names[i], "after": self.names[i + 1], "left": left, "joined": came,
                 "verdict": one.verdict.word, "sentence": one.verdict.sentence, "exposure": one.typical_exposure,
                 "people": None if redact else _people(one)}
            )  # fmt: skip
        return dict(plain({"schema": SCHEMA, "redacted": redact, "steps": steps, "keeper": self.keeper(redact=redact)}))

    def keeper(self, *, redact: bool = False) -> dict[str, Any]:
        """Return what all versions together say: how many people, whose records are known, who came and went."""
        whole = sum(int((np.nan_to_num(one.confidence) >= KNOWN).sum()) for one in self.steps)
        people = sum(len(one.confidence) for one in self.steps)
        return {"people": people, "whole_records": whole, "came_and_went": [] if redact else _met(self.steps)}

    def save(self, folder: str | os.PathLike[str], *, redact: bool = False) -> dict[str, Any]:
        """Write series.json and report.html, and each step's own files in step-1, step-2, ...; return the document."""
        document, place = self.document(redact=redact), Path(folder)
        for i, one in enumerate(self.steps):
            one.save(place / f"step-{i + 1}", redact=redact)
        files: dict[Place, Content] = {
            place / "series.json": json.dumps(document, indent=1, allow_nan=False) + "\n",
            place / "report.html": render(document),
        }
        write_together(files)
        return document


def audit_series(
    versions: Sequence[Version],
    public: Table,
    *,
    target: str | Sequence[str] | None = None,
    n: int | None = None,
    l2: float | None = None,
    features: Any = None,
    offset: str | Sequence[str] | None = None,
    exposure: str | None = None,
    rng: int = 0,
    trust: bool = False,
    words: Words | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Audit]:
    """Audit every step of a series of releases.

    Parameters
    ----------
    versions : sequence of estimators, LinearModels, Answers or paths
        In order, two at least: models as `undelete.audit` takes them, or answers to the public records (as files .csv
        or .parquet). Between a model and answers the model's own answers are taken.
    public : DataFrame, array or path
        Public records.
    target, l2, offset, exposure, rng, trust, words
        As of `undelete.audit`.
    n : int, optional
        Number of training records of the first version; of the later ones it follows from who left and joined.
    features : estimator, LinearModel, path or "numeric,onehot", optional
        What versions read of which only answers are there; by default what the nearest model before them says.
    progress : callable, optional
        Called as progress(done, total).

    Returns
    -------
    list of Audit
        One a step: the record, or the records, that left or joined there.

    Raises
    ------
    InputError
        When there is no series, or a step cannot be used: its number is said.
    """
    versions = list(versions)
    if len(versions) < 2:
        raise InputError(f"there {'is one version' if versions else 'are no versions'}: a series has two at least")
    opened = [_opened(one, trust=trust) for one in versions]
    found: list[Audit] = []
    reads = features
    for i, (before, after) in enumerate(pairwise(opened)):
        if not isinstance(before, Answers):
            reads = before
        try:
            first, second = _alike(before, after, public, target)
            kind = reads if isinstance(first, Answers) else None
            if isinstance(first, Answers) and kind is None:
                kind = next((one for one in opened if not isinstance(one, Answers)), None)
            one = audit(first, second, public, target=target, n=n, l2=l2, features=kind, rng=rng,
                        trust=trust, words=words, offset=offset, exposure=exposure)  # fmt: skip
        except InputError as error:
            raise InputError(f"step {i + 1}: {error}") from error
        found.append(one)
        if n is not None:
            n += (1 if one.setting.joined else -1) * (one.setting.left - one.setting.came)
        if progress is not None:
            progress(i + 1, len(opened) - 1)
    return found


def files_of(places: Sequence[Path]) -> list[Path]:
    """Return the versions' files: as given, or those of one folder by their names, numbers in them as numbers.

    Raises
    ------
    InputError
        For an empty folder, or one that holds something else.
    """
    if len(places) != 1 or not places[0].is_dir():
        return list(places)
    found = [one for one in places[0].iterdir() if not one.name.startswith(".") and not one.is_dir()]
    if not found:
        raise InputError(f"{places[0]} is empty: a series is a folder of models or of answers, one file a version")
    other = [one for one in found if one.suffix.lower() not in (*MODELS, *ANSWERS)]
    if other:
        raise InputError(
            f"{places[0]} holds {other[0].name}, which is neither a model ({', '.join(MODELS)}) nor answers "
            f"({', '.join(ANSWERS)}): take it out"
        )
    return sorted(found, key=lambda one: [int(p) if p.isdigit() else p for p in re.split(r"(\d+)", one.name)])


def _opened(version: Version, *, trust: bool) -> Any:
    if not isinstance(version, str | os.PathLike):
        return version
    if Path(version).suffix.lower() in ANSWERS:
        return read_answers(version)
    return load_model(version, trust=trust)


def _alike(before: Any, after: Any, public: Table, target: str | Sequence[str] | None) -> tuple[Any, Any]:
    """Return two versions as two models or as two answers."""
    if isinstance(before, Answers) == isinstance(after, Answers):
        return before, after
    return tuple(one if isinstance(one, Answers) else _answers(one, public, target) for one in (before, after))  # type: ignore[return-value]


def _answers(model: BaseEstimator | LinearModel, public: Table, target: str | Sequence[str] | None) -> Answers:
    table = inputs.as_records(public)
    names = inputs.target_columns(table, target)
    known = model.of_columns(table) if isinstance(model, LinearModel) else from_sklearn(model, table, names)
    values = np.asarray(loss_of(known.loss).mean(known.decision(known.design.conformed(table))))
    return Answers(values[:, 0] if values.shape[1] == 1 else values)


def _people(one: Audit) -> list[dict[str, Any]]:
    """Return each person of a step: whether they joined, their values, and how sure these are."""
    found, records = one.found[one.main], one.records
    rows = []
    for i in range(len(records)):
        came = one.setting.joined != (i % one.setting.people >= one.setting.left)
        sure = None if found.probability is None else found.probability[i]
        cells = [
            {
                "column": name,
                "value": _whole(records.iloc[i][name]),
                "probability": None if sure is None else float(sure[j]),
            }
            for j, name in enumerate(column.name for column in one.release.columns)
        ]  # fmt: skip
        rows.append({"joined": bool(came), "confidence": float(one.confidence[i]), "columns": cells})
    return rows


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _met(steps: Sequence[Audit]) -> list[dict[str, Any]]:
    """Return who joined at one step and left at a later one: one record that comes back, surely, at both."""
    seen: list[tuple[int, tuple[tuple[str, ...], bool]]] = []
    met = []
    for i, one in enumerate(steps):
        for person in _people(one):
            values = tuple(str(cell["value"]) for cell in person["columns"])
            if not values or not person["confidence"] >= KNOWN:
                continue
            earlier = next((k for k, (known, k_joined) in seen if known == values and k_joined), None) if (
                not person["joined"]) else None  # fmt: skip
            if earlier is not None:
                met.append({"joined": earlier + 1, "left": i + 1})
            seen.append((i, (values, person["joined"])))
    return met
