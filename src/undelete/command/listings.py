"""What lists and tables look like in a terminal: the words of a document, steps of a series, a scan, candidates.

Every function returns lines of at most 80 columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from undelete.auditing.documents import Document
from undelete.auditing.played_documents import PlayedDocuments
from undelete.auditing.scan import Scan
from undelete.command.layout import SIDE_BY_SIDE, wrap
from undelete.plain_text import escaped
from undelete.report.series import keeper, said

_ROWS = 40  # of a scan
_NOBODY = 1e-3  # p-value under which no candidate fits


def word_lines(found: Document, folder: Path) -> list[str]:
    """Return the words of a deleted document, at most forty, and where the others are."""
    text = wrap("Words", f"{len(found.sure)} words are told with a probability of .9 or more")
    if found.label is not None:
        text += wrap("Class", escaped(str(found.label)))
    for note in found.notes:
        text += wrap("Note", note)
    shown = found.sure[:_ROWS]
    text += ["", *(f"{'':<9}{escaped(word)}" for word in shown)]
    if len(found.sure) > len(shown):
        text.append(f"{'':<9}and {len(found.sure) - len(shown):,} more")
    return [*text, "", f"words.csv and words.json are in {folder}"]


def played_lines(found: PlayedDocuments, folder: Path) -> list[str]:
    """Return what is told of documents that were deleted one at a time."""
    said, b = found.summary, len(found.table)
    text = wrap("Played", f"{b} of {found.n:,} documents deleted, one at a time")
    text += wrap("Words", f"{said['told']:.1f} a document are told with a probability of .9 or more")
    if said["told"]:
        text += wrap("Right", f"{said['precision']:.2f} of them; .9 or more is what is promised")
    text += wrap("Share", f"{said['recovered']:.2f} of a document's words come back (median)")
    if said["label_right"] == said["label_right"]:
        text += wrap("Class", f"right of {said['label_right']:.2f} of the documents of which one is told")
    exact = int((found.table.exact > 0).sum())
    if exact:
        text += wrap(
            "Exact", f"of {exact} documents the files say words themselves: keep the vectoriser as it was fitted"
        )
    silent = found.table.why[found.table.why != ""]
    if len(silent):
        text += wrap("Note", f"of {len(silent)} documents nothing could be told: {silent.iloc[0]}")
    return [*text, "", f"deletions.csv and words.json are in {folder}"]


def series_lines(document: Mapping[str, Any], folder: Path, stopped: Sequence[str]) -> list[str]:
    """Return a series as text: a step a line, and what a keeper of all versions knows.

    Parameters
    ----------
    document : mapping
        What series.json holds.
    folder : Path
        Where the files are.
    stopped : sequence of str
        Why a gate stops the releases; empty when it does not.
    """
    text = [f"{'Step':<6}{'who came between':<24}{'verdict':<18}{'exposure':>9}"]
    for i, step in enumerate(document["steps"]):
        text.append(f"{i + 1:<6}{said(step):<24}{step['verdict']:<18}{step['exposure']:>9.2f}")
    text += ["", *wrap("Keeper", keeper(document))]
    text.append(f"Report   {escaped(str(folder / 'report.html'))}     Numbers  {escaped(str(folder / 'series.json'))}")
    return [*text, *(line for why in stopped for line in wrap("Gate", f"{why}: status 1"))]


def scan_lines(scan: Scan, folder: Path) -> list[str]:
    """Return what files give away by themselves, the exact values first, at most forty of them.

    Parameters
    ----------
    scan : Scan
        The result.
    folder : Path
        Where its files are.
    """
    text = wrap("Scan", f"what is stored of {scan.who}: no model was attacked")
    for note in [] if scan.change is None else scan.change.notes[:SIDE_BY_SIDE]:
        text += wrap("Check", f"not one record's change: {note}.")
    rows = sorted(scan.table.to_dict("records"), key=lambda row: not row["exact"])
    text += ["", f"{'':<9}{'column':<20}{'value':<24}{'sure':<8}{'kind':<19}"] if rows else []
    for row in rows[:_ROWS]:
        known = isinstance(row["value"], str) or row["value"] is None or np.isfinite(row["value"])
        value = "missing" if row["value"] is None else f"{row['value']}"
        if not known:
            value = f"{row['low']:.6g} to {row['high']:.6g}"
        sure = "exact" if row["exact"] else "range" if not known else "not"
        text.append(
            f"{'':<9}{escaped(str(row['column']))[:19]:<20}{escaped(value)[:23]:<24}{sure:<8}{row['kind'][:19]:<19}"
        )
    if len(rows) > _ROWS:
        text.append(f"{'':<9}and {len(rows) - _ROWS:,} more")
    if len(scan.records):
        held = scan.records.source.value_counts()
        for source, count in held.items():
            text += wrap("Stored", f"{count:,} records as they stand, in {source}")
        if "held" in scan.records:
            only = {word: int((scan.records.held == word).sum()) for word in ("before", "after")}
            text += wrap("", f"{only['before']:,} of them only in the first file, {only['after']:,} only in the second")
    elif not rows:
        text += wrap("", "nothing that is known to be of single records")
    return [
        *text,
        "",
        f"Table    {escaped(str(folder / 'scan.csv'))}     Numbers  {escaped(str(folder / 'scan.json'))}",
    ]


def candidate_lines(ranked: pd.DataFrame, place: Path | None) -> list[str]:
    """Return who was deleted, of the candidates that `undelete.who_was_deleted` ranked, the likeliest first.

    Parameters
    ----------
    ranked : DataFrame
        With `probability`, `misfit` and `p_value`.
    place : path or None
        The file that has all of them; None when nobody is to be named.
    """
    several = "role" in ranked
    count = int((ranked["role"] != "").sum()) if several else 1
    given = f"that {count} of them left or joined" if several else "that one of them was deleted"
    text = [f"{'Who?':<9}{len(ranked):,} candidates; given {given}:"]
    if place is not None:
        text.append(f"{'':<9}{'row':>8}{'probability':>14}{'misfit':>10}{'fits worse by chance':>23}")
        for row in ranked.head(max(count, SIDE_BY_SIDE)).itertuples():
            misfit = f"{row.misfit:.3g}"
            name, role = escaped(str(row.Index)), f"  {row.role}".rstrip() if several else ""
            text.append(f"{'':<9}{name:>8}{row.probability:>14.4f}{misfit:>10}{row.p_value:>23.2g}{role}")
    else:
        text.append(f"{'':<9}one has probability {ranked['probability'].max():.2f}; who is left out")
    if ranked["p_value"].max() < _NOBODY:
        text += wrap(
            "",
            "None of them fits: it was somebody else, or the two models do not differ by one record, or the records "
            "had weights (sample_weight).",
        )
    return text if place is None else [*text, f"{'':<9}All of them: {escaped(str(place))}"]
