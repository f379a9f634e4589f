"""What a result looks like in a terminal: about one screen, plain words, the comparison beside each number.

Every function returns lines of at most 80 columns; only the verdict is coloured, and it has its word too.
"""

from __future__ import annotations

import io
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.text import Text

from undelete.auditing.result import Audit
from undelete.command.layout import WIDTH, wrap
from undelete.command.records import COLUMNS_SHOWN, people, record
from undelete.plain_text import escaped
from undelete.report.lines import words_line

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
            text += table(audit) if audit.release.deletions > 1 else _one(audit)
            several = document["words"] if audit.release.deletions > 1 else ()
            text += [line for row in several for line in wrap("Words", words_line(row))] + [""]
        if audit.release.columns and _something_told(audit):
            text += [*(people(audit) if audit.release.deletions > 1 else record(audit)), ""]
    verdict = document["verdict"]
    text += wrap("Verdict", f"{verdict['word']}: {verdict['sentence']} {verdict['reason']}")
    return [escaped(line) for line in text]


def _something_told(audit: Audit) -> bool:
    """Return whether some record came back, or of a single one values that the files give by themselves."""
    found = audit.found[audit.main]
    given = audit.release.deletions == 1 and found.probability is not None and np.isfinite(found.probability).any()
    return bool(given or any(status == "ok" for status in found.status))


def _head(audit: Audit, document: Mapping[str, Any]) -> list[str]:
    model, release, setting = audit.setting.model, audit.release, audit.setting
    names = [setting.schema[column.name].label for column in release.columns]
    columns = " + ".join([*names, *(name for each in audit.documents[:1] for name in each)])
    if setting.schema.image is not None:
        columns = f"images of {' x '.join(map(str, setting.schema.image.shape))}"
    target = "" if setting.target is None else f"{setting.target.label} ~ "
    if setting.target is not None and setting.target.transform == "exp":
        target = f"log {target}"
    penalty = "" if model["penalty"] is None else f", penalty {model['penalty']:.3g}"
    quality = "".join(f", {name} {value:.2f} on the public half" for name, value in (model["quality"] or {}).items())
    who = "people" if setting.schema.image is None else "images"
    n = "not known" if model["n"] is None else f"{model['n']:,} {who}"
    text = wrap("Private", f"{n}, never shown to the attack")
    text += wrap(
        "Public", f"{len(release.X_public):,} others" + (f": {setting.public_source}" if setting.public_source else "")
    )
    text += wrap("Model", f"{model['kind']}, {target}{columns}{penalty}{quality}")
    retrained = next((check for check in document["diagnostics"] if check["name"] == "Exact retraining"), None)
    if retrained is not None:
        text += wrap(*_how(document["question"], retrained["value"]))
    for check in document["diagnostics"]:
        if check["ok"] is False:
            text += wrap("Check", f"{check['name']}: {check['value']}. {check['text']}")
    for warning in document["warnings"]:
        text += wrap("Note", warning)
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
    shown = list(audit.release.columns)[:COLUMNS_SHOWN]
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
