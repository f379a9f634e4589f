"""What a result looks like in a terminal: about one screen, plain words, the comparison beside each number.

Every function returns lines of at most 80 columns; only the verdict is coloured, and it has its word too.
"""

from __future__ import annotations

import io
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console
from rich.text import Text

from undelete.auditing.document import target_note
from undelete.auditing.documents import Document
from undelete.auditing.result import Audit
from undelete.auditing.scan import Scan
from undelete.plain_text import escaped
from undelete.release.reconstruction import WITHIN
from undelete.report.series import keeper, said

WIDTH = 80
_SIDE_BY_SIDE = 5
_ROWS = 40  # of a scan
_COLUMNS_SHOWN = 4
_NOBODY = 1e-3  # p-value under which no candidate fits
COLOURS = {"EXPOSED": "bold red", "PARTLY EXPOSED": "bold yellow", "NOT EXPOSED": "bold green"}


def summary(audit: Audit, document: Mapping[str, Any], version: str, folder: Path, stopped: str) -> str:
    """Return everything that is printed of a result; on a terminal the verdict is coloured.

    Parameters
    ----------
    audit : Audit
        The result.
    document : mapping
        What was written of it, redacted or not.
    version, folder
        The program's, and where its files are.
    stopped : str
        Why a gate stops the release; empty when there is none or it does not.
    """
    printed = io.StringIO()
    console = Console(
        file=printed, force_terminal=sys.stdout is not None and sys.stdout.isatty(), highlight=False, soft_wrap=True
    )
    console.print(Text(f"{version}   {_whose(audit)}, from two models and public data\n"))
    for line in lines(audit, document):
        text = Text(line)
        if line.startswith(f"Verdict  {audit.verdict.word}"):
            text.highlight_words([audit.verdict.word], COLOURS.get(audit.verdict.word, "bold"))
        console.print(text)
    page, numbers = (escaped(str(folder / name)) for name in ("report.html", "audit.json"))
    console.print(Text(f"Report   {page}     Numbers  {numbers}"))
    if stopped:
        console.print(Text(f"Gate     {stopped}: status 1"))
    return printed.getvalue().removesuffix("\n")


def _whose(audit: Audit) -> str:
    if audit.setting.people > 1:
        return "people's records"
    return "the added record" if audit.setting.joined else "the deleted record"


def lines(audit: Audit, document: Mapping[str, Any] | None = None, *, redact: bool = False) -> list[str]:
    """Return the result as text: what was done, the attacks beside the baselines, records, the verdict.

    Parameters
    ----------
    audit : Audit
        The result.
    document : mapping, optional
        What was written of it. Of a redacted one nothing is said that is not in it.
    redact : bool
        Whether to redact where no document is given.
    """
    document = audit.document(redact=redact) if document is None else document
    text = [*_head(audit, document), ""]
    if document["redacted"]:
        text += _shares(document)
    else:
        if audit.scored:
            table = _table if audit.release.columns else _similarity
            text += [*(table(audit) if audit.release.deletions > 1 else _one(audit)), ""]
        if audit.release.columns and any(status == "ok" for status in audit.found[audit.main].status):
            text += [*(_people(audit) if audit.release.deletions > 1 else _record(audit)), ""]
    verdict = document["verdict"]
    text += _wrap("Verdict", f"{verdict['word']}: {verdict['sentence']} {verdict['reason']}")
    return [escaped(line) for line in text]


def word_lines(found: Document, folder: Path) -> list[str]:
    """Return the words of a deleted document, at most forty, and where the others are."""
    text = _wrap("Words", f"{len(found.sure)} words are told with a probability of .9 or more")
    if found.label is not None:
        text += _wrap("Class", escaped(str(found.label)))
    for note in found.notes:
        text += _wrap("Note", note)
    shown = found.sure[:_ROWS]
    text += ["", *(f"{'':<9}{escaped(word)}" for word in shown)]
    if len(found.sure) > len(shown):
        text.append(f"{'':<9}and {len(found.sure) - len(shown):,} more")
    return [*text, "", f"words.csv and words.json are in {folder}"]


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
    text += ["", *_wrap("Keeper", keeper(document))]
    text.append(f"Report   {escaped(str(folder / 'report.html'))}     Numbers  {escaped(str(folder / 'series.json'))}")
    return [*text, *(line for why in stopped for line in _wrap("Gate", f"{why}: status 1"))]


def scan_lines(scan: Scan, folder: Path) -> list[str]:
    """Return what files give away by themselves, the exact values first, at most forty of them.

    Parameters
    ----------
    scan : Scan
        The result.
    folder : Path
        Where its files are.
    """
    text = _wrap("Scan", f"what is stored of {scan.who}: no model was attacked")
    for note in [] if scan.change is None else scan.change.notes[:_SIDE_BY_SIDE]:
        text += _wrap("Check", f"not one record's change: {note}.")
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
            text += _wrap("Stored", f"{count:,} records as they stand, in {source}")
        if "held" in scan.records:
            only = {word: int((scan.records.held == word).sum()) for word in ("before", "after")}
            text += _wrap(
                "", f"{only['before']:,} of them only in the first file, {only['after']:,} only in the second"
            )
    elif not rows:
        text += _wrap("", "nothing that is known to be of single records")
    return [
        *text,
        "",
        f"Table    {escaped(str(folder / 'scan.csv'))}     Numbers  {escaped(str(folder / 'scan.json'))}",
    ]


def _shares(document: Mapping[str, Any]) -> list[str]:
    """Return what a redacted result says of groups of deletions; nothing of few."""
    labels = {entry["name"]: entry["label"] for entry in document["attacks"]}
    rows = [row for row in document["summary"] if row.get("exact_columns") is not None]
    if not rows:
        return []
    text = [f"{'Recovered exactly':<44}{'columns':>10}{'whole records':>16}"]
    for row in rows:
        whole = "" if row.get("exact_record") is None else f"{row['exact_record']:.1%}"
        text.append(f"{labels[row['attack']][:43]:<44}{row['exact_columns']:>10.1%}{whole:>16}".rstrip())
    return [*text, ""]


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
        for row in ranked.head(max(count, _SIDE_BY_SIDE)).itertuples():
            misfit = f"{row.misfit:.3g}"
            name, role = escaped(str(row.Index)), f"  {row.role}".rstrip() if several else ""
            text.append(f"{'':<9}{name:>8}{row.probability:>14.4f}{misfit:>10}{row.p_value:>23.2g}{role}")
    else:
        text.append(f"{'':<9}one has probability {ranked['probability'].max():.2f}; who is left out")
    if ranked["p_value"].max() < _NOBODY:
        text += _wrap("", "None of them fits: it was somebody else, or the two models do not differ by one record.")
    return text if place is None else [*text, f"{'':<9}All of them: {escaped(str(place))}"]


def _wrap(name: str, text: str) -> list[str]:
    return textwrap.wrap(f"{name:<9}{escaped(text)}", WIDTH, subsequent_indent=" " * 9) or [name]


def _head(audit: Audit, document: Mapping[str, Any]) -> list[str]:
    model, release, setting = audit.setting.model, audit.release, audit.setting
    columns = " + ".join(setting.schema[column.name].label for column in release.columns)
    if setting.schema.image is not None:
        columns = f"images of {' x '.join(map(str, setting.schema.image.shape))}"
    target = "" if setting.target is None else f"{setting.target.label} ~ "
    if setting.target is not None and setting.target.transform == "exp":
        target = f"log {target}"
    penalty = "" if model["penalty"] is None else f", penalty {model['penalty']:.3g}"
    quality = "".join(f", {name} {value:.2f} on the public half" for name, value in (model["quality"] or {}).items())
    who = "people" if setting.schema.image is None else "images"
    n = "not known" if model["n"] is None else f"{model['n']:,} {who}"
    text = _wrap("Private", f"{n}, never shown to the attack")
    text += _wrap(
        "Public", f"{len(release.X_public):,} others" + (f": {setting.public_source}" if setting.public_source else "")
    )
    text += _wrap("Model", f"{model['kind']}, {target}{columns}{penalty}{quality}")
    retrained = next((check for check in document["diagnostics"] if check["name"] == "Exact retraining"), None)
    if retrained is not None:
        text += _wrap(*_how(document["question"], retrained["value"]))
    for check in document["diagnostics"]:
        if check["ok"] is False:
            text += _wrap("Check", f"{check['name']}: {check['value']}. {check['text']}")
    for warning in document["warnings"]:
        text += _wrap("Note", warning)
    return text


def _how(question: Mapping[str, Any], value: str) -> tuple[str, str]:
    """Return what was done to people, in a word and in a few."""
    if question["people"] > 1:
        return "Changed", f"{question['people']} people at once, retrained exactly: {value}"
    return "Joined" if question["joined"] else "Deleted", f"one at a time, retrained exactly: {value}"


def _error(audit: Audit, name: str) -> str:
    """Return the attack's median error of the target, relative where a reader sees exp of it."""
    errors = audit.scored[name]["target_error"]
    if audit.setting.target is None or not np.isfinite(errors).any():
        labels = audit.scored[name]["label"]
        return "" if not np.isfinite(labels).any() else f"{np.nanmean(labels):.1%}"
    middle = float(np.nanmedian(errors))
    if audit.setting.target.transform == "exp":
        return f"{np.expm1(middle):.1%}"
    return f"{middle:.3g}"


def _one(audit: Audit) -> list[str]:
    """Return the attacks beside the baselines for one deletion."""
    what = "One addition" if audit.setting.joined else "One deletion"
    text = [f"{what:<44}{'columns right':>14}{'cosine':>9}{'centred':>9}"]
    total = len(audit.release.columns)
    for name in audit.found:
        scores = {key: float(values[0]) for key, values in audit.scored[name].items()}
        right = "" if np.isnan(scores["exact_columns"]) else f"{round(scores['exact_columns'] * total)} of {total}"
        cosines = ("" if np.isnan(scores[key]) else f"{scores[key]:.4f}" for key in ("cosine", "centred_cosine"))
        text.append(f"{audit.label(name):<44}{right:>14}" + "".join(f"{value:>9}" for value in cosines))
    return [line.rstrip() for line in text]


def _table(audit: Audit) -> list[str]:
    """Return the attacks beside the baselines: share of deletions with all, and with each, column right."""
    shown = list(audit.release.columns)[:_COLUMNS_SHOWN]
    names = [escaped(audit.setting.schema[column.name].label)[:10] for column in shown]
    target = audit.setting.target
    last = "" if target is None else textwrap.shorten(target.label, 13, placeholder="") or target.label[:13]
    head = ["all", *names, last]
    widths = [max(6, len(name)) for name in head]
    title = "Recovered exactly"
    room = WIDTH - sum(widths) - len(widths) - 1
    text = [f"{title:<{room}} " + " ".join(f"{name:>{width}}" for name, width in zip(head, widths, strict=True))]
    for name in audit.found:
        right = audit.right.get(name)
        if right is None:
            continue
        cells = [f"{right.all(axis=1).mean():.1%}", *(f"{right[:, j].mean():.1%}" for j in range(len(shown)))]
        cells.append(_error(audit, name))
        row = " ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
        label = textwrap.wrap(audit.label(name), room)
        text += [f"{label[0]:<{room}} {row}", *(f"  {rest}" for rest in label[1:])]
    if target is not None:
        kind = "median error" if target.kind == "number" else "share right"
        text.append(f"({last}: {kind}; the others: share of the {_cases(audit)})")
    if len(audit.release.columns) > len(shown):
        text.append(f"({len(audit.release.columns) - len(shown)} more columns are in the report)")
    return text


def _similarity(audit: Audit) -> list[str]:
    """Return the attacks beside the baselines where records have no raw columns: how similar they are."""
    labelled = any(np.isfinite(scores["label"]).any() for scores in audit.scored.values())
    text = [f"{'Similarity, median':<46}{'centred':>9}{'cosine':>9}" + (f"{'label right':>14}" if labelled else "")]
    for name, row in audit.summaries.items():
        cosines = (row[key] for key in ("median_centred_cosine", "median_cosine"))
        cells = "".join(f"{'' if np.isnan(value) else f'{value:.3f}':>9}" for value in cosines)
        label = f"{row['label']:>14.1%}" if labelled and np.isfinite(row["label"]) else ""
        text.append(f"{audit.label(name):<46}{cells}{label}".rstrip())
    return [*text, f"(over {_cases(audit)}; the report shows pictures)"]


def _cases(audit: Audit) -> str:
    what = "people" if audit.setting.people > 1 else "additions" if audit.setting.joined else "deletions"
    return f"{audit.release.deletions:,} {what}"


def _shown(audit: Audit, name: str, value: Any) -> str:
    """Return a value as a reader should see it."""
    target = audit.setting.target
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return "?"
    if target is None or name != target.name:
        return escaped(audit.setting.schema[name].text(value))
    if target.transform == "exp":
        value = float(np.exp(value))
    if isinstance(value, float):
        value = f"{value:,.0f}" if abs(value) >= 100 or value.is_integer() else f"{value:.3g}"
    return escaped(f"{value} {target.unit}".strip())


def _people(audit: Audit) -> list[str]:
    """Return five deletions side by side, recovered and true, spread over the ranking."""
    table = audit.records
    keep = list(table.columns[:_COLUMNS_SHOWN])
    if audit.setting.target is not None and audit.setting.target.name in table:
        keep = list(dict.fromkeys([*keep[: _COLUMNS_SHOWN - 1], audit.setting.target.name]))
    width = (WIDTH - 22) // len(keep)
    title = {audit.setting.target.name: audit.setting.target.label} if audit.setting.target is not None else {}
    names = [escaped(title.get(name, audit.setting.schema[name].label))[: width - 1] for name in keep]
    order = audit.order()
    count = min(_SIDE_BY_SIDE, len(order))
    # a demonstration shows good and bad alike; a simulation names those most at risk
    spread = audit.setting.kind == "demo"
    chosen: NDArray[np.int64] = order[np.linspace(0, len(order) - 1, count).astype(int)] if spread else order[:count]
    first = f"{count} of them" if spread else "Most exposed"
    rows = None if audit.truth is None else audit.truth.rows
    text = [f"{first:<22}" + "".join(f"{name:<{width}}" for name in names).rstrip()]
    for number, i in enumerate(chosen, 1):
        record = audit.true_records.iloc[int(i)]
        for what, row in (("recovered", table.iloc[int(i)]), ("true", record)):
            cells = "".join(f"{_shown(audit, name, row.get(name))[: width - 1]:<{width}}" for name in keep)
            lead = f"{number:>3}" if what == "recovered" else "   "
            where = f" row {rows[int(i)]}" if what == "true" and rows is not None and not spread else ""
            text.append(f"{lead}  {what + where:<17}{cells}".rstrip())
    return text


def _record(audit: Audit) -> list[str]:
    """Return one record, a column a line: recovered, true where known, and how sure."""
    found, truth = audit.records.iloc[0], audit.true_records
    best = audit.found[audit.main]
    text = [f"{'The record':<22}{'recovered':<26}{'true' if len(truth) else '':<26}{'sure':>6}"]
    for j, name in enumerate(audit.records.columns):
        label = audit.setting.target.label if audit.setting.target is not None else name
        sure, error, value = "", np.nan, _shown(audit, name, found[name])
        if j < len(audit.release.columns):
            label = audit.setting.schema[name].label
            if best.probability is not None and np.isfinite(best.probability[0, j]):
                sure = f"{best.probability[0, j]:.0%}"
            ends = best.ranges
            error = np.nan if ends is None else (ends[1][0, j] - ends[0][0, j]) / 2
        elif best.target_error is not None:
            error = WITHIN * best.target_error[0, 0]
        if np.isfinite(error) and sure != "100%" and value != "?":
            value = f"{value[:14]} +- {error:,.0f}" if error >= 10 else f"{value[:16]} +- {error:.2g}"
        true = _shown(audit, name, truth.iloc[0].get(name)) if len(truth) else ""
        # two in: no column's name can stand where a line of ours begins
        text.append(f"  {escaped(label)[:19]:<20}{value[:25]:<26}{true[:25]:<26}{sure:>6}".rstrip())
    note = target_note(audit)
    return text + ([] if note is None else _wrap("", note))
