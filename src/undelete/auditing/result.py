"""`Audit`: what an audit or a simulation found, and its forms: tables, JSON, a page, a gate."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from undelete.attacker.attack import Attack
from undelete.attacker.attacks import leading
from undelete.auditing.diagnostics import Diagnostic
from undelete.auditing.document import describe
from undelete.auditing.document_records import target_of, value_of
from undelete.auditing.documents import Document
from undelete.auditing.nearest import nearest_public
from undelete.auditing.pictures import pictures_of
from undelete.auditing.setting import Setting
from undelete.auditing.verdict import Verdict
from undelete.files import Content, Place, write, write_together
from undelete.release.reconstruction import Reconstruction
from undelete.release.seen import Seen
from undelete.report.card import card
from undelete.report.page import render
from undelete.scoring.table import SCORES, columns_right
from undelete.scoring.truth import Truth

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False, repr=False)
class Audit:
    """What deletions give away, as `undelete.audit` and `undelete.simulate` return it.

    Attributes
    ----------
    setting : Setting
        What was asked.
    attacks : dict of str to Attack
        What was run, by name.
    release : Release
        What the attacker saw.
    found : dict of str to Reconstruction
        What each attack said, by its name.
    truth, verdict : Truth or None, Verdict
        The deleted records, where they are known, and one word with its reason.
    diagnostics : list of Diagnostic
        Whether the attack was able to work.
    warnings : list of str
        What the reader must know.
    exposure : array (b,)
        How much of what sets each record apart from the average public record came back: the centred
        cosine of the main attack, or what its error bars promise where there is no truth. Between 0 and 1.
    scored, summaries : dicts of str to dict
        Each attack's scores (b,) by name, empty without a truth, and its summary row.
    lift : dict or None
        The main attack's lead over the best baseline in the share of columns, with a 95 % interval; of records without
        raw columns the lead in centred cosine.
    documents : sequence of mapping of str to Document
        Of each deletion the words of each column of text; empty without one.
    pictured : array of int or None
        The deletions whose pictures the report shows, drawn at random; None where records are no images.
    """

    setting: Setting
    attacks: Mapping[str, Attack]
    release: Seen
    found: Mapping[str, Reconstruction]
    truth: Truth | None
    verdict: Verdict
    diagnostics: Sequence[Diagnostic]
    warnings: Sequence[str]
    exposure: NDArray[np.float64]
    scored: Mapping[str, Mapping[str, NDArray[np.float64]]]
    summaries: Mapping[str, Mapping[str, Any]]
    lift: Mapping[str, Any] | None = None
    documents: Sequence[Mapping[str, Document]] = ()
    pictured: NDArray[np.int64] | None = None

    @property
    def main(self) -> str:
        """The attack that records, confidence and verdict rest on: hrec+ wherever it ran, whatever the order."""
        return leading(self.attacks.values()).name

    def label(self, attack: str) -> str:
        """Return what an attack is called in a report on these records."""
        label = self.attacks[attack].label
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
            column.name: [value_of(self, records, i, j) for i in deletions]
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
                table[self.setting.target.name] = [target_of(self, y) for y in targets]
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

    def order(self, *, measured: bool = True) -> NDArray[np.int64]:
        """Return the deletions, most exposed first: by the scores, or by what the attack itself says of them."""
        if not measured:
            return np.argsort(-np.nan_to_num(self.confidence), kind="stable")
        keys = [np.nan_to_num(self.exposure), np.nan_to_num(self.confidence)]
        if self.scored:
            keys.append(np.nan_to_num(self.scored[self.main]["exact_columns"]))
        return np.lexsort([-key for key in keys])

    def nearest(self, count: int = 5) -> pd.DataFrame:
        """Return the public records most like what came back: `deletion`, `row` and `centred_cosine`, the best first.

        Of a sentence's or an image's vector, which means nothing by itself, they are the answer.
        """
        return nearest_public(self.release, self.found[self.main], count)

    def document(self, *, redact: bool = False) -> dict[str, Any]:
        """Return the result as the dictionary that audit.json holds, schema "undelete.audit/1".

        Parameters
        ----------
        redact : bool
            Leave out every recovered and true value, and what gives one back to whoever has the public data: the
            result is itself personal data. `undelete.redaction` says what stays.
        """
        return describe(self, redact=redact)

    def to_json(self, path: str | os.PathLike[str], *, redact: bool = False) -> None:
        """Write audit.json, for its owner's eyes only."""
        write(path, as_json(self.document(redact=redact)))

    def to_html(self, path: str | os.PathLike[str], *, redact: bool = False) -> None:
        """Write the standalone page, for its owner's eyes only."""
        write(path, render(self.document(redact=redact)))

    def save(
        self, folder: str | os.PathLike[str], *, redact: bool = False, candidates: str | None = None
    ) -> dict[str, Any]:
        """Write audit.json, report.html and, where given, candidates.csv, of one run; return the document."""
        document, place = self.document(redact=redact), Path(folder)
        files: dict[Place, Content] = {place / "audit.json": as_json(document), place / "report.html": render(document)}
        if candidates is not None:
            files[place / "candidates.csv"] = candidates
        write_together(files)
        return document

    def __repr__(self) -> str:
        return f"<Audit {self.verdict.word}: {self.verdict.sentence}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the verdict and the record that gave away most, a few lines."""
        return card(self.document())

    def plot(self) -> Figure:
        """Return a matplotlib figure of what came back.

        Of several deletions with a truth the distribution of the centred cosine, an attack each, or the share of
        columns that came back; of one how sure the attack is of each column.

        Raises
        ------
        InputError
            When nothing came back that could be drawn.
        """
        from undelete.report.plot import plot

        return plot(self.document())

    @property
    def typical_exposure(self) -> float:
        """The median exposure, where nothing recovered counts as zero: what a gate compares.

        Of several people together it is that of the most exposed of them.
        """
        each = np.nan_to_num(self.exposure).reshape(-1, self.setting.people)
        return float(np.median(each.max(axis=1)))

    def why_stopped(self, limit: float) -> str:
        """Return why a gate at this exposure stops the release; empty when it does not."""
        if self.typical_exposure > limit:
            return f"exposure {self.typical_exposure:.3f} is above {limit:g}"
        target = self.verdict.rule.get("target_lift", 0.0)
        if self.release.deletions == 1 and target > limit:
            return f"the target came back surely, beyond what public data say of it by {target:.2f}, above {limit:g}"
        # what cannot be decided is not safe; two equal models are: there is nothing to recover
        same = all(status == "unchanged" for status in self.found[self.main].status)
        if self.verdict.word == "NOT DECIDABLE" and not same:
            return "not decidable, so not known to be safe"
        return ""

    def gate(self, limit: float) -> bool:
        """Return whether a gate at this exposure stops the release: it is above the limit, or not decidable."""
        return bool(self.why_stopped(limit))

    @cached_property
    def right(self) -> dict[str, NDArray[np.bool_] | None]:
        """Which raw columns each attack got exactly (b, c); empty without a truth."""
        if self.truth is None:
            return {}
        return {name: columns_right(self.release, self.truth, found) for name, found in self.found.items()}


def as_json(document: Mapping[str, Any]) -> str:
    """Return a document as the text of its file."""
    return json.dumps(document, indent=1, allow_nan=False) + "\n"
