"""`Audit`: what an audit or a simulation found, and its forms: tables, JSON, a page.

`document` is the one description of a result; audit.json is that dictionary, and the page is made from it.
"""

from __future__ import annotations

import datetime
import json
import math
import os
import platform
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from undelete import advice
from undelete.adapters.readout import Readout
from undelete.attacker.attacks import ATTACKS
from undelete.data.schema import Schema
from undelete.diagnostics import Diagnostic
from undelete.maintainer.game import Truth
from undelete.pictures import BESIDE, gallery, pictures_of
from undelete.release import Column, Reconstruction, Release
from undelete.report.page import render
from undelete.report.pictures import without_pictures
from undelete.scoring.table import SCORES, columns_right
from undelete.verdict import Verdict

SCHEMA = "undelete.audit/1"
PAPER = "Bertran et al., Reconstruction Attacks on Machine Unlearning: Simple Models are Vulnerable (2024)"
_SHOWN = 50  # records described in full in the document
_PACKAGES = ("numpy", "scipy", "scikit-learn", "pandas")


@dataclass(frozen=True)
class Target:
    """The model's target in a reader's words.

    Parameters
    ----------
    name, label, unit : str
        As in the table, in plain words, and its unit ("" when it has none).
    kind : {"number", "class"}
        What it is.
    transform : {"exp"} or None
        How a reader should see a value: exp of a logarithm.
    classes : tuple or None
        The class labels; the second is +1 of a binary model.
    columns : tuple of str
        The table's columns where the model predicts several numbers at once, else empty.
    """

    name: str
    label: str
    unit: str = ""
    kind: str = "number"
    transform: str | None = None
    classes: tuple[Any, ...] | None = None
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Setting:
    """What was asked, of which model: words and numbers for the report that no attack sees.

    Parameters
    ----------
    kind : {"audit", "simulate", "demo"}
        Which question.
    text : str
        The question in one sentence.
    model : dict
        Kind, loss, penalty, ... of the old model, as in audit.json.
    target : Target or None
        The model's target, where the public data have it.
    schema : Schema
        Columns in a reader's words.
    readout : Readout or None
        How the pixels of records that are images are read off the model's space.
    public_source : str or None
        Where the public records are from.
    command : str or None
        How to run it again.
    """

    kind: str
    text: str
    model: Mapping[str, Any]
    target: Target | None = None
    schema: Schema = field(default_factory=Schema)
    readout: Readout | None = None
    public_source: str | None = None
    command: str | None = None


@dataclass(frozen=True, eq=False)
class Audit:
    """What deletions give away, as `undelete.audit` and `undelete.simulate` return it.

    Attributes
    ----------
    setting : Setting
        What was asked.
    release : Release
        What the attacker saw.
    found : dict of str to Reconstruction
        What each attack said, by its name.
    truth : Truth or None
        The deleted records, where they are known.
    verdict : Verdict
        One word, with its reason.
    diagnostics : list of Diagnostic
        Whether the attack was able to work.
    warnings : list of str
        What the reader must know.
    exposure : array (b,)
        How much of what sets each record apart from the average public record came back: the centred
        cosine of the main attack, or what its error bars promise where there is no truth. Between 0 and 1.
    scored : dict of str to dict
        Each attack's scores (b,) by name; empty without a truth.
    summaries : dict of str to dict
        Each attack's summary row.
    lift : dict or None
        The main attack's lead over the best baseline in the share of columns, with a 95 % interval; of records without
        raw columns the lead in centred cosine.
    pictured : array of int or None
        The deletions whose pictures the report shows, drawn at random; None where records are no images.
    """

    setting: Setting
    release: Release
    found: Mapping[str, Reconstruction]
    truth: Truth | None
    verdict: Verdict
    diagnostics: Sequence[Diagnostic]
    warnings: Sequence[str]
    exposure: NDArray[np.float64]
    scored: Mapping[str, Mapping[str, NDArray[np.float64]]]
    summaries: Mapping[str, Mapping[str, Any]]
    lift: Mapping[str, Any] | None = None
    pictured: NDArray[np.int64] | None = None

    @property
    def main(self) -> str:
        """The attack that the verdict rests on: the first that is not a baseline or a bound."""
        return next((name for name in self.found if ATTACKS[name].role == "attack"), next(iter(self.found)))

    def label(self, attack: str) -> str:
        """Return what an attack is called in a report on these records."""
        label = ATTACKS[attack].label
        return label if self.pictured is None else label.replace("person who", "image that").replace("person", "image")

    @property
    def records(self) -> pd.DataFrame:
        """The reconstructed records in the public data's columns and units, one row a deletion."""
        return self._frame(self.found[self.main], self.found[self.main].target)

    @property
    def true_records(self) -> pd.DataFrame:
        """The deleted records likewise; empty without a truth."""
        return pd.DataFrame() if self.truth is None else self._frame(self.truth, self.truth.Y)

    def _frame(self, records: Reconstruction | Truth, targets: NDArray[np.float64] | None) -> pd.DataFrame:
        deletions = range(self.release.deletions)
        table: dict[str, Any] = {
            column.name: [self._value(records, i, j) for i in deletions]
            for j, column in enumerate(self.release.columns)
        }
        readout, image = self.setting.readout, self.setting.schema.image
        if readout is not None and image is not None:
            table = dict(zip(readout.names, pictures_of(self.release, records, image, readout).T, strict=True))
        if self.setting.target is not None and targets is not None:
            several = self.setting.target.columns
            for j, name in enumerate(several):
                table[name] = targets[:, j].tolist()
            if not several:
                table[self.setting.target.name] = [self._target(y) for y in targets]
        return pd.DataFrame(table)

    @property
    def confidence(self) -> NDArray[np.float64]:
        """The decoder's probability that the whole record is right (b,)."""
        return self.found[self.main].confidence

    @property
    def scores(self) -> pd.DataFrame:
        """Every score, tidy: attack, deletion, score, value. Empty without a truth."""
        rows = [
            (name, deletion, score, float(value))
            for name, scores in self.scored.items()
            for score in SCORES
            for deletion, value in enumerate(scores[score])
        ]
        return pd.DataFrame(rows, columns=["attack", "deletion", "score", "value"])

    def summary(self) -> pd.DataFrame:
        """Return one row an attack: n, quantiles, shares, intervals."""
        return pd.DataFrame(list(self.summaries.values()), index=pd.Index(self.summaries, name="attack"))

    def order(self) -> NDArray[np.int64]:
        """Return the deletions, most exposed first."""
        keys = [np.nan_to_num(self.exposure), np.nan_to_num(self.confidence)]
        if self.scored:
            keys.append(np.nan_to_num(self.scored[self.main]["exact_columns"]))
        return np.lexsort([-key for key in keys])

    def document(self, *, redact: bool = False) -> dict[str, Any]:
        """Return the result as the dictionary that audit.json holds, schema "undelete.audit/1".

        Parameters
        ----------
        redact : bool
            Leave out every recovered and true value: the result is itself personal data.
        """
        model = dict(self.setting.model)
        document = {
            "schema": SCHEMA,
            "undelete": version("undelete"),
            "created": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "command": self.setting.command,
            "redacted": redact,
            "question": {
                "kind": self.setting.kind, "deletions": self.release.deletions, "text": self.setting.text,
            },
            "model": model,
            "public": {"records": len(self.release.X_public), "source": self.setting.public_source},
            "target": None if self.setting.target is None else asdict(self.setting.target),
            "columns": [self._column(column) for column in self.release.columns],
            "attacks": [{"name": n, "label": self.label(n), "role": ATTACKS[n].role} for n in self.found],
            "verdict": asdict(self.verdict),
            "exposure": float(np.median(np.nan_to_num(self.exposure))),
            "threat_model": advice.threat_model(self.release, self.setting.model),
            "diagnostics": [asdict(check) for check in self.diagnostics],
            "warnings": list(self.warnings),
            "summary": [{"attack": name, **row} for name, row in self.summaries.items()],
            "lift": None if self.lift is None else dict(self.lift),
            "per_column": self._per_column(),
            "scores": self._scores(),
            "pictures": self._pictures(redact),
            "records": [self._record(int(i), redact) for i in self.order()[:_SHOWN]],
            "advice": advice.advice(self.verdict.word),
            "environment": environment(),
            "paper": PAPER,
        }  # fmt: skip
        return dict(_plain(document))

    def to_json(self, path: str | os.PathLike[str], *, redact: bool = False) -> None:
        """Write audit.json, beside and then renamed."""
        write_text(path, json.dumps(self.document(redact=redact), indent=1, allow_nan=False) + "\n")

    def to_html(self, path: str | os.PathLike[str], *, redact: bool = False) -> None:
        """Write the standalone page, beside and then renamed."""
        write_text(path, render(self.document(redact=redact)))

    def _column(self, column: Column) -> dict[str, Any]:
        known = self.setting.schema[column.name]
        return {
            "name": column.name,
            "label": known.label,
            "unit": known.unit,
            "kind": column.kind,
            "values": None if column.kind == "continuous" else len(column.values),
            "codes": dict(known.codes),
        }

    def _value(self, found: Reconstruction | Truth, i: int, j: int) -> Any:
        """Return deletion i's value in column j: of its code, or its number where that is all there is."""
        column = self.release.columns[j]
        if isinstance(found, Truth) and found.raw is not None:
            return found.raw[i][column.name]
        if found.codes is None or found.values is None:
            return None
        code, number = int(found.codes[i, j]), float(found.values[i, j])
        if code >= 0:
            return column.values[code].item()
        # a continuous column, or a true value that no public record has
        known = column.kind == "continuous" or isinstance(found, Truth)
        return number if known and not math.isnan(number) else None

    def _target(self, y: NDArray[np.float64]) -> Any:
        """Return one target as the table has it: a number, or the class."""
        target = self.setting.target
        if target is None or np.isnan(y).any():
            return None
        if target.kind == "number" or target.classes is None:
            return float(y[0]) if y.size == 1 else [float(v) for v in y]
        return target.classes[int(y[0] > 0) if y.size == 1 else int(y.argmax())]

    @cached_property
    def _right(self) -> dict[str, NDArray[np.bool_] | None]:
        """Which raw columns each attack got exactly; empty without a truth."""
        if self.truth is None:
            return {}
        return {name: columns_right(self.release, self.truth, found) for name, found in self.found.items()}

    def _per_column(self) -> list[dict[str, Any]]:
        if self.truth is None:
            return []
        return [
            {"column": column.name, **{n: float(r[:, j].mean()) for n, r in self._right.items() if r is not None}}
            for j, column in enumerate(self.release.columns)
        ]

    def _scores(self) -> list[dict[str, Any]]:
        nothing = np.full(self.release.deletions, np.nan)
        rows = []
        for name, found in self.found.items():
            scores = self.scored.get(name, dict.fromkeys(SCORES, nothing))
            confidence = found.confidence
            for i in range(self.release.deletions):
                row = {
                    "attack": name,
                    "deletion": i,
                    "status": found.status[i],
                    "confidence": confidence[i],
                }
                rows.append(row | {score: scores[score][i] for score in SCORES})
        return rows

    def _record(self, i: int, redact: bool) -> dict[str, Any]:
        """Return deletion i of the main attack, column by column."""
        found = self.found[self.main]
        row = None if self.truth is None or self.truth.rows is None else int(self.truth.rows[i])
        return {
            "deletion": i,
            "row": row,
            "attack": self.main,
            "status": found.status[i],
            "confidence": found.confidence[i],
            "direction": self._direction(i, redact),
            "columns": [self._cell(i, j, found, redact) for j in range(len(self.release.columns))],
            "target": self._target_cell(i, found, redact),
        }

    def _direction(self, i: int, redact: bool) -> NDArray[np.float64] | None:
        """Return a record known up to a factor, where its numbers mean something to a reader."""
        found = self.found[self.main]
        readable = self.pictured is None and self.release.embedding is None
        return found.X[i] if readable and not redact and found.status[i] == "direction" else None

    def _pictures(self, redact: bool) -> dict[str, Any] | None:
        """Return the pictures of the deletions drawn for it; the main attack's beside the truth and the guesses."""
        image, found = self.setting.schema.image, self.found[self.main]
        if self.pictured is None or image is None:
            return None
        shown: dict[str, Reconstruction | Truth] = {} if self.truth is None else {"true": self.truth}
        shown |= {name: self.found[name] for name in (self.main, *BESIDE) if name in self.found}
        pictures = gallery(self.release, shown, self.scored, self.pictured, image, self.setting.readout)
        for item in pictures["items"]:
            i = item["deletion"]
            cell = self._target_cell(i, found, redact) or {}
            row = None if self.truth is None or self.truth.rows is None else int(self.truth.rows[i])
            label = {key: cell.get(key) for key in ("recovered", "true", "right")}
            item |= {"row": row, "status": found.status[i], "label": label}
        return without_pictures(pictures) if redact else pictures

    def _cell(self, i: int, j: int, found: Reconstruction, redact: bool) -> dict[str, Any]:
        column, guess, right = self.release.columns[j], self.found.get("avg"), self._right.get(self.main)
        value = np.nan if found.values is None else found.values[i, j]
        error = np.nan if found.error is None else 1.96 * found.error[i, j]
        cell = {
            "recovered": self._value(found, i, j),
            "low": value - error,
            "high": value + error,
            "candidates": self._candidates(found, i, j),
            "true": None if self.truth is None else self._value(self.truth, i, j),
            "guess": None if guess is None else self._value(guess, i, j),
        }
        if redact:
            cell = dict.fromkeys(cell)
        probability = None if found.probability is None else found.probability[i, j]
        return {
            "name": column.name,
            **cell,
            "probability": probability,
            "right": None if right is None else right[i, j],
        }

    def _candidates(self, found: Reconstruction, i: int, j: int) -> list[tuple[Any, float]] | None:
        """Return the likeliest values of a column with their probabilities, unless one is all but certain."""
        if (
            found.candidates is None
            or found.candidate_probability is None
            or found.candidate_probability[i, j, 0] > 0.99
        ):
            return None
        pairs = zip(found.candidates[i, j], found.candidate_probability[i, j], strict=True)
        return [(self.release.columns[j].values[code].item(), float(p)) for code, p in pairs if code >= 0] or None

    def _target_cell(self, i: int, found: Reconstruction, redact: bool) -> dict[str, Any] | None:
        target, guess = self.setting.target, self.found.get("avg")
        if target is None or found.target is None:
            return None
        true = None if self.truth is None or self.truth.Y is None else self._target(self.truth.Y[i])
        value = self._target(found.target[i])
        error = np.nan if found.target_error is None else 1.96 * found.target_error[i, 0]
        number = target.kind == "number" and isinstance(value, float)
        cell = {
            "recovered": value,
            "low": value - error if number else None,
            "high": value + error if number else None,
            "true": true,
            "guess": None if guess is None or guess.target is None else self._target(guess.target[i]),
        }
        right = None if true is None or target.kind == "number" else value == true
        return {**(dict.fromkeys(cell) if redact else cell), "right": right}


def environment() -> dict[str, str]:
    """Return the versions a number depends on."""
    packages = {name: version(name) for name in _PACKAGES}
    return {"python": platform.python_version(), **packages, "platform": platform.platform()}


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a file beside its place, then rename, so that nobody meets half of it."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        "w", dir=target.parent, prefix=f".{target.name}.", delete=False, encoding="utf-8"
    ) as file:
        file.write(text)
    os.chmod(file.name, 0o644)
    os.replace(file.name, target)


def _plain(value: Any) -> Any:
    """Return the value in JSON's own types; what is not a finite number becomes None."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
